#include <doctest/doctest.h>

#include "microjoule/clock.h"
#include "microjoule/peak.h"

using namespace microjoule;

TEST_CASE("the highest 1 s mean since any start") {
    Peak peak;
    double energy = 0;
    std::int64_t t = 10 * kSecond;
    peak.add(t, energy);
    const auto run = [&](double watts, int seconds) {
        for (int i = 0; i < 4 * seconds; ++i) {
            t += Peak::kMarkNs;
            energy += watts * 0.25;
            peak.add(t, energy);
        }
    };
    run(100, 3);
    run(200, 2);
    const std::int64_t after_peak = t;
    run(50, 3);
    run(80, 2);
    CHECK(peak.highest_since(0) == doctest::Approx(200));
    CHECK(peak.highest_since(after_peak) == doctest::Approx(80));
    CHECK(peak.highest_since(t) < 0);
}

TEST_CASE("a break in the marks starts the mean anew") {
    Peak peak;
    peak.add(0, 0);
    peak.add(10 * kSecond, 1e6);
    for (int i = 1; i <= 4; ++i) {
        peak.add(10 * kSecond + i * Peak::kMarkNs, 1e6 + i);
    }
    CHECK(peak.highest_since(0) == doctest::Approx(4));
}
