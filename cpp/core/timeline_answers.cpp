#include "microjoule/timeline.h"

#include <algorithm>
#include <cmath>

// What E(t) is between the anchors, before them and after them, and how well that is known.

namespace microjoule {
namespace {

constexpr double kSqrt2 = 1.4142135623730951;
constexpr double kSqrt3 = 1.7320508075688772;

}  // namespace

EnergyAt Timeline::at(std::int64_t t_ns) {
    place(t_ns);
    std::size_t after = first_after(t_ns);
    if (after == 0) {
        return before_all(t_ns);
    }
    if (after == anchors_.size()) {
        const EnergyAt result = beyond(t_ns);
        // What was said about the lost time stays said when the sensor comes back.
        Anchor frozen = anchors_.back();
        frozen.lo = frozen.hi = frozen.lo_learnt = frozen.at = t_ns;
        frozen.gap_ns = result.gap_ns;
        frozen.update = false;
        frozen.link = {};
        frozen.fixed = true;
        anchors_.back().fixed = true;
        push(frozen);
        unfixed_ = anchors_.size();
        return result;
    }
    infer_change_before(after, t_ns);
    after = first_after(t_ns);
    learn_swing(after);
    anchors_[after - 1].fixed = true;
    anchors_[after].fixed = true;
    unfixed_ = std::max(unfixed_, after + 1);
    return between(after, t_ns);
}

EnergyAt Timeline::estimate(std::int64_t t_ns) const noexcept {
    const std::size_t after = first_after(t_ns);
    if (after == 0) {
        return before_all(t_ns);
    }
    if (after < anchors_.size()) {
        return between(after, t_ns);
    }
    EnergyAt result = beyond(t_ns);
    if (anchors_.size() >= 2 && !lost_) {
        // The last power may be that of two changes a nanosecond apart: no further than an int64
        // reaches.
        const double steps =
            std::min(slope(anchors_.size() - 1) * static_cast<double>(t_ns - anchors_.back().at),
                     static_cast<double>((INT64_MAX - result.units) / 4));
        const double whole = std::floor(steps);
        result.units += static_cast<std::int64_t>(whole);
        result.frac = steps - whole;
        result.shape_units = std::hypot(result.shape_units, steps / kSqrt3);
        result.high = result.units + static_cast<std::int64_t>(whole) + 1;
    }
    return result;
}

Timeline::Line Timeline::line(std::int64_t t_ns) const noexcept {
    const std::size_t after = first_after(t_ns);
    if (after == 0 || after == anchors_.size()) {
        return {};
    }
    const Anchor& a = anchors_[after - 1];
    const Anchor& b = anchors_[after];
    return {a.at, b.at, a.units, b.units};
}

std::size_t Timeline::first_after(std::int64_t t_ns) const noexcept {
    const auto found = std::upper_bound(anchors_.begin(), anchors_.end(), t_ns,
                                        [](std::int64_t t, const Anchor& a) { return t < a.at; });
    return static_cast<std::size_t>(found - anchors_.begin());
}

double Timeline::slope(std::size_t after) const noexcept {
    const Anchor& a = anchors_[after - 1];
    const Anchor& b = anchors_[after];
    return static_cast<double>(b.units - a.units) / static_cast<double>(b.at - a.at);
}

// Between two anchors power is known in the mean only: how far may E(t) be from the straight line?
// A single step of power inside the interval bends it by exactly the smaller of what the power
// before and the power after would do; the mean then lies between the two. A neighbour that is the
// mean of a long sleep says nothing of the power next to the interval.
double Timeline::bend(std::size_t after, double lambda) const noexcept {
    const auto length = static_cast<double>(anchors_[after].at - anchors_[after - 1].at);
    const double mean = slope(after);
    const auto close = [&](std::size_t k) {
        return static_cast<double>(anchors_[k].at - anchors_[k - 1].at) <= 3 * length;
    };
    const bool before = after >= 2 && close(after - 1);
    const bool later = after + 1 < anchors_.size() && close(after + 1);
    const double rise = before ? mean - slope(after - 1) : 0;
    const double further = later ? slope(after + 1) - mean : 0;
    double units = 0;
    if (before && later) {
        const double step = std::min(lambda * std::abs(rise), (1 - lambda) * std::abs(further));
        units = rise * further > 0 ? step : step / 2;
    } else if (before) {
        units = lambda * std::abs(rise) / std::sqrt(2.0);
    } else if (later) {
        units = (1 - lambda) * std::abs(further) / std::sqrt(2.0);
    }
    // Power that has swung from one update to the next may swing within one too: E then strays from
    // the line as a Brownian bridge does. What the neighbours show counts as much as what was seen
    // before.
    const double here = (rise * rise + further * further) / 4;
    const double swing = (swing_ + std::min(here, swing_)) / 2;
    const double wander =
        std::sqrt(lambda * (1 - lambda) * swing *
                  std::min(1.0, static_cast<double>(period_.period_ns()) / length));
    // Where updates went unseen in between, power may have been anything for a while.
    const bool unseen =
        shape_ == Shape::counter && length > 2 * static_cast<double>(period_.period_ns());
    const double stepped = unseen ? kSqrt2 * unseen_power(mean) * lambda * (1 - lambda) : 0;
    const double strayed =
        length * std::max({units, wander, stepped,
                           std::min(lambda, 1 - lambda) * power_span_units_ / kSqrt3});
    // A gauge's mean over a window says of an instant only what it says of its neighbourhood.
    const double blurred =
        std::sqrt(swing_ * (static_cast<double>(period_.period_ns()) * window_ns_ / 12 +
                            late_ns_ * late_ns_));
    return std::hypot(strayed, blurred);
}

EnergyAt Timeline::between(std::size_t after, std::int64_t t_ns) const noexcept {
    const Anchor& a = anchors_[after - 1];
    const Anchor& b = anchors_[after];
    const auto length = static_cast<double>(b.at - a.at);
    EnergyAt result;
    result.anchor = first_number_ + static_cast<std::int64_t>(after) - 1;
    result.lambda = static_cast<double>(t_ns - a.at) / length;
    result.slope = slope(after);
    const double steps = static_cast<double>(b.units - a.units) * result.lambda;
    const double whole = std::floor(steps);
    result.units = a.units + static_cast<std::int64_t>(whole);
    result.frac = steps - whole;
    result.sigma_before_ns = a.sigma_ns;
    result.sigma_after_ns = b.sigma_ns;
    result.torn = a.torn;
    result.chain_before = a.chain;
    result.chain_after = b.chain;
    result.shape_units =
        std::hypot(bend(after, result.lambda),
                   std::hypot((1 - result.lambda) * a.shape_units, result.lambda * b.shape_units));
    result.gap_ns = a.gap_ns + static_cast<std::int64_t>(static_cast<double>(b.gap_ns - a.gap_ns) *
                                                         result.lambda);
    result.walk = a.walk + (b.walk - a.walk) * result.lambda;
    result.ambiguous = a.ambiguous;
    result.resets = a.resets;
    result.ambiguous_after = b.ambiguous;
    result.resets_after = b.resets;
    // Hard bounds: a value that a read had shown before t had been reached by t; a value set after
    // t had not been.
    std::size_t known = after;
    while (known > 0 && (anchors_[known - 1].hi > t_ns || anchors_[known - 1].inferred)) {
        --known;
    }
    std::size_t later = after;
    while (later + 1 < anchors_.size() && (anchors_[later].lo < t_ns || anchors_[later].inferred)) {
        ++later;
    }
    result.low = known > 0 ? anchors_[known - 1].units : anchors_.front().units;
    result.high = anchors_[later].units + 1;
    return result;
}

EnergyAt Timeline::beyond(std::int64_t t_ns) const noexcept {
    EnergyAt result;
    if (anchors_.empty()) {
        return result;
    }
    const Anchor& last = anchors_.back();
    result.anchor = first_number_ + static_cast<std::int64_t>(anchors_.size()) - 1;
    result.units = result.low = result.high = last.units;
    result.gap_ns = last.gap_ns;
    result.walk = last.walk;
    result.ambiguous = result.ambiguous_after = last.ambiguous;
    result.resets = result.resets_after = last.resets;
    result.shape_units = last.shape_units;
    result.sigma_before_ns = last.sigma_ns;
    result.chain_before = result.chain_after = last.chain;
    result.torn = last.torn;
    if (lost_ && t_ns > last.at) {
        result.gap_ns += t_ns - last.at;
    }
    return result;
}

EnergyAt Timeline::before_all(std::int64_t t_ns) const noexcept {
    EnergyAt result;
    if (!anchors_.empty()) {
        const Anchor& first = anchors_.front();
        result.anchor = first_number_;
        result.units = result.low = first.units;
        result.high = first.units + 1;
        // What flowed before the first value came is not known.
        result.gap_ns = first.gap_ns - (first.at - t_ns);
        result.walk = first.walk;
        result.ambiguous = result.ambiguous_after = first.ambiguous;
        result.resets = result.resets_after = first.resets;
        result.sigma_before_ns = first.sigma_ns;
        result.chain_before = result.chain_after = first.chain;
        result.torn = first.torn;
    }
    return result;
}

}  // namespace microjoule
