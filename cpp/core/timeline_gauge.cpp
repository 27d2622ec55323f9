#include "microjoule/timeline.h"

#include <algorithm>
#include <cmath>

#include "microjoule/clock.h"

// Power that is read is integrated, and what it has not shown is remembered.

namespace microjoule {
namespace {

constexpr double kSqrt12 = 3.4641016151377544;
// A power sample older than this says nothing about the next one.
constexpr std::int64_t kGaugeGap = 10 * kSecond;

}  // namespace

bool Timeline::feed_gauge(const Reading& reading, std::int64_t wanted_since_ns) {
    const std::int64_t t = reading.before_ns + (reading.after_ns - reading.before_ns) / 2;
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

}  // namespace microjoule
