// A simulated load: power as a function of time, with its energy in closed form.
//
// Every load is a list of segments. A segment lasts `duration_ns` and draws
// watts + ripple_w * sin(2 pi x / ripple_ns), x being the time since its start. That is enough for
// constant, sine, square, telegraph and LLM-like loads, and its integral needs no summing of steps.
// sim/loads.py holds the same arithmetic in the same order: both sides round alike.
#pragma once

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <stdexcept>
#include <utility>
#include <vector>

namespace simfs {

constexpr double kTwoPi = 6.283185307179586;

struct Segment {
    std::int64_t duration_ns = 0;
    double watts = 0.0;
    double ripple_w = 0.0;
    std::int64_t ripple_ns = 0;  // 0: no ripple

    [[nodiscard]] double energy_j(std::int64_t elapsed_ns) const noexcept {
        const auto x = static_cast<double>(elapsed_ns);
        double nanojoules = watts * x;
        if (ripple_ns > 0) {
            const auto period = static_cast<double>(ripple_ns);
            nanojoules += ripple_w * period / kTwoPi * (1.0 - std::cos(kTwoPi * x / period));
        }
        return nanojoules * 1e-9;
    }

    [[nodiscard]] double power_w(std::int64_t elapsed_ns) const noexcept {
        if (ripple_ns == 0) return watts;
        const auto x = static_cast<double>(elapsed_ns);
        return watts + ripple_w * std::sin(kTwoPi * x / static_cast<double>(ripple_ns));
    }
};

class Load {
public:
    // `repeats`: the list starts again at its end; otherwise the last segment goes on for ever.
    Load(std::vector<Segment> segments, bool repeats)
        : segments_(std::move(segments)), repeats_(repeats) {
        if (segments_.empty()) throw std::invalid_argument("a load needs at least one segment");
        starts_ns_.reserve(segments_.size());
        starts_j_.reserve(segments_.size());
        for (const Segment& segment : segments_) {
            starts_ns_.push_back(total_ns_);
            starts_j_.push_back(total_j_);
            total_ns_ += segment.duration_ns;
            total_j_ += segment.energy_j(segment.duration_ns);
        }
    }

    // Joules since the epoch. Nothing was drawn before it.
    [[nodiscard]] double energy_j(std::int64_t elapsed_ns) const noexcept {
        if (elapsed_ns <= 0) return 0.0;
        double whole_j = 0.0;
        if (repeats_) {
            whole_j = static_cast<double>(elapsed_ns / total_ns_) * total_j_;
            elapsed_ns %= total_ns_;
        }
        const std::size_t i = segment_at(elapsed_ns);
        return whole_j + (starts_j_[i] + segments_[i].energy_j(elapsed_ns - starts_ns_[i]));
    }

    [[nodiscard]] double power_w(std::int64_t elapsed_ns) const noexcept {
        if (elapsed_ns < 0) return 0.0;
        if (repeats_) elapsed_ns %= total_ns_;
        const std::size_t i = segment_at(elapsed_ns);
        return segments_[i].power_w(elapsed_ns - starts_ns_[i]);
    }

private:
    [[nodiscard]] std::size_t segment_at(std::int64_t elapsed_ns) const noexcept {
        const auto after = std::upper_bound(starts_ns_.begin(), starts_ns_.end(), elapsed_ns);
        return static_cast<std::size_t>(after - starts_ns_.begin()) - 1;
    }

    std::vector<Segment> segments_;
    bool repeats_;
    std::vector<std::int64_t> starts_ns_;
    std::vector<double> starts_j_;
    std::int64_t total_ns_ = 0;
    double total_j_ = 0.0;
};

}  // namespace simfs
