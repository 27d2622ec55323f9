#pragma once

#include <array>
#include <cstddef>
#include <cstdint>

#include "microjoule/source.h"

namespace microjoule {

enum class PaceMode : std::uint8_t {
    events,  ///< fast around events, slow elsewhere
    fixed,   ///< every period, always
};

/// What the sampler knows about a source when it decides when to read it next.
struct PaceInputs {
    bool open = false;       ///< a window or request is open
    bool calm = false;       ///< only windows of long runs are
    bool unsettled = false;  ///< an event still waits for this source
    bool searching = false;  ///< the update period is being learnt, right after the start
    bool period_known = false;
    std::int64_t period_ns = 0;
    std::int64_t wrap_safe_ns = 0;
    std::int64_t last_event_ns = 0;          ///< time of the newest event
    std::int64_t trace_step_ns = 0;          ///< finest trace that is open; 0: none
    std::int64_t next_change_ns = 0;         ///< when the counter should change next; 0: unknown
    std::int64_t next_change_within_ns = 0;  ///< and how far from that it may
    double stretch = 1;  ///< what the governor asks of every pace but the bursts
};

/// Decides when a source is read next: the whole of "fast where something happens, slow elsewhere".
///
/// Counters are read at a tenth of their update period while an event is unsettled, at their period
/// for another 20 ms, and at the wrap-safe pace otherwise (four times a second while a window is
/// open, so that its highest 1 s mean is known; once a second, as power models then are, where only
/// calm ones are). When events come faster than every 5 ms the
/// source stays at its period: bursts would never end. A counter that changes a few times a second
/// is read around the instants at which it should.
class Pace {
public:
    Pace(const SensorInfo& info, PaceMode mode, std::int64_t fixed_period_ns) noexcept;

    /// Events were taken in at `now`.
    void on_events(std::int64_t now_ns) noexcept;

    /// The absolute time of the next read, given that the last one ended at `last_read_ns`.
    [[nodiscard]] std::int64_t next(std::int64_t last_read_ns, const PaceInputs& in) noexcept;

    /// The read that next() had named was made: the grid of deadlines goes on from there.
    void on_read() noexcept { grid_ns_ = due_ns_; }

    /// How much earlier than its deadline the next read may be made together with another.
    [[nodiscard]] std::int64_t slack_ns() const noexcept { return step_ns_ / 10; }

    /// How many changes past an event must be seen before it is settled.
    [[nodiscard]] int changes_needed() const noexcept;

    /// Awake: the next read is so near that an event need not wake the sampler.
    [[nodiscard]] bool awake(std::int64_t now_ns, const PaceInputs& in) const noexcept;

    [[nodiscard]] bool dense() const noexcept { return dense_; }

private:
    [[nodiscard]] std::int64_t interval(std::int64_t now_ns, const PaceInputs& in) const noexcept;
    [[nodiscard]] std::int64_t burst(std::int64_t now_ns, const PaceInputs& in) const noexcept;
    [[nodiscard]] bool lingers(std::int64_t now_ns, const PaceInputs& in) const noexcept;

    static constexpr std::size_t kClusters = 8;
    Shape shape_;
    PaceMode mode_;
    std::int64_t fixed_period_ns_;
    std::int64_t open_interval_ns_;
    std::int64_t event_interval_ns_;
    std::int64_t grid_ns_ = 0;  ///< deadline of the last read
    std::int64_t due_ns_ = 0;   ///< deadline of the next one
    std::int64_t step_ns_ = 0;
    std::array<std::int64_t, kClusters> clusters_{};
    std::size_t cluster_ = 0;
    std::int64_t last_cluster_ns_ = 0;
    bool dense_ = false;
};

}  // namespace microjoule
