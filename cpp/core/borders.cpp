#include "microjoule/borders.h"

#include <algorithm>
#include <utility>

namespace microjoule {

void Borders::schedule(std::vector<std::int64_t> t_ns) {
    due_ = std::move(t_ns);
    next_ = 0;
}

void Borders::add(std::int64_t t_ns, const std::vector<EnergyAt>& at) {
    if (passed_.size() >= kMost) {
        const auto half = static_cast<std::ptrdiff_t>(kMost / 2);
        passed_.erase(passed_.begin(), passed_.begin() + half);
        amounts_.erase(amounts_.begin(),
                       amounts_.begin() + half * static_cast<std::ptrdiff_t>(at.size()));
    }
    passed_.push_back(t_ns);
    for (const EnergyAt& energy : at) {
        amounts_.push_back({energy.units, energy.frac});
    }
}

void Borders::within(std::int64_t start_ns, std::int64_t end_ns, const std::vector<EnergyAt>& start,
                     const std::vector<SensorInfo>& sensors, std::vector<std::int64_t>& t_ns,
                     std::vector<double>& energy) const {
    const auto first = std::upper_bound(passed_.begin(), passed_.end(), start_ns);
    const auto last = std::lower_bound(first, passed_.end(), end_ns);
    t_ns.assign(first, last);
    const auto row = static_cast<std::size_t>(first - passed_.begin());
    for (std::size_t i = 0; i < t_ns.size(); ++i) {
        for (std::size_t s = 0; s < sensors.size(); ++s) {
            const Amount& amount = amounts_[(row + i) * sensors.size() + s];
            energy.push_back((static_cast<double>(amount.units - start[s].units) +
                              (amount.frac - start[s].frac)) *
                             sensors[s].unit);
        }
    }
}

}  // namespace microjoule
