#pragma once

#include <array>
#include <atomic>
#include <cstdint>
#include <memory>
#include <vector>

#include "microjoule/pool.h"
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

/// One window: opened by a token, closed into a result.
struct Record : Pooled {
    static constexpr const char* kName = "windows";

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

    void shape(std::size_t sensors) {
        start.resize(sensors);
        end.resize(sensors);
    }

    /// The sampler takes it in: nothing is answered yet of what its last user left behind.
    void open_account() noexcept {
        taken = generation();
        for (EnergyAt& at : start) {
            at.anchor = kUnanswered;
        }
        for (EnergyAt& at : end) {
            at.anchor = kUnanswered;
        }
    }
};

/// The pool of windows.
class Windows : public Pool<Record> {
public:
    explicit Windows(std::size_t sensors) : Pool(sensors) { grow(); }
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
