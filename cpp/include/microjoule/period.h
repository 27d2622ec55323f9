#pragma once

#include <array>
#include <cstddef>
#include <cstdint>

namespace microjoule {

/// Learns how often a counter is updated, and how unevenly, from well-bracketed changes.
///
/// Mean and spread of those of the last 64 gaps that are near their median, so that one lost
/// update or one late read does not move them. Until three gaps are known only the hint exists, and
/// `known()` says so.
class Period {
public:
    explicit Period(std::int64_t hint_ns) noexcept : period_ns_(hint_ns) {}

    /// A gap between two consecutive changes; `bracket_ns`: how wide each was bracketed by reads.
    void add(std::int64_t gap_ns, std::int64_t bracket_ns) noexcept;

    [[nodiscard]] bool known() const noexcept { return count_ >= 3; }
    /// Enough gaps for a mean that further ones hardly move.
    [[nodiscard]] bool well_known() const noexcept { return count_ >= 16; }
    [[nodiscard]] std::int64_t period_ns() const noexcept { return period_ns_; }
    /// Standard deviation of one gap, the brackets' own share taken out.
    [[nodiscard]] double jitter_ns() const noexcept { return jitter_ns_; }
    /// The longest gap to reckon with.
    [[nodiscard]] std::int64_t longest_ns() const noexcept;

private:
    static constexpr std::size_t kKept = 64;
    std::array<std::int64_t, kKept> gaps_{};
    std::size_t count_ = 0;
    std::int64_t period_ns_;
    double jitter_ns_ = 0;
};

}  // namespace microjoule
