#pragma once

#include <cstdint>

namespace microjoule {

/// Keeps the sampler's CPU time below its limit by stretching every pace but the bursts at events.
///
/// CPU time is taken to fall as the pace is stretched, so one look says by how much. A short look
/// catches a costly start before it has used up ten seconds' worth; what was spent above the limit
/// all the same is won back.
class Governor {
public:
    /// How long a look lasts, and over how long the limit holds.
    static constexpr std::int64_t kLookNs = 100'000'000;
    static constexpr std::int64_t kHorizonNs = 10'000'000'000;

    /// `limit`: the share of one core that the sampler may use.
    explicit Governor(double limit) noexcept : limit_(limit) {}

    [[nodiscard]] bool due(std::int64_t now_ns) const noexcept {
        return now_ns - since_ns_ >= kLookNs;
    }

    /// Tells the CPU time that the sampler has used so far.
    void observe(std::int64_t now_ns, std::int64_t cpu_ns) noexcept;

    /// Factor of at least 1 on every pace but the bursts.
    [[nodiscard]] double stretch() const noexcept { return stretch_; }

private:
    double limit_;
    double stretch_ = 1;
    double debt_ns_ = 0;  ///< CPU time spent above the limit and not won back yet
    double base_ = 0;     ///< share of a core that the pace would cost unstretched, smoothed
    std::int64_t since_ns_ = 0;
    std::int64_t cpu_ns_ = 0;
};

}  // namespace microjoule
