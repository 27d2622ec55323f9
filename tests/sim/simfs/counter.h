// What a meter makes of a load: it publishes at instants of its own, in units, modulo a range.
// sim/counters.py mirrors this file, so that a test can say which text a read at an instant gives.
#pragma once

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <limits>

#include "load.h"

namespace simfs {

// Attojoules, 1e18 a joule, so that every unit in use is a whole number.
__extension__ typedef __int128 Wide;

constexpr Wide kAttojoulesPerMicrojoule = 1'000'000'000'000;
constexpr std::int64_t kForever = std::numeric_limits<std::int64_t>::max();

// splitmix64 of (seed, k) as a number in [0, 1): the same update always has the same jitter.
[[nodiscard]] inline double uniform(std::uint64_t seed, std::int64_t k) noexcept {
    std::uint64_t z = seed + 0x9E3779B97F4A7C15ULL * (static_cast<std::uint64_t>(k) + 1);
    z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9ULL;
    z = (z ^ (z >> 27)) * 0x94D049BB133111EBULL;
    z ^= z >> 31;
    return static_cast<double>(z >> 11) * 0x1p-53;
}

// A load looked at only at the update instants u_k = epoch + phase + k * period + jitter_k.
class Publisher {
public:
    const Load* load = nullptr;
    std::int64_t epoch_ns = 0;
    std::int64_t period_ns = 0;  // 0: every read is an update
    std::int64_t phase_ns = 0;
    std::int64_t jitter_ns = 0;  // below period / 2: updates keep their order
    std::uint64_t seed = 0;
    double lost = 0.0;  // the share of updates that never happen

    // The last update at or before `now_ns`; the epoch where there was none yet.
    [[nodiscard]] std::int64_t last_update(std::int64_t now_ns) const noexcept {
        if (period_ns == 0) return now_ns;
        const std::int64_t first_ns = epoch_ns + phase_ns;
        if (now_ns < first_ns - jitter_ns) return epoch_ns;
        std::int64_t k = (now_ns - first_ns + jitter_ns) / period_ns;
        while (k >= 0 && (update_ns(k) > now_ns || is_lost(k)))
            --k;
        return k < 0 ? epoch_ns : update_ns(k);
    }

    [[nodiscard]] double energy_j(std::int64_t at_ns) const noexcept {
        return load->energy_j(at_ns - epoch_ns);
    }

    // Mean power over the window that ends at the last update; the power there for no window.
    [[nodiscard]] double power_w(std::int64_t now_ns, std::int64_t window_ns) const noexcept {
        const std::int64_t at_ns = last_update(now_ns);
        if (window_ns == 0) return load->power_w(at_ns - epoch_ns);
        const double joules = energy_j(at_ns) - energy_j(at_ns - window_ns);
        return joules / (static_cast<double>(window_ns) * 1e-9);
    }

private:
    [[nodiscard]] std::int64_t update_ns(std::int64_t k) const noexcept {
        const double offset = (2.0 * uniform(seed, k) - 1.0) * static_cast<double>(jitter_ns);
        return epoch_ns + phase_ns + k * period_ns + static_cast<std::int64_t>(std::floor(offset));
    }

    [[nodiscard]] bool is_lost(std::int64_t k) const noexcept {
        return lost > 0.0 && uniform(~seed, k) < lost;
    }
};

class Counter {
public:
    const Publisher* publisher = nullptr;
    Wide unit_aj = 1;
    Wide start_aj = 0;
    Wide modulus_aj = 0;  // 0: never wraps

    // The register's modulus behind powercap's `max_energy_range_uj`, which is one unit short of
    // it.
    [[nodiscard]] static Wide modulus_of(std::int64_t max_range_uj) noexcept {
        const Wide two32 = Wide{1} << 32;
        return Wide{max_range_uj} * kAttojoulesPerMicrojoule * two32 / (two32 - 1);
    }

    [[nodiscard]] std::int64_t microjoules(std::int64_t now_ns) const noexcept {
        Wide value = start_aj + Wide{units(now_ns)} * unit_aj;
        if (modulus_aj > 0) value %= modulus_aj;
        return static_cast<std::int64_t>(value / kAttojoulesPerMicrojoule);
    }

    // As a 32-bit energy status register shows it.
    [[nodiscard]] std::uint64_t register_value(std::int64_t now_ns) const noexcept {
        const Wide value = start_aj / unit_aj + Wide{units(now_ns)};
        return static_cast<std::uint64_t>(value) & 0xFFFFFFFFULL;
    }

    // Readings between the two instants keep the value of the first.
    void freeze(std::int64_t from_ns, std::int64_t until_ns) noexcept {
        frozen_from_ns_ = from_ns;
        frozen_until_ns_ = until_ns;
    }

    void thaw() noexcept { freeze(kForever, kForever); }

    // Counts from zero again, as after a suspend or a driver reload.
    void reset(std::int64_t at_ns) noexcept {
        reset_ns_ = at_ns;
        origin_j_ = publisher->energy_j(at_ns);
        start_aj = 0;
    }

private:
    [[nodiscard]] std::int64_t units(std::int64_t now_ns) const noexcept {
        if (now_ns >= frozen_from_ns_ && now_ns < frozen_until_ns_) now_ns = frozen_from_ns_;
        const std::int64_t at_ns = publisher->last_update(now_ns);
        if (at_ns < reset_ns_) return 0;
        const double joules = publisher->energy_j(at_ns) - origin_j_;
        const double unit_j = static_cast<double>(unit_aj) * 1e-18;
        return static_cast<std::int64_t>(std::floor(joules / unit_j));
    }

    std::int64_t frozen_from_ns_ = kForever;
    std::int64_t frozen_until_ns_ = kForever;
    std::int64_t reset_ns_ = std::numeric_limits<std::int64_t>::min();
    double origin_j_ = 0.0;
};

}  // namespace simfs
