#include "microjoule/period.h"

#include <algorithm>
#include <cmath>

namespace microjoule {
namespace {

// A stretch of so many periods tells more of their mean than its ends blur.
constexpr double kStretch = 8;
// The clock of a counter may wander by this share of its period: no mean is better known.
constexpr double kWander = 2e-4;

constexpr double kHidden = 0.25;

// So many reads that all show a change are no accident.
constexpr int kRun = 8;

}  // namespace

void Period::read(bool changed, std::int64_t since_ns) noexcept {
    if (!changed) {
        run_ = 0;
        run_longest_ns_ = 0;
        every_ns_ = since_ns >= every_ns_ ? INT64_MAX : every_ns_;
        return;
    }
    run_longest_ns_ = std::max(run_longest_ns_, since_ns);
    if (++run_ == kRun) {
        every_ns_ = std::min(every_ns_, run_longest_ns_);
        run_ = 0;
        run_longest_ns_ = 0;
    }
}

std::int64_t Period::oldest_ns() const noexcept {
    return steady() ? longest_ns() : every_ns_;
}

void Period::changed(std::int64_t at_ns, std::int64_t bracket_ns) noexcept {
    const Change change{at_ns, static_cast<double>(bracket_ns)};
    const Change before = last_;
    last_ = change;
    if (before.at_ns == 0) {
        return;
    }
    const Gap gap{at_ns - before.at_ns, std::max(change.bracket_ns, before.bracket_ns)};
    // Only gaps that both reads resolve say something about the period.
    if (bracket_ns > 0 && 5 * gap.bracket_ns <= 2 * static_cast<double>(gap.length_ns)) {
        add(gap);
    }
    if (steady() && 4 * change.bracket_ns <= static_cast<double>(period_ns_)) {
        sharpen(change);
    }
}

void Period::add(Gap gap) noexcept {
    gaps_[count_ % kKept] = gap;
    ++count_;
    if (count_ < 3) {
        return;
    }
    const std::size_t n = std::min(count_, kKept);
    std::array<std::int64_t, kKept> sorted{};
    std::transform(gaps_.begin(), gaps_.begin() + static_cast<std::ptrdiff_t>(n), sorted.begin(),
                   [](const Gap& one) { return one.length_ns; });
    const auto end = sorted.begin() + static_cast<std::ptrdiff_t>(n);
    const auto middle = sorted.begin() + static_cast<std::ptrdiff_t>(n / 2);
    std::nth_element(sorted.begin(), middle, end);
    const std::int64_t median = *middle;
    // Reads quantise each gap, and their mean does not; the median only says which gaps to trust.
    double sum = 0;
    double squares = 0;
    double blur = 0;
    std::size_t used = 0;
    std::size_t whole = 0;  // near the median, or a number of updates was lost
    for (std::size_t i = 0; i < n; ++i) {
        const std::int64_t off = gaps_[i].length_ns - median;
        const std::int64_t lost = (gaps_[i].length_ns + median / 2) / median - 1;
        whole += 4 * std::abs(off - lost * median) <= median ? 1 : 0;
        if (4 * std::abs(off) <= median) {
            const auto value = static_cast<double>(off);
            sum += value;
            squares += value * value;
            // Each end of a gap is known to a bracket only: uniform, variance w^2 / 12 apiece.
            blur += gaps_[i].bracket_ns * gaps_[i].bracket_ns / 6;
            ++used;
        }
    }
    steady_ = 4 * used >= 3 * n || (2 * used >= n && 8 * whole >= 7 * n);
    const auto count = static_cast<double>(used);
    const double mean = sum / count;
    const double variance = std::max(0.0, squares / count - mean * mean);
    // Brackets hide a jitter that is much smaller than they are, more so where reads keep in step.
    const double floor_ns =
        std::max(0.005 * static_cast<double>(median), kHidden * std::sqrt(blur / count));
    jitter_ns_ = std::max(floor_ns, std::sqrt(std::max(0.0, variance - blur / count)));
    longest_ns_ = *std::max_element(sorted.begin(), end);
    if (!steady_) {
        sharpened_ = false;
    }
    if (!sharpened_) {
        period_ns_ = median + static_cast<std::int64_t>(mean);
        mean_sigma_ns_ = std::sqrt(std::max(variance, floor_ns * floor_ns) / count);
    }
}

void Period::sharpen(const Change& change) noexcept {
    const Change base = base_;
    const auto length = static_cast<double>(change.at_ns - base.at_ns);
    const auto period = static_cast<double>(period_ns_);
    const double n = std::round(length / period);
    const double ends = std::hypot(change.bracket_ns, base.bracket_ns) / std::sqrt(12.0);
    const double strayed = std::hypot(jitter_ns_ * std::sqrt(n), ends);
    const bool countable = base.at_ns != 0 && std::hypot(n * mean_sigma_ns_, strayed) < period / 6;
    if (countable && n < kStretch) {
        return;
    }
    base_ = change;
    if (!countable) {
        return;
    }
    const double seen = strayed / n;
    const double weight =
        mean_sigma_ns_ * mean_sigma_ns_ / (mean_sigma_ns_ * mean_sigma_ns_ + seen * seen);
    period_ns_ += static_cast<std::int64_t>(std::llround(weight * (length / n - period)));
    mean_sigma_ns_ = std::max(mean_sigma_ns_ * std::sqrt(1 - weight), kWander * period);
    sharpened_ = true;
}

double Period::noise_ns(std::int64_t periods) const noexcept {
    const auto n = static_cast<double>(periods);
    return std::hypot(jitter_ns_ * std::sqrt(n), mean_sigma_ns_ * n);
}

std::int64_t Period::longest_ns() const noexcept {
    return known() && !steady_ ? longest_ns_
                               : period_ns_ + static_cast<std::int64_t>(3.0 * jitter_ns_);
}

}  // namespace microjoule
