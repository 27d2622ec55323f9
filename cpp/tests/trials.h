#pragma once

// Windows by the thousand over a simulated sensor in virtual time, and what they come to beside
// their truth and beside what simpler ways of reading the same counter would have given.

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <functional>

#include "simulation.h"

namespace simulation {

/// What windows of one length came to. Energies are relative to the mean energy of a window.
struct Outcome {
    double error = 0;          ///< mean |error|
    double bias = 0;           ///< mean error
    double ends = 0;           ///< mean |error| of reading the counter at both ends
    double change_points = 0;  ///< and of reads each millisecond, interpolated between changes
    double covered = 0;        ///< share of windows within two standard uncertainties
    double sharpness = 0;      ///< mean uncertainty over RMS error
    double bounded = 0;        ///< share of windows with their truth inside the hard bounds
    double worst = 0;          ///< largest error in standard uncertainties
    double mean_u = 0;         ///< mean uncertainty (timing and quantisation)
    bool settled = true;
};

/// E(t) as steady reads tell it that know only when the counter changed between two of them.
inline double change_points(const FakeCounter& counter, std::int64_t t_ns, double unit_j) {
    constexpr std::int64_t kStep = 1'000'977;  // a millisecond, and out of step with the counter
    const auto read = [&](std::int64_t i) {
        return i * kStep + static_cast<std::int64_t>(
                               20'000 + 60'000 * hash01(static_cast<std::uint64_t>(i), 7));
    };
    std::int64_t i = t_ns / kStep + 1;
    const auto changed = [&](std::int64_t k) {
        return counter.value(read(k)) != counter.value(read(k - 1));
    };
    const auto at = [&](std::int64_t k) { return (read(k) + read(k - 1)) / 2; };
    while (!changed(i) || at(i) > t_ns) {
        --i;
    }
    std::int64_t next = i + 1;
    while (!changed(next)) {
        ++next;
    }
    if (at(next) <= t_ns) {
        i = next;
        do {
            ++next;
        } while (!changed(next));
    }
    const auto before = static_cast<double>(counter.value(read(i)));
    const auto after = static_cast<double>(counter.value(read(next)));
    const double share = static_cast<double>(t_ns - at(i)) / static_cast<double>(at(next) - at(i));
    return (before + share * (after - before)) * unit_j;
}

/// Opens and ends windows of one length at random phases. `truth` gives joules between two
/// instants; `slack_j`: what a counter may have counted and not shown.
inline Outcome try_windows(World& world,
                           const std::function<double(std::int64_t, std::int64_t)>& truth,
                           std::int64_t length_ns, int windows, double gap_s,
                           const FakeCounter* counter = nullptr, double unit_j = 0) {
    Outcome out;
    double energy = 0;
    double square = 0;
    double sum_u = 0;
    // A meter reads everything once when it starts; here the first event brings the first reading.
    world.settle(world.end(world.begin()));
    for (int i = 0; i < windows; ++i) {
        const double gap = gap_s * (0.5 + hash01(static_cast<std::uint64_t>(i), 11));
        world.run_for(static_cast<std::int64_t>(gap * 1e9));
        const std::uint64_t token = world.begin();
        // No program lasts for a whole number of updates.
        world.run_for(length_ns +
                      static_cast<std::int64_t>(0.1 * static_cast<double>(length_ns) *
                                                (hash01(static_cast<std::uint64_t>(i), 12) - 0.5)));
        const Figures figures = world.settle(world.end(token));
        out.settled = out.settled && figures.settled;
        const SensorFigures& got = figures.sensors[0];
        const double known = truth(figures.start_ns, figures.end_ns);
        const double error = got.energy - known;
        const double u = std::hypot(got.timing, got.quantisation);
        energy += known;
        square += error * error;
        sum_u += u;
        out.error += std::abs(error);
        out.bias += error;
        out.covered += std::abs(error) <= 2 * u ? 1.0 / windows : 0;
        out.worst = std::max(out.worst, std::abs(error) / std::max(u, 1e-12));
        const double rounding = 1e-9 + 1e-9 * known;
        const bool inside = got.low <= known + rounding && known <= got.high + rounding;
        out.bounded += inside ? 1.0 / windows : 0;
        if (counter != nullptr) {
            const auto counted = static_cast<double>(counter->value(figures.end_ns)) -
                                 static_cast<double>(counter->value(figures.start_ns));
            out.ends += std::abs(counted * unit_j - known);
            out.change_points +=
                std::abs(change_points(*counter, figures.end_ns, unit_j) -
                         change_points(*counter, figures.start_ns, unit_j) - known);
        }
    }
    out.error /= energy;
    out.bias /= energy;
    out.ends /= energy;
    out.change_points /= energy;
    out.sharpness = sum_u / windows / std::sqrt(square / windows);
    out.mean_u = sum_u / energy;
    return out;
}

}  // namespace simulation
