#include "microjoule/replay.h"

#include <algorithm>
#include <atomic>
#include <cerrno>
#include <cmath>
#include <memory>
#include <stdexcept>
#include <utility>

#include "microjoule/clock.h"
#include "microjoule/recording.h"

namespace microjoule {
namespace {

/// A reading of one sensor, at the instant at which its value was true.
struct Point {
    std::int64_t t_ns = 0;
    std::uint64_t raw = 0;
    Status status = Status::ok;
    int error = 0;
};

/// What one sensor showed, as a function of time.
class Track {
public:
    explicit Track(const SensorInfo& info) : info_(info) {}

    void add(const Entry& entry) {
        Point point{entry.t_ns + (entry.until_ns - entry.t_ns) / 2, entry.raw, entry.status,
                    entry.error};
        const std::int64_t before = points_.empty() ? point.t_ns : points_.back().t_ns;
        last_ns_ = std::max(last_ns_, point.t_ns);
        const bool ok = point.status == Status::ok;
        if (ok && info_.shape == Shape::counter && valued_ && points_[last_ok_].raw != point.raw) {
            // It changed since the reading before, within an update of this one.
            point.t_ns -= std::min(point.t_ns - before, info_.period_hint_ns) / 2;
        }
        if (!points_.empty() && point.t_ns <= before) {
            return;  // a sample that was seen before
        }
        if (ok) {
            total_ += valued_ ? step(points_[last_ok_], point) : 0;
            last_ok_ = points_.size();
            valued_ = true;
        }
        points_.push_back(point);
    }

    /// Names the next value of every point, once all of them are there.
    void close() {
        next_ok_.assign(points_.size(), points_.size());
        for (std::size_t i = points_.size(); i-- > 1;) {
            next_ok_[i - 1] = points_[i].status == Status::ok ? i : next_ok_[i];
        }
    }

    [[nodiscard]] std::int64_t first_ns() const { return points_.empty() ? 0 : points_[0].t_ns; }
    [[nodiscard]] std::int64_t last_ns() const { return last_ns_; }
    [[nodiscard]] bool valued() const { return valued_; }

    /// What a read at `t_ns` shows, when the recording has run `rounds` times before.
    void read(std::int64_t t_ns, std::uint64_t rounds, Reading& out) const noexcept {
        const auto after =
            std::upper_bound(points_.begin(), points_.end(), t_ns,
                             [](std::int64_t t, const Point& point) { return t < point.t_ns; });
        const std::size_t here =
            static_cast<std::size_t>(std::max<std::ptrdiff_t>(after - points_.begin(), 1) - 1);
        const Point& a = points_[here];
        out.status = a.status;
        out.error = a.error;
        out.raw = a.raw;
        if (a.status != Status::ok) {
            return;
        }
        const std::size_t next = next_ok_[here];
        if (next < points_.size() && t_ns > a.t_ns) {
            out.raw = between(a, points_[next], t_ns);
        }
        if (info_.shape != Shape::gauge) {
            out.raw += rounds * total_;
            out.raw = info_.modulus != 0 ? out.raw % info_.modulus : out.raw;
        }
    }

private:
    /// How far a counter went from one value to the next; 0 where it was set back.
    [[nodiscard]] std::uint64_t step(const Point& a, const Point& b) const noexcept {
        if (info_.shape == Shape::gauge) {
            return 0;
        }
        std::uint64_t by = b.raw - a.raw;
        if (b.raw < a.raw) {
            if (info_.modulus == 0 || a.raw >= info_.modulus) {
                return 0;
            }
            by += info_.modulus;
        }
        const double seconds =
            static_cast<double>(b.t_ns - a.t_ns + 2 * info_.period_hint_ns) * 1e-9;
        return static_cast<double>(by) * info_.unit <= info_.max_power_w * seconds ? by : 0;
    }

    [[nodiscard]] std::uint64_t between(const Point& a, const Point& b,
                                        std::int64_t t_ns) const noexcept {
        std::int64_t passed = t_ns - a.t_ns;
        if (info_.shape == Shape::counter) {
            passed -= passed % info_.period_hint_ns;
        }
        const double share = static_cast<double>(passed) / static_cast<double>(b.t_ns - a.t_ns);
        const auto part = [&](std::uint64_t whole) {
            return static_cast<std::uint64_t>(std::min(share * static_cast<double>(whole), 1.8e19));
        };
        if (info_.shape == Shape::gauge && b.raw < a.raw) {
            return a.raw - part(a.raw - b.raw);
        }
        return a.raw + part(info_.shape == Shape::gauge ? b.raw - a.raw : step(a, b));
    }

    SensorInfo info_;
    std::vector<Point> points_;
    std::vector<std::size_t> next_ok_;
    std::size_t last_ok_ = 0;
    std::int64_t last_ns_ = 0;
    bool valued_ = false;
    std::uint64_t total_ = 0;
};

/// When the recording began to run again, for all of its sources together.
struct Start {
    explicit Start(const Clock& time) : clock(time) {}

    const Clock& clock;
    std::int64_t first_ns = INT64_MAX;
    std::int64_t last_ns = INT64_MAX;
    bool loop = false;
    std::atomic<std::int64_t> at_ns{0};

    std::int64_t passed_ns() noexcept {
        const std::int64_t now = clock.now_ns();
        std::int64_t none = 0;
        at_ns.compare_exchange_strong(none, now);
        return std::max<std::int64_t>(now - at_ns.load(), 0);
    }
};

class Replay final : public Source {
public:
    Replay(std::shared_ptr<Start> start, std::vector<SensorInfo> sensors, std::vector<Track> tracks)
        : start_(std::move(start)), sensors_(std::move(sensors)), tracks_(std::move(tracks)) {}

    const std::vector<SensorInfo>& sensors() const noexcept override { return sensors_; }

    void read(Reading* readings) noexcept override {
        const std::int64_t length = start_->last_ns - start_->first_ns;
        const std::int64_t passed = start_->passed_ns();
        const bool over = passed > length && !start_->loop;
        const auto rounds = static_cast<std::uint64_t>(passed / length);
        for (std::size_t i = 0; i < tracks_.size(); ++i) {
            if (over) {
                readings[i].status = Status::lost;
                readings[i].error = ENODATA;
            } else {
                tracks_[i].read(start_->first_ns + (over ? length : passed % length), rounds,
                                readings[i]);
            }
        }
    }

private:
    std::shared_ptr<Start> start_;
    std::vector<SensorInfo> sensors_;
    std::vector<Track> tracks_;
};

SensorInfo replayed(SensorInfo info, const std::string& name, const Recording& recording) {
    std::string reason = "replayed from " + name;
    const std::string_view when = recording.fact("recorded");
    const std::string_view by = recording.fact("by");
    if (!when.empty()) {
        reason.append(", recorded ").append(when);
    }
    if (!by.empty()) {
        reason.append(" by ").append(by);
    }
    reason += " through " + info.source;
    if (!info.reason.empty()) {
        reason += "; " + info.reason;
    }
    info.reason = std::move(reason);
    info.method = "replay of " + info.method;
    info.source = "replay";
    info.estimated = true;  // of another time, and perhaps of another machine
    return info;
}

}  // namespace

Discovery discover_replay(const Recording& recording, const std::string& name, bool loop,
                          const Clock& clock) {
    std::vector<Track> tracks;
    for (const RecordedSensor& sensor : recording.sensors) {
        tracks.emplace_back(sensor.info);
    }
    for (const Entry& entry : recording.entries) {
        if (entry.kind == Entry::Kind::reading) {
            tracks[entry.index].add(entry);
        }
    }
    const auto start = std::make_shared<Start>(clock);
    start->loop = loop;
    Discovery found;
    std::vector<SensorInfo> sensors;
    std::vector<Track> together;
    const auto& all = recording.sensors;
    for (std::size_t i = 0; i < all.size(); ++i) {
        // The process's CPU time was that of another process.
        if (all[i].info.energy && tracks[i].valued()) {
            // It ends where the first of its sensors ends: of later times not all is known.
            start->first_ns = std::min(start->first_ns, tracks[i].first_ns());
            start->last_ns = std::min(start->last_ns, tracks[i].last_ns());
            tracks[i].close();
            sensors.push_back(replayed(all[i].info, name, recording));
            together.push_back(std::move(tracks[i]));
        }
        const bool last = i + 1 == all.size() || all[i + 1].group != all[i].group;
        if (last && !sensors.empty()) {
            found.sources.push_back(std::make_unique<Replay>(start, std::exchange(sensors, {}),
                                                             std::exchange(together, {})));
        }
    }
    if (found.sources.empty() || start->last_ns <= start->first_ns) {
        throw std::invalid_argument(name + ": the recording is too short to be replayed");
    }
    return found;
}

}  // namespace microjoule
