#include "microjoule/timeline.h"

#include <algorithm>
#include <cmath>

#include "microjoule/clock.h"

namespace microjoule {
namespace {

constexpr double kSqrt12 = 3.4641016151377544;
constexpr double kSqrt2 = 1.4142135623730951;
constexpr double kSqrt3 = 1.7320508075688772;
// Anchors kept behind the newest one; enough to place a burst and its linger.
constexpr std::size_t kKept = 64;
constexpr std::size_t kTrimAt = 512;
// Over so many changes of power the swing is averaged.
constexpr int kSwings = 32;
// Distance on the chain of anchors at which their errors have nothing in common.
constexpr double kApart = 50;
// A power sample older than this says nothing about the next one.
constexpr std::int64_t kGaugeGap = 10 * kSecond;

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

bool Timeline::feed_gauge(const Reading& reading, std::int64_t wanted_since_ns) {
    const std::int64_t t = middle(reading.before_ns, reading.after_ns);
    const std::int64_t last = anchors_.empty() ? t : anchors_.back().at;
    if (lost_ || interrupted_) {
        trapezoid_.interrupt();
    }
    if (!anchors_.empty() && t <= last) {
        return false;  // the very sample that was seen before
    }
    const std::int64_t period = period_.period_ns();
    // A sample that is one or two updates old tells of the time since, an older one only if
    // somebody has asked all the while and the device was slow to answer.
    const bool asleep = t - last > 2 * period && wanted_since_ns > last;
    if (asleep || t - last > kGaugeGap) {
        trapezoid_.interrupt();
    }
    const double power = static_cast<double>(reading.raw) * 1e-15 / unit_;
    if (trapezoid_.running()) {
        learn_gauge_swing(power, static_cast<double>(t - last));
    } else {
        // Whoever asked did so an instant before this sample: its power is held back to then.
        const std::int64_t start = std::min(t, std::max({wanted_since_ns, last, t - period}));
        if (!anchors_.empty() && start > last) {
            push_exact(start, 0, anchors_.back().units);
            anchors_.back().gap_ns += start - last;
        }
        trapezoid_.add(start, reading.raw);
        last_power_ = -1;
    }
    trapezoid_.add(t, reading.raw);
    const std::int64_t from = anchors_.empty() ? t : anchors_.back().at;
    // A sample that belongs a little earlier or later moves no energy but where power changes.
    late_ns_ = static_cast<double>(reading.after_ns - reading.before_ns) / kSqrt12;
    push_exact(t, 0, trapezoid_.energy_nj());
    // What goes on outside the window that a value is the mean of stays unseen: of 100 ms power is
    // seen for 25, or in a gap between reads not at all. Its energy strays as a random walk.
    const auto length = static_cast<double>(t - from);
    const auto update = static_cast<double>(period);
    const double unseen = std::max(0.0, 1 - window_ns_ / std::max(update, length));
    anchors_.back().walk +=
        unseen * swing_ * length * std::max(update, length > 2 * update ? length : 0);
    last_power_ = power;
    return true;
}

// How far power differs from one update to the next, as a variance. A mean over a longer window
// shows only so much of it.
void Timeline::learn_gauge_swing(double power, double length_ns) {
    const auto update = static_cast<double>(period_.period_ns());
    if (swings_ == 0) {
        // Before anything is known: a quarter of the power, and soon outweighed.
        swing_ = power * power / 16;
        swings_ = 2;
    }
    if (last_power_ < 0 || length_ns > 2 * update) {
        return;
    }
    const double blur = std::max(1.0, window_ns_ / update);
    const double step = (power - last_power_) * blur;
    // Read twice an update, half of the steps are none.
    const double seen = step * step / 2 * std::max(1.0, update / length_ns);
    swings_ = std::min(swings_ + 1, kSwings);
    swing_ += (seen - swing_) / swings_;
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

// Ties a change to the one before it, where a known number of periods lies between them.
void Timeline::follow(const Anchor& last, Anchor& anchor) const {
    anchor.carried = anchor.seen;
    anchor.chain = last.chain + kApart;
    if (!last.update || !period_.steady()) {
        return;
    }
    const std::size_t count = anchors_.size();
    double ratio = 0;
    double ratio_sigma = 0;
    if (count >= 2 && last.link.holds() && last.units > anchors_[count - 2].units) {
        const double power = slope(count - 1);
        ratio = static_cast<double>(anchor.units - last.units) /
                (power * static_cast<double>(period_.period_ns()));
        ratio_sigma = std::hypot(0.15, std::sqrt(2 * swing_) / power);
    }
    anchor.link = microjoule::follow(last.carried, anchor.seen, anchor.hi - anchor.lo, period_,
                                     ratio, ratio_sigma);
    anchor.torn += anchor.link.torn ? 1 : 0;
    if (!anchor.link.holds()) {
        return;
    }
    const Bracket foreseen =
        last.carried.shifted(anchor.link.periods * period_.period_ns(), anchor.link.noise_ns);
    anchor.carried = foreseen.narrowed(anchor.seen);
    // A bracket may be a point: then the noise is all there is.
    const double grown = anchor.link.noise_ns / last.carried.instant().sigma_ns;
    anchor.chain = last.chain + std::min(kApart, 2 * std::log(std::hypot(1, grown)));
}

// Places each anchor that may still move, by its bracket, by the anchors before it and by those
// after it; those long before t_ns need it no more.
void Timeline::place(std::int64_t t_ns) {
    if (!dirty_) {
        return;
    }
    dirty_ = false;
    if (shape_ != Shape::counter || !period_.steady()) {
        return;
    }
    const std::int64_t period = period_.period_ns();
    int spare = 2;  // neighbours of the interval around t tell of its bend
    std::size_t from = anchors_.size();
    Bracket later;  // what the anchor's bracket and the anchors after it say
    for (std::size_t k = anchors_.size(); k-- > unfixed_ && spare > 0;) {
        Anchor& anchor = anchors_[k];
        from = k;
        spare -= anchor.hi < t_ns ? 1 : 0;
        if (anchor.fixed || !anchor.update) {
            continue;
        }
        if (k + 1 < anchors_.size() && anchors_[k + 1].link.holds()) {
            const Link& link = anchors_[k + 1].link;
            later = later.shifted(-link.periods * period, link.noise_ns).narrowed(anchor.seen);
        } else {
            later = anchor.seen;
        }
        const Instant placed = later.narrowed(anchor.carried).instant();
        anchor.at = std::clamp(placed.at_ns, anchor.lo_learnt, anchor.hi);
        anchor.sigma_ns = placed.sigma_ns;
    }
    for (std::size_t k = std::max<std::size_t>(from, 1); k < anchors_.size(); ++k) {
        if (!anchors_[k].fixed) {
            anchors_[k].at = std::max(anchors_[k].at, anchors_[k - 1].at + 1);
        }
    }
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

// How far power may have been from what is seen, where nobody looked for more than an update.
double Timeline::unseen_power(double seen) const noexcept {
    return std::clamp(4 * std::sqrt(swing_), seen / 8, seen / 2);
}

// The sampler slept, an event woke it, and the counter was updated before the first read: the
// update before that one went unseen. It is placed one learnt period (or as many as reach back to
// the event) earlier, at the power seen just after. Where that is far back, as after a wake-up that
// came late, E(t) turns from the power seen before the sleep to the power seen after it, so that it
// meets both anchors.
void Timeline::infer_change_before(std::size_t after, std::int64_t t_ns) {
    const Anchor& a = anchors_[after - 1];
    const Anchor& b = anchors_[after];
    const std::int64_t period = period_.period_ns();
    // Power is carried back over 50 ms, or over two updates of a slow counter, never further.
    const std::int64_t reach = std::min(50 * period, std::max(2 * period, 50 * kMillisecond));
    if (shape_ != Shape::counter || !period_.known() || after + 1 >= anchors_.size() ||
        b.at - a.at < 3 * period || b.at - t_ns > reach || b.fixed || b.gap_ns != a.gap_ns) {
        return;
    }
    const std::int64_t periods = (b.at - t_ns + period - 1) / period;
    const std::int64_t at = b.at - periods * period;
    if (at < a.at + period / 2) {
        return;
    }
    const auto back = static_cast<double>(b.at - at);
    const auto length = static_cast<double>(b.at - a.at);
    const double mean = slope(after);
    const double later = slope(after + 1);
    const bool close = after >= 2 && static_cast<double>(a.at - anchors_[after - 2].at) <= length;
    const double earlier = close ? slope(after - 1) : mean;
    // The cubic that has both anchors' energies and powers; near the later one, its power alone.
    const double s = back / length;
    const double bent = later * back * (1 - s) * (1 - s) + mean * back * s * (3 - 2 * s) -
                        earlier * back * s * (1 - s);
    Anchor inferred = b;
    inferred.at = at;
    inferred.lo = a.hi;
    inferred.lo_learnt = inferred.hi = at;
    const double flowed = std::clamp(bent, 0.0, mean * length);
    inferred.units =
        std::clamp(b.units - static_cast<std::int64_t>(std::llround(flowed)), a.units, b.units);
    inferred.sigma_ns = std::hypot(b.sigma_ns, period_.noise_ns(periods));
    const double unseen = periods > 1 ? unseen_power(std::max(later, mean)) : 0;
    inferred.shape_units =
        std::max(std::abs(later - mean), unseen) * back * std::sqrt(1 - s) / kSqrt3;
    inferred.inferred = true;
    inferred.update = false;
    inferred.link = {};
    inferred.fixed = true;
    anchors_.insert(anchors_.begin() + static_cast<std::ptrdiff_t>(after), inferred);
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

// How far the mean power of two updates in a row differs, as a variance; what the anchors' own
// uncertainty feigns is taken out.
void Timeline::learn_swing(std::size_t after) {
    if (shape_ != Shape::counter || after + 1 >= anchors_.size()) {
        return;
    }
    const Anchor& a = anchors_[after - 1];
    const Anchor& b = anchors_[after];
    const Anchor& c = anchors_[after + 1];
    const std::int64_t longest = 2 * period_.period_ns();
    if (b.at - a.at > longest || c.at - b.at > longest || b.at == swing_seen_ns_) {
        return;
    }
    swing_seen_ns_ = b.at;
    const auto length = static_cast<double>(std::min(b.at - a.at, c.at - b.at));
    const double step = slope(after + 1) - slope(after);
    const double power = std::max(slope(after), slope(after + 1));
    const double noise = power * std::hypot(a.sigma_ns, 2 * b.sigma_ns, c.sigma_ns) / length;
    const double seen = std::max(0.0, step * step - noise * noise) / 2;
    swings_ = std::min(swings_ + 1, kSwings);
    swing_ += (seen - swing_) / swings_;
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

Timeline::Line Timeline::line(std::int64_t t_ns) const noexcept {
    const std::size_t after = first_after(t_ns);
    if (after == 0 || after == anchors_.size()) {
        return {};
    }
    const Anchor& a = anchors_[after - 1];
    const Anchor& b = anchors_[after];
    return {a.at, b.at, a.units, b.units};
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

}  // namespace microjoule
