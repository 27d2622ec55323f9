#pragma once

#include <array>
#include <cstddef>
#include <cstdint>

namespace microjoule {

/// Learns how often a counter is updated, and how unevenly, from well-bracketed changes.
///
/// Of the last 64 gaps those near the median tell a first mean and the spread, so that one lost
/// update or one late read does not move them. Once that is good enough to say how many periods lie
/// between two changes that are further apart, these make the mean much sharper. Until three gaps
/// are known only the hint exists, and `known()` says so.
class Period {
public:
    explicit Period(std::int64_t hint_ns) noexcept : period_ns_(hint_ns) {}

    /// The counter changed, within `bracket_ns` of this instant in all.
    void changed(std::int64_t at_ns, std::int64_t bracket_ns) noexcept;

    /// The counter was read, `since_ns` after the read before began.
    void read(bool changed, std::int64_t since_ns) noexcept;

    [[nodiscard]] bool known() const noexcept { return count_ >= 3; }
    /// Enough gaps for a mean that further ones hardly move.
    [[nodiscard]] bool well_known() const noexcept { return count_ >= 16; }
    /// Known, and most gaps are about as long: a counter of coarse steps changes when a step is
    /// full, which says nothing of the next one.
    [[nodiscard]] bool steady() const noexcept { return known() && steady_; }
    [[nodiscard]] std::int64_t period_ns() const noexcept { return period_ns_; }
    /// Standard deviation of one gap, the brackets' own share taken out.
    [[nodiscard]] double jitter_ns() const noexcept { return jitter_ns_; }
    /// Standard uncertainty of the time that so many updates take: each strays, and their mean is
    /// known so well only.
    [[nodiscard]] double noise_ns(std::int64_t periods) const noexcept;
    /// How old a value may be when it is read, as far as is known; INT64_MAX: no idea. A counter
    /// that has changed at every one of many reads is updated more often than it is read.
    [[nodiscard]] std::int64_t oldest_ns() const noexcept;
    /// The longest gap to reckon with.
    [[nodiscard]] std::int64_t longest_ns() const noexcept;

private:
    struct Change {
        std::int64_t at_ns = 0;
        double bracket_ns = 0;
    };
    struct Gap {
        std::int64_t length_ns = 0;
        double bracket_ns = 0;
    };

    void add(Gap gap) noexcept;
    void sharpen(const Change& change) noexcept;

    static constexpr std::size_t kKept = 64;
    std::array<Gap, kKept> gaps_{};
    std::size_t count_ = 0;
    std::int64_t period_ns_;
    std::int64_t longest_ns_ = 0;
    double jitter_ns_ = 0;
    double mean_sigma_ns_ = 0;
    bool sharpened_ = false;  ///< the mean comes from long stretches by now
    bool steady_ = false;
    int run_ = 0;  ///< reads in a row that all showed a change
    std::int64_t run_longest_ns_ = 0;
    std::int64_t every_ns_ = INT64_MAX;  ///< changes at least as often
    Change last_;
    Change base_;  ///< where the stretch began that sharpens the mean next
};

}  // namespace microjoule
