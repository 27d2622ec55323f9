#pragma once

#include <cstdint>
#include <deque>
#include <memory>
#include <vector>

#include "microjoule/accounts.h"
#include "microjoule/borders.h"
#include "microjoule/events.h"
#include "microjoule/peak.h"
#include "microjoule/timeline.h"
#include "microjoule/windows.h"

namespace microjoule {

/// Replays events in time order against every sensor's timeline.
///
/// Each sensor has its own cursor, because each one knows E(t) at its own time; an event is done
/// with when the last sensor has answered for it. Marks (for peaks and traces) are events that the
/// sampler itself puts on its time grid; borders are events whose time is known in advance.
/// Everything here happens under the sampler's lock.
class Settlement {
public:
    static constexpr std::size_t kMost = 65536;   ///< events that wait for an answer, at most
    static constexpr std::size_t kAtOnce = 4096;  ///< answers of one sensor in one turn

    Settlement(const std::vector<SensorInfo>& sensors, Windows& windows, Requests& requests,
               SplitOptions split = {});

    /// Takes an event in. One behind the horizon takes effect at the horizon and is counted.
    void take(const Event& event);

    /// Every event before `t_ns` is known: sensors may answer up to there. Places marks and
    /// borders.
    void advance(std::int64_t t_ns);

    /// Lets one sensor answer the events that its timeline can, up to `most` of them: a backlog
    /// must not keep the sampler from reading. Returns how many it answered.
    std::size_t settle(std::size_t sensor, Timeline& timeline, int changes,
                       std::size_t most = kAtOnce);

    /// Hands over what every sensor has answered. Returns the number of windows and requests
    /// finished.
    std::size_t finish(std::int64_t sampler_cpu_ns);

    /// Time of the oldest event that the sensor still owes; INT64_MAX if none.
    [[nodiscard]] std::int64_t owed_since(std::size_t sensor) const noexcept;
    /// Since when the sensor has been wanted without a break: something is open, or it owes.
    [[nodiscard]] std::int64_t wanted_since(std::size_t sensor) const noexcept;
    /// owed_since(), marks left out: those wait for whatever read comes next.
    [[nodiscard]] std::int64_t asked_since(std::size_t sensor) const noexcept;

    [[nodiscard]] bool full() const noexcept { return pending_.size() >= kMost; }
    /// Half way to the bound: whoever can answer sooner should.
    [[nodiscard]] bool crowded() const noexcept { return pending_.size() >= kMost / 2; }
    [[nodiscard]] bool idle() const noexcept { return pending_.empty(); }
    [[nodiscard]] bool open() const noexcept { return open_ > 0; }
    /// Windows are open, and all of them are calm.
    [[nodiscard]] bool calm() const noexcept { return open_ > 0 && open_ == calm_; }
    [[nodiscard]] std::int64_t horizon_ns() const noexcept { return horizon_ns_; }
    [[nodiscard]] std::int64_t last_event_ns() const noexcept { return last_event_ns_; }
    [[nodiscard]] std::int64_t trace_step_ns();
    [[nodiscard]] Borders& borders() noexcept { return borders_; }
    [[nodiscard]] const Accounts& accounts() const noexcept { return accounts_; }
    /// In a forked child: the parent's requests are none of its own.
    void forsake_requests() noexcept { open_ -= accounts_.forsake(); }
    /// The next border that concerns somebody; INT64_MAX if none.
    [[nodiscard]] std::int64_t next_border_ns() const noexcept {
        return open() ? borders_.next_ns() : INT64_MAX;
    }
    [[nodiscard]] std::uint64_t late() const noexcept { return late_; }
    [[nodiscard]] std::uint64_t events() const noexcept { return events_; }
    /// CPU time of the sampler so far: what windows that begin now start from.
    void set_sampler_cpu(std::int64_t cpu_ns) noexcept { sampler_cpu_ns_ = cpu_ns; }
    /// The same of the time that the machine has been suspended.
    void set_suspended(std::int64_t suspended_ns) noexcept { suspended_ns_ = suspended_ns; }
    /// Marks every unfinished window: a device lagged so far behind that it was closed by force.
    void note_lag() noexcept;

private:
    enum class Kind : std::uint8_t { begin, end, lap, request, border, peak, trace };
    struct Pending {
        std::int64_t t_ns;
        std::int64_t late_ns;
        std::uint32_t record;
        std::uint32_t result;
        Kind kind;
        Event::Kind what;  // of a request
        std::uint32_t generation;
        std::vector<EnergyAt> at;  // marks and borders: windows keep theirs in their record

        [[nodiscard]] Event event() const noexcept {
            return {t_ns, record, result, what, generation};
        }
    };

    void insert(Pending event);
    void insert_mark(std::int64_t t_ns, Kind kind, std::uint32_t record = 0);
    void opened(std::int64_t t_ns) noexcept;
    void place_borders(std::int64_t t_ns);
    void answer(const Pending& event, std::size_t sensor, const EnergyAt& at);
    void finish_window(std::uint32_t record, std::int64_t start_ns, std::int64_t end_ns,
                       std::int64_t cpu_ns);
    [[nodiscard]] std::vector<EnergyAt> mark_room();
    void give_back(std::vector<EnergyAt> room) noexcept;

    const std::vector<SensorInfo>& sensors_;
    Windows& windows_;
    Accounts accounts_;
    Peak peak_;
    Borders borders_;
    std::deque<Pending> pending_;
    std::uint64_t first_ = 0;             // number of pending_[0]
    std::vector<std::uint64_t> cursors_;  // per sensor: number of the next event to answer
    std::vector<std::vector<EnergyAt>> spare_;
    std::vector<std::uint32_t> traced_;
    std::int64_t horizon_ns_ = 0;
    std::int64_t next_peak_ns_ = INT64_MAX;
    std::int64_t last_event_ns_ = 0;
    std::int64_t sampler_cpu_ns_ = 0;
    std::int64_t suspended_ns_ = 0;
    std::uint64_t late_ = 0;
    std::uint64_t events_ = 0;
    std::size_t open_ = 0;
    std::size_t calm_ = 0;  ///< how many of them are calm
    std::int64_t open_since_ns_ = 0;
};

}  // namespace microjoule
