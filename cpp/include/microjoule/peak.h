#pragma once

#include <cstdint>
#include <vector>

namespace microjoule {

/// The highest 1 s mean of power in any window, for any number of overlapping windows.
///
/// Fed with the total energy at marks on a fixed grid. A window asks when it ends, so it only ever
/// needs the maximum from its start up to now: entries that a later, higher one outlives are
/// dropped, and what is left answers by binary search.
class Peak {
public:
    static constexpr std::int64_t kMarkNs = 250'000'000;
    static constexpr int kMarksPerMean = 4;

    /// Total energy at the mark `t_ns`, in joules. Times increase; a skipped mark restarts the
    /// mean.
    void add(std::int64_t t_ns, double energy_j);

    /// The highest 1 s mean that began at or after `since_ns`, or a negative number if there is
    /// none.
    [[nodiscard]] double highest_since(std::int64_t since_ns) const noexcept;

private:
    struct Mark {
        std::int64_t t_ns;
        double energy_j;
    };
    struct Mean {
        std::int64_t start_ns;
        double power_w;
    };
    // A day of strictly falling power would keep every entry; older ones then lose resolution.
    static constexpr std::size_t kMost = 4096;

    std::vector<Mark> marks_;
    std::vector<Mean> means_;  // start increases, power decreases
};

}  // namespace microjoule
