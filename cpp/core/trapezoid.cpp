#include "microjoule/trapezoid.h"

#include <algorithm>
#include <cmath>

namespace microjoule {
namespace {

// Nothing that computes draws a megawatt: what says so is garbage (such as -1 shown without its
// sign), and no power at all.
constexpr std::uint64_t kMostUw = 1'000'000'000'000;
constexpr std::int64_t kMostNj = 9'200'000'000'000'000'000;

}  // namespace

void Trapezoid::add(std::int64_t t_ns, std::uint64_t power_uw) noexcept {
    if (power_uw > kMostUw) {
        return;
    }
    if (running_ && t_ns > last_ns_) {
        // uW x ns = 1e-15 J; a nanojoule is 1e6 of those.
        const double mean_uw =
            0.5 * (static_cast<double>(last_uw_) + static_cast<double>(power_uw));
        const double energy = mean_uw * static_cast<double>(t_ns - last_ns_) * 1e-6 + remainder_nj_;
        // The integral stops short of where an int64 ends, after 9.2 GJ.
        const double whole = std::min(std::floor(energy), static_cast<double>(kMostNj));
        energy_nj_ += std::min(static_cast<std::int64_t>(whole), kMostNj - energy_nj_);
        remainder_nj_ = energy - whole;
    }
    running_ = true;
    last_ns_ = t_ns;
    last_uw_ = power_uw;
}

}  // namespace microjoule
