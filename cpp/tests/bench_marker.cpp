// What a marker costs, in nanoseconds: `bench_marker [rounds]`. Prints the clock read beside it,
// because that is the floor.

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <thread>
#include <vector>

#include "microjoule/meter.h"
#include "microjoule/process.h"

using namespace microjoule;

namespace {

template <class Body>
double median_ns(int rounds, int inner, Body&& body) {
    std::vector<double> times;
    for (int r = 0; r < rounds; ++r) {
        const std::int64_t start = monotonic_clock().now_ns();
        for (int i = 0; i < inner; ++i) {
            body(i);
        }
        times.push_back(static_cast<double>(monotonic_clock().now_ns() - start) / inner);
    }
    std::nth_element(times.begin(), times.begin() + rounds / 2, times.end());
    return times[static_cast<std::size_t>(rounds / 2)];
}

}  // namespace

int main(int argc, char** argv) {
    const int rounds = argc > 1 ? std::atoi(argv[1]) : 301;
    constexpr int kInner = 500;
    std::vector<std::unique_ptr<Source>> sources;
    sources.push_back(make_process_cpu());
    Meter meter(std::move(sources), {PaceMode::fixed, kMillisecond});
    meter.start();
    std::vector<std::uint64_t> tokens(kInner);
    const double clock = median_ns(rounds, kInner, [](int) { (void)monotonic_clock().now_ns(); });
    std::vector<double> begins;
    std::vector<double> ends;
    for (int r = 0; r < rounds; ++r) {
        begins.push_back(median_ns(
            1, kInner, [&](int i) { tokens[static_cast<std::size_t>(i)] = meter.begin(); }));
        ends.push_back(median_ns(1, kInner, [&](int i) {
            meter.release(meter.end(tokens[static_cast<std::size_t>(i)]));
        }));
    }
    std::sort(begins.begin(), begins.end());
    std::sort(ends.begin(), ends.end());
    std::printf("clock %.1f ns, begin %.1f ns, end+release %.1f ns\n", clock,
                begins[begins.size() / 2], ends[ends.size() / 2]);
    return 0;
}
