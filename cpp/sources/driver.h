#pragma once

// What GPUs behind their makers' libraries have in common: a library that is started, started again
// and shut down, and handles that become void.

#include <sys/types.h>

#include <atomic>
#include <cstdint>
#include <functional>
#include <memory>
#include <vector>

#include "microjoule/clock.h"
#include "microjoule/dylib.h"
#include "microjoule/source.h"

namespace microjoule {

/// A maker's library as all GPUs of a meter use it: started, started again after a fork or a reload
/// of the driver, shut down at the end.
class DriverSession {
public:
    /// `start` and `stop` are the library's own, with 0 for success; it has been started already.
    DriverSession(std::function<int()> start, std::function<int()> stop, Dylib library);
    ~DriverSession();
    DriverSession(const DriverSession&) = delete;
    DriverSession& operator=(const DriverSession&) = delete;

    /// Changes whenever handles have become void.
    [[nodiscard]] std::uint64_t generation() const noexcept { return generation_.load(); }

    /// To be held during a call. False while the library is being started again.
    bool enter() noexcept;
    void leave() noexcept { calls_.fetch_sub(1); }

    /// Starts the library again, unless somebody has since the generation `seen`. Not while anybody
    /// is inside a call. False if it did not start.
    bool restart(std::uint64_t seen) noexcept;

private:
    bool ready() noexcept;

    std::function<int()> start_;
    std::function<int()> stop_;
    Dylib library_;
    std::atomic<std::uint64_t> generation_{0};
    std::atomic<int> calls_{0};
    std::atomic<bool> restarting_{false};
    std::atomic<pid_t> owner_;
    std::atomic<pid_t> ready_;
};

/// One GPU of a session, with a thread of its own: a call may hang, the GPU may be lost and come
/// back, the driver may be loaded again.
class DriverGpu : public Source {
public:
    const std::vector<SensorInfo>& sensors() const noexcept override { return sensors_; }
    bool slow() const noexcept override { return true; }
    void read(Reading* readings) noexcept override;
    bool reopen() noexcept override;

protected:
    /// What a result of the library means.
    enum class Verdict : std::uint8_t {
        passing,  ///< the next call may work
        stopped,  ///< the library has to be started again
        lost,     ///< the GPU, or the driver, is gone
    };
    // Beside the library's own results, of which 0 is success.
    static constexpr int kIncredible = -1;  // a value that cannot be true
    static constexpr int kBusy = -2;        // the library is being started again

    DriverGpu(std::shared_ptr<DriverSession> session, SensorInfo info);

    /// Finds the GPU's handle again by what does not change.
    virtual int find() noexcept = 0;
    /// One value, with the time that it belongs to.
    virtual int take(Reading& reading) noexcept = 0;
    [[nodiscard]] virtual Verdict judge(int result) const noexcept = 0;

    /// Calls, with the clock before and after. A value from a call that hung for longer than the
    /// counter takes to change says little: once more, and the bracket is narrow again.
    template <class Call>
    static int bracket(Reading& reading, std::int64_t change_ns, Call&& call) noexcept {
        int result = 0;
        for (int i = 0; i < 2; ++i) {
            reading.before_ns = monotonic_clock().now_ns();
            result = call();
            reading.after_ns = monotonic_clock().now_ns();
            if (result != 0 || reading.after_ns - reading.before_ns < change_ns) {
                break;
            }
        }
        return result;
    }

private:
    int locate() noexcept;
    int attempt(Reading& reading) noexcept;

    std::shared_ptr<DriverSession> session_;
    std::vector<SensorInfo> sensors_;
    std::uint64_t generation_;     ///< of the handle
    std::uint64_t asked_ = 0;      ///< of the last call
    std::int64_t restart_ns_ = 0;  ///< the library is not started again before
    std::int64_t back_off_ns_ = 0;
};

}  // namespace microjoule
