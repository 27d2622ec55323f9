#include <doctest/doctest.h>

#include <initializer_list>

#include "microjoule/clock.h"
#include "microjoule/trapezoid.h"

using namespace microjoule;

TEST_CASE("uneven samples of a ramp integrate exactly") {
    Trapezoid trapezoid;
    for (const std::int64_t ms : {0, 1, 5, 6, 20, 100}) {
        trapezoid.add(ms * kMillisecond, static_cast<std::uint64_t>(ms) * 1'000'000);  // 1 W a ms
    }
    CHECK(trapezoid.energy_nj() == 5'000'000'000);  // 50 W mean over 0.1 s
}

TEST_CASE("a gap is not integrated across") {
    Trapezoid trapezoid;
    trapezoid.add(0, 100'000'000);
    trapezoid.add(kSecond, 100'000'000);
    trapezoid.interrupt();
    trapezoid.add(100 * kSecond, 100'000'000);
    trapezoid.add(101 * kSecond, 100'000'000);
    CHECK(trapezoid.energy_nj() == 200'000'000'000);
}

TEST_CASE("what is below a nanojoule is carried, not lost") {
    Trapezoid trapezoid;
    for (std::int64_t i = 0; i <= 1'000'000; ++i) {
        trapezoid.add(i, 333'333);  // a third of a watt, every nanosecond
    }
    CHECK(trapezoid.energy_nj() == doctest::Approx(333'333.0).epsilon(1e-5));
}

TEST_CASE("a sample that no machine can draw is left out, and a full integral stays full") {
    Trapezoid trapezoid;
    trapezoid.add(0, 100'000'000);
    trapezoid.add(kSecond, UINT64_MAX);
    CHECK(trapezoid.energy_nj() == 0);
    trapezoid.add(2 * kSecond, 100'000'000);
    CHECK(trapezoid.energy_nj() == 200'000'000'000);
    for (std::int64_t day = 1; day < 30; ++day) {
        trapezoid.add(day * 86'400 * kSecond, 1'000'000'000'000);
    }
    CHECK(trapezoid.energy_nj() == 9'200'000'000'000'000'000);
}
