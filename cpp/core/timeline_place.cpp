#include "microjoule/timeline.h"

#include <algorithm>
#include <cmath>

#include "microjoule/clock.h"

// Where the changes of a counter lie: each by the reads around it, by the changes before and after
// it, and those that nobody saw by what is known of the others.

namespace microjoule {
namespace {

constexpr double kSqrt3 = 1.7320508075688772;

}  // namespace

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

// How far power may have been from what is seen, where nobody looked for more than an update.
double Timeline::unseen_power(double seen) const noexcept {
    return std::clamp(4 * std::sqrt(swing_), seen / 8, seen / 2);
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

}  // namespace microjoule
