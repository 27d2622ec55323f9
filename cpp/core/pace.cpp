#include "microjoule/pace.h"

#include <algorithm>

#include "microjoule/clock.h"

namespace microjoule {
namespace {

constexpr std::int64_t kBurstShortest = 100 * kMicrosecond;
constexpr std::int64_t kLinger = 20 * kMillisecond;
constexpr std::int64_t kDenseSpacing = 5 * kMillisecond;
// What a long run is content with between its events.
constexpr std::int64_t kCalm = kSecond;
// From this update period on every read counts: a call into a driver is no file read.
constexpr std::int64_t kSlowCounter = 20 * kMillisecond;
// From this one on the instants of its updates can be aimed at.
constexpr std::int64_t kAimed = 5 * kMillisecond;
constexpr std::int64_t kSameCluster = 1 * kMillisecond;

}  // namespace

Pace::Pace(const SensorInfo& info, PaceMode mode, std::int64_t fixed_period_ns) noexcept
    : shape_(info.shape),
      mode_(mode),
      fixed_period_ns_(fixed_period_ns),
      open_interval_ns_(info.open_interval_ns),
      event_interval_ns_(info.event_interval_ns) {}

void Pace::on_events(std::int64_t now_ns) noexcept {
    // Events that arrive together need one burst: they count once.
    if (now_ns - last_cluster_ns_ < kSameCluster && cluster_ > 0) {
        return;
    }
    last_cluster_ns_ = now_ns;
    const std::int64_t oldest = clusters_[cluster_ % kClusters];
    clusters_[cluster_ % kClusters] = now_ns;
    ++cluster_;
    dense_ = cluster_ > kClusters &&
             now_ns - oldest < static_cast<std::int64_t>(kClusters) * kDenseSpacing;
}

int Pace::changes_needed() const noexcept {
    return shape_ == Shape::counter && mode_ == PaceMode::events && !dense_ ? 2 : 1;
}

bool Pace::lingers(std::int64_t now_ns, const PaceInputs& in) const noexcept {
    return in.last_event_ns != 0 && now_ns - in.last_event_ns < kLinger;
}

// How soon to read a counter whose next change is wanted as sharply as can be had.
std::int64_t Pace::burst(std::int64_t now_ns, const PaceInputs& in) const noexcept {
    // An unknown period is searched for at a tenth of the time spent waiting for a change.
    const std::int64_t waited = std::max<std::int64_t>(now_ns - in.last_event_ns, 0);
    const std::int64_t tenth =
        std::max(kBurstShortest, (in.period_known ? in.period_ns : waited) / 10);
    if (in.next_change_ns == 0 || in.period_ns < kAimed) {
        return tenth;
    }
    // Nothing changes before its time, and then it should be caught at once.
    const std::int64_t within = in.period_ns / 50 + in.next_change_within_ns;
    const std::int64_t left = in.next_change_ns - now_ns;
    if (left > within) {
        return left - within;
    }
    return left > -within ? std::max(kBurstShortest, in.period_ns / 100) : tenth;
}

std::int64_t Pace::interval(std::int64_t now_ns, const PaceInputs& in) const noexcept {
    const auto stretched = [&](std::int64_t pace) {
        return static_cast<std::int64_t>(static_cast<double>(pace) * in.stretch);
    };
    if (shape_ != Shape::counter) {
        // Models and gauges have a pace of their own; an event may ask for a read a little sooner.
        std::int64_t pace =
            in.open || in.unsettled ? stretched(open_interval_ns_) : in.wrap_safe_ns;
        if (in.unsettled) {
            pace = std::min(pace, event_interval_ns_);
        } else if (in.calm && shape_ == Shape::stepped) {
            pace = std::max(pace, kCalm);
        }
        if (in.trace_step_ns > 0) {
            pace = std::min(pace, std::max(stretched(in.trace_step_ns), event_interval_ns_));
        }
        return std::min(pace, in.wrap_safe_ns);
    }
    const bool slow = in.period_ns >= kSlowCounter;
    const std::int64_t at_period =
        slow ? burst(now_ns, in) : stretched(std::max(in.period_ns, kMillisecond));
    std::int64_t pace = in.wrap_safe_ns;
    if (mode_ == PaceMode::fixed) {
        // A pace in step with the counter's updates would see each at the same, unknown phase for
        // ever. A thousandth off, the phase drifts through and the error averages out.
        const std::int64_t fixed =
            slow ? std::max(fixed_period_ns_, in.period_ns / 10) : fixed_period_ns_;
        pace = std::min(pace, stretched(fixed + fixed / 1024));
        return in.searching ? std::min(pace, burst(now_ns, in)) : pace;
    }
    if (in.open) {
        const std::int64_t open = std::max(open_interval_ns_, in.calm ? kCalm : 0);
        pace = std::min(pace, stretched(open));
    }
    if (in.trace_step_ns > 0) {
        // Read more often than the trace's step: E at a point lies between the reads around it.
        const std::int64_t reads = std::max({in.trace_step_ns / 10, in.period_ns, kMillisecond});
        pace = std::min(pace, stretched(std::min(reads, in.trace_step_ns)));
    }
    if (in.unsettled && !dense_) {
        return std::min(pace, burst(now_ns, in));
    }
    if (in.unsettled || lingers(now_ns, in)) {
        return std::min(pace, at_period);
    }
    return pace;
}

std::int64_t Pace::next(std::int64_t last_read_ns, const PaceInputs& in) noexcept {
    const std::int64_t step = interval(last_read_ns, in);
    step_ns_ = std::min(step, kSecond);
    // Absolute deadlines do not drift; a grid that has been left behind is given up.
    due_ns_ = grid_ns_ + step;
    if (due_ns_ <= last_read_ns || due_ns_ > last_read_ns + step) {
        // A read that takes longer than a burst's steps leaves little time unwatched all the same.
        const bool burst = shape_ == Shape::counter && in.unsettled && !dense_;
        due_ns_ = last_read_ns + (burst && due_ns_ <= last_read_ns ? step / 8 : step);
    }
    return due_ns_;
}

bool Pace::awake(std::int64_t now_ns, const PaceInputs& in) const noexcept {
    if (shape_ != Shape::counter) {
        // The next read comes soon enough anyway; only from a slow pace must an event wake it.
        return in.unsettled || (in.open && !(in.calm && shape_ == Shape::stepped));
    }
    return mode_ == PaceMode::fixed || in.unsettled || lingers(now_ns, in) || in.trace_step_ns > 0;
}

}  // namespace microjoule
