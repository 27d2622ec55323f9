#include <doctest/doctest.h>

#include <initializer_list>

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

TEST_CASE("at every start and step around the modulus the delta is exact to a unit") {
    for (const std::uint64_t modulus :
         {std::uint64_t{7}, std::uint64_t{64}, std::uint64_t{1000}, (std::uint64_t{1} << 32),
          std::uint64_t{262143328911}, (std::uint64_t{1} << 48), UINT64_MAX}) {
        // Time enough for nearly a whole turn, and not for one.
        const double power = 1.0;
        const double unit = 1e-6;
        const std::uint64_t reach = modulus < 200 ? modulus - 1 : 99;
        const double ns = static_cast<double>(modulus < 200 ? modulus - 1 : 150) * unit * 1e9;
        const auto elapsed = static_cast<std::int64_t>(ns);
        for (std::uint64_t from = 0; from <= reach; ++from) {
            const std::uint64_t start = modulus < 200 ? from : modulus - 1 - from;
            for (std::uint64_t step = 1; step <= reach; ++step) {
                Counter counter(modulus, unit, power);
                counter.feed(start, 0);
                const bool wraps = step >= modulus - start;
                const std::uint64_t raw = wraps ? step - (modulus - start) : start + step;
                const auto got = counter.feed(raw, elapsed);
                REQUIRE(got.step == (wraps ? Step::wrapped : Step::advanced));
                REQUIRE(got.delta == step);
                REQUIRE_FALSE(got.ambiguous);
            }
        }
    }
}

TEST_CASE("two wraps that nobody saw are marked, and only what was seen is counted") {
    for (const std::uint64_t wraps : {1, 2, 3, 10}) {
        for (std::uint64_t start = 0; start < 1000; start += 37) {
            for (std::uint64_t rest = 1; rest < 1000; rest += 41) {
                Counter counter(1000, 1e-3, 1);  // wraps each second at 1 W
                counter.feed(start, 0);
                const std::uint64_t total = wraps * 1000 + rest;
                const auto elapsed = static_cast<std::int64_t>(total) * kMillisecond;
                const auto got = counter.feed((start + total) % 1000, elapsed);
                REQUIRE(got.ambiguous);
                REQUIRE(got.delta == rest);
            }
        }
    }
}
