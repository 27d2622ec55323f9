#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <random>
#include <vector>

#include "microjoule/attribution.h"

using namespace microjoule;

namespace {

using Stake = Attribution::Stake;

double sum_of(const std::vector<Stake>& stakes) {
    Twofold sum;
    for (const Stake& stake : stakes) {
        sum += Twofold(stake.taken);
    }
    return sum.value();
}

}  // namespace

TEST_CASE("two at once share by weight, and alone each has all") {
    Attribution device;
    device.start(0, 0, 0);
    Stake a;
    Stake b;
    device.join(a, Weight(1));
    device.move(10, 100, 0);
    device.join(b, Weight(3));
    device.move(20, 500, 0);
    CHECK(device.leave(a) == doctest::Approx(100 + 100));
    device.move(30, 600, 0.5);
    CHECK(device.leave(b) == doctest::Approx(300 + 100.5));
    device.move(40, 700, 0);
    CHECK(device.unattributed() == doctest::Approx(99.5));
    CHECK(device.total() == doctest::Approx(700));
    CHECK(device.attributed() == doctest::Approx(600.5));
}

TEST_CASE("who comes and goes at one instant takes nothing") {
    Attribution device;
    device.start(0, 0, 0);
    Stake a;
    Stake none;
    device.join(a, Weight(1));
    device.move(10, 100, 0);
    device.join(none, Weight(1000));
    CHECK(device.leave(none) == 0);
    device.move(20, 200, 0);
    CHECK(device.leave(a) == doctest::Approx(200));
    CHECK(device.leave(a) == 0);
}

TEST_CASE("no weight stays out and is not billed") {
    Attribution device;
    device.start(0, 0, 0);
    Stake queued;
    device.join(queued, Weight(0));
    device.join(queued, Weight(-1));
    device.join(queued, Weight(NAN));
    CHECK(device.active() == 0);
    device.move(10, 100, 0);
    CHECK(device.unattributed() == 100);
    CHECK(device.leave(queued) == 0);
    // It runs now, and is preempted for a while.
    CHECK(device.reweigh(queued, Weight(2)) == 0);
    device.move(20, 200, 0);
    CHECK(device.reweigh(queued, Weight(0)) == doctest::Approx(100));
    device.move(30, 300, 0);
    device.reweigh(queued, Weight(1));
    device.move(40, 400, 0);
    device.leave(queued);
    CHECK(queued.taken == doctest::Approx(200));
    CHECK(device.unattributed() == doctest::Approx(200));
}

TEST_CASE("weights keep six digits and are bounded") {
    for (const double weight : {1e-6, 3.14159e-5, 0.1, 1.0, 12345.678, 1e6}) {
        CHECK(Weight(weight).value() == doctest::Approx(weight).epsilon(1e-6));
    }
    CHECK(Weight(1e-12).value() == doctest::Approx(1e-6).epsilon(1e-6));
    CHECK(Weight(1e12).value() == 1e6);
    CHECK_FALSE(Weight());
}

TEST_CASE("a change of weight counts from its instant on, and parts add up") {
    Attribution device;
    device.start(0, 0, 0);
    Stake a;
    Stake b;
    device.join(a, Weight(1));
    device.join(b, Weight(1));
    device.move(10, 100, 0);
    const double prefill = device.reweigh(a, Weight(9));
    CHECK(prefill == doctest::Approx(50));
    device.move(20, 200, 0);
    const double decode = device.leave(a);
    CHECK(decode == doctest::Approx(90));
    CHECK(a.taken == doctest::Approx(prefill + decode));
    CHECK(device.share(b) == 1);
    device.leave(b);
    CHECK(b.taken == doctest::Approx(60));
}

TEST_CASE("with a floor the idle part goes by heads and the rest by weight") {
    Attribution device;
    device.set_floor(5);  // 50 steps in 10 ns
    device.start(0, 0, 0);
    Stake a;
    Stake b;
    device.join(a, Weight(1));
    device.join(b, Weight(4));
    device.move(10, 150, 0);
    CHECK(device.leave(a) == doctest::Approx(25 + 20));
    CHECK(device.leave(b) == doctest::Approx(25 + 80));
    SUBCASE("a device that draws less than its floor has no part above it") {
        device.join(a, Weight(1));
        device.join(b, Weight(4));
        device.move(20, 170, 0);
        CHECK(device.leave(a) == doctest::Approx(10));
        CHECK(device.leave(b) == doctest::Approx(10));
    }
}

TEST_CASE("the floor's split is the Shapley value of the game, instant by instant") {
    // Cost of a coalition: the floor if anybody is in it, plus the own parts.
    const std::vector<double> own{10, 20, 70};
    const double floor = 90;
    std::vector<double> shapley(3, 0);
    std::vector<int> order{0, 1, 2};
    int orders = 0;
    do {
        bool first = true;
        for (const int who : order) {
            shapley[who] += own[who] + (first ? floor : 0);
            first = false;
        }
        ++orders;
    } while (std::next_permutation(order.begin(), order.end()));
    Attribution device;
    device.set_floor(9);
    device.start(0, 0, 0);
    std::vector<Stake> stakes(3);
    for (int i = 0; i < 3; ++i) {
        device.join(stakes[i], Weight(own[i]));
    }
    device.move(10, 190, 0);
    for (int i = 0; i < 3; ++i) {
        CHECK(device.leave(stakes[i]) == doctest::Approx(shapley[i] / orders));
    }
}

TEST_CASE("equals get the same, whatever else goes on") {
    std::mt19937_64 dice(3);
    Attribution device;
    device.start(0, 0, 0);
    Stake a;
    Stake b;
    std::vector<Stake> others(50);
    device.join(a, Weight(2.5));
    device.join(b, Weight(2.5));
    std::int64_t units = 0;
    for (int i = 1; i < 10'000; ++i) {
        Stake& other = others[dice() % others.size()];
        other.weight ? device.leave(other)
                     : (device.join(other, Weight(1e-3 * (dice() % 1000))), 0);
        device.move(i, units += static_cast<std::int64_t>(dice() % 100), 0);
    }
    CHECK(device.leave(a) == device.leave(b));
}

TEST_CASE("nothing is lost or made: random schedules, weights from 1e-6 to 1e6") {
    for (std::uint64_t seed = 1; seed <= 300; ++seed) {
        std::mt19937_64 dice(seed);
        std::uniform_real_distribution<double> part(0, 1);
        Attribution device;
        if (seed % 3 == 0) {
            device.set_floor(part(dice) * 1000);
        }
        const auto start = static_cast<std::int64_t>(dice() >> 12);
        device.start(0, start, part(dice));
        std::vector<Stake> stakes(1 + dice() % 200);
        std::int64_t units = start;
        std::int64_t t_ns = 0;
        const int steps = 200 + static_cast<int>(dice() % 2000);
        for (int i = 0; i < steps; ++i) {
            Stake& stake = stakes[dice() % stakes.size()];
            const Weight weight(std::pow(10.0, -6 + 12 * part(dice)));
            switch (dice() % 4) {
                case 0:
                    device.leave(stake);
                    break;
                case 1:
                    device.reweigh(stake, weight);
                    break;
                case 2:
                    device.collect(stake);
                    break;
                default:
                    if (!stake.weight) {
                        device.join(stake, weight);
                    }
                    break;
            }
            units += static_cast<std::int64_t>(std::pow(10.0, 9 * part(dice)));
            t_ns += static_cast<std::int64_t>(dice() % 1'000'000);
            device.move(t_ns, units, part(dice));
        }
        const double total = device.total();
        double open = 0;
        for (const Stake& stake : stakes) {
            open += device.open(stake);
        }
        CHECK(device.open() == doctest::Approx(open).epsilon(1e-9));
        CHECK(std::abs(sum_of(stakes) + open + device.unattributed() - total) <= 1e-9 * total);
        for (Stake& stake : stakes) {
            device.leave(stake);
        }
        CHECK(device.active() == 0);
        CHECK(device.open() == 0);
        CHECK(std::abs(sum_of(stakes) + device.unattributed() - total) <= 1e-12 * total);
        CHECK(std::abs(device.attributed() + device.unattributed() - total) <= 1e-12 * total);
    }
}

TEST_CASE("a million requests on a device that is never empty") {
    Attribution device;
    device.start(0, 0, 0);
    Stake always;
    device.join(always, Weight(1e-6));
    std::vector<Stake> ring(100);
    Twofold sum;
    std::int64_t units = 0;
    for (int i = 0; i < 1'000'000; ++i) {
        Stake& stake = ring[static_cast<std::size_t>(i) % ring.size()];
        sum += Twofold(device.leave(stake));
        stake = Stake();
        device.join(stake, Weight(i % 2 == 0 ? 1e6 : 1e-6));
        device.move(i, units += 1 + i % 1000, 0);
    }
    for (Stake& stake : ring) {
        sum += Twofold(device.leave(stake));
    }
    sum += Twofold(device.leave(always));
    CHECK(device.unattributed() == 0);
    CHECK(std::abs(sum.value() - device.total()) <= 1e-12 * device.total());
}

TEST_CASE("twofold numbers keep what doubles lose") {
    Twofold sum(1e16);
    for (int i = 0; i < 1000; ++i) {
        sum += Twofold(0.1);
    }
    sum -= Twofold(1e16);
    CHECK(sum.value() == doctest::Approx(100).epsilon(1e-12));
    const Twofold third = Twofold(1) / Twofold(3);
    CHECK(std::abs((third * Twofold(3) - Twofold(1)).value()) < 1e-30);
}
