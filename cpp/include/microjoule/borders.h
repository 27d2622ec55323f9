#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "microjoule/source.h"
#include "microjoule/timeline.h"

namespace microjoule {

/// Instants known in advance at which the energy of every sensor is wanted: where the slots of a
/// carbon intensity series meet. Each is an event like any other, only that nobody has to post it.
class Borders {
public:
    static constexpr std::size_t kMost = 65536;  ///< passed borders that are remembered

    /// Replaces what is still to come. `t_ns` increases strictly, on the meter's clock.
    void schedule(std::vector<std::int64_t> t_ns);

    /// The next one, INT64_MAX if there is none.
    [[nodiscard]] std::int64_t next_ns() const noexcept {
        return next_ < due_.size() ? due_[next_] : INT64_MAX;
    }
    void pass() noexcept { ++next_; }
    /// Calls `border(t_ns)` for each that is still to come up to then.
    template <class Border>
    void each_until(std::int64_t t_ns, Border&& border) const {
        for (std::size_t i = next_; i < due_.size() && due_[i] <= t_ns; ++i) {
            border(due_[i]);
        }
    }

    /// What the sensors answered for one that has passed, in order of time.
    void add(std::int64_t t_ns, const std::vector<EnergyAt>& at);

    /// Those strictly inside a window, and the energy in joules since its start: one row a border,
    /// one column a sensor.
    void within(std::int64_t start_ns, std::int64_t end_ns, const std::vector<EnergyAt>& start,
                const std::vector<SensorInfo>& sensors, std::vector<std::int64_t>& t_ns,
                std::vector<double>& energy) const;

    [[nodiscard]] bool empty() const noexcept { return passed_.empty(); }

private:
    struct Amount {
        std::int64_t units;
        double frac;
    };

    std::vector<std::int64_t> due_;
    std::size_t next_ = 0;
    std::vector<std::int64_t> passed_;
    std::vector<Amount> amounts_;  // one row a passed border, one column a sensor
};

}  // namespace microjoule
