#include "microjoule/trapezoid.h"

#include <cmath>

namespace microjoule {

void Trapezoid::add(std::int64_t t_ns, std::uint64_t power_uw) noexcept {
    if (running_ && t_ns > last_ns_) {
        // uW x ns = 1e-15 J; a nanojoule is 1e6 of those.
        const double mean_uw =
            0.5 * (static_cast<double>(last_uw_) + static_cast<double>(power_uw));
        const double energy = mean_uw * static_cast<double>(t_ns - last_ns_) * 1e-6 + remainder_nj_;
        const double whole = std::floor(energy);
        energy_nj_ += static_cast<std::int64_t>(whole);
        remainder_nj_ = energy - whole;
    }
    running_ = true;
    last_ns_ = t_ns;
    last_uw_ = power_uw;
}

}  // namespace microjoule
