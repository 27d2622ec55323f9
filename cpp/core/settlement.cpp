#include "microjoule/settlement.h"

#include <algorithm>

#include "microjoule/clock.h"

namespace microjoule {
namespace {

// After a long stop (a suspended process) the past is not filled with marks.
constexpr std::int64_t kMarksBehind = 16 * Peak::kMarkNs;
// So much room of answered marks is kept for the next ones.
constexpr std::size_t kSpare = 1024;

}  // namespace

Settlement::Settlement(const std::vector<SensorInfo>& sensors, Windows& windows, Requests& requests,
                       SplitOptions split)
    : sensors_(sensors),
      windows_(windows),
      accounts_(sensors, requests, std::move(split)),
      cursors_(sensors.size(), 0) {
    spare_.reserve(kSpare);
}

void Settlement::insert(Pending event) {
    // Almost always the newest; the loop runs when two threads stamped in another order than they
    // had reserved. No cursor is ahead of the horizon, and no event behind it.
    auto place = pending_.end();
    while (place != pending_.begin() && std::prev(place)->t_ns > event.t_ns) {
        --place;
    }
    pending_.insert(place, std::move(event));
}

void Settlement::insert_mark(std::int64_t t_ns, Kind kind, std::uint32_t record) {
    insert({t_ns, 0, record, 0, kind, Event::Kind::none, 0, mark_room()});
}

void Settlement::opened(std::int64_t t_ns) noexcept {
    if (open_++ == 0) {
        open_since_ns_ = t_ns;
        next_peak_ns_ = (t_ns / Peak::kMarkNs + 1) * Peak::kMarkNs;
    }
}

void Settlement::take(const Event& event) {
    if (event.kind == Event::Kind::none) {
        return;
    }
    const bool late = event.t_ns < horizon_ns_;
    const std::int64_t t_ns = late ? horizon_ns_ : event.t_ns;
    const std::int64_t late_ns = t_ns - event.t_ns;
    // Whatever needs memory comes first: an event that could not be taken is offered again.
    if (traced_.size() == traced_.capacity()) {
        traced_.reserve(2 * traced_.size() + 8);
    }
    const auto wait_for = [&](Kind kind) {
        insert({t_ns, late_ns, event.record, event.result, kind, event.kind, event.generation, {}});
    };
    switch (event.kind) {
        case Event::Kind::begin: {
            wait_for(Kind::begin);
            Record& record = windows_.at(event.record);
            record.cpu_start_ns = sampler_cpu_ns_;
            record.suspended_start_ns = suspended_ns_;
            record.ended = false;
            record.lagged = false;
            record.open_account();
            record.late_ns = late_ns;
            if (record.trace) {
                record.trace->next_ns = t_ns;
                traced_.push_back(event.record);
            }
            calm_ += record.calm ? 1 : 0;
            opened(t_ns);
            break;
        }
        case Event::Kind::end:
            wait_for(Kind::end);
            windows_.at(event.record).ended = true;
            windows_.at(event.record).late_ns += late_ns;
            --open_;
            calm_ -= windows_.at(event.record).calm ? 1 : 0;
            break;
        case Event::Kind::lap:
            wait_for(Kind::lap);
            windows_.at(event.result).late_ns = late_ns;
            windows_.at(event.result).open_account();
            break;
        default: {
            wait_for(Kind::request);
            const int change = accounts_.take(event, late_ns);
            if (change > 0) {
                opened(t_ns);
            } else if (change < 0) {
                --open_;
            }
            break;
        }
    }
    late_ += late ? 1 : 0;
    ++events_;
    last_event_ns_ = std::max(last_event_ns_, event.t_ns);
}

std::vector<EnergyAt> Settlement::mark_room() {
    if (spare_.empty()) {
        return std::vector<EnergyAt>(sensors_.size());
    }
    std::vector<EnergyAt> room = std::move(spare_.back());
    spare_.pop_back();
    return room;
}

void Settlement::give_back(std::vector<EnergyAt> room) noexcept {
    if (spare_.size() < spare_.capacity()) {
        spare_.push_back(std::move(room));
    }
}

// A border that passes while nothing is open concerns nobody.
void Settlement::place_borders(std::int64_t t_ns) {
    const bool wanted = open_ > 0 || !pending_.empty();
    for (; borders_.next_ns() <= t_ns; borders_.pass()) {
        const std::int64_t border = borders_.next_ns();
        if (wanted && border >= horizon_ns_ && !full()) {
            insert_mark(border, Kind::border);
            last_event_ns_ = std::max(last_event_ns_, border);
            ++events_;
        }
    }
}

void Settlement::advance(std::int64_t t_ns) {
    if (t_ns <= horizon_ns_) {
        return;
    }
    place_borders(t_ns);
    const bool wanted = open_ > 0 || !pending_.empty();
    if (!wanted) {
        next_peak_ns_ = INT64_MAX;
    } else if (next_peak_ns_ < t_ns - kMarksBehind) {
        next_peak_ns_ = (t_ns / Peak::kMarkNs) * Peak::kMarkNs;
    }
    for (; next_peak_ns_ < t_ns && !full(); next_peak_ns_ += Peak::kMarkNs) {
        if (next_peak_ns_ >= horizon_ns_) {
            insert_mark(next_peak_ns_, Kind::peak);
        }
    }
    for (std::size_t i = 0; i < traced_.size();) {
        Record& record = windows_.at(traced_[i]);
        Trace& trace = *record.trace;
        const std::int64_t until = record.ended ? std::min(t_ns, record.end_ns.load()) : t_ns;
        trace.next_ns = std::max(trace.next_ns, horizon_ns_);
        for (; trace.next_ns < until && !full(); trace.next_ns += trace.step_ns) {
            insert_mark(trace.next_ns, Kind::trace, traced_[i]);
        }
        if (record.ended) {
            traced_.erase(traced_.begin() + static_cast<std::ptrdiff_t>(i));
        } else {
            ++i;
        }
    }
    horizon_ns_ = t_ns;
}

void Settlement::answer(const Pending& event, std::size_t sensor, const EnergyAt& at) {
    switch (event.kind) {
        case Kind::begin:
            windows_.at(event.record).start[sensor] = at;
            break;
        case Kind::end:
            windows_.at(event.record).end[sensor] = at;
            break;
        case Kind::lap: {
            Record& record = windows_.at(event.record);
            Record& result = windows_.at(event.result);
            result.start[sensor] = record.start[sensor];
            result.end[sensor] = at;
            record.start[sensor] = at;
            break;
        }
        default:
            break;
    }
}

std::size_t Settlement::settle(std::size_t sensor, Timeline& timeline, int changes,
                               std::size_t most) {
    // A mark makes do with one change, unless an event has a burst going: then it waits for the
    // better anchors too, and does not freeze a worse one.
    const std::int64_t asked = asked_since(sensor);
    const int for_marks = asked == INT64_MAX ? 1 : changes;
    std::uint64_t& cursor = cursors_[sensor];
    const std::uint64_t before = cursor;
    for (; most > 0 && cursor < first_ + pending_.size(); --most) {
        Pending& event = pending_[cursor - first_];
        const bool mark = event.kind == Kind::peak || event.kind == Kind::trace;
        const std::int64_t known_ns =
            mark && asked != INT64_MAX ? std::max(event.t_ns, asked) : event.t_ns;
        if (event.t_ns > horizon_ns_ || !timeline.ready(known_ns, mark ? for_marks : changes)) {
            break;
        }
        if (event.kind == Kind::request) {
            accounts_.answer(event.event(), sensor, timeline);
        } else if (event.at.empty()) {
            answer(event, sensor, timeline.at(event.t_ns));
        } else {
            event.at[sensor] = timeline.at(event.t_ns);
        }
        ++cursor;
    }
    return cursor - before;
}

void Settlement::finish_window(std::uint32_t index, std::int64_t start_ns, std::int64_t end_ns,
                               std::int64_t cpu_ns) {
    Record& record = windows_.at(index);
    record.cpu_end_ns = cpu_ns;
    record.suspended_end_ns = suspended_ns_;
    record.peak_w = end_ns - start_ns >= kSecond ? peak_.highest_since(start_ns) : -1;
    windows_.finish(index);
}

std::size_t Settlement::finish(std::int64_t sampler_cpu_ns) {
    sampler_cpu_ns_ = sampler_cpu_ns;
    std::uint64_t answered = first_ + pending_.size();
    for (const std::uint64_t cursor : cursors_) {
        answered = std::min(answered, cursor);
    }
    std::size_t finished = 0;
    while (first_ < answered) {
        Pending& event = pending_.front();
        switch (event.kind) {
            case Kind::begin:
                break;
            case Kind::end: {
                Record& record = windows_.at(event.record);
                if (record.trace) {
                    record.trace->add(event.t_ns, record.end, sensors_);
                }
                finish_window(event.record, record.start_ns.load(), record.end_ns.load(),
                              sampler_cpu_ns);
                ++finished;
                break;
            }
            case Kind::lap: {
                Record& record = windows_.at(event.record);
                Record& result = windows_.at(event.result);
                result.cpu_start_ns = record.cpu_start_ns;
                result.suspended_start_ns = record.suspended_start_ns;
                record.suspended_start_ns = suspended_ns_;
                result.lagged = record.lagged;
                record.cpu_start_ns = sampler_cpu_ns;
                record.lagged = false;
                finish_window(event.result, result.start_ns.load(), result.end_ns.load(),
                              sampler_cpu_ns);
                ++finished;
                break;
            }
            case Kind::request:
                finished += accounts_.finish(event.event()) ? 1 : 0;
                break;
            case Kind::border:
                borders_.add(event.t_ns, event.at);
                give_back(std::move(event.at));
                break;
            case Kind::peak: {
                double energy = 0;
                for (std::size_t s = 0; s < sensors_.size(); ++s) {
                    if (sensors_[s].counted) {
                        energy += (static_cast<double>(event.at[s].units) + event.at[s].frac) *
                                  sensors_[s].unit;
                    }
                }
                peak_.add(event.t_ns, energy);
                give_back(std::move(event.at));
                break;
            }
            case Kind::trace:
                windows_.at(event.record).trace->add(event.t_ns, event.at, sensors_);
                give_back(std::move(event.at));
                break;
        }
        pending_.pop_front();
        ++first_;
    }
    return finished;
}

std::int64_t Settlement::owed_since(std::size_t sensor) const noexcept {
    const std::uint64_t cursor = cursors_[sensor];
    return cursor < first_ + pending_.size() ? pending_[cursor - first_].t_ns : INT64_MAX;
}

std::int64_t Settlement::wanted_since(std::size_t sensor) const noexcept {
    return std::min(owed_since(sensor), open_ > 0 ? open_since_ns_ : INT64_MAX);
}

std::int64_t Settlement::asked_since(std::size_t sensor) const noexcept {
    for (std::uint64_t n = cursors_[sensor]; n < first_ + pending_.size(); ++n) {
        const Pending& event = pending_[n - first_];
        if (event.kind != Kind::peak && event.kind != Kind::trace) {
            return event.t_ns;
        }
    }
    return INT64_MAX;
}

std::int64_t Settlement::trace_step_ns() {
    std::int64_t finest = 0;
    for (const std::uint32_t index : traced_) {
        const std::int64_t step = windows_.at(index).trace->step_ns;
        finest = finest == 0 ? step : std::min(finest, step);
    }
    return finest;
}

void Settlement::note_lag() noexcept {
    for (const Pending& event : pending_) {
        if (event.kind == Kind::begin || event.kind == Kind::end) {
            windows_.at(event.record).lagged = true;
        } else if (event.kind == Kind::request) {
            accounts_.note_lag(event.event());
        }
    }
}

}  // namespace microjoule
