#pragma once

// Loads of the native tests: energies in closed form, so that every window's truth is known.

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

namespace simulation {

/// A deterministic value in [0, 1) for a number: the same on every machine.
inline double hash01(std::uint64_t n, std::uint64_t seed) {
    std::uint64_t x =
        n * 0x9e3779b97f4a7c15ULL + seed * 0xbf58476d1ce4e5b9ULL + 0x94d049bb133111ebULL;
    x ^= x >> 30;
    x *= 0xbf58476d1ce4e5b9ULL;
    x ^= x >> 27;
    x *= 0x94d049bb133111ebULL;
    x ^= x >> 31;
    return static_cast<double>(x >> 11) * 0x1.0p-53;
}

/// Energy of a load from time 0 to t, in joules, in closed form.
using Energy = std::function<double(double t_s)>;

inline Energy constant(double watts) {
    return [=](double t) { return watts * t; };
}

inline Energy sine(double mean_w, double swing_w, double period_s) {
    const double w = 2 * 3.14159265358979323846 / period_s;
    return [=](double t) { return mean_w * t + swing_w / w * (1 - std::cos(w * t)); };
}

inline Energy square(double low_w, double high_w, double period_s) {
    return [=](double t) {
        const double whole = std::floor(t / period_s);
        const double rest = t - whole * period_s;
        const double half = period_s / 2;
        return whole * half * (low_w + high_w) + low_w * std::min(rest, half) +
               high_w * std::max(0.0, rest - half);
    };
}

/// Prefill bursts of 60 ms at 220 W, decode at 120 W with a ripple, idle at 50 W: one second.
inline Energy llm_like() {
    const auto one = [](double r) {
        double e = 220 * std::min(r, 0.06);
        if (r > 0.06) {
            const double d = std::min(r, 0.7) - 0.06;
            constexpr double w = 2 * 3.14159265358979323846 / 0.012;
            e += 120 * d + 25 / w * (1 - std::cos(w * d));
        }
        if (r > 0.7) {
            e += 50 * (r - 0.7);
        }
        return e;
    };
    return [=](double t) {
        const double whole = std::floor(t);
        return whole * one(1.0) + one(t - whole);
    };
}

/// Requests to a language model, no two alike: a burst, decoding with a ripple, a pause.
inline Energy llm_requests(std::uint64_t seed) {
    struct Segment {
        double start_s;
        double start_j;
        double watts;
        double ripple_w;
        [[nodiscard]] double energy(double t) const {
            constexpr double w = 2 * 3.14159265358979323846 / 0.017;
            return watts * t + ripple_w / w * (1 - std::cos(w * t));
        }
    };
    const auto table = std::make_shared<std::vector<Segment>>();
    double t = 0;
    double e = 0;
    std::uint64_t n = 0;
    const auto add = [&](double seconds, double watts, double ripple_w) {
        table->push_back({t, e, watts, ripple_w});
        seconds *= 0.5 + hash01(n++, seed);
        e += table->back().energy(seconds);
        t += seconds;
    };
    for (int request = 0; request < 512; ++request) {
        add(0.045, 230, 0);
        add(0.4, 140, 35);
        add(0.12, 55, 0);
    }
    return [table, t, e](double at) {
        const double whole = std::floor(at / t);
        at -= whole * t;
        const auto after =
            std::upper_bound(table->begin(), table->end(), at,
                             [](double x, const Segment& segment) { return x < segment.start_s; });
        const Segment& segment = *std::prev(after);
        return whole * e + segment.start_j + segment.energy(at - segment.start_s);
    };
}

/// Power that goes up and down for times without memory, of the given means.
inline Energy pieces(std::uint64_t seed, double low_w, double high_w, double low_s, double high_s) {
    struct Piece {
        double start_s;
        double start_j;
        double watts;
    };
    const auto table = std::make_shared<std::vector<Piece>>();
    double t = 0;
    double e = 0;
    for (std::uint64_t n = 0; n < 4096; ++n) {
        const bool high = n % 2 == 1;
        const double seconds = -std::log(1 - hash01(n, seed)) * (high ? high_s : low_s);
        table->push_back({t, e, high ? high_w : low_w});
        t += seconds;
        e += seconds * table->back().watts;
    }
    return [table, t, e](double at) {
        const double whole = std::floor(at / t);
        at -= whole * t;
        const auto after =
            std::upper_bound(table->begin(), table->end(), at,
                             [](double x, const Piece& piece) { return x < piece.start_s; });
        const Piece& piece = *std::prev(after);
        return whole * e + piece.start_j + piece.watts * (at - piece.start_s);
    };
}

/// A random telegraph: it changes over after 10 ms on average.
inline Energy telegraph(std::uint64_t seed) {
    return pieces(seed, 40, 160, 0.01, 0.01);
}

/// Short work and long pauses.
inline Energy idle_gaps(std::uint64_t seed) {
    return pieces(seed, 20, 200, 0.4, 0.05);
}

struct Load {
    std::string name;
    Energy energy;
};

/// What counters of the bed are tried with.
inline std::vector<Load> loads() {
    return {{"constant", constant(100)},
            {"sine", sine(100, 60, 0.05)},
            {"square 3 ms", square(40, 160, 0.003)},
            {"square 37 ms", square(40, 160, 0.037)},
            {"telegraph", telegraph(5)},
            {"LLM", llm_requests(3)},
            {"idle gaps", idle_gaps(4)}};
}

}  // namespace simulation
