// What a request costs natively: `bench_requests`. A pair of join and leave on one thread while
// more and more others are open, and joins and leaves a second of four threads through one sampler.

#include <algorithm>
#include <cstdio>
#include <memory>
#include <thread>
#include <vector>

#include "microjoule/meter.h"
#include "real_time.h"

using namespace microjoule;

namespace {

std::vector<std::unique_ptr<Source>> two_devices() {
    std::vector<std::unique_ptr<Source>> all;
    all.push_back(std::make_unique<real_time::RealTimeCounter>());
    all.push_back(std::make_unique<real_time::RealTimeCounter>());
    return all;
}

double pair_ns(Meter& meter) {
    std::vector<double> times;
    for (int round = 0; round < 201; ++round) {
        const std::int64_t start = monotonic_clock().now_ns();
        for (int i = 0; i < 500; ++i) {
            meter.release_request(meter.leave(meter.join()));
        }
        times.push_back(static_cast<double>(monotonic_clock().now_ns() - start) / 500);
        std::this_thread::sleep_for(std::chrono::milliseconds(2));
    }
    std::nth_element(times.begin(), times.begin() + 100, times.end());
    return times[100];
}

double million_events_a_second(Meter& meter) {
    constexpr int kThreads = 4;
    constexpr int kPairs = 500'000;
    const std::int64_t start = monotonic_clock().now_ns();
    std::vector<std::thread> threads;
    for (int t = 0; t < kThreads; ++t) {
        threads.emplace_back([&] {
            for (int i = 0; i < kPairs; ++i) {
                meter.release_request(meter.leave(meter.join()));
            }
        });
    }
    for (std::thread& thread : threads) {
        thread.join();
    }
    // The last one settles after all the others.
    const Handle last = meter.leave(meter.join());
    meter.wait_request(last, 20 * kSecond);
    meter.release_request(last);
    return 2e3 * kThreads * kPairs / static_cast<double>(monotonic_clock().now_ns() - start);
}

}  // namespace

int main() {
    Meter meter(two_devices(), {PaceMode::events, kMillisecond, 0.05, {}});
    meter.start();
    std::vector<std::uint64_t> open;
    for (const std::size_t count : {1, 1000, 100'000}) {
        while (open.size() < count) {
            open.push_back(meter.join());
        }
        std::this_thread::sleep_for(std::chrono::milliseconds(50));
        const std::int64_t before = meter.stats().cpu_ns;
        const double caller_ns = pair_ns(meter);
        const auto sampler_ns = static_cast<double>(meter.stats().cpu_ns - before);
        std::printf("%zu open: join+leave %.1f ns; sampler %.0f ns a pair, all in all\n", count,
                    caller_ns, sampler_ns / (201 * 500));
    }
    for (const std::uint64_t token : open) {
        meter.release_request(meter.leave(token));
    }
    std::printf("four threads: %.2f million joins and leaves a second\n",
                million_events_a_second(meter));
    const SamplerStats stats = meter.stats();
    std::printf("full log %llu times, %llu late events\n",
                static_cast<unsigned long long>(stats.helped),
                static_cast<unsigned long long>(stats.late_events));
    return 0;
}
