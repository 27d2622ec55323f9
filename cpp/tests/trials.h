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
    double error = 0;        ///< mean |error|
    double bias = 0;         ///< mean error
    double ends = 0;         ///< mean |error| of reading the counter at both ends
    double last_sample = 0;  ///< and of reads each millisecond: see Steady
    double linear = 0;
    double change_points = 0;
    double updates = 0;
    double covered = 0;    ///< share of windows within two standard uncertainties
    double sharpness = 0;  ///< mean uncertainty over RMS error
    double bounded = 0;    ///< share of windows with their truth inside the hard bounds
    double worst = 0;      ///< largest error in standard uncertainties
    double mean_u = 0;     ///< mean uncertainty (timing and quantisation)
    bool settled = true;
};

/// A counter read each millisecond, and E(t) as simpler tools have it from that.
class Steady {
public:
    Steady(const FakeCounter& counter, double unit_j) : counter_(counter), unit_j_(unit_j) {}

    /// The newest value.
    [[nodiscard]] double last_sample(std::int64_t t_ns) const {
        return value(read(before(t_ns))) * unit_j_;
    }

    /// Between the reads before and after.
    [[nodiscard]] double linear(std::int64_t t_ns) const {
        const std::int64_t i = before(t_ns);
        return on_line(t_ns, read(i), read(i + 1), value(read(i)), value(read(i + 1)));
    }

    /// Between the middles of the read pairs that showed a change.
    [[nodiscard]] double change_points(std::int64_t t_ns) const {
        std::int64_t i = t_ns / kStep + 1;
        const auto changed = [&](std::int64_t k) { return value(read(k)) != value(read(k - 1)); };
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
        return on_line(t_ns, at(i), at(next), value(read(i)), value(read(next)));
    }

    /// Between the updates themselves, which nobody sees: what is left to win.
    [[nodiscard]] double updates(std::int64_t t_ns) const {
        const std::int64_t k = counter_.last_update(t_ns);
        const std::int64_t a = counter_.update(k);
        const std::int64_t b = counter_.update(k + 1);
        return on_line(t_ns, a, b, value(a), value(b));
    }

private:
    static constexpr std::int64_t kStep = 1'000'977;  // and out of step with the counter

    static std::int64_t read(std::int64_t i) {
        return i * kStep + static_cast<std::int64_t>(
                               20'000 + 60'000 * hash01(static_cast<std::uint64_t>(i), 7));
    }

    static std::int64_t before(std::int64_t t_ns) {
        const std::int64_t i = t_ns / kStep;
        return read(i) <= t_ns ? i : i - 1;
    }

    [[nodiscard]] double value(std::int64_t t_ns) const {
        return static_cast<double>(counter_.value(t_ns));
    }

    [[nodiscard]] double on_line(std::int64_t t_ns, std::int64_t a_ns, std::int64_t b_ns, double a,
                                 double b) const {
        const double share = static_cast<double>(t_ns - a_ns) / static_cast<double>(b_ns - a_ns);
        return (a + share * (b - a)) * unit_j_;
    }

    const FakeCounter& counter_;
    double unit_j_;
};

/// Opens and ends windows of one length at random phases. `truth` gives joules between two
/// instants.
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
            const Steady steady(*counter, unit_j);
            const auto off = [&](auto told) {
                return std::abs((steady.*told)(figures.end_ns) - (steady.*told)(figures.start_ns) -
                                known);
            };
            out.last_sample += off(&Steady::last_sample);
            out.linear += off(&Steady::linear);
            out.change_points += off(&Steady::change_points);
            out.updates += off(&Steady::updates);
        }
    }
    out.error /= energy;
    out.bias /= energy;
    out.ends /= energy;
    out.last_sample /= energy;
    out.linear /= energy;
    out.change_points /= energy;
    out.updates /= energy;
    out.sharpness = sum_u / windows / std::sqrt(square / windows);
    out.mean_u = sum_u / energy;
    return out;
}

}  // namespace simulation
