#include "microjoule/windows.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <stdexcept>

namespace microjoule {
namespace {

constexpr std::uint64_t state_of(std::uint64_t generation, Record::Phase phase) noexcept {
    return generation << 3 | phase;
}

// Pools of one process count their generations from different starts, so that the token of one
// meter is none of another's.
constexpr unsigned kGenerationBits = 24;

std::uint64_t next_pool() noexcept {
    static std::atomic<std::uint64_t> pools{0};
    return pools.fetch_add(1, std::memory_order_relaxed) & 0xffff;
}

constexpr std::uint64_t phase_of(std::uint64_t state) noexcept {
    return state & 7;
}

// Where the grid of updates slipped past the grid of reads in between, the one end was near the
// beginning of its bracket and the other near the end of its own: so far their errors are opposed.
constexpr double kOpposed = 0.5;

}  // namespace

void Trace::add(std::int64_t t, const std::vector<EnergyAt>& at,
                const std::vector<SensorInfo>& sensors) {
    if (t_ns.size() >= kMost) {
        std::size_t kept = 0;
        const std::size_t columns = sensors.size();
        for (std::size_t i = 0; i < t_ns.size(); i += 2, ++kept) {
            t_ns[kept] = t_ns[i];
            std::copy_n(energy.begin() + static_cast<std::ptrdiff_t>(i * columns), columns,
                        energy.begin() + static_cast<std::ptrdiff_t>(kept * columns));
        }
        t_ns.resize(kept);
        energy.resize(kept * columns);
        step_ns *= 2;
    }
    // One that found no memory is added again: the times say how many points there are.
    const std::size_t first = t_ns.size() * sensors.size();
    energy.resize(first + sensors.size());
    for (std::size_t s = 0; s < sensors.size(); ++s) {
        energy[first + s] = (static_cast<double>(at[s].units) + at[s].frac) * sensors[s].unit;
    }
    t_ns.push_back(t);
}

Windows::Windows(std::size_t sensors)
    : sensors_(sensors),
      first_generation_(next_pool() << kGenerationBits),
      slabs_(std::make_unique<std::atomic<Record*>[]>(kSlabs)) {
    grow();
}

Windows::~Windows() {
    for (std::size_t i = 0; i < kSlabs; ++i) {
        delete[] slabs_[i].load(std::memory_order_relaxed);
    }
}

void Windows::grow() {
    const std::lock_guard<std::mutex> lock(grow_mutex_);
    if ((free_.load(std::memory_order_acquire) & 0xffffffffU) != 0) {
        return;  // another thread was faster
    }
    const std::uint32_t size = size_.load(std::memory_order_relaxed);
    if (size / kSlab >= kSlabs) {
        throw std::length_error("more than 4 million windows are open at once: end some of them");
    }
    auto* slab = new Record[kSlab];
    for (std::size_t i = 0; i < kSlab; ++i) {
        slab[i].start.resize(sensors_);
        slab[i].end.resize(sensors_);
        slab[i].state.store(state_of(first_generation_, Record::free), std::memory_order_relaxed);
    }
    slabs_[size / kSlab].store(slab, std::memory_order_release);
    size_.store(size + static_cast<std::uint32_t>(kSlab), std::memory_order_release);
    for (std::size_t i = kSlab; i-- > 0;) {
        push_free(size + static_cast<std::uint32_t>(i));
    }
}

void Windows::push_free(std::uint32_t record) noexcept {
    std::uint64_t head = free_.load(std::memory_order_relaxed);
    std::uint64_t wanted = 0;
    do {
        at(record).next_free.store(static_cast<std::uint32_t>(head), std::memory_order_relaxed);
        wanted = ((head >> 32) + 1) << 32 | (record + 1);
    } while (!free_.compare_exchange_weak(head, wanted, std::memory_order_acq_rel,
                                          std::memory_order_relaxed));
}

Handle Windows::acquire(Record::Phase phase) {
    std::uint64_t head = free_.load(std::memory_order_acquire);
    while (true) {
        const auto top = static_cast<std::uint32_t>(head);
        if (top == 0) {
            grow();
            head = free_.load(std::memory_order_acquire);
            continue;
        }
        Record& record = at(top - 1);
        const std::uint64_t next = record.next_free.load(std::memory_order_relaxed);
        if (free_.compare_exchange_weak(head, ((head >> 32) + 1) << 32 | next,
                                        std::memory_order_acq_rel, std::memory_order_acquire)) {
            const std::uint64_t generation =
                (record.state.load(std::memory_order_relaxed) >> 3) + 1;
            record.state.store(state_of(generation, phase), std::memory_order_release);
            return {top - 1, generation};
        }
    }
}

bool Windows::close(Handle handle) noexcept {
    std::uint64_t expected = state_of(handle.generation, Record::open);
    return at(handle.record)
        .state.compare_exchange_strong(expected, state_of(handle.generation, Record::closing),
                                       std::memory_order_acq_rel);
}

bool Windows::is_open(Handle handle) noexcept {
    return at(handle.record).state.load(std::memory_order_acquire) ==
           state_of(handle.generation, Record::open);
}

bool Windows::is_done(Handle handle) noexcept {
    return at(handle.record).state.load(std::memory_order_acquire) ==
           state_of(handle.generation, Record::done);
}

void Windows::finish(std::uint32_t record) noexcept {
    std::atomic<std::uint64_t>& state = at(record).state;
    std::uint64_t current = state.load(std::memory_order_acquire);
    while (true) {
        const bool wanted = phase_of(current) == Record::closing;
        const Record::Phase phase = wanted ? Record::done : Record::free;
        if (state.compare_exchange_weak(current, state_of(current >> 3, phase),
                                        std::memory_order_acq_rel)) {
            if (!wanted) {
                push_free(record);
            }
            return;
        }
    }
}

void Windows::release(Handle handle) noexcept {
    std::atomic<std::uint64_t>& state = at(handle.record).state;
    std::uint64_t current = state.load(std::memory_order_acquire);
    while (current >> 3 == handle.generation) {
        Record::Phase phase = Record::free;
        if (phase_of(current) == Record::closing) {
            phase = Record::abandoned;
        } else if (phase_of(current) != Record::done) {
            return;
        }
        if (state.compare_exchange_weak(current, state_of(handle.generation, phase),
                                        std::memory_order_acq_rel)) {
            if (phase == Record::free) {
                push_free(handle.record);
            }
            return;
        }
    }
}

void Windows::discard(Handle handle) noexcept {
    at(handle.record)
        .state.store(state_of(handle.generation, Record::free), std::memory_order_release);
    push_free(handle.record);
}

SensorFigures difference(const EnergyAt& start, const EnergyAt& end, std::int64_t late_ns,
                         const SensorInfo& info) noexcept {
    SensorFigures out;
    const double units = static_cast<double>(end.units - start.units) + (end.frac - start.frac);
    out.energy = units * info.unit;

    // The window's energy as a function of the anchors' times (slope) and values (weight).
    struct Share {
        std::int64_t anchor;
        double by_time;
        double by_value;
        double chain;
    };
    const std::array<Share, 4> shares{{
        {start.anchor, start.slope * (1 - start.lambda) * start.sigma_before_ns,
         -(1 - start.lambda), start.chain_before},
        {start.anchor + 1, start.slope * start.lambda * start.sigma_after_ns, -start.lambda,
         start.chain_after},
        {end.anchor, -end.slope * (1 - end.lambda) * end.sigma_before_ns, 1 - end.lambda,
         end.chain_before},
        {end.anchor + 1, -end.slope * end.lambda * end.sigma_after_ns, end.lambda, end.chain_after},
    }};
    // An anchor that both ends lean on has one error; anchors that were placed from each other have
    // the more of it in common the nearer they are on their chain.
    double timing = 0;
    double weight = 0;
    const double opposed = end.torn != start.torn ? kOpposed : 0;
    for (std::size_t i = 0; i < shares.size(); ++i) {
        for (std::size_t k = 0; k < shares.size(); ++k) {
            const Share& a = shares[i];
            const Share& b = shares[k];
            const double common = std::exp(-std::abs(a.chain - b.chain));
            const double against = (i < 2) == (k < 2) ? 0 : opposed * (1 - common);
            timing += a.by_time * b.by_time * (common - against);
            weight += a.anchor == b.anchor ? a.by_value * b.by_value : 0;
        }
    }
    // What cancels may leave a rounding below zero.
    timing = std::max(timing, 0.0);
    weight = std::max(weight, 0.0);
    timing += start.shape_units * start.shape_units + end.shape_units * end.shape_units;
    timing += std::pow(end.slope * static_cast<double>(late_ns), 2);
    timing += std::max(0.0, end.walk - start.walk);
    out.timing = std::sqrt(timing) * info.unit;
    out.quantisation = info.quantum * std::sqrt(weight / 12.0);
    out.gain = std::abs(out.energy) * info.gain_rel;
    out.model = std::abs(out.energy) * info.model_rel;
    const double resolution =
        info.quantum - info.unit;  // the counter's own step beyond the raw one
    out.low = std::max(0.0, static_cast<double>(end.low - start.high) * info.unit - resolution);
    out.high = static_cast<double>(end.high - start.low) * info.unit + resolution;
    if (info.shape == Shape::gauge) {
        out.low = 0;  // power between two samples is bounded by nothing
        out.high = std::numeric_limits<double>::infinity();
    }
    out.gap_s = static_cast<double>(std::max<std::int64_t>(0, end.gap_ns - start.gap_ns)) * 1e-9;
    out.ambiguous = end.ambiguous_after - start.ambiguous;
    out.resets = end.resets_after - start.resets;
    return out;
}

}  // namespace microjoule
