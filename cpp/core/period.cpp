#include "microjoule/period.h"

#include <algorithm>
#include <cmath>

namespace microjoule {

void Period::add(std::int64_t gap_ns, std::int64_t bracket_ns) noexcept {
    gaps_[count_ % kKept] = gap_ns;
    ++count_;
    if (count_ < 3) {
        return;
    }
    const std::size_t n = std::min(count_, kKept);
    std::array<std::int64_t, kKept> sorted = gaps_;
    const auto middle = sorted.begin() + static_cast<std::ptrdiff_t>(n / 2);
    std::nth_element(sorted.begin(), middle, sorted.begin() + static_cast<std::ptrdiff_t>(n));
    const std::int64_t median = *middle;
    // Reads quantise each gap, and their mean does not; the median only says which gaps to trust.
    double sum = 0;
    double squares = 0;
    std::size_t used = 0;
    for (std::size_t i = 0; i < n; ++i) {
        const std::int64_t off = gaps_[i] - median;
        if (4 * std::abs(off) <= median) {
            const auto value = static_cast<double>(off);
            sum += value;
            squares += value * value;
            ++used;
        }
    }
    const double mean = sum / static_cast<double>(used);
    period_ns_ = median + static_cast<std::int64_t>(mean);
    const double spread =
        std::sqrt(std::max(0.0, squares / static_cast<double>(used) - mean * mean));
    // Each end of a gap is known to a bracket only: uniform, variance w^2 / 12 apiece.
    const double bracket = static_cast<double>(bracket_ns);
    const double variance = spread * spread - bracket * bracket / 6.0;
    const double floor_ns = 0.005 * static_cast<double>(period_ns_);
    jitter_ns_ = std::max(floor_ns, std::sqrt(std::max(0.0, variance)));
}

std::int64_t Period::longest_ns() const noexcept {
    return period_ns_ + static_cast<std::int64_t>(3.0 * jitter_ns_);
}

}  // namespace microjoule
