#pragma once

#include <cstdint>

#include "microjoule/twofold.h"

namespace microjoule {

/// How much of a device somebody uses, beside the others: an integer, so that the sum of many is
/// exact. Weights from 1e-6 to 1e6 keep six digits and more.
class Weight {
public:
    static constexpr double kLeast = 1e-6;
    static constexpr double kMost = 1e6;

    constexpr Weight() = default;
    /// From a number in [kLeast, kMost]; 0 or less, or no number, is no weight.
    explicit Weight(double weight) noexcept;

    static constexpr double kStep = 1.0 / (std::uint64_t{1} << 40);

    [[nodiscard]] std::uint64_t steps() const noexcept { return steps_; }
    [[nodiscard]] explicit operator bool() const noexcept { return steps_ != 0; }
    [[nodiscard]] double value() const noexcept { return static_cast<double>(steps_) * kStep; }

private:
    std::uint64_t steps_ = 0;
};

/// One device's energy, divided at each instant among those who use it then.
///
/// Virtual time, as in fair queueing (Demers, Keshav and Shenker 1989): while requests of weights
/// w_i are active, S += dE / sum(w); what a request took is w * (S(end) - S(begin)), whatever came
/// and went in between. O(1) for each event, however many are open. Energy while nobody is active
/// is unattributed; nothing is ever lost or made: total = attributed + open + unattributed.
///
/// With an idle floor the split is marginal: the floor goes in equal parts to those who are active,
/// and what is above it by weight. That is the Shapley value of the game "floor if anybody is
/// there, plus everybody's own part", instant by instant.
///
/// Energies are raw steps of the sensor. Times must not decrease. One thread.
class Attribution {
public:
    /// What one request has in this device. Plain data: whoever holds the request holds it.
    struct Stake {
        double taken = 0;  ///< collected so far
        Weight weight;     ///< none: not active
        Twofold by_weight;
        Twofold by_head;
    };

    /// The clock and the counter stand here; nobody is active.
    void start(std::int64_t t_ns, std::int64_t units, double frac) noexcept;

    /// Hands out the energy up to here among those active since the last move.
    void move(std::int64_t t_ns, std::int64_t units, double frac) noexcept;

    /// Becomes active, from the last move on. No weight: stays out.
    void join(Stake& stake, Weight weight) noexcept;
    /// Gives what the stake took since it was last collected, and adds it to `taken`.
    double collect(Stake& stake) noexcept;
    /// Collects, and is active no more.
    double leave(Stake& stake) noexcept;
    /// Collects, and goes on with another weight (none: inactive).
    double reweigh(Stake& stake, Weight weight) noexcept;

    /// What the stake would collect now.
    [[nodiscard]] double open(const Stake& stake) const noexcept;
    /// The stake's part of each further joule above the floor, 0 to 1.
    [[nodiscard]] double share(const Stake& stake) const noexcept;

    /// Power that the device draws with nobody there, raw steps per ns; 0: the split is fair.
    void set_floor(double units_per_ns) noexcept { floor_ = units_per_ns > 0 ? units_per_ns : 0; }
    [[nodiscard]] double floor() const noexcept { return floor_; }

    [[nodiscard]] std::uint64_t active() const noexcept { return active_; }
    /// The sum of the weights of those who are active.
    [[nodiscard]] double weights() const noexcept {
        return sum_of_weights().value() * Weight::kStep;
    }
    [[nodiscard]] double total() const noexcept { return total_.value(); }
    [[nodiscard]] double attributed() const noexcept { return attributed_.value(); }
    [[nodiscard]] double unattributed() const noexcept { return unattributed_.value(); }
    /// What those who are active now would collect.
    [[nodiscard]] double open() const noexcept;

private:
    [[nodiscard]] Twofold sum_of_weights() const noexcept;
    [[nodiscard]] Twofold since(const Stake& stake) const noexcept;

    double floor_ = 0;
    std::int64_t t_ns_ = 0;
    std::int64_t units_ = 0;
    double frac_ = 0;
    std::uint64_t active_ = 0;
    unsigned __int128 weights_ = 0;
    Twofold by_weight_;  ///< S: energy for each unit of weight since somebody is there
    Twofold by_head_;    ///< the same of the floor, for each head
    Twofold owed_;       ///< sum of what the stakes' marks stand for: open() in one subtraction
    Twofold total_;
    Twofold attributed_;
    Twofold unattributed_;
};

}  // namespace microjoule
