#include <doctest/doctest.h>

#include <sys/wait.h>
#include <unistd.h>

#include <atomic>
#include <thread>
#include <vector>

#include "microjoule/meter.h"
#include "microjoule/model.h"
#include "microjoule/process.h"
#include "simulation.h"

using namespace microjoule;

namespace {

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

std::vector<std::unique_ptr<Source>> sources(std::int64_t slow_ns = 0) {
    std::vector<std::unique_ptr<Source>> all;
    all.push_back(std::make_unique<RealTimeCounter>());
    all.push_back(make_process_cpu());
    if (slow_ns > 0) {
        all.push_back(std::make_unique<RealTimeCounter>(slow_ns));
    }
    return all;
}

void check_100_w(const Figures& figures) {
    REQUIRE(figures.settled);
    const double seconds = static_cast<double>(figures.end_ns - figures.start_ns) * 1e-9;
    // However late a loaded machine let the sampler be, it knows how late it was.
    const double error = std::abs(figures.sensors[0].energy - 100 * seconds);
    CHECK(error < 0.15 + 4 * figures.sensors[0].timing);
}

}  // namespace

TEST_CASE("threads measure at once, and start and stop are idempotent") {
    Meter meter(sources(), {});
    meter.start();
    meter.start();
    constexpr int kThreads = 4;
    std::vector<std::thread> threads;
    std::atomic<int> good{0};
    for (int t = 0; t < kThreads; ++t) {
        threads.emplace_back([&] {
            for (int i = 0; i < 50; ++i) {
                const std::uint64_t token = meter.begin();
                std::this_thread::sleep_for(std::chrono::microseconds(500));
                const Handle lap = meter.lap(token);
                const Handle handle = meter.end(token);
                if (meter.wait(handle, kSecond) && meter.wait(lap, kSecond)) {
                    const Figures figures = meter.figures(handle);
                    good += figures.settled && figures.sensors[0].energy >= 0 ? 1 : 0;
                }
                meter.release(handle);
                meter.release(lap);
            }
        });
    }
    for (std::thread& thread : threads) {
        thread.join();
    }
    CHECK(good == kThreads * 50);
    meter.close();
    meter.close();
    CHECK_FALSE(meter.running());
}

TEST_CASE("many windows from many threads without waiting") {
    Meter meter(sources(), {});
    meter.start();
    std::vector<std::thread> threads;
    for (int t = 0; t < 3; ++t) {
        threads.emplace_back([&] {
            for (int i = 0; i < 20'000; ++i) {
                meter.release(meter.end(meter.begin()));
            }
        });
    }
    for (std::thread& thread : threads) {
        thread.join();
    }
    const std::uint64_t token = meter.begin();
    std::this_thread::sleep_for(std::chrono::milliseconds(30));
    const Handle handle = meter.end(token);
    CHECK(meter.wait(handle, kSecond));
    check_100_w(meter.figures(handle));
}

TEST_CASE("a flood of windows against a sensor that answers ten times a second keeps moving") {
    std::vector<std::unique_ptr<Source>> all;
    ModelSetup setup;
    setup.dram_w = 10;
    all.push_back(make_model(setup));
    Meter meter(std::move(all), {});
    meter.start();
    for (int i = 0; i < 200'000; ++i) {
        meter.release(meter.end(meter.begin()));
    }
    const Handle handle = meter.end(meter.begin());
    CHECK(meter.wait(handle, kSecond));
    meter.release(handle);
}

TEST_CASE("a slow sensor has a thread of its own and delays no other") {
    Meter meter(sources(200 * kMillisecond), {});
    meter.start();
    const std::uint64_t reads_before = meter.stats().reads;
    const std::uint64_t token = meter.begin();
    std::this_thread::sleep_for(std::chrono::milliseconds(100));
    const Handle handle = meter.end(token);
    meter.wait(handle, 5 * kSecond);
    check_100_w(meter.figures(handle));
    CHECK(meter.stats().reads - reads_before > 10);
}

TEST_CASE("a meter that is not running is driven by whoever waits") {
    Meter meter(sources(), {});
    const std::uint64_t token = meter.begin();
    const Handle handle = meter.end(token);
    CHECK(meter.wait(handle, kSecond));
}

#ifndef __SANITIZE_THREAD__  // TSan itself dies when a forked child of a threaded process starts a
                             // thread
TEST_CASE("a forked child neither hangs nor loses its windows") {
    Meter meter(sources(), {});
    meter.start();
    const std::uint64_t token = meter.begin();
    const pid_t child = fork();
    REQUIRE(child >= 0);
    if (child == 0) {
        bool fine = !meter.running();
        meter.start();
        const std::uint64_t mine = meter.begin();
        std::this_thread::sleep_for(std::chrono::milliseconds(5));
        const Handle handle = meter.end(mine);
        fine = fine && meter.wait(handle, kSecond) && meter.figures(handle).settled;
        meter.close();
        _exit(fine ? 0 : 1);
    }
    int status = 0;
    waitpid(child, &status, 0);
    CHECK(WIFEXITED(status));
    CHECK(WEXITSTATUS(status) == 0);
    const Handle handle = meter.end(token);
    CHECK(meter.wait(handle, kSecond));
    check_100_w(meter.figures(handle));
}
#endif
