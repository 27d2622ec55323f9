#pragma once

#include <cstdint>

namespace microjoule {

/// When an update happened, and the standard uncertainty of that.
struct Instant {
    std::int64_t at_ns = 0;
    double sigma_ns = 0;
};

/// What reads say of an update: it came after `lo_ns` and before `hi_ns`. Ends that were carried
/// over from a neighbouring update are soft: they are known to a standard uncertainty.
struct Bracket {
    std::int64_t lo_ns = 0;
    std::int64_t hi_ns = 0;
    double lo_soft_ns = 0;
    double hi_soft_ns = 0;

    /// The same for an update that comes `by_ns` later, give or take `noise_ns`.
    [[nodiscard]] Bracket shifted(std::int64_t by_ns, double noise_ns) const noexcept;
    /// The tighter of both at either end.
    [[nodiscard]] Bracket narrowed(const Bracket& other) const noexcept;
    /// Anywhere inside is as likely; where soft ends have crossed, in between as they are soft.
    [[nodiscard]] Instant instant() const noexcept;
};

}  // namespace microjoule
