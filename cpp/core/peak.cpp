#include "microjoule/peak.h"

#include <algorithm>

namespace microjoule {

void Peak::add(std::int64_t t_ns, double energy_j) {
    if (!marks_.empty() && t_ns - marks_.back().t_ns != kMarkNs) {
        marks_.clear();
    }
    marks_.push_back({t_ns, energy_j});
    if (marks_.size() <= kMarksPerMean) {
        return;
    }
    const Mark first = marks_.front();
    marks_.erase(marks_.begin());
    const double seconds = static_cast<double>(t_ns - first.t_ns) * 1e-9;
    const Mean mean{first.t_ns, (energy_j - first.energy_j) / seconds};
    while (!means_.empty() && means_.back().power_w <= mean.power_w) {
        means_.pop_back();
    }
    if (means_.size() >= kMost) {
        // Keep the highest of each pair in the older half: a query can only come out too low.
        std::size_t kept = 0;
        for (std::size_t i = 0; i < means_.size(); ++i) {
            if (i >= means_.size() / 2 || i % 2 == 0) {
                means_[kept++] = means_[i];
            }
        }
        means_.resize(kept);
    }
    means_.push_back(mean);
}

double Peak::highest_since(std::int64_t since_ns) const noexcept {
    const auto found =
        std::lower_bound(means_.begin(), means_.end(), since_ns,
                         [](const Mean& m, std::int64_t t) { return m.start_ns < t; });
    return found == means_.end() ? -1.0 : found->power_w;
}

}  // namespace microjoule
