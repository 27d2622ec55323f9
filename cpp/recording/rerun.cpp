#include "microjoule/rerun.h"

#include <algorithm>
#include <map>
#include <memory>
#include <stdexcept>
#include <string>

#include "microjoule/events.h"
#include "microjoule/settlement.h"
#include "microjoule/timeline.h"
#include "microjoule/windows.h"

namespace microjoule {
namespace {

using Kind = Entry::Kind;

// Windows times sensors: what is kept of each is some 400 bytes.
constexpr std::size_t kMostAnswers = std::size_t{1} << 20;

[[noreturn]] void refuse(const char* kind, std::uint32_t record, const char* what) {
    throw std::invalid_argument(std::string(kind) + " " + std::to_string(record) +
                                " of the recording " + what);
}

/// The books of a sampler without a sampler: whoever holds the entries decides what happens when.
class Ledger {
public:
    explicit Ledger(const Recording& recording)
        : sensors_(recording.infos()),
          windows_(sensors_.size()),
          requests_(sensors_.size()),
          settlement_(sensors_, windows_, requests_) {
        timelines_.reserve(sensors_.size());
        for (const SensorInfo& info : sensors_) {
            timelines_.emplace_back(info);
        }
    }

    Handle begin(std::int64_t t_ns, std::int64_t step_ns) {
        const Handle handle = windows_.acquire(Record::open);
        Record& record = windows_.at(handle.record);
        record.start_ns.store(t_ns);
        record.end_ns.store(0);
        record.trace.reset();
        if (step_ns > 0) {
            record.trace = std::make_unique<Trace>();
            record.trace->step_ns = step_ns;
        }
        take(Event::Kind::begin, t_ns, handle.record);
        return handle;
    }

    void end(Handle handle, std::int64_t t_ns) {
        windows_.close(handle);
        windows_.at(handle.record).end_ns.store(t_ns);
        take(Event::Kind::end, t_ns, handle.record);
        ended_.push_back(handle);
    }

    void lap(Handle handle, std::int64_t t_ns) {
        const Handle result = windows_.acquire(Record::closing);
        Record& part = windows_.at(result.record);
        part.start_ns.store(windows_.at(handle.record).start_ns.exchange(t_ns));
        part.end_ns.store(t_ns);
        take(Event::Kind::lap, t_ns, handle.record, result.record);
        ended_.push_back(result);
    }

    /// Requests are replayed for the instants at which they have E settled: what each of them took
    /// is not asked again.
    void request(const Entry& entry) {
        Event event{entry.t_ns, 0, entry.other, entry.what, 0};
        if (entry.what == Event::Kind::join) {
            const Handle handle = requests_.acquire(Pooled::open);
            if (!open_requests_.try_emplace(entry.index, Known{handle, entry.generation}).second) {
                refuse("request", entry.index, "begins twice");
            }
        }
        const auto found = open_requests_.find(entry.index);
        if (found == open_requests_.end() || found->second.generation != entry.generation) {
            if (entry.what == Event::Kind::leave) {
                refuse("request", entry.index, "ends and has not begun");
            }
            // It was stamped after its request's end, and is of nobody.
            requests_.discard(requests_.acquire(Pooled::open));
            return settlement_.take(event);
        }
        const Handle handle = found->second.handle;
        event.record = handle.record;
        event.generation = static_cast<std::uint32_t>(handle.generation);
        if (entry.what == Event::Kind::leave) {
            requests_.close(handle);
            open_requests_.erase(found);
        }
        settlement_.take(event);
        if (entry.what == Event::Kind::leave) {
            requests_.release(handle);
        }
    }

    void feed(std::size_t sensor, const Reading& reading) {
        timelines_[sensor].feed(reading, settlement_.wanted_since(sensor));
    }

    void settle(std::size_t sensor, int changes, std::size_t most) {
        settlement_.settle(sensor, timelines_[sensor], changes, most);
        settlement_.finish(0);
    }

    Timeline& timeline(std::size_t sensor) { return timelines_[sensor]; }
    Settlement& settlement() { return settlement_; }
    [[nodiscard]] const std::vector<SensorInfo>& sensors() const { return sensors_; }

    /// Of all windows that have ended, in that order.
    std::vector<Figures> figures() {
        std::vector<Figures> all;
        for (const Handle& handle : ended_) {
            const Record& record = windows_.at(handle.record);
            Figures out;
            out.start_ns = record.start_ns.load();
            out.end_ns = record.end_ns.load();
            out.settled = windows_.is_done(handle);
            out.lagged = record.lagged;
            out.late_s = static_cast<double>(record.late_ns) * 1e-9;
            const std::int64_t suspended = record.suspended_end_ns - record.suspended_start_ns;
            if (out.settled) {
                out.peak_w = record.peak_w;
                out.suspended_s =
                    suspended > kMillisecond ? static_cast<double>(suspended) * 1e-9 : 0;
            }
            for (std::size_t s = 0; s < sensors_.size(); ++s) {
                const auto known = [&](const EnergyAt& at, std::int64_t t_ns) {
                    return at.anchor != kUnanswered ? at : timelines_[s].estimate(t_ns);
                };
                out.sensors.push_back(difference(known(record.start[s], out.start_ns),
                                                 known(record.end[s], out.end_ns), record.late_ns,
                                                 sensors_[s]));
            }
            all.push_back(std::move(out));
        }
        return all;
    }

    /// How many windows and requests are held.
    [[nodiscard]] std::size_t held() const { return ended_.size() + open_requests_.size(); }

private:
    void take(Event::Kind kind, std::int64_t t_ns, std::uint32_t record, std::uint32_t result = 0) {
        settlement_.take({t_ns, record, result, kind, 0});
    }

    std::vector<SensorInfo> sensors_;
    std::vector<Timeline> timelines_;
    Windows windows_;
    Requests requests_;
    Settlement settlement_;
    std::vector<Handle> ended_;
    struct Known {
        Handle handle;
        std::uint32_t generation;  // as it was recorded
    };
    std::map<std::uint32_t, Known> open_requests_;
};

Reading reading_of(const Entry& entry) {
    return {entry.status, entry.error, entry.raw, entry.t_ns, entry.until_ns};
}

}  // namespace

std::vector<Figures> rerun(const Recording& recording) {
    Ledger ledger(recording);
    std::map<std::uint32_t, Handle> open;
    std::vector<std::int64_t> borders;
    const auto opened = [&](std::uint32_t record) {
        const auto found = open.find(record);
        if (found == open.end()) {
            refuse("window", record, "ends and has not begun");
        }
        return found;
    };
    for (const Entry& entry : recording.entries) {
        if ((ledger.held() + open.size()) * ledger.sensors().size() > kMostAnswers) {
            throw std::invalid_argument(
                "the recording has more windows than can be measured again, or requests that are "
                "open at once: at most a million "
                "divided by its number of sensors");
        }
        switch (entry.kind) {
            case Kind::reading:
                ledger.feed(entry.index, reading_of(entry));
                break;
            case Kind::begin:
                if (open.count(entry.index) != 0) {
                    refuse("window", entry.index, "begins twice");
                }
                open[entry.index] = ledger.begin(entry.t_ns, entry.step_ns);
                break;
            case Kind::end: {
                const auto found = opened(entry.index);
                ledger.end(found->second, entry.t_ns);
                open.erase(found);
                break;
            }
            case Kind::lap:
                ledger.lap(opened(entry.index)->second, entry.t_ns);
                break;
            case Kind::request:
                ledger.request(entry);
                break;
            case Kind::border:
                borders.push_back(entry.t_ns);
                break;
            case Kind::now:
                if (!borders.empty()) {
                    ledger.settlement().borders().schedule(std::exchange(borders, {}));
                }
                ledger.settlement().advance(entry.t_ns);
                break;
            case Kind::settle:
                ledger.settle(entry.index, entry.changes, entry.count);
                break;
            case Kind::flat:
                ledger.timeline(entry.index).settle_flat();
                break;
            case Kind::lost:
                ledger.timeline(entry.index).lose();
                break;
            case Kind::interrupted:
                for (std::size_t s = 0; s < ledger.sensors().size(); ++s) {
                    ledger.timeline(s).interrupt();
                }
                break;
            case Kind::lagged:
                ledger.settlement().note_lag();
                break;
            case Kind::suspended:
                ledger.settlement().set_suspended(entry.t_ns);
                break;
        }
    }
    return ledger.figures();
}

std::vector<Figures> rerun(const Recording& recording,
                           const std::vector<std::pair<std::int64_t, std::int64_t>>& windows) {
    std::int64_t first = INT64_MAX;
    std::int64_t last = 0;
    for (const Entry& entry : recording.entries) {
        if (entry.kind == Kind::reading) {
            first = std::min(first, entry.t_ns);
            last = std::max(last, entry.until_ns);
        }
    }
    struct Mark {
        std::int64_t t_ns;
        bool end;
        std::size_t window;
        bool operator<(const Mark& other) const {
            return t_ns != other.t_ns ? t_ns < other.t_ns : end < other.end;
        }
    };
    std::vector<Mark> marks;
    for (std::size_t i = 0; i < windows.size(); ++i) {
        const auto [start, end] = windows[i];
        if (start >= end || start < first || end > last) {
            throw std::invalid_argument("window " + std::to_string(i) + " is from " +
                                        std::to_string(start) + " to " + std::to_string(end) +
                                        " ns: pass (start, end) with start < end, within " +
                                        std::to_string(first) + " and " + std::to_string(last));
        }
        marks.push_back({start, false, i});
        marks.push_back({end, true, i});
    }
    std::sort(marks.begin(), marks.end());

    Ledger ledger(recording);
    std::vector<Handle> handles(windows.size());
    std::vector<std::size_t> order;
    auto next = marks.begin();
    const auto pass = [&](std::int64_t t_ns) {
        for (; next != marks.end() && next->t_ns <= t_ns; ++next) {
            if (next->end) {
                ledger.end(handles[next->window], next->t_ns);
                order.push_back(next->window);
            } else {
                handles[next->window] = ledger.begin(next->t_ns, 0);
            }
        }
        ledger.settlement().advance(t_ns);
    };
    std::int64_t now = 0;
    for (const Entry& entry : recording.entries) {
        if (entry.kind != Kind::reading) {
            continue;
        }
        now = std::max(now, entry.t_ns);
        pass(now);
        ledger.feed(entry.index, reading_of(entry));
        const bool counter = ledger.sensors()[entry.index].shape == Shape::counter;
        ledger.settle(entry.index, counter ? 2 : 1, Settlement::kMost);
    }
    pass(last);
    for (std::size_t s = 0; s < ledger.sensors().size(); ++s) {
        ledger.settle(s, 1, Settlement::kMost);
    }
    // As they were asked for, not as they ended.
    std::vector<Figures> ended = ledger.figures();
    std::vector<Figures> all(windows.size());
    for (std::size_t i = 0; i < ended.size(); ++i) {
        all[order[i]] = std::move(ended[i]);
    }
    return all;
}

}  // namespace microjoule
