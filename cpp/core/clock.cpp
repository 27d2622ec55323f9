#include "microjoule/clock.h"

#include <algorithm>
#include <ctime>

namespace microjoule {
namespace {

std::int64_t read_clock(clockid_t id) noexcept {
    timespec now{};
    clock_gettime(id, &now);
    return static_cast<std::int64_t>(now.tv_sec) * kSecond + now.tv_nsec;
}

class MonotonicClock final : public Clock {
public:
    std::int64_t now_ns() const noexcept override { return read_clock(CLOCK_MONOTONIC); }
    std::int64_t suspended_ns() const noexcept override {
        // Read one after the other, a machine that never slept shows a few nanoseconds below zero.
        return std::max<std::int64_t>(0, read_clock(CLOCK_BOOTTIME) - read_clock(CLOCK_MONOTONIC));
    }
    std::int64_t thread_cpu_ns() const noexcept override {
        return read_clock(CLOCK_THREAD_CPUTIME_ID);
    }
};

}  // namespace

const Clock& monotonic_clock() noexcept {
    static const MonotonicClock clock;
    return clock;
}

}  // namespace microjoule
