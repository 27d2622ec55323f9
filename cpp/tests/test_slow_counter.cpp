#include <doctest/doctest.h>

#include <cmath>

#include "simulation.h"

using namespace simulation;

// GPUs publish their energy each 100 ms, a hundred times as seldom as processors: what happens
// between two updates decides, and the uncertainty must know it.

namespace {

struct Outcome {
    double error = 0;      ///< mean |error| over mean energy
    double oracle = 0;     ///< the same for one who knows each update's very time and value
    double covered = 0;    ///< share of windows within two standard uncertainties
    double sharpness = 0;  ///< mean uncertainty over rms error
    bool bounded = true;   ///< the truth was always inside the hard bounds
};

Outcome measure(std::int64_t call_ns, std::int64_t length_ns, int windows) {
    World world;
    CounterShape shape;
    shape.energy = llm_requests(3);
    shape.unit_j = 1e-3;
    shape.period_ns = shape.hint_ns = 100 * kMillisecond;
    shape.jitter_ns = 500 * kMicrosecond;
    shape.read_ns = call_ns;
    FakeCounter& counter = world.add(shape, "gpu0");
    world.build();
    world.run_for(kSecond);
    const auto line = [&](std::int64_t t_ns) {
        std::int64_t k = t_ns / shape.period_ns + 1;
        while (counter.update(k) > t_ns) {
            --k;
        }
        const auto a = static_cast<double>(counter.update(k)) * 1e-9;
        const auto b = static_cast<double>(counter.update(k + 1)) * 1e-9;
        const double share = (static_cast<double>(t_ns) * 1e-9 - a) / (b - a);
        return shape.energy(a) + share * (shape.energy(b) - shape.energy(a));
    };
    Outcome out;
    double energy = 0;
    double square = 0;
    double uncertainty = 0;
    for (int i = 0; i < windows; ++i) {
        world.run_for(static_cast<std::int64_t>(1e9 * hash01(static_cast<std::uint64_t>(i), 11)));
        const std::uint64_t token = world.begin();
        world.run_for(length_ns);
        const Figures figures = world.settle(world.end(token));
        REQUIRE(figures.settled);
        const SensorFigures& gpu = figures.sensors[0];
        const double truth = counter.truth(figures.start_ns, figures.end_ns);
        const double error = gpu.energy - truth;
        const double u = std::hypot(gpu.timing, gpu.quantisation);
        out.error += std::abs(error);
        out.oracle += std::abs(line(figures.end_ns) - line(figures.start_ns) - truth);
        out.covered += std::abs(error) <= 2 * u ? 1.0 / windows : 0;
        // What the counter has counted at an instant differs from E by what it has not shown yet.
        out.bounded = out.bounded && gpu.low <= truth + 1e-3 && truth <= gpu.high + 1e-3;
        square += error * error;
        uncertainty += u;
        energy += truth;
    }
    out.error /= energy;
    out.oracle /= energy;
    out.sharpness = uncertainty / windows / std::sqrt(square / windows);
    return out;
}

}  // namespace

TEST_CASE("a counter published each 100 ms is as exact as one who knows every update") {
    struct Row {
        std::int64_t length_ns;
        int windows;
        double limit;
    };
    for (const std::int64_t call_ns : {60 * kMicrosecond, 10 * kMillisecond}) {
        for (const Row row : {Row{100 * kMillisecond, 3000, 0.07}, Row{kSecond, 3000, 0.006},
                              Row{10 * kSecond, 1000, 0.0006}}) {
            const Outcome out = measure(call_ns, row.length_ns, row.windows);
            CAPTURE(call_ns);
            CAPTURE(row.length_ns);
            MESSAGE("error ", 100 * out.error, " %, oracle ", 100 * out.oracle, " %, coverage ",
                    out.covered, ", sharpness ", out.sharpness);
            // A call of 10 ms brackets a change within 20, whatever is done.
            const double slack = call_ns > kMillisecond ? 1.15 : 1;
            CHECK(out.error <= row.limit * slack);
            CHECK(out.error <= 1.15 * out.oracle);
            CHECK(out.covered >= 0.95);
            CHECK(out.sharpness <= 2 * slack);
            CHECK(out.bounded);
        }
    }
}
