#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace microjoule {

/// A small kernel file that is opened once and read from its start again and again.
class PreadFile {
public:
    PreadFile() = default;
    explicit PreadFile(std::string path) : path_(std::move(path)) {}
    ~PreadFile() { close(); }
    PreadFile(PreadFile&& other) noexcept
        : path_(std::move(other.path_)), fd_(std::exchange(other.fd_, -1)) {}
    PreadFile& operator=(PreadFile&& other) noexcept {
        if (this != &other) {
            close();
            path_ = std::move(other.path_);
            fd_ = std::exchange(other.fd_, -1);
        }
        return *this;
    }

    /// 0, or the errno that says why not.
    int open() noexcept;
    void close() noexcept;
    [[nodiscard]] bool is_open() const noexcept { return fd_ >= 0; }
    [[nodiscard]] const std::string& path() const noexcept { return path_; }

    /// Reads up to `size` bytes. Returns the number of bytes, or -errno.
    [[nodiscard]] long read(char* buffer, std::size_t size) const noexcept;

private:
    std::string path_;
    int fd_ = -1;
};

/// A decimal number and nothing else but white space around it; nothing for anything else.
std::optional<std::uint64_t> parse_u64(std::string_view text) noexcept;

/// The first line of a file without its line end; nothing if it cannot be read.
std::optional<std::string> read_line(const std::string& path);

/// The number in a file; nothing if it cannot be read or is not a number.
std::optional<std::uint64_t> read_u64(const std::string& path);

/// The names in a directory, in their order, hidden ones left out; none if it cannot be read.
std::vector<std::string> entries_of(const std::string& directory);

}  // namespace microjoule
