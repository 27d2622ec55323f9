// What each part of a counter's timeline is worth: `bench_ablation WINDOWS`. Prints a line a cell,
// with tabs between: the counter's period and jitter in µs, the windows' length in ms, the load,
// the method, its mean absolute error in per cent and, where it is the meter's, the share of
// windows within two standard uncertainties and the mean uncertainty over the RMS error.
//
// Linked with no_grid.cpp in the place of cpp/core/grid.cpp it tells of a meter without the grid.

#include <cstdio>
#include <cstdlib>

#include "trials.h"

using namespace simulation;

namespace {

struct Updates {
    std::int64_t period_ns;
    std::int64_t jitter_ns;
};

struct Pacing {
    const char* name;
    PaceMode mode;
    std::int64_t period_ns;
};

constexpr Updates kUpdates[] = {{kMillisecond, 20 * kMicrosecond},
                                {kMillisecond, 150 * kMicrosecond},
                                {10 * kMillisecond, 200 * kMicrosecond},
                                {100 * kMillisecond, 500 * kMicrosecond}};

// At a fixed pace: in step with updates of 1 ms, and out of step with them.
constexpr Pacing kPacings[] = {
    {"events", PaceMode::events, kMillisecond},
    {"fixed", PaceMode::fixed, kMillisecond},
    {"fixed, 1/32 slower", PaceMode::fixed, kMillisecond + kMillisecond / 32},
    {"fixed, 1/8 slower", PaceMode::fixed, kMillisecond + kMillisecond / 8}};

void run(const Updates& updates, std::int64_t length_ns, const Load& load, int windows) {
    const auto cell = [&](const char* method, double error) {
        std::printf("%lld\t%lld\t%lld\t%s\t%s\t%.4g",
                    static_cast<long long>(updates.period_ns / kMicrosecond),
                    static_cast<long long>(updates.jitter_ns / kMicrosecond),
                    static_cast<long long>(length_ns / kMillisecond), load.name.c_str(), method,
                    100 * error);
    };
    const auto simple = [&](const char* method, double error) {
        cell(method, error);
        std::printf("\n");
    };
    CounterShape shape;
    shape.energy = load.energy;
    shape.period_ns = shape.hint_ns = updates.period_ns;
    shape.jitter_ns = updates.jitter_ns;
    for (const Pacing& pacing : kPacings) {
        World world(pacing.mode);
        world.options.period_ns = pacing.period_ns;
        const FakeCounter& counter = world.add(shape);
        world.build();
        const Outcome got = try_windows(
            world, [&](std::int64_t from, std::int64_t to) { return counter.truth(from, to); },
            length_ns, windows, 0.035, &counter, shape.unit_j);
        if (pacing.mode == PaceMode::events) {
            simple("end reads", got.ends);
            simple("last sample", got.last_sample);
            simple("linear", got.linear);
            simple("change points", got.change_points);
            simple("updates known", got.updates);
        }
        cell(pacing.name, got.error);
        std::printf("\t%.4f\t%.3g\n", got.covered, got.sharpness);
        std::fflush(stdout);
    }
}

}  // namespace

int main(int argc, char** argv) {
    const int windows = argc > 1 ? std::atoi(argv[1]) : 3000;
    for (const Updates& updates : kUpdates) {
        for (const std::int64_t length_ns : {10 * kMillisecond, 100 * kMillisecond, kSecond}) {
            for (const Load& load : loads()) {
                run(updates, length_ns, load, windows);
            }
        }
    }
    return 0;
}
