#include "microjoule/files.h"

#include <dirent.h>
#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <charconv>

namespace microjoule {

int PreadFile::open() noexcept {
    close();
    fd_ = ::open(path_.c_str(), O_RDONLY | O_CLOEXEC);
    return fd_ >= 0 ? 0 : errno;
}

void PreadFile::close() noexcept {
    if (fd_ >= 0) {
        ::close(fd_);
        fd_ = -1;
    }
}

long PreadFile::read(char* buffer, std::size_t size) const noexcept {
    while (true) {
        const ssize_t got = ::pread(fd_, buffer, size, 0);
        if (got >= 0) {
            return got;
        }
        if (errno != EINTR) {
            return -errno;
        }
    }
}

std::optional<std::uint64_t> parse_u64(std::string_view text) noexcept {
    const auto blank = [](char c) { return c == ' ' || c == '\n' || c == '\t' || c == '\r'; };
    while (!text.empty() && blank(text.back())) {
        text.remove_suffix(1);
    }
    while (!text.empty() && blank(text.front())) {
        text.remove_prefix(1);
    }
    std::uint64_t value = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
    if (error != std::errc() || end != text.data() + text.size()) {
        return std::nullopt;
    }
    return value;
}

std::optional<std::string> read_line(const std::string& path) {
    PreadFile file(path);
    char buffer[256];
    if (file.open() != 0) {
        return std::nullopt;
    }
    const long got = file.read(buffer, sizeof buffer);
    if (got < 0) {
        return std::nullopt;
    }
    std::string line(buffer, static_cast<std::size_t>(got));
    return line.substr(0, line.find_first_of("\r\n"));
}

std::optional<std::uint64_t> read_u64(const std::string& path) {
    const std::optional<std::string> line = read_line(path);
    return line ? parse_u64(*line) : std::nullopt;
}

std::vector<std::string> entries_of(const std::string& directory) {
    std::vector<std::string> entries;
    if (DIR* dir = opendir(directory.c_str())) {
        while (const dirent* entry = readdir(dir)) {
            if (entry->d_name[0] != '.') {
                entries.emplace_back(entry->d_name);
            }
        }
        closedir(dir);
    }
    std::sort(entries.begin(), entries.end());
    return entries;
}

}  // namespace microjoule
