#include "microjoule/attribution.h"

#include <algorithm>
#include <cmath>

namespace microjoule {
namespace {

Twofold twofold(std::uint64_t value) noexcept {
    const auto high = static_cast<double>(value);
    // A double holds 53 bits: the rest is small, and either sign.
    const auto rest = static_cast<double>(static_cast<std::int64_t>(
        value - static_cast<std::uint64_t>(std::min(high, 18446744073709549568.0))));
    return Twofold(std::min(high, 18446744073709549568.0)) + Twofold(rest);
}

}  // namespace

Weight::Weight(double weight) noexcept {
    if (weight > 0) {
        const double kept = std::clamp(weight, kLeast, kMost);
        steps_ = static_cast<std::uint64_t>(std::llround(kept / kStep));
    }
}

void Attribution::start(std::int64_t t_ns, std::int64_t units, double frac) noexcept {
    const double floor = floor_;
    *this = Attribution();
    floor_ = floor;
    t_ns_ = t_ns;
    units_ = units;
    frac_ = frac;
}

void Attribution::move(std::int64_t t_ns, std::int64_t units, double frac) noexcept {
    const Twofold energy =
        Twofold(static_cast<double>(units - units_)) + (Twofold(frac) - Twofold(frac_));
    const auto elapsed = static_cast<double>(t_ns - t_ns_);
    t_ns_ = t_ns;
    units_ = units;
    frac_ = frac;
    total_ += energy;
    if (active_ == 0) {
        unattributed_ += energy;
        return;
    }
    // The floor is drawn first; a device that draws less than it has no part above it.
    const Twofold idle = std::min(floor_ * elapsed, std::max(0.0, energy.value()));
    by_weight_ += (energy - idle) / sum_of_weights();
    by_head_ += idle / Twofold(static_cast<double>(active_));
}

void Attribution::join(Stake& stake, Weight weight) noexcept {
    if (!weight) {
        return;
    }
    stake.weight = weight;
    stake.by_weight = by_weight_;
    stake.by_head = by_head_;
    ++active_;
    weights_ += weight.steps();
    owed_ += twofold(weight.steps()) * by_weight_ + by_head_;
}

Twofold Attribution::since(const Stake& stake) const noexcept {
    return twofold(stake.weight.steps()) * (by_weight_ - stake.by_weight) +
           (by_head_ - stake.by_head);
}

double Attribution::open(const Stake& stake) const noexcept {
    return stake.weight ? since(stake).value() : 0;
}

double Attribution::collect(Stake& stake) noexcept {
    if (!stake.weight) {
        return 0;
    }
    const Twofold energy = since(stake);
    owed_ += energy;
    attributed_ += energy;
    stake.by_weight = by_weight_;
    stake.by_head = by_head_;
    stake.taken += energy.value();
    return energy.value();
}

double Attribution::leave(Stake& stake) noexcept {
    if (!stake.weight) {
        return 0;
    }
    const double energy = collect(stake);
    owed_ -= twofold(stake.weight.steps()) * by_weight_ + by_head_;
    weights_ -= stake.weight.steps();
    stake.weight = Weight();
    if (--active_ == 0) {
        // What nobody is measured by any more begins anew, before it has grown large.
        by_weight_ = by_head_ = owed_ = Twofold();
    }
    return energy;
}

double Attribution::reweigh(Stake& stake, Weight weight) noexcept {
    const double energy = leave(stake);
    join(stake, weight);
    return energy;
}

double Attribution::share(const Stake& stake) const noexcept {
    return stake.weight ? (twofold(stake.weight.steps()) / sum_of_weights()).value() : 0;
}

double Attribution::open() const noexcept {
    if (active_ == 0) {
        return 0;
    }
    const Twofold heads(static_cast<double>(active_));
    return (sum_of_weights() * by_weight_ + heads * by_head_ - owed_).value();
}

Twofold Attribution::sum_of_weights() const noexcept {
    const auto high = static_cast<std::uint64_t>(weights_ >> 64);
    const auto low = static_cast<std::uint64_t>(weights_);
    return twofold(high) * Twofold(18446744073709551616.0) + twofold(low);
}

}  // namespace microjoule
