#include <doctest/doctest.h>

#include "microjoule/clock.h"
#include "microjoule/timeline.h"

using namespace microjoule;

namespace {

SensorInfo counter_info() {
    SensorInfo info;
    info.unit = 1e-3;
    return info;
}

Reading reading(std::int64_t at_ns, std::uint64_t raw, Status status = Status::ok) {
    Reading r;
    r.status = status;
    r.raw = raw;
    r.before_ns = at_ns - 1000;
    r.after_ns = at_ns + 1000;
    return r;
}

/// Reads a counter that goes up by 100 every millisecond, every `step_ns`, from `from` to `to`.
void feed(Timeline& timeline, std::int64_t from_ns, std::int64_t to_ns, std::int64_t step_ns) {
    for (std::int64_t t = from_ns; t < to_ns; t += step_ns) {
        timeline.feed(reading(t, static_cast<std::uint64_t>(t / kMillisecond) * 100), 0);
    }
}

double units(const EnergyAt& at) {
    return static_cast<double>(at.units) + at.frac;
}

}  // namespace

TEST_CASE("E(t) is anchored where the counter changed, not where it was read") {
    Timeline timeline(counter_info());
    feed(timeline, kSecond, kSecond + 10 * kMillisecond, 100 * kMicrosecond);
    REQUIRE(timeline.period().known());
    CHECK(timeline.period().period_ns() == doctest::Approx(kMillisecond).epsilon(0.11));
    const EnergyAt a = timeline.at(kSecond + 3'300'000);
    const EnergyAt b = timeline.at(kSecond + 7'800'000);
    CHECK(units(b) - units(a) == doctest::Approx(450).epsilon(0.03));
    CHECK(a.low <= a.units);
    CHECK(a.units <= a.high);
}

TEST_CASE("an answer stays what it was") {
    Timeline timeline(counter_info());
    feed(timeline, kSecond, kSecond + 5 * kMillisecond, 100 * kMicrosecond);
    const double before = units(timeline.at(kSecond + 2'500'000));
    feed(timeline, kSecond + 5 * kMillisecond, kSecond + 90 * kMillisecond, 90 * kMicrosecond);
    CHECK(units(timeline.at(kSecond + 2'500'000)) == before);
}

TEST_CASE("after a long sleep the unseen change is placed one period before the first seen one") {
    Timeline timeline(counter_info());
    feed(timeline, kSecond, kSecond + 8 * kMillisecond, 100 * kMicrosecond);
    // An event at 5.0003 s; the first read comes at 5.0005 s, the changes are at whole ms.
    const std::int64_t event = 5 * kSecond + 300 * kMicrosecond;
    CHECK_FALSE(timeline.ready(event, 2));
    feed(timeline, 5 * kSecond + 500 * kMicrosecond, 5 * kSecond + 4 * kMillisecond,
         100 * kMicrosecond);
    REQUIRE(timeline.ready(event, 2));
    const EnergyAt at = timeline.at(event);
    CHECK(units(at) == doctest::Approx(4000 * 100 + 30).epsilon(0.0001));
    CHECK(at.sigma_before_ns < 100'000);
}

TEST_CASE("a wake-up that comes after the next change looks back at the power it sees") {
    Timeline timeline(counter_info());
    feed(timeline, kSecond, kSecond + 8 * kMillisecond, 100 * kMicrosecond);
    const std::int64_t event = 5 * kSecond + 900 * kMicrosecond;
    feed(timeline, 5 * kSecond + 1'100'000, 5 * kSecond + 5 * kMillisecond, 100 * kMicrosecond);
    REQUIRE(timeline.ready(event, 2));
    CHECK(units(timeline.at(event)) == doctest::Approx(4000 * 100 + 90).epsilon(0.0001));
}

TEST_CASE("failed reads lose nothing: the counter went on") {
    Timeline timeline(counter_info());
    feed(timeline, kSecond, kSecond + 5 * kMillisecond, 100 * kMicrosecond);
    const EnergyAt start = timeline.at(kSecond + 2 * kMillisecond);
    timeline.feed(reading(kSecond + 6 * kMillisecond, 0, Status::retry), 0);
    feed(timeline, 2 * kSecond, 2 * kSecond + 5 * kMillisecond, 100 * kMicrosecond);
    const EnergyAt end = timeline.at(2 * kSecond + 2 * kMillisecond);
    CHECK(units(end) - units(start) == doctest::Approx(100'000).epsilon(0.001));
    CHECK(end.gap_ns == start.gap_ns);
}

TEST_CASE("a lost sensor leaves a gap, and what was said of it stays") {
    Timeline timeline(counter_info());
    feed(timeline, kSecond, kSecond + 5 * kMillisecond, 100 * kMicrosecond);
    const EnergyAt start = timeline.at(kSecond + 2 * kMillisecond);
    timeline.feed(reading(kSecond + 6 * kMillisecond, 0, Status::lost), 0);
    CHECK(timeline.lost());
    CHECK(timeline.ready(2 * kSecond, 2));
    const EnergyAt end = timeline.at(2 * kSecond);
    CHECK(end.gap_ns - start.gap_ns == doctest::Approx(0.996e9).epsilon(0.01));
    // It comes back having counted all the while: later windows see it, the earlier one does not.
    feed(timeline, 3 * kSecond, 3 * kSecond + 5 * kMillisecond, 100 * kMicrosecond);
    CHECK_FALSE(timeline.lost());
    CHECK(units(timeline.at(3 * kSecond + 2 * kMillisecond)) - units(end) > 190'000);
}

TEST_CASE("a gauge that was lost begins anew, also where its first value belongs to the past") {
    SensorInfo info = counter_info();
    info.shape = Shape::gauge;
    info.unit = 1e-9;
    info.period_hint_ns = 100 * kMillisecond;
    Timeline timeline(info);
    const auto feed = [&](std::int64_t ms, Status status) {
        timeline.feed(reading(kSecond + ms * kMillisecond, 10'000'000, status), kSecond);
    };
    feed(0, Status::ok);
    feed(100, Status::ok);
    feed(150, Status::lost);
    const EnergyAt a = timeline.at(kSecond + kSecond);
    feed(950, Status::ok);  // of before the time that was answered for
    feed(1050, Status::ok);
    feed(1150, Status::ok);
    const EnergyAt b = timeline.at(kSecond + 1100 * kMillisecond);
    CHECK(a.gap_ns == 900 * kMillisecond);
    CHECK(b.gap_ns == a.gap_ns);
    CHECK((units(b) - units(a)) * 1e-9 == doctest::Approx(10 * 0.1).epsilon(1e-6));
}

TEST_CASE("what flowed before a sensor's first value is a gap") {
    SensorInfo info = counter_info();
    info.shape = Shape::gauge;
    info.unit = 1e-9;
    Timeline timeline(info);
    const std::int64_t begin = kSecond - 60 * kMillisecond;
    CHECK(timeline.estimate(begin).gap_ns == 0);
    timeline.feed(reading(kSecond, 10'000'000), begin);
    timeline.feed(reading(kSecond + 10 * kMillisecond, 10'000'000), begin);
    const EnergyAt a = timeline.at(begin);
    const EnergyAt b = timeline.at(kSecond + 5 * kMillisecond);
    CHECK(b.gap_ns - a.gap_ns == 60 * kMillisecond);
    CHECK((units(b) - units(a)) * 1e-9 == doctest::Approx(10 * 5e-3));
}

TEST_CASE("a reset is a gap in E, never energy") {
    Timeline timeline(counter_info());
    feed(timeline, kSecond, kSecond + 5 * kMillisecond, 100 * kMicrosecond);
    const EnergyAt start = timeline.at(kSecond + 3 * kMillisecond);
    for (std::int64_t ms = 0; ms < 5; ++ms) {
        timeline.feed(
            reading(2 * kSecond + ms * kMillisecond, static_cast<std::uint64_t>(ms) * 100), 0);
    }
    const EnergyAt end = timeline.at(2 * kSecond + 2 * kMillisecond);
    CHECK(end.resets == 1);
    CHECK(units(end) - units(start) < 100 + 250);
    CHECK(end.gap_ns > 900 * kMillisecond);
}

TEST_CASE("a gauge is integrated, and idle time in which nobody asked is a gap") {
    SensorInfo info = counter_info();
    info.shape = Shape::gauge;
    info.unit = 1e-9;
    info.period_hint_ns = 100 * kMillisecond;
    Timeline timeline(info);
    const auto sample = [&](std::int64_t t, double watts, std::int64_t open) {
        timeline.feed(reading(t, static_cast<std::uint64_t>(watts * 1e6)), open);
    };
    for (int i = 0; i <= 10; ++i) {
        sample(kSecond + i * 100 * kMillisecond, 100, kSecond);
    }
    const EnergyAt first = timeline.at(kSecond + 1);
    const EnergyAt second = timeline.at(2 * kSecond);
    CHECK((units(second) - units(first)) * 1e-9 == doctest::Approx(100).epsilon(0.001));
    for (int i = 0; i <= 10; ++i) {
        sample(60 * kSecond + i * 100 * kMillisecond, 200, 60 * kSecond - kMillisecond);
    }
    const EnergyAt third = timeline.at(61 * kSecond);
    CHECK((units(third) - units(second)) * 1e-9 == doctest::Approx(200.2).epsilon(0.001));
    CHECK(third.gap_ns == doctest::Approx(58e9).epsilon(0.01));
}

TEST_CASE("a stepped source is exact at its reads") {
    SensorInfo info = counter_info();
    info.shape = Shape::stepped;
    Timeline timeline(info);
    timeline.feed(reading(kSecond, 500), 0);
    timeline.feed(reading(2 * kSecond, 1500), 0);
    CHECK(timeline.ready(2 * kSecond, 1));
    CHECK_FALSE(timeline.ready(2 * kSecond + 1, 1));
    CHECK(units(timeline.at(kSecond + 500 * kMillisecond)) == doctest::Approx(1000));
}

TEST_CASE("an estimate from two changes a nanosecond apart stays within an int64") {
    SensorInfo info = counter_info();
    info.unit = 0x1p-32;
    info.max_power_w = 10'000;
    Timeline timeline(info);
    // Two reads whose brackets overlap: the changes are put one nanosecond apart.
    timeline.feed(reading(kSecond, 0), 0);
    timeline.feed(reading(kSecond, 80'000'000'000), 0);
    const EnergyAt later = timeline.estimate(86'400 * kSecond);
    CHECK(later.units > 0);
    CHECK(later.low <= later.high);
}

TEST_CASE("energy beyond what an int64 holds is a gap and said, never less than before") {
    SensorInfo info = counter_info();
    info.unit = 0x1p-32;
    Timeline timeline(info);
    const std::uint64_t day = std::uint64_t{86'400'000} << 32;  // a kilowatt
    std::uint64_t raw = 0;
    for (std::int64_t i = 1; i <= 30; ++i, raw += day) {
        timeline.feed(reading(i * 86'400 * kSecond, raw), 0);
        timeline.feed(reading(i * 86'400 * kSecond + kMillisecond, raw), 0);
    }
    const EnergyAt before = timeline.estimate(24 * 86'400 * kSecond);
    const EnergyAt after = timeline.estimate(29 * 86'400 * kSecond);
    CHECK(before.resets == 0);
    CHECK(after.units > before.units);
    CHECK(after.resets > 0);
    CHECK(after.gap_ns > 3 * 86'400 * kSecond);
}

TEST_CASE("E(t) of a perf counter holds fifty years of a kilowatt") {
    SensorInfo info = counter_info();
    info.unit = 0x1p-22;
    Timeline timeline(info);
    const double year_j = 1000.0 * 365.25 * 86'400;
    const std::int64_t year_ns = 31'557'600 * kSecond;
    for (std::int64_t year = 0; year <= 50; ++year) {
        timeline.feed(
            reading(kSecond + year * year_ns,
                    static_cast<std::uint64_t>(static_cast<double>(year) * year_j / info.unit)),
            0);
    }
    const EnergyAt end = timeline.estimate(50 * year_ns);
    CHECK(end.gap_ns == 0);
    CHECK(end.resets == 0);
    CHECK(units(end) * info.unit == doctest::Approx(50 * year_j).epsilon(0.02));
}
