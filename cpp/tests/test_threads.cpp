#include <doctest/doctest.h>

#include <sys/wait.h>
#include <unistd.h>

#include <atomic>
#include <thread>
#include <vector>

#include "microjoule/meter.h"
#include "microjoule/model.h"
#include "microjoule/process.h"
#include "real_time.h"
#include "simulation.h"

using namespace microjoule;
using namespace real_time;

namespace {

// They outlive a thread that is still inside a call when its meter is gone.
std::atomic<std::int64_t> hang_until_ns{0};
std::atomic<std::int64_t> slow_read_ns{0};

std::vector<std::unique_ptr<Source>> with_hanging() {
    std::vector<std::unique_ptr<Source>> all;
    all.push_back(std::make_unique<RealTimeCounter>());
    all.push_back(std::make_unique<HangingCounter>(hang_until_ns, slow_read_ns));
    return all;
}

void sleep_ms(int ms) {
    std::this_thread::sleep_for(std::chrono::milliseconds(ms));
}

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

TEST_CASE("borders are scheduled while threads begin, end and read") {
    Meter meter(sources(0), {});
    meter.start();
    const std::uint64_t outer = meter.begin();
    std::atomic<bool> stop{false};
    std::vector<std::thread> threads;
    for (int i = 0; i < 2; ++i) {
        threads.emplace_back([&] {
            while (!stop.load()) {
                const Handle handle = meter.end(meter.begin());
                meter.wait(handle, kSecond);
                (void)meter.figures(handle);
                meter.release(handle);
            }
        });
    }
    for (int round = 0; round < 20; ++round) {
        const std::int64_t now = monotonic_clock().now_ns();
        meter.schedule({now + kMillisecond, now + 3 * kMillisecond, now + 100 * kSecond});
        std::this_thread::sleep_for(std::chrono::milliseconds(5));
    }
    stop.store(true);
    for (std::thread& thread : threads) {
        thread.join();
    }
    const Handle handle = meter.end(outer);
    CHECK(meter.wait(handle, kSecond));
    const Figures figures = meter.figures(handle);
    CHECK(figures.border_ns.size() >= 20);
    double before = 0;
    for (std::size_t i = 0; i < figures.border_ns.size(); ++i) {
        const double energy = figures.border_energy[i * meter.sensors().size()];
        CHECK(energy >= before);
        before = energy;
    }
    meter.release(handle);
}

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

TEST_CASE("an event never fails to wake a slow sensor") {
    hang_until_ns = 0;
    Meter meter(with_hanging(), {});
    meter.start();
    sleep_ms(200);
    std::int64_t worst = 0;
    for (int i = 0; i < 60; ++i) {
        const std::int64_t asked = monotonic_clock().now_ns();
        const std::uint64_t token = meter.begin();
        while (slow_read_ns < asked && monotonic_clock().now_ns() - asked < 2 * kSecond) {
            std::this_thread::yield();
        }
        worst = std::max(worst, slow_read_ns.load() - asked);
        const Handle handle = meter.end(token);
        CHECK(meter.wait(handle, kSecond));
        meter.release(handle);
        std::this_thread::sleep_for(std::chrono::microseconds(137 * i));
    }
    CHECK(worst > 0);
    CHECK(worst < 200 * kMillisecond);
}

TEST_CASE("a call that hangs loses nothing, and delays no other sensor") {
    hang_until_ns = 0;
    Meter meter(with_hanging(), {});
    meter.start();
    sleep_ms(150);
    const std::uint64_t whole = meter.begin();
    sleep_ms(100);
    hang_until_ns = monotonic_clock().now_ns() + 2500 * kMillisecond;
    sleep_ms(50);
    const std::uint64_t token = meter.begin();
    sleep_ms(300);
    const Handle inside = meter.end(token);
    CHECK_FALSE(meter.wait(inside, 100 * kMillisecond));
    // What has answered is final already; the rest is told as it stands.
    const Figures early = meter.figures(inside);
    CHECK_FALSE(early.settled);
    const double seconds = static_cast<double>(early.end_ns - early.start_ns) * 1e-9;
    CHECK(std::abs(early.sensors[0].energy - 100 * seconds) < 0.15 + 4 * early.sensors[0].timing);
    while (monotonic_clock().now_ns() < hang_until_ns) {
        sleep_ms(10);
    }
    sleep_ms(100);
    const Handle all = meter.end(whole);
    REQUIRE(meter.wait(all, 2 * kSecond));
    REQUIRE(meter.wait(inside, kSecond));
    for (const Handle handle : {inside, all}) {
        const Figures figures = meter.figures(handle);
        const double length = static_cast<double>(figures.end_ns - figures.start_ns) * 1e-9;
        CHECK(figures.sensors[0].energy == doctest::Approx(100 * length).epsilon(0.02));
        CHECK(figures.sensors[1].energy == doctest::Approx(50 * length).epsilon(0.05));
        CHECK(figures.sensors[1].gap_s == 0);
        CHECK_FALSE(figures.lagged);
    }
}

TEST_CASE("a meter ends while a driver's call does not") {
    hang_until_ns = 0;
    auto meter = std::make_unique<Meter>(with_hanging(), SamplerOptions{});
    meter->start();
    sleep_ms(150);
    hang_until_ns = monotonic_clock().now_ns() + 1500 * kMillisecond;
    const std::uint64_t token = meter->begin();
    sleep_ms(50);
    const Handle handle = meter->end(token);
    const std::int64_t start = monotonic_clock().now_ns();
    meter->close();
    CHECK(monotonic_clock().now_ns() - start < 600 * kMillisecond);
    CHECK(meter->wait(handle, kSecond));
    CHECK(meter->figures(handle).sensors[1].gap_s > 0);
    meter.reset();
    while (monotonic_clock().now_ns() < hang_until_ns) {
        sleep_ms(10);
    }
    sleep_ms(100);  // the abandoned thread returns, and finds nothing to touch
}

TEST_CASE("a pause does not wait for a call that hangs, and the sensor comes back") {
    hang_until_ns = 0;
    Meter meter(with_hanging(), {});
    meter.start();
    sleep_ms(150);
    hang_until_ns = monotonic_clock().now_ns() + 700 * kMillisecond;
    const std::uint64_t token = meter.begin();
    sleep_ms(20);
    const std::int64_t start = monotonic_clock().now_ns();
    meter.pause();
    CHECK(monotonic_clock().now_ns() - start < 600 * kMillisecond);
    meter.start();
    while (monotonic_clock().now_ns() < hang_until_ns) {
        sleep_ms(10);
    }
    const Handle handle = meter.end(token);
    REQUIRE(meter.wait(handle, 2 * kSecond));
    const Figures figures = meter.figures(handle);
    const double length = static_cast<double>(figures.end_ns - figures.start_ns) * 1e-9;
    // On a busy machine the first read after the hang comes late, and the figure says so.
    const SensorFigures& gpu = figures.sensors[1];
    CAPTURE(gpu.timing);
    CAPTURE(gpu.gap_s);
    CHECK(std::abs(gpu.energy - 50 * length) < 5 * length + 5 * gpu.timing + 50 * gpu.gap_s);
}

TEST_CASE("a slow sensor of a closed meter is read by whoever waits") {
    hang_until_ns = 0;
    Meter meter(with_hanging(), {});
    meter.start();
    sleep_ms(150);
    const std::uint64_t token = meter.begin();
    sleep_ms(100);
    const Handle handle = meter.end(token);
    meter.close();
    REQUIRE(meter.wait(handle, kSecond));
    const Figures figures = meter.figures(handle);
    const double length = static_cast<double>(figures.end_ns - figures.start_ns) * 1e-9;
    CHECK(figures.sensors[1].energy == doctest::Approx(50 * length).epsilon(0.1));
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
