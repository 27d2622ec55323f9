#include <doctest/doctest.h>

#include <cmath>
#include <vector>

#include "simulation.h"

using namespace microjoule;
using namespace simulation;

namespace {

CounterShape package(Energy energy) {
    CounterShape shape;
    shape.energy = std::move(energy);
    return shape;
}

}  // namespace

TEST_CASE("E is known at a border that nobody posts, as sharply as at the end of a window") {
    World world;
    FakeCounter& counter = world.add(package(square(40, 160, 0.037)));
    FakeCounter& other = world.add(package(constant(20)), "cpu0.dram");
    world.build();
    const std::int64_t start = world.clock.now_ns();
    std::vector<std::int64_t> borders;
    for (int i = 1; i <= 20; ++i) {
        borders.push_back(start + i * 1'500'123'457LL);
    }
    world.meter->schedule(borders);
    const std::uint64_t token = world.begin();
    world.run_for(31 * kSecond);
    const Figures figures = world.settle(world.end(token));
    REQUIRE(figures.border_ns == borders);
    REQUIRE(figures.border_energy.size() == 2 * borders.size());
    // Between two borders: the error of the begin is none of theirs.
    double error = 0;
    for (std::size_t i = 1; i < borders.size(); ++i) {
        const double got = figures.border_energy[2 * i] - figures.border_energy[2 * i - 2];
        error += std::abs(got - counter.truth(borders[i - 1], borders[i]));
        const double dram = figures.border_energy[2 * i + 1] - figures.border_energy[2 * i - 1];
        CHECK(dram == doctest::Approx(other.truth(borders[i - 1], borders[i])).epsilon(1e-4));
    }
    // A window of 10 ms is known to within 1 % of its 1 J: these are as well.
    CHECK(error / static_cast<double>(borders.size() - 1) < 0.01);
}

TEST_CASE("each window has the borders inside it and no others") {
    World world;
    world.add(package(constant(100)));
    world.build();
    const std::int64_t start = world.clock.now_ns();
    world.meter->schedule({start + kSecond, start + 2 * kSecond, start + 3 * kSecond});
    const std::uint64_t early = world.begin();
    world.run_until(start + 1'500 * kMillisecond);
    const std::uint64_t late = world.begin();
    world.run_until(start + 2'500 * kMillisecond);
    const Figures first = world.settle(world.end(early));
    world.run_until(start + 2'700 * kMillisecond);
    const Figures open = world.meter->figures(Windows::handle(late));
    CHECK(open.border_ns == std::vector<std::int64_t>{start + 2 * kSecond});
    const Figures second = world.settle(world.end(late));
    CHECK(first.border_ns == std::vector<std::int64_t>{start + kSecond, start + 2 * kSecond});
    CHECK(second.border_ns == std::vector<std::int64_t>{start + 2 * kSecond});
    CHECK(second.border_energy[0] == doctest::Approx(100 * 0.5).epsilon(1e-3));
}

TEST_CASE("a border at which nothing is open wakes nobody") {
    World world;
    FakeCounter& counter = world.add(package(constant(100)));
    world.build();
    world.settle(world.end(world.begin()));
    world.run_for(kSecond);
    const std::int64_t start = world.clock.now_ns();
    std::vector<std::int64_t> borders;
    for (int i = 1; i <= 1000; ++i) {
        borders.push_back(start + i * 100 * kMillisecond);
    }
    world.meter->schedule(borders);
    const std::uint64_t before = counter.reads;
    world.run_for(90 * kSecond);
    CHECK(counter.reads - before <= 4);
    const Figures brief = world.settle(world.end(world.begin()));
    CHECK(brief.border_ns.empty());
}

TEST_CASE("laps share out the borders, and a new schedule takes the place of the old one") {
    World world;
    world.add(package(constant(50)));
    world.build();
    const std::int64_t start = world.clock.now_ns();
    world.meter->schedule({start + kSecond, start + 2 * kSecond, start + 100 * kSecond});
    const std::uint64_t token = world.begin();
    world.run_until(start + 1'200 * kMillisecond);
    const Handle lap = world.meter->lap(token);
    world.woken();
    const Figures one = world.settle(lap);
    world.meter->schedule({start + 1'700 * kMillisecond});
    world.run_until(start + 2'200 * kMillisecond);
    const Figures two = world.settle(world.end(token));
    CHECK(one.border_ns == std::vector<std::int64_t>{start + kSecond});
    CHECK(two.border_ns == std::vector<std::int64_t>{start + 1'700 * kMillisecond});
    CHECK(two.border_energy[0] == doctest::Approx(50 * 0.5).epsilon(1e-3));
}

TEST_CASE("borders out of order are refused") {
    World world;
    world.add(package(constant(50)));
    world.build();
    CHECK_THROWS_AS(world.meter->schedule({2, 1}), std::invalid_argument);
    CHECK_THROWS_AS(world.meter->schedule({2, 2}), std::invalid_argument);
    world.meter->schedule({});
}

TEST_CASE("of more borders than are remembered the newest stay") {
    Borders borders;
    std::vector<EnergyAt> at(1);
    const std::vector<EnergyAt> origin(1);
    const std::vector<SensorInfo> sensors(1);
    const auto most = static_cast<std::int64_t>(Borders::kMost);
    for (std::int64_t t = 1; t <= most + 1; ++t) {
        at[0].units = t;
        borders.add(t, at);
    }
    std::vector<std::int64_t> t_ns;
    std::vector<double> energy;
    borders.within(0, most + 2, origin, sensors, t_ns, energy);
    REQUIRE(t_ns.size() == Borders::kMost / 2 + 1);
    CHECK(t_ns.back() == most + 1);
    CHECK(energy.back() == static_cast<double>(most + 1) * sensors[0].unit);
    CHECK(energy.front() == static_cast<double>(t_ns.front()) * sensors[0].unit);
}
