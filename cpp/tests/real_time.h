#pragma once

// Counters of real time for the native tests that run threads.

#include <atomic>
#include <chrono>
#include <cstdint>
#include <thread>
#include <vector>

#include "microjoule/clock.h"
#include "microjoule/source.h"

namespace real_time {

using namespace microjoule;

/// 100 W of real time, updated every millisecond. Optionally so slow that it needs its own thread.
class RealTimeCounter final : public Source {
public:
    explicit RealTimeCounter(std::int64_t sleep_ns = 0) : sleep_ns_(sleep_ns) {
        SensorInfo info;
        info.id = sleep_ns ? "slow0" : "cpu0.package";
        info.kind = "cpu";
        info.unit = info.quantum = 1e-6;
        info.counted = true;
        sensors_.push_back(info);
    }
    const std::vector<SensorInfo>& sensors() const noexcept override { return sensors_; }
    void read(Reading* readings) noexcept override {
        if (sleep_ns_ > 0) {
            std::this_thread::sleep_for(std::chrono::nanoseconds(sleep_ns_));
        }
        const std::int64_t ms = monotonic_clock().now_ns() / kMillisecond;
        readings[0].status = Status::ok;
        readings[0].raw = static_cast<std::uint64_t>(ms) * 100'000;
    }
    bool slow() const noexcept override { return sleep_ns_ > 0; }

private:
    std::int64_t sleep_ns_;
    std::vector<SensorInfo> sensors_;
};

/// 50 W of real time, updated every 20 ms; a read hangs for as long as it is told to.
class HangingCounter final : public Source {
public:
    explicit HangingCounter(std::atomic<std::int64_t>& hang_until_ns,
                            std::atomic<std::int64_t>& last_read_ns)
        : hang_until_ns_(hang_until_ns), last_read_ns_(last_read_ns) {
        SensorInfo info;
        info.id = "gpu0";
        info.kind = "gpu";
        info.unit = info.quantum = 1e-3;
        info.period_hint_ns = 20 * kMillisecond;
        info.counted = true;
        sensors_.push_back(info);
    }
    const std::vector<SensorInfo>& sensors() const noexcept override { return sensors_; }
    void read(Reading* readings) noexcept override {
        for (int i = 0; i < 2; ++i) {
            readings[0].before_ns = monotonic_clock().now_ns();
            while (monotonic_clock().now_ns() < hang_until_ns_.load()) {
                std::this_thread::sleep_for(std::chrono::milliseconds(1));
            }
            readings[0].after_ns = monotonic_clock().now_ns();
            if (readings[0].after_ns - readings[0].before_ns < 20 * kMillisecond) {
                break;  // a value from a call that hung says little: once more
            }
        }
        last_read_ns_.store(readings[0].after_ns);
        readings[0].status = Status::ok;
        readings[0].raw =
            static_cast<std::uint64_t>(readings[0].after_ns / (20 * kMillisecond)) * 1000;
    }
    bool slow() const noexcept override { return true; }

private:
    std::atomic<std::int64_t>& hang_until_ns_;
    std::atomic<std::int64_t>& last_read_ns_;
    std::vector<SensorInfo> sensors_;
};

}  // namespace real_time
