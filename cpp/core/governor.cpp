#include "microjoule/governor.h"

#include <algorithm>

namespace microjoule {
namespace {

// A single look is noisy (a cold cache, a burst); it moves the estimate by this much.
constexpr double kSmoothing = 0.3;
// Aim below the limit, so that noise does not carry the mean above it.
constexpr double kMargin = 0.95;
constexpr double kLongest = 1000;

}  // namespace

void Governor::observe(std::int64_t now_ns, std::int64_t cpu_ns) noexcept {
    const auto elapsed = static_cast<double>(now_ns - since_ns_);
    const auto used = static_cast<double>(cpu_ns - cpu_ns_);
    const bool first = since_ns_ == 0;
    since_ns_ = now_ns;
    cpu_ns_ = cpu_ns;
    if (first || elapsed <= 0) {
        return;
    }
    const double base = used / elapsed * stretch_;
    // Up at once, down slowly: a costly pace must not go on while an average makes up its mind.
    base_ = base > base_ ? base : base_ + kSmoothing * (base - base_);
    debt_ns_ = std::clamp(debt_ns_ + used - limit_ * elapsed, 0.0,
                          limit_ * static_cast<double>(kHorizonNs));
    const double allowed =
        std::max(0.2 * limit_, kMargin * limit_ - debt_ns_ / static_cast<double>(kHorizonNs));
    stretch_ = std::clamp(base_ / allowed, 1.0, kLongest);
}

}  // namespace microjoule
