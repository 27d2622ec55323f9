#pragma once

#include <cstdint>
#include <vector>

#include "microjoule/counter.h"
#include "microjoule/grid.h"
#include "microjoule/period.h"
#include "microjoule/source.h"
#include "microjoule/trapezoid.h"

namespace microjoule {

/// E(t) of one sensor at one instant, and what is needed to tell how well it is known.
///
/// Energy is `units + frac` raw steps since the meter began. The two anchors that it was
/// interpolated between are kept by number, so that the errors of two instants that share an anchor
/// cancel in their difference as they do in truth.
struct EnergyAt {
    std::int64_t units = 0;
    double frac = 0;             ///< in [0, 1)
    std::int64_t anchor = -1;    ///< number of the anchor before; the one after is `anchor + 1`
    double lambda = 0;           ///< 0 at the anchor before, 1 at the one after
    double slope = 0;            ///< raw steps per nanosecond between them
    double sigma_before_ns = 0;  ///< standard uncertainty of the anchors' times
    double sigma_after_ns = 0;
    /// Places of the two anchors on a chain of updates that were placed from each other: the errors
    /// of two anchors are correlated by exp(-distance).
    double chain_before = 0;
    double chain_after = 0;
    std::uint32_t torn = 0;  ///< times so far that updates slipped past reads in step with them
    double shape_units = 0;  ///< standard uncertainty from power varying between the anchors
    double walk = 0;         ///< variance gathered so far from power that a gauge has not seen
    std::int64_t low = 0;    ///< hard bounds: E(t) cannot be outside [low, high]
    std::int64_t high = 0;
    std::int64_t gap_ns = 0;      ///< time so far for which the sensor knows no energy
    std::uint32_t ambiguous = 0;  ///< steps so far that may hide a whole wrap
    std::uint32_t resets = 0;
    // The same up to the anchor after t: what happens inside the interval concerns whoever ends
    // there and whoever begins there.
    std::uint32_t ambiguous_after = 0;
    std::uint32_t resets_after = 0;
};

/// EnergyAt::anchor of an instant that a sensor has not answered for yet.
inline constexpr std::int64_t kUnanswered = -3;

/// The monotone energy E(t) of one sensor over CLOCK_MONOTONIC.
///
/// Anchors are the instants at which the counter *changed*, bracketed by the reads around the
/// change, never the instants at which it was read; E is linear between them. What a learnt update
/// period says is used to place an anchor better than its bracket does: a value that is seen to
/// change at c was set one period before c. Once at() has answered for an instant, the anchors
/// around it stay where they are, so an answer never changes.
class Timeline {
public:
    explicit Timeline(const SensorInfo& info);

    /// Takes a reading. Returns true if it moved the timeline.
    /// `wanted_since_ns`: since when its energy has been asked for without a break; a gauge knows
    /// nothing of a time before that in which nobody read it.
    bool feed(const Reading& reading, std::int64_t wanted_since_ns);

    /// Whether E(t) can be told: `changes` anchors lie wholly after t, or the sensor is lost.
    [[nodiscard]] bool ready(std::int64_t t_ns, int changes) const noexcept;

    /// E(t), frozen from now on. Call with times that do not decrease.
    EnergyAt at(std::int64_t t_ns);

    /// E(t) as far as it is known, past the last anchor at the last power. Freezes nothing.
    [[nodiscard]] EnergyAt estimate(std::int64_t t_ns) const noexcept;

    /// The two anchors around an instant; no time between them where it has only one.
    struct Line {
        std::int64_t from_ns = 0;
        std::int64_t to_ns = 0;
        std::int64_t from_units = 0;
        std::int64_t to_units = 0;
    };
    /// Where at() has answered for the instant, E is this straight line for ever.
    [[nodiscard]] Line line(std::int64_t t_ns) const noexcept;

    /// E at the first reading, and when that was.
    [[nodiscard]] const EnergyAt& origin() const noexcept { return origin_; }
    [[nodiscard]] std::int64_t origin_ns() const noexcept { return origin_ns_; }

    /// The counter has been read all the time and stood still: E is flat up to the last read.
    void settle_flat();

    /// Reads fail and will not be waited for: E is flat from the last anchor on, as a gap.
    void lose() noexcept { lost_ = true; }

    /// The machine was suspended: what the next reading says of the time in between is not energy
    /// of any window.
    void interrupt() noexcept { interrupted_ = true; }

    [[nodiscard]] bool lost() const noexcept { return lost_; }
    [[nodiscard]] bool started() const noexcept { return !anchors_.empty(); }
    [[nodiscard]] const Period& period() const noexcept { return period_; }
    [[nodiscard]] std::int64_t wrap_safe_ns() const noexcept { return counter_.wrap_safe_ns(); }
    [[nodiscard]] std::int64_t last_anchor_ns() const noexcept;
    /// When a counter should change next, and within what; 0 if that cannot be told well.
    [[nodiscard]] std::int64_t next_change_ns(std::int64_t& within_ns) const noexcept;
    /// For how long reads have shown the same value.
    [[nodiscard]] std::int64_t still_ns() const noexcept;
    [[nodiscard]] std::int64_t last_read_ns() const noexcept { return last_after_ns_; }

private:
    struct Anchor {
        std::int64_t lo;         ///< the change came after this read began
        std::int64_t hi;         ///< and before this one ended
        std::int64_t lo_learnt;  ///< `lo`, tightened by the learnt period
        std::int64_t units;
        std::int64_t at;
        double sigma_ns;
        std::int64_t gap_ns;
        double walk;
        double shape_units;  ///< extra uncertainty of an anchor that was itself inferred
        std::uint32_t ambiguous;
        std::uint32_t resets;
        std::uint32_t torn;
        bool inferred;  ///< nobody read this value: it bounds nothing
        bool update;    ///< an update of the counter that reads have bracketed
        bool fixed;
        Link link;        ///< to the anchor before
        Bracket seen;     ///< what its reads and the learnt period say
        Bracket carried;  ///< and the anchors before
        double chain;     ///< see EnergyAt::chain_before
    };

    bool feed_counter(const Reading& reading);
    bool feed_stepped(const Reading& reading);
    bool feed_gauge(const Reading& reading, std::int64_t wanted_since_ns);
    void learn_gauge_swing(double power, double length_ns);
    void push(Anchor anchor);
    void push_exact(std::int64_t t_ns, double sigma_ns, std::int64_t units);
    void learn(const Anchor& after);
    void follow(const Anchor& last, Anchor& anchor) const;
    void place(std::int64_t t_ns);
    void infer_change_before(std::size_t after, std::int64_t t_ns);
    [[nodiscard]] double unseen_power(double seen) const noexcept;
    void learn_swing(std::size_t after);
    void trim();
    [[nodiscard]] std::size_t first_after(std::int64_t t_ns) const noexcept;
    [[nodiscard]] EnergyAt between(std::size_t after, std::int64_t t_ns) const noexcept;
    [[nodiscard]] EnergyAt before_all(std::int64_t t_ns) const noexcept;
    [[nodiscard]] EnergyAt beyond(std::int64_t t_ns) const noexcept;
    [[nodiscard]] double slope(std::size_t after) const noexcept;
    [[nodiscard]] double bend(std::size_t after, double lambda) const noexcept;

    /// Over so many changes of power the swing is averaged.
    static constexpr int kSwings = 32;
    /// Distance on the chain of anchors at which their errors have nothing in common.
    static constexpr double kApart = 50;

    Shape shape_;
    double unit_;
    double power_span_units_;  ///< raw steps per nanosecond
    double swing_ = 0;         ///< variance of power from update to update, (raw steps per ns)^2
    int swings_ = 0;
    std::int64_t swing_seen_ns_ = 0;
    double window_ns_;        ///< gauge: what a value is the mean of
    double last_power_ = -1;  ///< gauge: raw steps per nanosecond
    double late_ns_ = 0;      ///< gauge: standard uncertainty of when a value was true
    Counter counter_;
    Trapezoid trapezoid_;
    Period period_;
    std::vector<Anchor> anchors_;
    EnergyAt origin_;
    std::int64_t origin_ns_ = 0;
    std::int64_t first_number_ = 0;  ///< number of anchors_[0] since the meter began
    std::size_t unfixed_ = 0;        ///< anchors_[unfixed_...] may still move
    bool dirty_ = false;
    bool lost_ = false;
    bool interrupted_ = false;
    std::int64_t same_before_ns_ = 0;  ///< start of the last read that showed the current value
    std::int64_t last_after_ns_ = 0;
};

}  // namespace microjoule
