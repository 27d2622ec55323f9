#include <doctest/doctest.h>

#include <cmath>
#include <memory>
#include <utility>
#include <vector>

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
        const std::int64_t k = counter.last_update(t_ns);
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

/// Power as GPUs show it: the mean over a window, renewed each period.
class FakeGauge final : public Source {
public:
    FakeGauge(ManualClock& clock, Energy energy, std::int64_t period_ns, std::int64_t window_ns,
              bool stamped)
        : clock_(clock),
          energy_(std::move(energy)),
          period_ns_(period_ns),
          window_ns_(window_ns),
          stamped_(stamped) {
        SensorInfo info;
        info.id = "gpu0";
        info.kind = "gpu";
        info.shape = Shape::gauge;
        info.unit = info.quantum = 1e-9;
        info.period_hint_ns = period_ns;
        info.window_ns = window_ns;
        info.open_interval_ns = period_ns / 2;
        info.event_interval_ns = period_ns / 4;
        info.counted = true;
        sensors_.push_back(info);
    }
    const std::vector<SensorInfo>& sensors() const noexcept override { return sensors_; }
    void read(Reading* readings) noexcept override {
        ++reads;
        clock_.advance(hang_ns);
        hang_ns = 0;
        clock_.advance(60 * kMicrosecond);
        const std::int64_t now = clock_.now_ns();
        const std::int64_t update = now / period_ns_ * period_ns_;
        const double joules = energy(update) - energy(update - window_ns_);
        readings[0].status = Status::ok;
        readings[0].raw =
            static_cast<std::uint64_t>(joules * 1e15 / static_cast<double>(window_ns_));
        readings[0].before_ns = (stamped_ ? update : now - period_ns_) - window_ns_ / 2;
        readings[0].after_ns = (stamped_ ? update : now) - window_ns_ / 2;
    }
    [[nodiscard]] double truth(std::int64_t from_ns, std::int64_t to_ns) const {
        return energy(to_ns) - energy(from_ns);
    }

    std::uint64_t reads = 0;
    std::int64_t hang_ns = 0;

private:
    [[nodiscard]] double energy(std::int64_t t_ns) const {
        return energy_(static_cast<double>(t_ns) * 1e-9);
    }

    ManualClock& clock_;
    Energy energy_;
    std::int64_t period_ns_;
    std::int64_t window_ns_;
    bool stamped_;
    std::vector<SensorInfo> sensors_;
};

FakeGauge& add_gauge(World& world, Energy energy, std::int64_t window_ns, bool stamped) {
    auto source = std::make_unique<FakeGauge>(world.clock, std::move(energy), 100 * kMillisecond,
                                              window_ns, stamped);
    FakeGauge& gauge = *source;
    world.add(std::move(source));
    world.build();
    return gauge;
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
                              Row{10 * kSecond, 3000, 0.0006}}) {
            const Outcome out = measure(call_ns, row.length_ns, row.windows);
            CAPTURE(call_ns);
            CAPTURE(row.length_ns);
            MESSAGE("error ", 100 * out.error, " %, oracle ", 100 * out.oracle, " %, coverage ",
                    out.covered, ", sharpness ", out.sharpness);
            CHECK(out.error <= row.limit);
            CHECK(out.error <= 1.15 * out.oracle);
            CHECK(out.covered >= 0.95);
            CHECK(out.sharpness <= 2);
            CHECK(out.bounded);
        }
    }
}

TEST_CASE("power is integrated, and what it does not show is in the uncertainty") {
    struct Row {
        std::int64_t window_ns;
        bool stamped;
        std::int64_t length_ns;
        double limit;
    };
    // Windows of A100 and H100, of Turing, and the average; the limits are what a trapezoid gives
    // that knows nothing else.
    for (const Row row :
         {Row{25 * kMillisecond, false, 100 * kMillisecond, 0.17},
          Row{25 * kMillisecond, false, kSecond, 0.057},
          Row{25 * kMillisecond, false, 10 * kSecond, 0.024},
          Row{25 * kMillisecond, true, kSecond, 0.057},
          Row{100 * kMillisecond, false, 100 * kMillisecond, 0.17},
          Row{100 * kMillisecond, false, kSecond, 0.02},
          Row{100 * kMillisecond, true, kSecond, 0.02},
          Row{100 * kMillisecond, true, 10 * kSecond, 0.002},
          Row{kSecond, true, 100 * kMillisecond, 0.38}, Row{kSecond, true, kSecond, 0.1},
          Row{kSecond, false, 10 * kSecond, 0.009}}) {
        World world;
        FakeGauge& gauge = add_gauge(world, llm_requests(3), row.window_ns, row.stamped);
        world.run_for(kSecond);
        const int windows = row.length_ns > kSecond ? 400 : 2000;
        double error = 0;
        double square = 0;
        double uncertainty = 0;
        double energy = 0;
        double covered = 0;
        for (int i = 0; i < windows; ++i) {
            world.run_for(
                static_cast<std::int64_t>(3e9 * hash01(static_cast<std::uint64_t>(i), 11)));
            const std::uint64_t token = world.begin();
            world.run_for(row.length_ns);
            const Figures figures = world.settle(world.end(token));
            REQUIRE(figures.settled);
            CHECK(figures.sensors[0].gap_s == 0);
            const double truth = gauge.truth(figures.start_ns, figures.end_ns);
            const double off = figures.sensors[0].energy - truth;
            const double u = figures.sensors[0].timing;
            error += std::abs(off);
            square += off * off;
            uncertainty += u;
            energy += truth;
            covered += std::abs(off) <= 2 * u ? 1.0 / windows : 0;
        }
        const double sharpness = uncertainty / windows / std::sqrt(square / windows);
        CAPTURE(row.window_ns);
        CAPTURE(row.stamped);
        CAPTURE(row.length_ns);
        MESSAGE("error ", 100 * error / energy, " %, coverage ", covered, ", sharpness ",
                sharpness);
        CHECK(error / energy <= row.limit);
        CHECK(covered >= 0.95);
        CHECK(sharpness <= 2);
    }
}

TEST_CASE("a gauge that nobody asks is a gap, one that hangs is none") {
    World world;
    FakeGauge& gauge = add_gauge(world, constant(100), 25 * kMillisecond, false);
    world.run_for(kSecond);
    const auto over = [&](std::int64_t ns) {
        const std::uint64_t token = world.begin();
        world.run_for(ns);
        return world.settle(world.end(token)).sensors[0];
    };
    CHECK(over(kSecond).energy == doctest::Approx(100).epsilon(0.001));
    const double gap = world.meter->books().sensors[0].gap_s;
    const std::uint64_t reads = gauge.reads;
    world.run_for(20 * kSecond);
    CHECK(gauge.reads - reads <= 2);
    const SensorFigures after = over(kSecond);
    CHECK(after.gap_s == 0);
    CHECK(after.energy == doctest::Approx(100).epsilon(0.001));
    CHECK(world.meter->books().sensors[0].gap_s - gap == doctest::Approx(20).epsilon(0.05));
    const std::uint64_t token = world.begin();
    world.run_for(kSecond);
    gauge.hang_ns = 5 * kSecond;
    world.run_for(7 * kSecond);
    const SensorFigures hung = world.settle(world.end(token)).sensors[0];
    CHECK(hung.gap_s == 0);
    CHECK(hung.energy == doctest::Approx(800).epsilon(0.001));
}
