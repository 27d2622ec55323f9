#include "microjoule/grid.h"

#include <algorithm>
#include <cmath>

namespace microjoule {
namespace {

constexpr double kSqrt2 = 1.4142135623730951;
// More periods than this between two changes are a sleep, not a lost update or two.
constexpr int kMostPeriods = 4;
// Another number of periods may be this likely before the best one is not believed.
constexpr double kDoubt = 0.1;
// By their places alone, that says that the second update was near an end of its bracket.
constexpr double kTorn = 0.01;
// How likely power is to double within an update although it has been steady.
constexpr double kOdd = 0.05;
// How likely an update is not to show, against all odds.
constexpr double kLost = 0.02;

double share_below(double x) noexcept {
    return std::erfc(-x / kSqrt2) / 2;
}

double between(std::int64_t from, std::int64_t to) noexcept {
    return static_cast<double>(to - from);
}

}  // namespace

Link follow(const Bracket& before, const Bracket& after, std::int64_t unwatched_ns,
            const Period& period, double ratio, double ratio_sigma) noexcept {
    const std::int64_t length = period.period_ns();
    if (!period.steady() || after.hi_ns - before.lo_ns > kMostPeriods * length + length / 2) {
        return {};
    }
    double best = 0;
    double all = 0;
    double best_fit = 0;
    double all_fits = 0;
    Link link;
    for (int n = 1; n <= kMostPeriods; ++n) {
        // How far the two brackets overlap once the one is moved by so many periods, and how much
        // of the narrower one that is.
        const double noise = period.noise_ns(n);
        const Bracket moved = before.shifted(n * length, noise);
        const double late = between(after.lo_ns, moved.hi_ns);
        const double early = between(moved.lo_ns, after.hi_ns);
        const double fits = std::min(late / moved.hi_soft_ns, early / moved.lo_soft_ns);
        const double width = std::min(between(after.lo_ns, after.hi_ns),
                                      std::max(0.0, between(moved.lo_ns, moved.hi_ns)));
        const double share = (std::min({late, early, width}) + noise) / (width + noise);
        double weight = share_below(fits) * std::clamp(share, 0.01, 1.0);
        // An update is missed by reads that see the next one with it, or is no change at all.
        const auto room = static_cast<double>(unwatched_ns - (n - 1) * length);
        weight *= n == 1 ? 1 : share_below(room / noise) + kLost;
        all_fits += weight;
        best_fit = std::max(best_fit, weight);
        if (ratio_sigma > 0) {
            const double off = (ratio - n) / (n * ratio_sigma);
            weight *= std::exp(-std::min(off * off, 100.0) / 2) + kOdd;
        }
        all += weight;
        if (weight > best) {
            best = weight;
            link = {n, noise, false};
        }
    }
    const double doubt = all > 0 ? 1 - best / all : 1;
    if (doubt > kDoubt || best < 1e-3) {
        const bool watched =
            2 * unwatched_ns < 3 * length && 2 * (after.hi_ns - before.lo_ns) < 5 * length;
        return {0, 0, watched && best_fit < (1 - kTorn) * all_fits};
    }
    // The other numbers are as unlikely as that, and a period off.
    link.noise_ns = std::hypot(link.noise_ns, static_cast<double>(length) * std::sqrt(doubt));
    return link;
}

}  // namespace microjoule
