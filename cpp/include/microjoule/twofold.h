#pragma once

#include <cmath>

namespace microjoule {

/// A number as the unevaluated sum of two doubles, some 106 bits: what is added a million times and
/// subtracted again comes out as it went in.
///
/// Dekker 1971, "A floating-point technique for extending the available precision"; Knuth, TAOCP
/// vol. 2, 4.2.2. Needs IEEE arithmetic: never compile this with -ffast-math.
struct Twofold {
    double hi = 0;
    double lo = 0;

    constexpr Twofold() = default;
    constexpr Twofold(double value) : hi(value) {}  // NOLINT: a double is one
    constexpr Twofold(double high, double low) : hi(high), lo(low) {}

    [[nodiscard]] double value() const noexcept { return hi + lo; }

    Twofold& operator+=(const Twofold& other) noexcept {
        const Twofold high = sum(hi, other.hi);
        const Twofold low = sum(lo, other.lo);
        const Twofold first = quick_sum(high.hi, high.lo + low.hi);
        *this = quick_sum(first.hi, first.lo + low.lo);
        return *this;
    }
    Twofold& operator-=(const Twofold& other) noexcept { return *this += -other; }
    Twofold operator-() const noexcept { return {-hi, -lo}; }

    friend Twofold operator+(Twofold a, const Twofold& b) noexcept { return a += b; }
    friend Twofold operator-(Twofold a, const Twofold& b) noexcept { return a -= b; }
    friend Twofold operator*(const Twofold& a, const Twofold& b) noexcept {
        const double high = a.hi * b.hi;
        const double low = std::fma(a.hi, b.hi, -high) + (a.hi * b.lo + a.lo * b.hi);
        return quick_sum(high, low);
    }
    friend Twofold operator/(const Twofold& a, const Twofold& b) noexcept {
        const double first = a.hi / b.hi;
        Twofold rest = a - b * Twofold(first);
        const double second = rest.hi / b.hi;
        rest -= b * Twofold(second);
        return quick_sum(first, second) + Twofold(rest.hi / b.hi);
    }

private:
    static Twofold sum(double a, double b) noexcept {
        const double s = a + b;
        const double of_b = s - a;
        return {s, (a - (s - of_b)) + (b - of_b)};
    }
    /// Where |a| >= |b|.
    static Twofold quick_sum(double a, double b) noexcept {
        const double s = a + b;
        return {s, b - (s - a)};
    }
};

}  // namespace microjoule
