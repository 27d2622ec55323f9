#include <doctest/doctest.h>

#include <algorithm>
#include <initializer_list>
#include <string>
#include <vector>

#include "microjoule/clock.h"
#include "microjoule/governor.h"
#include "simulation.h"

using namespace microjoule;

namespace {

/// Share of a core over ten seconds of a sampler whose pace would cost `base` of a core.
double share(Governor& governor, double base, std::int64_t& t_ns, double& cpu_ns) {
    const std::int64_t start = t_ns;
    const double before = cpu_ns;
    while (t_ns < start + 10 * kSecond) {
        // It wakes every millisecond, stretched; the governor looks when a look is due.
        const auto step = static_cast<std::int64_t>(1e6 * governor.stretch());
        t_ns += step;
        cpu_ns += base * 1e6;
        if (governor.due(t_ns)) {
            governor.observe(t_ns, static_cast<std::int64_t>(cpu_ns));
        }
    }
    return (cpu_ns - before) / static_cast<double>(t_ns - start);
}

}  // namespace

TEST_CASE("the limit holds from a cheap pace to one that would take a whole core") {
    for (const double base : {0.01, 0.049, 0.06, 0.3, 0.6, 1.0}) {
        Governor governor(0.05);
        std::int64_t t = kSecond;
        double cpu = 0;
        governor.observe(t, 0);
        const double used = share(governor, base, t, cpu);
        CAPTURE(base);
        CHECK(used <= 0.05 * 1.2);
        CHECK(used >= std::min(base, 0.05) * 0.6);
        CHECK((governor.stretch() > 1) == (base > 0.0475));
    }
}

TEST_CASE("when the load goes, the pace comes back") {
    Governor governor(0.05);
    std::int64_t t = kSecond;
    double cpu = 0;
    governor.observe(t, 0);
    share(governor, 0.6, t, cpu);
    CHECK(governor.stretch() > 8);
    share(governor, 0.01, t, cpu);
    share(governor, 0.01, t, cpu);
    CHECK(governor.stretch() == doctest::Approx(1));
}

namespace {

simulation::CounterShape costly(std::int64_t cpu_ns) {
    simulation::CounterShape shape;
    shape.energy = simulation::constant(100);
    shape.read_ns = cpu_ns;
    shape.cpu_ns = cpu_ns;
    return shape;
}

}  // namespace

TEST_CASE("from 1 to 64 sensors the sampler holds its limit over any ten seconds, and says so") {
    for (const std::int64_t cpu_ns : {4 * kMicrosecond, 12 * kMicrosecond, 60 * kMicrosecond}) {
        for (const int sensors : {1, 4, 16, 64}) {
            simulation::World world(PaceMode::fixed);
            for (int i = 0; i < sensors; ++i) {
                world.add(costly(cpu_ns), "cpu" + std::to_string(i) + ".package");
            }
            world.build();
            const std::uint64_t token = world.begin();
            std::vector<std::int64_t> seconds{world.clock.thread_cpu_ns()};
            for (int second = 0; second < 40; ++second) {
                world.run_for(kSecond);
                seconds.push_back(world.clock.thread_cpu_ns());
            }
            double worst = 0;
            for (std::size_t i = 10; i < seconds.size(); ++i) {
                worst = std::max(worst, static_cast<double>(seconds[i] - seconds[i - 10]) / 10e9);
            }
            CAPTURE(cpu_ns);
            CAPTURE(sensors);
            CHECK(worst <= 1.2 * 0.05);
            const double wanted = static_cast<double>(cpu_ns * sensors) / 1e6;  // at 1 kHz
            const Figures figures = world.settle(world.end(token));
            if (wanted > 0.06) {
                CHECK(worst >= 0.6 * 0.05);  // no slower than it must be
                CHECK(figures.stretch > 1);
            } else if (wanted < 0.045) {
                CHECK(figures.stretch == doctest::Approx(1).epsilon(0.2));
            }
        }
    }
}

TEST_CASE("however far it is slowed, the burst at an event is not") {
    const auto reads_of_an_event = [](std::int64_t cpu_ns) {
        simulation::World world;
        simulation::FakeCounter& counter = world.add(costly(10 * kMicrosecond));
        world.add(costly(cpu_ns), "cpu1.package");
        world.build();
        const std::uint64_t traced = world.meter->begin_traced(10 * kMillisecond);
        world.woken();
        world.run_for(20 * kSecond);
        const std::uint64_t before = counter.reads;
        const Figures figures = world.settle(world.end(world.begin()));
        CHECK(figures.stretch == 1);  // nothing that concerns this window was slowed
        const std::uint64_t reads = counter.reads - before;
        CHECK((world.meter->stats().stretch > 5) == (cpu_ns > kMillisecond));
        world.meter->release(world.end(traced));
        return reads;
    };
    const std::uint64_t free = reads_of_an_event(0);
    const std::uint64_t slowed = reads_of_an_event(2 * kMillisecond);
    CHECK(free >= 10);
    CHECK(slowed >= 3);  // each takes two milliseconds: two changes, and no pause between
}
