#include "microjoule/counter.h"

#include <algorithm>

#include "microjoule/clock.h"

namespace microjoule {

Counter::Counter(std::uint64_t modulus, double unit_j, double max_power_w) noexcept
    : modulus_(modulus), steps_per_ns_max_(max_power_w / unit_j * 1e-9) {}

Counter::Result Counter::feed(std::uint64_t raw, std::int64_t elapsed_ns) noexcept {
    if (!seen_) {
        seen_ = true;
        last_ = raw;
        return {Step::first, 0, false};
    }
    const std::uint64_t previous = last_;
    last_ = raw;
    if (raw == previous) {
        return {Step::unchanged, 0, false};
    }
    const double plausible =
        steps_per_ns_max_ * static_cast<double>(std::max<std::int64_t>(elapsed_ns, 0));
    const bool ambiguous = modulus_ != 0 && plausible >= static_cast<double>(modulus_);
    if (raw > previous) {
        const std::uint64_t delta = raw - previous;
        if (static_cast<double>(delta) > plausible) {
            return {Step::reset, 0, false};
        }
        return {Step::advanced, delta, ambiguous};
    }
    // A value at or above the modulus cannot come from this counter: a reset, not a wrap.
    if (modulus_ == 0 || previous >= modulus_) {
        return {Step::reset, 0, false};
    }
    const std::uint64_t delta = modulus_ - previous + raw;
    if (static_cast<double>(delta) > plausible) {
        return {Step::reset, 0, false};
    }
    return {Step::wrapped, delta, ambiguous};
}

std::int64_t Counter::wrap_safe_ns() const noexcept {
    constexpr std::int64_t kLongest = 30 * kSecond;
    constexpr std::int64_t kShortest = 100 * kMicrosecond;
    if (modulus_ == 0) {
        return kLongest;
    }
    const double half = 0.5 * static_cast<double>(modulus_) / steps_per_ns_max_;
    // Compared as it is: a wide counter of small steps may take longer than an int64 can say.
    return half >= static_cast<double>(kLongest)
               ? kLongest
               : std::max(static_cast<std::int64_t>(half), kShortest);
}

}  // namespace microjoule
