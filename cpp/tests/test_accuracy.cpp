#include <doctest/doctest.h>

#include <cstdint>
#include <string>
#include <vector>

#include "microjoule/grid.h"
#include "trials.h"

using namespace simulation;

// What windows come to in virtual time, 3,000 of each: the bars that are told in docs and README.

namespace {

Outcome windows(PaceMode mode, const CounterShape& shape, std::int64_t length_ns,
                double late_share = 0) {
    World world(mode);
    const FakeCounter& counter = world.add(shape);
    world.build();
    world.starve(late_share, 20 * kMillisecond);
    return try_windows(
        world, [&](std::int64_t from, std::int64_t to) { return counter.truth(from, to); },
        length_ns, 3000, 0.035, &counter, shape.unit_j);
}

}  // namespace

TEST_CASE("bursts at events are never worse than end reads or steady change points") {
    struct Row {
        std::int64_t period_ns;
        std::int64_t jitter_ns;
    };
    for (const Row& row :
         {Row{kMillisecond, 20 * kMicrosecond}, Row{kMillisecond, 150 * kMicrosecond},
          Row{10 * kMillisecond, 200 * kMicrosecond},
          Row{100 * kMillisecond, 500 * kMicrosecond}}) {
        for (const Load& load : loads()) {
            for (const std::int64_t length_ns : {10 * row.period_ns, 100 * row.period_ns}) {
                CounterShape shape;
                shape.energy = load.energy;
                shape.period_ns = shape.hint_ns = row.period_ns;
                shape.jitter_ns = row.jitter_ns;
                const Outcome got = windows(PaceMode::events, shape, length_ns);
                CAPTURE(load.name);
                CAPTURE(row.period_ns);
                CAPTURE(row.jitter_ns);
                CAPTURE(length_ns);
                MESSAGE("error ", 100 * got.error, " %, ends ", 100 * got.ends,
                        " %, change points ", 100 * got.change_points, " %, coverage ", got.covered,
                        ", sharpness ", got.sharpness);
                CHECK(got.settled);
                CHECK(got.error <= got.ends);
                // Reads that never sleep have seen the change before the event too: where power is
                // steady that is worth a few hundredths of an update.
                const double asleep =
                    0.03 * static_cast<double>(row.period_ns) / static_cast<double>(length_ns);
                CHECK(got.error <= 1.05 * got.change_points + asleep);
                // Power that changes over faster than updates come is not in the updates.
                const bool hidden = load.name == "square 3 ms" ||
                                    (row.period_ns == 100 * kMillisecond &&
                                     (load.name == "sine" || load.name == "square 37 ms" ||
                                      load.name == "telegraph"));
                const bool jittery = row.jitter_ns > 100 * kMicrosecond;
                CHECK((hidden || got.covered >= (jittery ? 0.94 : 0.95)));
                CHECK(got.bounded == doctest::Approx(1));
                if (row.period_ns == kMillisecond && row.jitter_ns == 20 * kMicrosecond &&
                    !hidden) {
                    CHECK(got.error <= (length_ns == 10 * kMillisecond ? 0.006 : 0.0006));
                }
            }
        }
    }
}

TEST_CASE("a wake-up that comes late widens the uncertainty, and nothing breaks loose") {
    for (const PaceMode mode : {PaceMode::events, PaceMode::fixed}) {
        for (const Load& load : loads()) {
            for (const std::int64_t length_ns : {10 * kMillisecond, 100 * kMillisecond}) {
                CounterShape shape;
                shape.energy = load.energy;
                const Outcome got = windows(mode, shape, length_ns, 0.01);
                CAPTURE(load.name);
                CAPTURE(static_cast<int>(mode));
                CAPTURE(length_ns);
                MESSAGE("error ", 100 * got.error, " %, coverage ", got.covered, ", sharpness ",
                        got.sharpness, ", worst ", got.worst, " u");
                CHECK(got.covered >= 0.97);
                CHECK(got.bounded == doctest::Approx(1));
                CHECK(got.error <= got.ends);
                CHECK(got.sharpness <= 2);
            }
        }
    }
}

TEST_CASE("a counter that is newer at every read is anchored where it was read") {
    for (const std::int64_t length_ns : {10 * kMillisecond, 300 * kMillisecond}) {
        CounterShape shape;
        shape.energy = constant(100);
        shape.unit_j = 1e-9;
        shape.period_ns = kMicrosecond;
        shape.jitter_ns = 0;
        const Outcome got = windows(PaceMode::events, shape, length_ns, 0.02);
        CAPTURE(length_ns);
        CHECK(got.error <= 1e-4);
        CHECK(got.covered >= 0.95);
        CHECK(got.bounded == doctest::Approx(1));
    }
}

TEST_CASE("brackets of neighbouring updates narrow each other") {
    Period period(kMillisecond);
    for (std::int64_t k = 1; k < 30; ++k) {
        period.changed(k * kMillisecond, 10 * kMicrosecond);
    }
    REQUIRE(period.steady());
    CHECK(period.period_ns() == doctest::Approx(kMillisecond).epsilon(1e-4));
    const Bracket wide{0, kMillisecond, 0, 0};
    const Bracket sharp{kMillisecond + 700'000, kMillisecond + 800'000, 0, 0};
    const Link link = follow(wide, sharp, 100'000, period, 0, 0);
    REQUIRE(link.periods == 1);
    const Bracket placed = sharp.shifted(-period.period_ns(), link.noise_ns).narrowed(wide);
    CHECK(placed.instant().at_ns == doctest::Approx(750'000).epsilon(0.01));
    CHECK(placed.instant().sigma_ns < 40'000);
    // Reads in step with the updates see one in each millisecond.
    const Bracket next{kMillisecond, 2 * kMillisecond, 0, 0};
    CHECK(follow(wide, next, kMillisecond, period, 0, 0).periods == 1);
}

TEST_CASE("a counter of coarse steps is known not to keep time") {
    Period period(kMillisecond);
    std::int64_t t = kSecond;
    for (std::uint64_t k = 0; k < 60; ++k) {
        t += static_cast<std::int64_t>(6e6 + 20e6 * hash01(k, 5));
        period.changed(t, 100 * kMicrosecond);
    }
    CHECK(period.known());
    CHECK_FALSE(period.steady());
    CHECK(period.longest_ns() > 20 * kMillisecond);
}
