#include <doctest/doctest.h>

#include "microjoule/clock.h"
#include "microjoule/counter.h"

using namespace microjoule;

TEST_CASE("a counter tells its steps apart") {
    Counter counter(1000, 1e-3, 2000);  // 1 mJ units, wraps at 1 J
    CHECK(counter.feed(10, 0).step == Step::first);
    CHECK(counter.feed(10, kMillisecond).step == Step::unchanged);

    const auto up = counter.feed(30, kMillisecond / 10);
    CHECK(up.step == Step::advanced);
    CHECK(up.delta == 20);
    CHECK_FALSE(up.ambiguous);
}

TEST_CASE("a wrap is exact at the modulus, not one unit short") {
    Counter counter(1000, 1e-3, 2000);
    counter.feed(995, 0);
    const auto wrapped = counter.feed(5, kMillisecond / 10);
    CHECK(wrapped.step == Step::wrapped);
    CHECK(wrapped.delta == 10);
}

TEST_CASE("powercap's true range wraps at 2^32 units") {
    const std::uint64_t modulus = 262143328850ULL + 61;  // range x 2^32 / (2^32 - 1)
    Counter counter(modulus, 1e-6, 2000);
    counter.feed(modulus - 100, 0);
    const auto wrapped = counter.feed(50, kMillisecond);
    CHECK(wrapped.step == Step::wrapped);
    CHECK(wrapped.delta == 150);
}

TEST_CASE("what no power explains is a reset, not energy") {
    SUBCASE("backwards, and the wrapped difference is too large") {
        Counter counter(1'000'000'000, 1e-6, 2000);
        counter.feed(500'000'000, 0);
        CHECK(counter.feed(0, kMillisecond).step == Step::reset);
    }
    SUBCASE("forwards faster than the highest power") {
        Counter counter(0, 1e-6, 2000);
        counter.feed(0, 0);
        CHECK(counter.feed(10'000'000, kMillisecond).step == Step::reset);
    }
    SUBCASE("a counter that never wraps goes backwards") {
        Counter counter(0, 1e-6, 2000);
        counter.feed(10, 0);
        CHECK(counter.feed(9, kSecond).step == Step::reset);
    }
}

TEST_CASE("so long a gap that a wrap may have gone unseen is marked") {
    Counter counter(1'000'000, 1e-6, 2000);  // wraps after 0.5 ms at 2 kW
    counter.feed(0, 0);
    const auto step = counter.feed(100, kSecond);
    CHECK(step.step == Step::advanced);
    CHECK(step.delta == 100);
    CHECK(step.ambiguous);
}

TEST_CASE("the wrap-safe pace is half the time to a wrap at full power, at most 30 s") {
    CHECK(Counter(0, 1e-6, 2000).wrap_safe_ns() == 30 * kSecond);
    CHECK(Counter(262143328911ULL, 1e-6, 2000).wrap_safe_ns() == 30 * kSecond);
    CHECK(Counter(40'000'000'000ULL, 1e-6, 2000).wrap_safe_ns() == 10 * kSecond);
}

TEST_CASE("a counter that takes for ever to wrap may be left alone for the longest time") {
    CHECK(Counter(UINT64_MAX, 1.0, 0.5).wrap_safe_ns() == 30 * kSecond);
    CHECK(Counter(1000, 1.0, 0).wrap_safe_ns() == 30 * kSecond);
}
