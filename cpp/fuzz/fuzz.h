#pragma once

// What every harness needs: a check that the fuzzer takes for a crash, and values out of its bytes.

#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <string>
#include <string_view>

#define MUST(condition)                                                                  \
    do {                                                                                 \
        if (!(condition)) {                                                              \
            std::fprintf(stderr, "%s:%d: broken: %s\n", __FILE__, __LINE__, #condition); \
            std::abort();                                                                \
        }                                                                                \
    } while (false)

namespace fuzz {

/// Takes values off the front of the fuzzer's bytes; zeros when they have run out.
class Input {
public:
    Input(const std::uint8_t* data, std::size_t size) : data_(data), size_(size) {}

    [[nodiscard]] bool empty() const { return size_ == 0; }

    template <class Number>
    Number take() {
        Number value{};
        const std::size_t size = size_ < sizeof value ? size_ : sizeof value;
        std::memcpy(&value, data_, size);
        data_ += size;
        size_ -= size;
        return value;
    }

    /// A number of any size, small ones as likely as large ones: mutation reaches both.
    std::uint64_t any() {
        const auto bits = take<std::uint8_t>() % 65;
        const auto value = take<std::uint64_t>();
        return bits == 0 ? 0 : value >> (64 - bits);
    }

    std::uint64_t below(std::uint64_t limit) { return any() % limit; }

    /// Up to the next byte of this value, or to the end.
    std::string_view until(char mark) {
        const std::string_view all(reinterpret_cast<const char*>(data_), size_);
        const std::size_t end = all.find(mark);
        const std::string_view text = all.substr(0, end);
        const std::size_t used = end == std::string_view::npos ? size_ : end + 1;
        data_ += used;
        size_ -= used;
        return text;
    }

private:
    const std::uint8_t* data_;
    std::size_t size_;
};

inline std::string_view text(const std::uint8_t* data, std::size_t size) {
    return {reinterpret_cast<const char*>(data), size};
}

}  // namespace fuzz

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size);
