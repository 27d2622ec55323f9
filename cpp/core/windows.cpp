#include "microjoule/windows.h"

#include <algorithm>
#include <cmath>
#include <limits>

namespace microjoule {
namespace {

// Where the grid of updates slipped past the grid of reads in between, the one end was near the
// beginning of its bracket and the other near the end of its own: so far their errors are opposed.
constexpr double kOpposed = 0.5;

}  // namespace

void Trace::add(std::int64_t t, const std::vector<EnergyAt>& at,
                const std::vector<SensorInfo>& sensors) {
    if (t_ns.size() >= kMost) {
        std::size_t kept = 0;
        const std::size_t columns = sensors.size();
        for (std::size_t i = 0; i < t_ns.size(); i += 2, ++kept) {
            t_ns[kept] = t_ns[i];
            std::copy_n(energy.begin() + static_cast<std::ptrdiff_t>(i * columns), columns,
                        energy.begin() + static_cast<std::ptrdiff_t>(kept * columns));
        }
        t_ns.resize(kept);
        energy.resize(kept * columns);
        step_ns *= 2;
    }
    // One that found no memory is added again: the times say how many points there are.
    const std::size_t first = t_ns.size() * sensors.size();
    energy.resize(first + sensors.size());
    for (std::size_t s = 0; s < sensors.size(); ++s) {
        energy[first + s] = (static_cast<double>(at[s].units) + at[s].frac) * sensors[s].unit;
    }
    t_ns.push_back(t);
}

SensorFigures difference(const EnergyAt& start, const EnergyAt& end, std::int64_t late_ns,
                         const SensorInfo& info) noexcept {
    SensorFigures out;
    const double units = static_cast<double>(end.units - start.units) + (end.frac - start.frac);
    out.energy = units * info.unit;

    // The window's energy as a function of the anchors' times (slope) and values (weight).
    struct Share {
        std::int64_t anchor;
        double by_time;
        double by_value;
        double chain;
    };
    const std::array<Share, 4> shares{{
        {start.anchor, start.slope * (1 - start.lambda) * start.sigma_before_ns,
         -(1 - start.lambda), start.chain_before},
        {start.anchor + 1, start.slope * start.lambda * start.sigma_after_ns, -start.lambda,
         start.chain_after},
        {end.anchor, -end.slope * (1 - end.lambda) * end.sigma_before_ns, 1 - end.lambda,
         end.chain_before},
        {end.anchor + 1, -end.slope * end.lambda * end.sigma_after_ns, end.lambda, end.chain_after},
    }};
    // An anchor that both ends lean on has one error; anchors that were placed from each other have
    // the more of it in common the nearer they are on their chain.
    double timing = 0;
    double weight = 0;
    const double opposed = end.torn != start.torn ? kOpposed : 0;
    for (std::size_t i = 0; i < shares.size(); ++i) {
        for (std::size_t k = 0; k < shares.size(); ++k) {
            const Share& a = shares[i];
            const Share& b = shares[k];
            const double common = std::exp(-std::abs(a.chain - b.chain));
            const double against = (i < 2) == (k < 2) ? 0 : opposed * (1 - common);
            timing += a.by_time * b.by_time * (common - against);
            weight += a.anchor == b.anchor ? a.by_value * b.by_value : 0;
        }
    }
    // What cancels may leave a rounding below zero.
    timing = std::max(timing, 0.0);
    weight = std::max(weight, 0.0);
    timing += start.shape_units * start.shape_units + end.shape_units * end.shape_units;
    timing += std::pow(end.slope * static_cast<double>(late_ns), 2);
    timing += std::max(0.0, end.walk - start.walk);
    out.timing = std::sqrt(timing) * info.unit;
    out.quantisation = info.quantum * std::sqrt(weight / 12.0);
    out.gain = std::abs(out.energy) * info.gain_rel;
    out.model = std::abs(out.energy) * info.model_rel;
    const double resolution =
        info.quantum - info.unit;  // the counter's own step beyond the raw one
    out.low = std::max(0.0, static_cast<double>(end.low - start.high) * info.unit - resolution);
    out.high = static_cast<double>(end.high - start.low) * info.unit + resolution;
    if (info.shape == Shape::gauge) {
        out.low = 0;  // power between two samples is bounded by nothing
        out.high = std::numeric_limits<double>::infinity();
    }
    out.gap_s = static_cast<double>(std::max<std::int64_t>(0, end.gap_ns - start.gap_ns)) * 1e-9;
    out.ambiguous = end.ambiguous_after - start.ambiguous;
    out.resets = end.resets_after - start.resets;
    return out;
}

}  // namespace microjoule
