#include <doctest/doctest.h>

#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <random>
#include <thread>
#include <vector>

#include "microjoule/floor.h"
#include "microjoule/meter.h"
#include "microjoule/recorder.h"
#include "microjoule/rerun.h"
#include "simulation.h"

using namespace microjoule;
using namespace simulation;

namespace {

CounterShape rapl(Energy energy) {
    CounterShape shape;
    shape.energy = std::move(energy);
    return shape;
}

RequestFigures settled(World& world, Handle handle) {
    for (int i = 0; i < 100'000 && !world.meter->request_settled(handle); ++i) {
        world.run_for(kMillisecond);
    }
    RequestFigures figures = world.meter->request_figures(handle);
    REQUIRE(figures.settled);
    world.meter->release_request(handle);
    return figures;
}

std::uint64_t join(World& world, float weight = 1, const std::vector<float>* factors = nullptr) {
    const std::uint64_t token = world.meter->join(weight, factors);
    world.woken();
    return token;
}

Handle leave(World& world, std::uint64_t token) {
    const Handle handle = world.meter->leave(token);
    world.woken();
    return handle;
}

void check_books(World& world, std::size_t sensor, double of_requests) {
    const Books books = world.meter->books();
    const AccountBooks& own = books.accounts[sensor];
    CHECK(std::abs(own.total - books.sensors[sensor].energy) <= 1e-9 * (1 + own.total));
    CHECK(std::abs(own.attributed + own.unattributed - own.total) <= 1e-9 * own.total);
    CHECK(std::abs(of_requests - own.attributed) <= 1e-9 * own.total);
}

}  // namespace

TEST_CASE("one request has what a window has, and the rest is nobody's") {
    World world;
    FakeCounter& counter = world.add(rapl(square(40, 160, 0.037)));
    world.build();
    const std::uint64_t token = join(world);
    const std::uint64_t window = world.begin();
    world.run_for(100 * kMillisecond);
    const Figures around = world.settle(world.end(window));
    const RequestFigures figures = settled(world, leave(world, token));
    const double truth = counter.truth(figures.start_ns, figures.end_ns);
    const PortionFigures& own = figures.sensors[0];
    CHECK(own.counted_in);
    CHECK(own.energy == doctest::Approx(truth).epsilon(0.01));
    CHECK(std::abs(own.energy - truth) <= 4 * own.timing + 1e-3);
    CHECK(own.energy == doctest::Approx(around.sensors[0].energy).epsilon(0.05));
    CHECK(own.share == doctest::Approx(1));
    CHECK(own.by_phase[0] == own.energy);
    world.run_for(kSecond);
    check_books(world, 0, own.energy);
}

TEST_CASE("equals share equally, weights count, and nothing is for nothing") {
    World world;
    FakeCounter& counter = world.add(rapl(llm_like()));
    world.build();
    const std::uint64_t a = join(world);
    const std::uint64_t b = join(world);
    const std::uint64_t heavy = join(world, 3);
    const std::uint64_t waits = join(world, 0);
    world.run_for(200 * kMillisecond);
    const std::uint64_t null = join(world);
    const RequestFigures nothing = settled(world, leave(world, null));
    CHECK(nothing.sensors[0].energy == 0);
    const RequestFigures of_a = settled(world, leave(world, a));
    const RequestFigures of_b = settled(world, leave(world, b));
    const RequestFigures of_heavy = settled(world, leave(world, heavy));
    const RequestFigures of_waiting = settled(world, leave(world, waits));
    CHECK(of_a.sensors[0].energy ==
          doctest::Approx(counter.truth(of_a.start_ns, of_a.end_ns) / 5).epsilon(0.005));
    CHECK(of_a.sensors[0].share == doctest::Approx(0.2).epsilon(1e-3));
    CHECK(of_b.sensors[0].energy > of_a.sensors[0].energy);  // it stayed a little longer
    CHECK(of_waiting.sensors[0].energy == 0);
    CHECK(of_waiting.sensors[0].timing == 0);
    check_books(world, 0,
                of_a.sensors[0].energy + of_b.sensors[0].energy + of_heavy.sensors[0].energy);
}

TEST_CASE("phases add up, idle time is not paid, a weight counts from when it is set") {
    World world;
    FakeCounter& counter = world.add(rapl(constant(100)));
    world.build();
    const std::uint64_t token = join(world);
    const Handle request = Requests::handle(token);
    Meter& meter = *world.meter;
    world.run_for(50 * kMillisecond);
    CHECK(meter.phase(request, 1));
    world.run_for(100 * kMillisecond);
    CHECK(meter.phase(request, 2));
    CHECK(meter.set_idle(request, true));
    CHECK(meter.weigh(request, 7));  // it goes on waiting
    world.run_for(200 * kMillisecond);
    CHECK(meter.set_idle(request, false));
    const std::uint64_t other = join(world);
    world.run_for(80 * kMillisecond);
    const RequestFigures of_other = settled(world, leave(world, other));
    const RequestFigures figures = settled(world, leave(world, token));
    const PortionFigures& own = figures.sensors[0];
    CHECK(own.by_phase[0] == doctest::Approx(5).epsilon(0.01));
    CHECK(own.by_phase[1] == doctest::Approx(10).epsilon(0.01));
    CHECK(own.by_phase[2] > 7);
    CHECK(own.by_phase[2] < 7.8);
    CHECK(of_other.sensors[0].energy == doctest::Approx(1).epsilon(0.02));
    double sum = 0;
    for (const double joules : own.by_phase) {
        sum += joules;
    }
    CHECK(sum == doctest::Approx(own.energy).epsilon(1e-12));
    CHECK_FALSE(meter.phase(request, 3));
    CHECK_FALSE(meter.weigh(request, 1));
    CHECK_THROWS_AS(meter.leave(token), std::invalid_argument);
    CHECK_THROWS_AS(meter.end(token), std::invalid_argument);
    check_books(world, 0, own.energy + of_other.sensors[0].energy);
    CHECK(counter.reads > 0);
}

TEST_CASE("a request takes part where it says, with the weight that it says") {
    World world;
    world.add(rapl(constant(100)), "gpu0");
    world.add(rapl(constant(200)), "gpu1");
    world.build();
    const std::vector<float> first{1, 0};
    const std::vector<float> both{3, 1};
    const std::uint64_t a = join(world, 1, &first);
    const std::uint64_t b = join(world, 1, &both);
    world.run_for(100 * kMillisecond);
    const RequestFigures of_b = settled(world, leave(world, b));
    const RequestFigures of_a = settled(world, leave(world, a));
    CHECK(of_b.sensors[0].energy == doctest::Approx(7.5).epsilon(0.01));
    CHECK(of_b.sensors[1].energy == doctest::Approx(20).epsilon(0.01));
    CHECK_FALSE(of_a.sensors[1].counted_in);
    CHECK(of_a.sensors[1].energy == 0);
    check_books(world, 0, of_a.sensors[0].energy + of_b.sensors[0].energy);
    check_books(world, 1, of_b.sensors[1].energy);
}

TEST_CASE("one step sets the weights of many at one stamp") {
    World world;
    world.add(rapl(constant(100)));
    world.build();
    std::vector<Handle> all;
    std::vector<float> weights;
    std::vector<std::uint64_t> tokens;
    for (int i = 0; i < 5000; ++i) {
        tokens.push_back(join(world, 0));
        all.push_back(Requests::handle(tokens.back()));
        weights.push_back(i % 2 == 0 ? 1 : 0);
    }
    world.meter->step(all, weights);
    world.woken();
    world.run_for(500 * kMillisecond);
    world.meter->step(all, std::vector<float>(all.size(), 0));
    world.woken();
    double sum = 0;
    double first = 0;
    for (std::size_t i = 0; i < tokens.size(); ++i) {
        const double joules = settled(world, leave(world, tokens[i])).sensors[0].energy;
        CHECK((joules > 0) == (i % 2 == 0));
        // All within one chunk got the very same.
        first = i == 0 ? joules : first;
        if (i < 4096 && i % 2 == 0) {
            CHECK(joules == doctest::Approx(first).epsilon(1e-12));
        }
        sum += joules;
    }
    CHECK(sum == doctest::Approx(50).epsilon(0.01));
    check_books(world, 0, sum);
}

TEST_CASE("the idle floor is learnt from times with nobody, and split by heads") {
    // Two tenants: 60 W idle, and 30 and 90 W of their own while they are there.
    const auto own = [](double t) {
        const double a = std::clamp(t - 3.0, 0.0, 2.0) * 30;
        const double b = std::clamp(t - 4.0, 0.0, 2.0) * 90;
        return 60 * t + a + b;
    };
    for (const bool given : {false, true}) {
        World world;
        world.options.split.split = Split::marginal;
        if (given) {
            world.options.split.idle_w = {60};
        }
        world.add(rapl(own));
        world.build();
        (void)settled(world, leave(world, join(world)));  // the first reading
        world.run_until(3 * kSecond);
        const std::uint64_t a = join(world, 30);
        world.run_until(4 * kSecond);
        const std::uint64_t b = join(world, 90);
        world.run_until(5 * kSecond);
        const Handle first = leave(world, a);
        world.run_until(6 * kSecond);
        const Handle second = leave(world, b);
        const double of_a = settled(world, first).sensors[0].energy;
        const double of_b = settled(world, second).sensors[0].energy;
        CHECK(of_a == doctest::Approx(60 + 30 + 30 + 30).epsilon(0.02));
        CHECK(of_b == doctest::Approx(30 + 90 + 60 + 90).epsilon(0.02));
        world.run_for(kSecond);
        check_books(world, 0, of_a + of_b);
        CHECK(world.meter->books().accounts[0].idle_w == doctest::Approx(60).epsilon(0.01));
    }
}

TEST_CASE("a floor is the lower quartile of idle pieces") {
    Floor floor;
    CHECK(floor.units_per_ns() == 0);
    floor.add(10, Floor::kPieceNs / 2);
    CHECK(floor.units_per_ns() == 0);
    for (int i = 0; i < 100; ++i) {
        floor.add(i % 2 == 0 ? 2e7 : 6e7, Floor::kPieceNs);
    }
    CHECK(floor.units_per_ns() == doctest::Approx(1));
}

TEST_CASE("short requests under a slower counter: the mean is right where power is constant") {
    World world;
    world.add(rapl(constant(100)));
    world.build();
    double sum = 0;
    double seconds = 0;
    std::vector<Handle> ended;
    for (int i = 0; i < 10'000; ++i) {
        const std::uint64_t token = join(world);
        world.run_for(200 * kMicrosecond);
        ended.push_back(leave(world, token));
        world.run_for(static_cast<std::int64_t>(1e6 * hash01(static_cast<std::uint64_t>(i), 5)));
    }
    for (const Handle handle : ended) {
        const RequestFigures figures = settled(world, handle);
        sum += figures.sensors[0].energy;
        seconds += static_cast<double>(figures.end_ns - figures.start_ns) * 1e-9;
    }
    CHECK(sum == doctest::Approx(100 * seconds).epsilon(0.01));
    check_books(world, 0, sum);
}

TEST_CASE("what is stated covers what is wrong") {
    World world;
    FakeCounter& counter = world.add(rapl(llm_requests(3)));
    world.build();
    int covered = 0;
    constexpr int kCount = 400;
    const std::uint64_t always = join(world);
    for (int i = 0; i < kCount; ++i) {
        world.run_for(
            static_cast<std::int64_t>(20e6 + 20e6 * hash01(static_cast<std::uint64_t>(i), 11)));
        const std::uint64_t token = join(world);
        world.run_for(
            static_cast<std::int64_t>(1e6 + 30e6 * hash01(static_cast<std::uint64_t>(i), 12)));
        const RequestFigures figures = settled(world, leave(world, token));
        const double truth = counter.truth(figures.start_ns, figures.end_ns) / 2;
        const PortionFigures& own = figures.sensors[0];
        covered +=
            std::abs(own.energy - truth) <= 2 * std::hypot(own.timing, own.quantisation) ? 1 : 0;
    }
    CHECK(covered >= 0.95 * kCount);
    (void)settled(world, leave(world, always));
}

namespace {

/// One random life of a meter: joins, leaves, weights, phases and pauses, wraps, lost and failing
/// sensors, hang-ups, late events. Checks that nothing is lost or made.
void random_schedule(std::uint64_t seed) {
    std::mt19937_64 dice(seed);
    std::uniform_real_distribution<double> part(0, 1);
    World world(seed % 5 == 0 ? PaceMode::fixed : PaceMode::events);
    world.options.split.split = seed % 2 == 0 ? Split::fair : Split::marginal;
    if (seed % 4 == 1) {
        world.options.split.idle_w = {NAN, 100 * part(dice)};
    }
    std::vector<FakeCounter*> counters;
    for (int i = 0; i < 2; ++i) {
        CounterShape shape = rapl(i == 0 ? square(30, 200, 0.004 + 0.05 * part(dice)) : llm_like());
        shape.period_ns = i == 0 ? kMillisecond : 20 * kMillisecond;
        shape.hint_ns = shape.period_ns;
        shape.seed = seed;
        if (seed % 3 == 0) {
            shape.modulus = i == 0 ? 1U << 20 : 1U << 24;  // wraps each 0.4 to 2 s, or 10 s
            shape.start = shape.modulus - 1000;
        }
        counters.push_back(&world.add(shape, "sensor" + std::to_string(i)));
    }
    world.build();
    std::vector<std::uint64_t> open;
    std::vector<Handle> ended;
    const int steps = 20 + static_cast<int>(dice() % 60);
    for (int i = 0; i < steps; ++i) {
        const auto any = [&] { return open[dice() % open.size()]; };
        const auto weight = static_cast<float>(std::pow(10.0, -6 + 12 * part(dice)));
        const std::vector<float> factors{part(dice) < 0.2 ? 0.0F : 1.0F,
                                         part(dice) < 0.2 ? 0.0F : 2.5F};
        const auto what = open.empty() ? 0 : dice() % 9;
        switch (what) {
            case 0:
            case 1:
                open.push_back(join(world, weight, &factors));
                break;
            case 2:
            case 3: {
                const std::size_t which = dice() % open.size();
                ended.push_back(leave(world, open[which]));
                open.erase(open.begin() + static_cast<std::ptrdiff_t>(which));
                break;
            }
            case 4:
                world.meter->weigh(Requests::handle(any()), part(dice) < 0.2 ? 0 : weight);
                break;
            case 5:
                world.meter->phase(Requests::handle(any()), dice() % 9);
                break;
            case 6:
                world.meter->set_idle(Requests::handle(any()), dice() % 2 == 0);
                break;
            case 7:
                counters[dice() % 2]->status =
                    std::array{Status::ok, Status::ok, Status::retry, Status::lost}[dice() % 4];
                break;
            default:
                if (dice() % 4 == 0) {
                    world.clock.suspend(kSecond);
                }
                break;
        }
        world.woken();
        world.run_for(static_cast<std::int64_t>(std::pow(10.0, 8 * part(dice))));
    }
    while (!open.empty()) {
        ended.push_back(leave(world, open.back()));
        open.pop_back();
    }
    for (FakeCounter* counter : counters) {
        counter->status = dice() % 2 == 0 ? Status::ok : counter->status;
    }
    Twofold sums[2];
    for (const Handle handle : ended) {
        const RequestFigures figures = settled(world, handle);
        for (std::size_t s = 0; s < 2; ++s) {
            const PortionFigures& own = figures.sensors[s];
            sums[s] += Twofold(own.energy);
            double phases = 0;
            for (const double joules : own.by_phase) {
                phases += joules;
            }
            CHECK(std::abs(phases - own.energy) <= 1e-9 * (own.energy + 1e-9));
            CHECK(own.energy >= -1e-9);
            CHECK(std::isfinite(own.timing));
        }
    }
    check_books(world, 0, sums[0].value());
    check_books(world, 1, sums[1].value());
}

}  // namespace

TEST_CASE("nothing is lost or made: 2,000 random lives") {
    for (std::uint64_t seed = 1; seed <= 2000; ++seed) {
        CAPTURE(seed);
        random_schedule(seed);
    }
}

TEST_CASE("windows of a recording with requests in it come out to the last bit") {
    const std::string path =
        "/tmp/microjoule-requests-" + std::to_string(static_cast<long>(getpid())) + ".txt";
    std::vector<Figures> seen;
    {
        World world;
        world.record = path;
        world.add(rapl(llm_requests(5)));
        world.build();
        std::vector<std::uint64_t> open;
        for (std::uint64_t i = 0; i < 60; ++i) {
            const std::uint64_t window = world.begin();
            open.push_back(join(world, static_cast<float>(1 + i % 5)));
            world.run_for(static_cast<std::int64_t>(30e6 * hash01(i, 3)));
            world.meter->phase(Requests::handle(open[i / 2]), i % 9);
            world.meter->weigh(Requests::handle(open[i / 2]), 2);
            world.meter->set_idle(Requests::handle(open[i / 3]), i % 2 == 0);
            if (i % 2 == 0) {
                (void)settled(world, leave(world, open[i / 2]));
            }
            seen.push_back(world.settle(world.end(window)));
        }
    }
    const Recording recording = read_recording(path);
    std::remove(path.c_str());
    const std::vector<Figures> again = rerun(recording);
    REQUIRE(again.size() == seen.size());
    for (std::size_t i = 0; i < seen.size(); ++i) {
        CHECK(again[i].sensors[0].energy == seen[i].sensors[0].energy);
        CHECK(again[i].sensors[0].timing == seen[i].sensors[0].timing);
    }
}
