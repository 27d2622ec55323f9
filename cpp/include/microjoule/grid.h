#pragma once

#include <cstdint>

#include "microjoule/bracket.h"
#include "microjoule/period.h"

namespace microjoule {

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
