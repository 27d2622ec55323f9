#pragma once

#include <array>
#include <cstddef>
#include <cstdint>

namespace microjoule {

/// The power that a device draws with nobody there, learnt from times with nobody there.
///
/// The lower quartile of the last pieces of idle time: what else ran on the machine meanwhile, or
/// the tail of the last request, raises some of them and lowers none.
class Floor {
public:
    /// Shorter times are gathered until they make a piece: a counter's steps would be most of them.
    static constexpr std::int64_t kPieceNs = 20'000'000;

    /// So many raw steps of energy flowed in so many nanoseconds without anybody.
    void add(double units, std::int64_t ns) noexcept;

    /// Raw steps a nanosecond; 0 while nothing is known.
    [[nodiscard]] double units_per_ns() const noexcept { return floor_; }

private:
    std::array<double, 32> pieces_{};
    std::size_t count_ = 0;
    double units_ = 0;
    std::int64_t ns_ = 0;
    double floor_ = 0;
};

}  // namespace microjoule
