#pragma once

// Virtual time for the native tests: a clock that moves when told, counters whose energy is an
// analytic function of it, and a loop that plays events against the sampler without any thread.

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "loads.h"
#include "microjoule/clock.h"
#include "microjoule/meter.h"
#include "microjoule/recorder.h"
#include "microjoule/source.h"

namespace simulation {

using namespace microjoule;

class ManualClock final : public Clock {
public:
    explicit ManualClock(std::int64_t start_ns = kSecond) : now_(start_ns) {}
    std::int64_t now_ns() const noexcept override { return now_; }
    std::int64_t suspended_ns() const noexcept override { return suspended_; }
    std::int64_t thread_cpu_ns() const noexcept override { return cpu_; }
    void spend(std::int64_t cpu_ns) { cpu_ += cpu_ns; }
    void set(std::int64_t t_ns) { now_ = std::max(now_, t_ns); }
    void step_back(std::int64_t by_ns) { now_ -= by_ns; }
    void advance(std::int64_t by_ns) { now_ += by_ns; }
    void suspend(std::int64_t for_ns) { suspended_ += for_ns; }

private:
    std::int64_t now_;
    std::int64_t suspended_ = 0;
    std::int64_t cpu_ = 0;
};

/// A hardware counter: updated on a jittered grid, quantised, wrapping. Reads take time.
struct CounterShape {
    Energy energy;
    double unit_j = 61.03515625e-6;
    double quantum_j = 0;  ///< the hardware's own step, where it is coarser than the unit
    std::int64_t period_ns = kMillisecond;
    std::int64_t jitter_ns = 20 * kMicrosecond;
    std::uint64_t modulus = 0;
    std::uint64_t start = 0;
    std::uint64_t seed = 1;
    std::int64_t read_ns = 10 * kMicrosecond;
    std::int64_t cpu_ns = 0;              ///< CPU time of a read, its share of a wake-up included
    std::int64_t hint_ns = kMillisecond;  ///< where the search for the period begins
};

class FakeCounter final : public Source {
public:
    FakeCounter(ManualClock& clock, CounterShape shape, std::string id = "cpu0.package")
        : clock_(clock), shape_(std::move(shape)) {
        SensorInfo info;
        info.id = std::move(id);
        info.kind = "cpu";
        info.source = "fake";
        info.unit = shape_.unit_j;
        info.quantum = std::max(shape_.unit_j, shape_.quantum_j);
        info.modulus = shape_.modulus;
        info.period_hint_ns = shape_.hint_ns;
        info.counted = true;
        sensors_.push_back(info);
    }

    const std::vector<SensorInfo>& sensors() const noexcept override { return sensors_; }

    void read(Reading* readings) noexcept override {
        ++reads;
        clock_.spend(shape_.cpu_ns);
        clock_.advance(shape_.read_ns / 2);
        readings[0].raw = value(clock_.now_ns());
        clock_.advance(shape_.read_ns / 2);
        readings[0].status = status;
        readings[0].error = status == Status::ok ? 0 : 5;
    }

    bool reopen() noexcept override { return true; }

    [[nodiscard]] std::int64_t update(std::int64_t k) const {
        const double jitter = (2 * hash01(static_cast<std::uint64_t>(k), shape_.seed) - 1) *
                              static_cast<double>(shape_.jitter_ns);
        return k * shape_.period_ns + 137'000 + static_cast<std::int64_t>(jitter);
    }

    /// The number of the newest update at t.
    [[nodiscard]] std::int64_t last_update(std::int64_t t_ns) const {
        std::int64_t k = t_ns / shape_.period_ns + 1;
        while (update(k) > t_ns) {
            --k;
        }
        return k;
    }

    [[nodiscard]] std::uint64_t value(std::int64_t t_ns) const {
        double joules = shape_.energy(static_cast<double>(update(last_update(t_ns))) * 1e-9);
        if (shape_.quantum_j > 0) {
            joules = std::floor(joules / shape_.quantum_j) * shape_.quantum_j;
        }
        auto raw = shape_.start + static_cast<std::uint64_t>(joules / shape_.unit_j) + offset;
        if (frozen) {
            raw = frozen_raw;
        }
        return shape_.modulus ? raw % shape_.modulus : raw;
    }

    [[nodiscard]] double truth(std::int64_t from_ns, std::int64_t to_ns) const {
        return shape_.energy(static_cast<double>(to_ns) * 1e-9) -
               shape_.energy(static_cast<double>(from_ns) * 1e-9);
    }

    std::uint64_t reads = 0;
    std::uint64_t offset = 0;
    bool frozen = false;
    std::uint64_t frozen_raw = 0;
    Status status = Status::ok;

private:
    ManualClock& clock_;
    CounterShape shape_;
    std::vector<SensorInfo> sensors_;
};

/// A meter over fake counters, and the loop that lets virtual time pass.
class World {
public:
    explicit World(PaceMode mode = PaceMode::events) { options.mode = mode; }

    FakeCounter& add(CounterShape shape, std::string id = "cpu0.package") {
        auto source = std::make_unique<FakeCounter>(clock, std::move(shape), std::move(id));
        FakeCounter& reference = *source;
        sources_.push_back(std::move(source));
        return reference;
    }

    void add(std::unique_ptr<Source> source) { sources_.push_back(std::move(source)); }

    void build() {
        std::unique_ptr<Journal> journal;
        if (!record.empty()) {
            journal = std::make_unique<Recorder>(
                record, std::vector<std::pair<std::string, std::string>>{}, sources_);
        }
        meter = std::make_unique<Meter>(std::move(sources_), options, clock, std::move(journal));
        due_ = meter->sampler().step();
        run_until(clock.now_ns() + 100 * kMillisecond);
    }

    /// Lets the sampler work up to `t_ns`, each wake-up a little late, as they are.
    void run_until(std::int64_t t_ns) {
        while (due_ <= t_ns) {
            clock.set(due_ + lateness());
            due_ = meter->sampler().step();
        }
        clock.set(t_ns);
    }

    void run_for(std::int64_t ns) { run_until(clock.now_ns() + ns); }

    /// What a producer's nudge does: a sleeping sampler wakes up.
    void woken() {
        if (due_ - clock.now_ns() > kMillisecond) {
            due_ = clock.now_ns() + 60 * kMicrosecond;
        }
    }

    std::uint64_t begin(bool calm = false) {
        const std::uint64_t token = meter->begin(calm);
        woken();
        return token;
    }

    Handle end(std::uint64_t token) {
        const Handle handle = meter->end(token);
        woken();
        return handle;
    }

    Figures settle(Handle handle) {
        for (int i = 0; i < 100'000 && !meter->settled(handle); ++i) {
            run_until(due_);
        }
        Figures figures = meter->figures(handle);
        meter->release(handle);
        return figures;
    }

    /// A machine that has other things to do: a share of the wake-ups comes up to `longest` late.
    void starve(double share, std::int64_t longest_ns) {
        starved_ = share;
        longest_ns_ = longest_ns;
    }

    ManualClock clock;
    std::unique_ptr<Meter> meter;
    SamplerOptions options;
    std::string record;  ///< where to record; empty: nowhere

private:
    std::int64_t lateness() {
        const auto late = static_cast<std::int64_t>(20'000 + 60'000 * hash01(++wakeups_, 7));
        if (hash01(wakeups_, 8) >= starved_) {
            return late;
        }
        return late +
               static_cast<std::int64_t>(hash01(wakeups_, 9) * static_cast<double>(longest_ns_));
    }

    std::vector<std::unique_ptr<Source>> sources_;
    std::int64_t due_ = 0;
    std::uint64_t wakeups_ = 0;
    double starved_ = 0;
    std::int64_t longest_ns_ = 0;
};

}  // namespace simulation
