#pragma once

#include <atomic>
#include <condition_variable>
#include <cstdint>
#include <memory>
#include <mutex>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "microjoule/journal.h"
#include "microjoule/recording.h"
#include "microjoule/source.h"

namespace microjoule {

/// Writes what a sampler is told into a file, from a thread of its own.
///
/// Noting an entry formats a line into a buffer; the thread writes it out ten times a second. Where
/// the disk is too slow for that the buffer is full, and what does not fit is dropped and counted.
/// The file is only ever appended to, so that a killed process leaves at most one cut line.
class Recorder final : public Journal {
public:
    /// Makes the file, which must not be there yet, for its owner alone, and writes the header.
    /// Throws std::invalid_argument with a sentence if that fails.
    Recorder(const std::string& path, const std::vector<std::pair<std::string, std::string>>& facts,
             const std::vector<std::unique_ptr<Source>>& sources);
    ~Recorder() override;
    Recorder(const Recorder&) = delete;
    Recorder& operator=(const Recorder&) = delete;

    void note(const Entry& entry) noexcept override;
    [[nodiscard]] std::string problem() override;
    void resume() override;
    void pause() noexcept override;
    void before_fork() noexcept override { mutex_.lock(); }
    void after_fork_in_parent() noexcept override { mutex_.unlock(); }
    void after_fork_in_child() noexcept override;

private:
    void run() noexcept;
    void write_out() noexcept;
    [[nodiscard]] bool append(const Entry& entry);

    std::mutex mutex_;
    std::condition_variable wake_;
    std::thread thread_;
    std::string path_;
    std::string buffer_;
    std::string writing_;  // the thread's alone, but for the swap
    std::vector<std::uint64_t> last_raw_;
    bool based_ = false;
    std::int64_t base_ns_ = 0;
    std::int64_t last_ns_ = 0;
    std::size_t size_ = 0;
    std::uint64_t dropped_ = 0;
    std::uint64_t dropped_unsaid_ = 0;
    int fd_ = -1;
    std::atomic<int> failed_{0};  // errno of a write
    bool full_ = false;
    bool stopping_ = false;
    bool forked_ = false;
};

}  // namespace microjoule
