#pragma once

#include <cstdint>

namespace microjoule {

/// What one raw value says about the counter since the value before it.
enum class Step : std::uint8_t {
    first,      ///< nothing to compare with yet
    unchanged,  ///< the counter has not been updated, or no energy flowed
    advanced,   ///< went up by `delta`
    wrapped,    ///< passed its modulus once; `delta` is the energy all the same
    reset,      ///< jumped in a way no power explains: the energy in between is unknown
};

/// Unwraps a cumulative hardware counter of a known modulus.
///
/// A step is taken for energy only if a power below `max_power_w` explains it. A backward step is a
/// wrap when the wrapped difference passes that test, otherwise a reset (driver reload, suspend).
/// When so much time has passed that the counter may have wrapped unseen, the step is kept and
/// marked ambiguous: nothing is invented.
class Counter {
public:
    struct Result {
        Step step;
        std::uint64_t delta;  ///< raw steps; 0 unless advanced or wrapped
        bool ambiguous;       ///< a whole wrap may have gone unseen
    };

    /// `modulus` 0: the counter never wraps. `unit_j`: joules of one raw step.
    Counter(std::uint64_t modulus, double unit_j, double max_power_w) noexcept;

    /// `elapsed_ns`: the longest time in which the step can have accumulated.
    Result feed(std::uint64_t raw, std::int64_t elapsed_ns) noexcept;

    /// Half of the shortest time to a wrap at full power, at most 30 s.
    [[nodiscard]] std::int64_t wrap_safe_ns() const noexcept;

private:
    std::uint64_t modulus_;
    double steps_per_ns_max_;
    std::uint64_t last_ = 0;
    bool seen_ = false;
};

}  // namespace microjoule
