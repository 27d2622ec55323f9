#pragma once

#include <cstdint>

#include "microjoule/period.h"

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

/// How one update follows another: so many periods later, give or take.
struct Link {
    int periods = 0;      ///< 0: nothing ties the two together
    double noise_ns = 0;  ///< standard uncertainty of the time between them
    bool torn = false;  ///< two numbers fit as well: the next update is near an end of its bracket

    [[nodiscard]] bool holds() const noexcept { return periods > 0; }
};

/// How many periods lie between an update and the next one that was seen: the number that fits the
/// brackets best, unless another fits nearly as well.
/// `unwatched_ns`: for how long nobody looked before the next one was seen.
/// `ratio`: what the counter counted from the one to the other, over what it counts in a period;
/// `ratio_sigma`: how far that may be off; 0: nothing is known of it.
Link follow(const Bracket& before, const Bracket& after, std::int64_t unwatched_ns,
            const Period& period, double ratio, double ratio_sigma) noexcept;

}  // namespace microjoule
