#pragma once

#include <cstdint>

namespace microjoule {

/// Integrates power samples of uneven spacing by the trapezoid rule, in whole nanojoules.
///
/// The remainder below one nanojoule is carried, so that a long run does not drift. Time in which
/// nobody sampled is a gap: the integral stands still across it.
class Trapezoid {
public:
    /// Adds a sample. `power_uw`: microwatts. Times must not decrease.
    void add(std::int64_t t_ns, std::uint64_t power_uw) noexcept;

    /// Declares that nothing is known between the last sample and the next one.
    void interrupt() noexcept { running_ = false; }

    [[nodiscard]] std::int64_t energy_nj() const noexcept { return energy_nj_; }
    [[nodiscard]] bool running() const noexcept { return running_; }

private:
    std::int64_t last_ns_ = 0;
    std::uint64_t last_uw_ = 0;
    std::int64_t energy_nj_ = 0;
    double remainder_nj_ = 0;
    bool running_ = false;
};

}  // namespace microjoule
