#include "microjoule/bracket.h"

#include <cmath>

namespace microjoule {
namespace {

constexpr double kSqrt12 = 3.4641016151377544;

double between(std::int64_t from, std::int64_t to) noexcept {
    return static_cast<double>(to - from);
}

}  // namespace

Bracket Bracket::shifted(std::int64_t by_ns, double noise_ns) const noexcept {
    return {lo_ns + by_ns, hi_ns + by_ns, std::hypot(lo_soft_ns, noise_ns),
            std::hypot(hi_soft_ns, noise_ns)};
}

Bracket Bracket::narrowed(const Bracket& other) const noexcept {
    Bracket out = *this;
    if (between(lo_ns, other.lo_ns) > other.lo_soft_ns - lo_soft_ns) {
        out.lo_ns = other.lo_ns;
        out.lo_soft_ns = other.lo_soft_ns;
    }
    if (between(other.hi_ns, hi_ns) > other.hi_soft_ns - hi_soft_ns) {
        out.hi_ns = other.hi_ns;
        out.hi_soft_ns = other.hi_soft_ns;
    }
    return out;
}

Instant Bracket::instant() const noexcept {
    const double width = between(lo_ns, hi_ns);
    const double soft = lo_soft_ns + hi_soft_ns;
    const double share = width >= 0 || soft <= 0 ? 0.5 : lo_soft_ns / soft;
    // Both ends came the same way as a rule: their errors are one.
    return {lo_ns + static_cast<std::int64_t>(share * width),
            std::hypot(width / kSqrt12, soft / 2)};
}

}  // namespace microjoule
