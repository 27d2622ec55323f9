#pragma once

#include <cstdint>

namespace microjoule {

/// The one time base: nanoseconds of CLOCK_MONOTONIC. Wall-clock time never enters the core.
class Clock {
public:
    virtual ~Clock() = default;
    [[nodiscard]] virtual std::int64_t now_ns() const noexcept = 0;
    /// Time that the machine has spent suspended since it was booted, which now_ns() leaves out
    /// (CLOCK_BOOTTIME - CLOCK_MONOTONIC).
    [[nodiscard]] virtual std::int64_t suspended_ns() const noexcept = 0;
    /// CPU time that the calling thread has used (CLOCK_THREAD_CPUTIME_ID).
    [[nodiscard]] virtual std::int64_t thread_cpu_ns() const noexcept = 0;
};

/// The machine's own clock. Tests hand in another one.
const Clock& monotonic_clock() noexcept;

inline constexpr std::int64_t kMicrosecond = 1'000;
inline constexpr std::int64_t kMillisecond = 1'000'000;
inline constexpr std::int64_t kSecond = 1'000'000'000;

}  // namespace microjoule
