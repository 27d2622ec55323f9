#pragma once

#include <array>
#include <atomic>
#include <cstdint>
#include <memory>
#include <mutex>
#include <vector>

#include "microjoule/source.h"
#include "microjoule/timeline.h"

namespace microjoule {

/// E(t) at evenly spaced instants of one window. At 65,536 points every other one is dropped and
/// the step doubles, so that a trace of any length has a bounded size.
struct Trace {
    static constexpr std::size_t kMost = 65536;

    std::int64_t step_ns = 0;
    std::int64_t next_ns = 0;
    std::vector<std::int64_t> t_ns;
    std::vector<double> energy;  ///< one row a point, one column a sensor, since the meter began

    void add(std::int64_t t, const std::vector<EnergyAt>& at,
             const std::vector<SensorInfo>& sensors);
};

/// One window: opened by a token, closed into a result. Lives in a pool and is used again.
struct Record {
    enum Phase : std::uint64_t { free, open, closing, done, abandoned };

    /// generation * 8 + phase. A token carries the generation, so an old one never fits.
    std::atomic<std::uint64_t> state{0};
    std::atomic<std::uint32_t> next_free{0};
    std::atomic<std::int64_t> start_ns{0};
    std::atomic<std::int64_t> end_ns{0};
    // From here on only under the sampler's lock, or before the event that opens the window.
    std::vector<EnergyAt> start;
    std::vector<EnergyAt> end;
    std::unique_ptr<Trace> trace;
    std::uint64_t taken = 0;  ///< generation whose begin the sampler has taken in
    std::int64_t late_ns = 0;
    std::int64_t suspended_start_ns = 0;
    std::int64_t suspended_end_ns = 0;
    std::int64_t cpu_start_ns = 0;
    std::int64_t cpu_end_ns = 0;
    double peak_w = -1;
    bool ended = false;
    bool lagged = false;
    bool calm = false;  ///< a long run: between its events it is content with a read a second

    /// The sampler takes it in: nothing is answered yet of what its last user left behind.
    void open_account() noexcept {
        taken = state.load(std::memory_order_acquire) >> 3;
        for (EnergyAt& at : start) {
            at.anchor = kUnanswered;
        }
        for (EnergyAt& at : end) {
            at.anchor = kUnanswered;
        }
    }
};

/// A record and the generation that somebody means by it.
struct Handle {
    std::uint32_t record = 0;
    std::uint64_t generation = 0;
};

/// The pool of windows. Opening and closing take no lock and allocate nothing, except when more
/// windows are open at once than ever before.
class Windows {
public:
    explicit Windows(std::size_t sensors);
    ~Windows();
    Windows(const Windows&) = delete;
    Windows& operator=(const Windows&) = delete;

    /// Takes a record from the pool in the given phase.
    Handle acquire(Record::Phase phase);
    /// Moves an open window to closing; false if the handle is not an open window.
    bool close(Handle handle) noexcept;
    [[nodiscard]] bool is_open(Handle handle) noexcept;
    /// Sampler: the result is complete (or, if nobody wants it any more, the record is free again).
    void finish(std::uint32_t record) noexcept;
    [[nodiscard]] bool is_done(Handle handle) noexcept;
    /// The owner has read the result, or will never read it.
    void release(Handle handle) noexcept;
    /// An open window that never got its event: back into the pool.
    void discard(Handle handle) noexcept;

    Record& at(std::uint32_t record) noexcept {
        return slabs_[record / kSlab].load(std::memory_order_acquire)[record % kSlab];
    }

    static std::uint64_t token(Handle handle) noexcept {
        return handle.generation << kIndexBits | handle.record;
    }
    static Handle handle(std::uint64_t token) noexcept {
        return {static_cast<std::uint32_t>(token & ((std::uint64_t{1} << kIndexBits) - 1)),
                token >> kIndexBits};
    }
    /// Whether the token names a record that exists at all.
    [[nodiscard]] bool exists(Handle handle) const noexcept {
        return handle.record < size_.load(std::memory_order_acquire);
    }

private:
    static constexpr unsigned kIndexBits = 22;
    static constexpr std::size_t kSlab = 1024;
    static constexpr std::size_t kSlabs = (std::size_t{1} << kIndexBits) / kSlab;

    void grow();
    void push_free(std::uint32_t record) noexcept;

    std::size_t sensors_;
    std::uint64_t first_generation_;
    std::unique_ptr<std::atomic<Record*>[]> slabs_;
    std::atomic<std::uint32_t> size_{0};
    // Tag in the upper half against ABA, index + 1 in the lower; 0 in the lower: empty.
    alignas(64) std::atomic<std::uint64_t> free_{0};
    std::mutex grow_mutex_;
};

/// The figures of one sensor over one window, in joules (seconds for CPU time).
struct SensorFigures {
    double energy = 0;
    double timing = 0;        ///< standard uncertainty: when the counter changed, power in between
    double quantisation = 0;  ///< of the counter's resolution
    double gain = 0;          ///< of the sensor's calibration; correlated over sensors
    double model = 0;         ///< of a power model; correlated
    double low = 0;           ///< hard bounds on what the counter says
    double high = 0;
    double gap_s = 0;  ///< time of the window for which the sensor knows nothing
    std::uint32_t ambiguous = 0;
    std::uint32_t resets = 0;
};

/// E(end) - E(start) with its uncertainty in parts. Errors of an anchor that both ends share
/// cancel.
SensorFigures difference(const EnergyAt& start, const EnergyAt& end, std::int64_t late_ns,
                         const SensorInfo& info) noexcept;

}  // namespace microjoule
