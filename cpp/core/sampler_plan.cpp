#include "microjoule/sampler.h"

#include <algorithm>

namespace microjoule {
namespace {

// A sensor that does not change is waited for this long, in its own periods and in time.
constexpr std::int64_t kPatiencePeriods = 8;
constexpr std::int64_t kPatienceShortest = 20 * kMillisecond;
constexpr std::int64_t kPatienceLongest = 800 * kMillisecond;
// Who wakes up so late was stopped (kill -STOP, a fork): what sensors owe is no fault of theirs.
constexpr std::int64_t kAbsence = 100 * kMillisecond;
constexpr std::int64_t kSlowHint = 20 * kMillisecond;
constexpr std::int64_t kReopen = 250 * kMillisecond;

}  // namespace

// When to read a source next, and how long to wait for what it owes.

PaceInputs Sampler::inputs(const Lane& lane, const Feed& feed, std::int64_t now_ns) {
    PaceInputs in;
    in.stretch = lane.governor.stretch();
    in.open = settlement_.open();
    in.calm = settlement_.calm();
    in.last_event_ns = settlement_.last_event_ns();
    in.trace_step_ns = settlement_.trace_step_ns();
    in.wrap_safe_ns = INT64_MAX;
    in.period_known = true;
    bool learnt = true;
    std::int64_t last_change_ns = 0;
    for (std::size_t i = 0; i < feed.readings.size(); ++i) {
        const Timeline& timeline = timelines_[feed.first + i];
        in.unsettled = in.unsettled || settlement_.asked_since(feed.first + i) != INT64_MAX;
        in.period_ns = std::max(in.period_ns, timeline.period().period_ns());
        const bool counter = sensors_[feed.first + i].shape == Shape::counter;
        in.period_known = in.period_known && (!counter || timeline.period().known());
        // A slow counter would keep the search going for seconds: a few gaps must do.
        const bool slow = sensors_[feed.first + i].period_hint_ns >= kSlowHint;
        learnt = learnt && (!counter || timeline.period().well_known() ||
                            (slow && timeline.period().known()));
        if (!slow) {
            last_change_ns = std::max(last_change_ns, timeline.last_anchor_ns());
        }
        in.wrap_safe_ns = std::min(in.wrap_safe_ns, timeline.wrap_safe_ns());
        if (feed.readings.size() == 1) {
            in.next_change_ns = timeline.next_change_ns(in.next_change_within_ns);
        }
    }
    if (now_ns < feed.searching_until_ns && !learnt) {
        in.searching = in.unsettled = true;
        in.last_event_ns = std::max({in.last_event_ns, feed.search_began_ns, last_change_ns});
    }
    return in;
}

// A sensor that owes an answer and does not change, or cannot be read, is not waited for for ever.
void Sampler::lose_patience(Feed& feed, std::int64_t now_ns) {
    // Waiting begins when the first read since the question has ended: time inside a call that hung
    // is the driver's, and what it brings settles what was asked meanwhile.
    std::int64_t oldest = INT64_MAX;
    for (std::size_t i = 0; i < feed.readings.size(); ++i) {
        oldest = std::min(oldest, settlement_.asked_since(feed.first + i));
    }
    if (oldest != feed.asked_ns) {
        feed.asked_ns = oldest;
        feed.heard_ns = 0;
    }
    if (feed.heard_ns == 0 && feed.began_ns >= std::max(oldest, feed.absent_until_ns)) {
        feed.heard_ns = feed.last_read_ns;
    }
    if (feed.heard_ns == 0) {
        return;
    }
    for (std::size_t i = 0; i < feed.readings.size(); ++i) {
        const std::size_t sensor = feed.first + i;
        const Timeline& timeline = timelines_[sensor];
        const std::int64_t asked = settlement_.asked_since(sensor);
        if (asked == INT64_MAX || timeline.lost()) {
            continue;
        }
        const std::int64_t longest = timeline.period().longest_ns();
        const std::int64_t patience =
            std::clamp(kPatiencePeriods * longest, kPatienceShortest, kPatienceLongest);
        const bool read_since = timeline.last_read_ns() - longest > asked;
        if (sensors_[sensor].shape == Shape::counter && read_since &&
            timeline.still_ns() > patience) {
            settle_flat(sensor);
            settle(sensor, 1);
        } else if (now_ns - std::max(asked, feed.heard_ns) > kPatienceLongest + patience) {
            lose(sensor);
            note_lag();
            settle(sensor, 1);
        }
    }
}

std::int64_t Sampler::plan(Lane& lane, std::int64_t now_ns) {
    std::int64_t due = INT64_MAX;
    lane.planned_for = lane.called.load();
    // Awake only if every source is: one that sleeps must be woken by the next event. What merely
    // rides along (the process's CPU time) has no vote beside a sensor.
    lane.awake = !lane.feeds.empty();
    const bool alone = lane.feeds.size() == 1;
    for (Feed& feed : lane.feeds) {
        const PaceInputs in = inputs(lane, feed, now_ns);
        feed.due_ns = feed.pace.next(feed.last_read_ns, in);
        if (settlement_.crowded()) {
            feed.due_ns = std::min(feed.due_ns, feed.last_read_ns + kMillisecond);
        }
        if (timelines_[feed.first].lost()) {
            feed.due_ns = feed.last_read_ns + kReopen;
        } else if (feed.failures > 0) {
            const std::int64_t back_off = 100 * kMicrosecond << std::min(feed.failures, 7);
            feed.due_ns = std::max(feed.due_ns, feed.last_read_ns + back_off);
        }
        lane.awake =
            lane.awake && (feed.pace.awake(now_ns, in) || (!alone && !sensors_[feed.first].energy));
        due = std::min(due, feed.due_ns);
    }
    if (lane.fast) {
        due = std::min(due, settlement_.next_border_ns());
    }
    // Whoever takes events in passes them on to the slow lanes: they must not wait for its next
    // read.
    if (lane.fast && !slow_.empty() && due - now_ns > kMillisecond) {
        lane.awake = false;
    }
    return due;
}

void Sampler::note_lateness(Lane& lane, std::int64_t now_ns) noexcept {
    ++stats_.wakeups;
    const std::int64_t lateness = lane.planned_ns == 0 ? 0 : now_ns - lane.planned_ns;
    stats_.worst_lateness_ns = std::max(stats_.worst_lateness_ns, lateness);
    stats_.late_wakeups += lateness > kMillisecond ? 1 : 0;
    if (lateness > kAbsence) {
        for (Feed& feed : lane.feeds) {
            feed.absent_until_ns = now_ns;
            feed.heard_ns = 0;
        }
    }
}

}  // namespace microjoule
