#include <doctest/doctest.h>

#include "microjoule/clock.h"
#include "microjoule/period.h"
#include "simulation.h"

using namespace microjoule;

TEST_CASE("the update period is learnt, and lost updates do not move it") {
    Period period(10 * kMillisecond);
    CHECK_FALSE(period.known());
    std::int64_t t = kSecond;
    for (std::uint64_t i = 0; i < 40; ++i) {
        const auto jitter = static_cast<std::int64_t>(40'000 * (simulation::hash01(i, 3) - 0.5));
        t += kMillisecond + jitter + (i % 10 == 0 ? kMillisecond : 0);
        period.changed(t, 10 * kMicrosecond);
    }
    CHECK(period.known());
    CHECK(period.period_ns() == doctest::Approx(kMillisecond).epsilon(0.02));
    CHECK(period.jitter_ns() < 40'000);
    CHECK(period.longest_ns() < 1'150'000);
}
