#include "microjoule/timeline.h"

#include <algorithm>
#include <cmath>

#include "microjoule/clock.h"

namespace microjoule {
namespace {

constexpr double kSqrt12 = 3.4641016151377544;
// Anchors kept behind the newest one; enough to place a burst and its linger.
constexpr std::size_t kKept = 64;
constexpr std::size_t kTrimAt = 512;

// What an E(t) can hold, with room for an estimate beyond it: 9.2 GJ where a step is a nanojoule,
// three and a half months of a kilowatt. What comes after that is a gap, and said.
constexpr std::int64_t kMostUnits = 9'200'000'000'000'000'000;

std::int64_t middle(std::int64_t a, std::int64_t b) noexcept {
    return a + (b - a) / 2;
}

}  // namespace

Timeline::Timeline(const SensorInfo& info)
    : shape_(info.shape),
      unit_(info.unit),
      power_span_units_(info.power_span_w / info.unit * 1e-9),
      window_ns_(static_cast<double>(info.window_ns)),
      counter_(info.modulus, info.unit, info.max_power_w),
      period_(info.period_hint_ns) {
    anchors_.reserve(kTrimAt + 8);
}

std::int64_t Timeline::last_anchor_ns() const noexcept {
    return anchors_.empty() ? 0 : anchors_.back().at;
}

std::int64_t Timeline::still_ns() const noexcept {
    return anchors_.empty() ? 0 : last_after_ns_ - anchors_.back().hi;
}

std::int64_t Timeline::next_change_ns(std::int64_t& within_ns) const noexcept {
    if (shape_ != Shape::counter || !period_.steady() || anchors_.empty() || lost_) {
        return 0;
    }
    const Anchor& last = anchors_.back();
    const std::int64_t bracket = last.hi - last.lo_learnt;
    if (4 * bracket > period_.period_ns()) {
        return 0;
    }
    within_ns = bracket / 2 + 2 * static_cast<std::int64_t>(period_.jitter_ns());
    return last.hi - bracket / 2 + period_.period_ns();
}

bool Timeline::feed(const Reading& reading, std::int64_t wanted_since_ns) {
    if (reading.status != Status::ok) {
        if (reading.status == Status::lost) {
            lost_ = true;
        }
        return false;
    }
    bool moved = false;
    switch (shape_) {
        case Shape::counter:
            moved = feed_counter(reading);
            break;
        case Shape::stepped:
            moved = feed_stepped(reading);
            break;
        case Shape::gauge:
            moved = feed_gauge(reading, wanted_since_ns);
            break;
    }
    lost_ = false;
    interrupted_ = false;
    last_after_ns_ = reading.after_ns;
    return moved;
}

bool Timeline::feed_counter(const Reading& reading) {
    // The step can hold what flowed since the old value was set, which was up to one update before
    // the last read that showed it.
    const std::int64_t elapsed = reading.after_ns - same_before_ns_ + 2 * period_.longest_ns();
    Counter::Result result = counter_.feed(reading.raw, elapsed);
    const std::int64_t held = anchors_.empty() ? 0 : anchors_.back().units;
    const bool full = result.delta > static_cast<std::uint64_t>(kMostUnits - held);
    if (result.step != Step::first && (interrupted_ || full)) {
        result = {Step::reset, 0, false};
    }
    if (result.step != Step::first) {
        period_.read(result.step != Step::unchanged, reading.after_ns - same_before_ns_);
    }
    if (result.step == Step::unchanged) {
        same_before_ns_ = reading.before_ns;
        return false;
    }
    Anchor anchor{};
    anchor.hi = reading.after_ns;
    anchor.lo = same_before_ns_;
    anchor.lo_learnt = reading.before_ns - period_.longest_ns();
    same_before_ns_ = reading.before_ns;
    switch (result.step) {
        case Step::first:
            anchor.lo = anchor.lo_learnt;
            break;
        case Step::reset: {
            const Anchor& last = anchors_.back();
            anchor.lo = anchor.lo_learnt = reading.before_ns;
            anchor.units = last.units;
            anchor.gap_ns = last.gap_ns + std::max<std::int64_t>(0, reading.before_ns - last.at);
            anchor.torn = last.torn;
            anchor.ambiguous = last.ambiguous;
            anchor.resets = last.resets + 1;
            break;
        }
        default: {
            const Anchor& last = anchors_.back();
            anchor.units = last.units + static_cast<std::int64_t>(result.delta);
            anchor.gap_ns = last.gap_ns;
            anchor.torn = last.torn;
            anchor.ambiguous = last.ambiguous + (result.ambiguous ? 1 : 0);
            anchor.resets = last.resets;
            // Without a learnt period the hint may not tighten a bracket: it is only a hint.
            anchor.lo_learnt = anchor.lo;
            if (period_.oldest_ns() != INT64_MAX) {
                anchor.lo_learnt = std::max(anchor.lo, reading.before_ns - period_.oldest_ns());
            }
            learn(anchor);
            anchor.update = true;
            anchor.seen = {period_.steady() ? anchor.lo : anchor.lo_learnt, anchor.hi, 0, 0};
            if (period_.steady()) {
                const std::int64_t period = period_.period_ns();
                anchor.seen = anchor.seen.narrowed(
                    {reading.before_ns - period, anchor.hi, period_.noise_ns(1), 0});
            }
            follow(last, anchor);
            break;
        }
    }
    if (!anchor.update) {
        anchor.seen = anchor.carried = {anchor.lo_learnt, anchor.hi, 0, 0};
        anchor.chain = anchors_.empty() ? 0 : anchors_.back().chain + kApart;
    }
    const Instant placed = anchor.carried.instant();
    anchor.at = std::clamp(placed.at_ns, anchor.lo_learnt, anchor.hi);
    anchor.sigma_ns = placed.sigma_ns;
    push(anchor);
    return true;
}

bool Timeline::feed_stepped(const Reading& reading) {
    const auto units =
        static_cast<std::int64_t>(std::min<std::uint64_t>(reading.raw, std::uint64_t{kMostUnits}));
    const double sigma = static_cast<double>(reading.after_ns - reading.before_ns) / kSqrt12;
    push_exact(middle(reading.before_ns, reading.after_ns), sigma, units);
    return true;
}

void Timeline::push_exact(std::int64_t t_ns, double sigma_ns, std::int64_t units) {
    Anchor anchor{};
    if (!anchors_.empty()) {
        const Anchor& last = anchors_.back();
        if (t_ns <= last.at) {
            return;  // the clock stood still: nothing new
        }
        anchor = last;
        anchor.units = std::max(units, last.units);
    } else {
        anchor.units = units;
    }
    anchor.lo = anchor.hi = anchor.lo_learnt = anchor.at = t_ns;
    anchor.sigma_ns = sigma_ns;
    anchor.shape_units = 0;
    anchor.inferred = anchor.update = false;
    anchor.fixed = true;
    push(anchor);
}

void Timeline::push(Anchor anchor) {
    trim();
    if (!anchors_.empty()) {
        anchor.at = std::max(anchor.at, anchors_.back().at + 1);
    } else {
        origin_.units = origin_.low = origin_.high = anchor.units;
        origin_ns_ = anchor.at;
    }
    anchors_.push_back(anchor);
    dirty_ = true;
}

// Only changes that the reads resolve say something about the period.
void Timeline::learn(const Anchor& after) {
    period_.changed(middle(after.lo, after.hi), after.hi - after.lo);
}

void Timeline::trim() {
    if (anchors_.size() < kTrimAt) {
        return;
    }
    const std::size_t drop = anchors_.size() - kKept;
    anchors_.erase(anchors_.begin(), anchors_.begin() + static_cast<std::ptrdiff_t>(drop));
    first_number_ += static_cast<std::int64_t>(drop);
    unfixed_ = unfixed_ > drop ? unfixed_ - drop : 0;
}

bool Timeline::ready(std::int64_t t_ns, int changes) const noexcept {
    if (lost_) {
        return true;
    }
    for (std::size_t k = anchors_.size(); k-- > 0;) {
        // The newest must be so for certain: it bounds E(t) from above.
        const bool newest = k + 1 == anchors_.size();
        if ((newest ? anchors_[k].lo : anchors_[k].lo_learnt) < t_ns) {
            return false;
        }
        if (--changes <= 0) {
            return true;
        }
    }
    return false;
}

void Timeline::settle_flat() {
    if (anchors_.empty()) {
        return;
    }
    const Anchor& last = anchors_.back();
    // What was read at r had been set at most one update earlier: E stood still at least up to
    // there.
    const std::int64_t t = same_before_ns_ - period_.longest_ns();
    Anchor anchor = last;
    anchor.lo = anchor.lo_learnt = anchor.hi = anchor.at = std::max(t, last.at + 1);
    anchor.sigma_ns = 0;
    anchor.inferred = anchor.update = false;
    anchor.link = {};
    // Had the sensor frozen rather than the power stopped, this is what would be missing.
    const std::size_t count = anchors_.size();
    const double power = count >= 2 ? slope(count - 1) : 0;
    anchor.shape_units =
        std::max(last.shape_units, power * static_cast<double>(period_.longest_ns()));
    anchor.fixed = true;
    push(anchor);
}

}  // namespace microjoule
