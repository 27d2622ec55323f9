#pragma once

#include <atomic>
#include <cstdint>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "microjoule/clock.h"
#include "microjoule/events.h"
#include "microjoule/sampler.h"
#include "microjoule/source.h"
#include "microjoule/windows.h"

namespace microjoule {

/// Everything that is known of one window.
struct Figures {
    std::int64_t start_ns = 0;
    std::int64_t end_ns = 0;
    std::vector<SensorFigures> sensors;  ///< in the order of Meter::sensors()
    double peak_w = -1;                  ///< highest 1 s mean; negative: the window was shorter
    double overhead_cpu_s = 0;           ///< CPU time of the sampler meanwhile
    double suspended_s = 0;              ///< the machine slept this long meanwhile
    double late_s = 0;                   ///< the window's ends were moved by this much
    double stretch = 1;    ///< the sampler's pace was slowed by this, to hold its overhead
    int thread_error = 0;  ///< errno: the sampler has no thread, whoever asks reads the sensors
    bool lagged = false;   ///< a device did not answer and was closed by force
    bool settled = false;  ///< false: best values so far, with wider uncertainty
    std::vector<std::int64_t> border_ns;  ///< borders inside the window that have been settled
    std::vector<double> border_energy;  ///< since its start: one row a border, one column a sensor
};

/// Everything that is known of one request.
struct RequestFigures {
    std::int64_t start_ns = 0;
    std::int64_t end_ns = 0;
    std::vector<PortionFigures> sensors;  ///< in the order of Meter::sensors()
    double late_s = 0;                    ///< its ends were moved by this much
    bool lagged = false;                  ///< a device did not answer and was closed by force
    bool settled = false;                 ///< false: best values so far
    bool forsaken = false;  ///< it was the parent's, and this process has been forked since
};

/// What flowed since the meter began.
struct Books {
    std::vector<SensorFigures> sensors;
    std::vector<AccountBooks> accounts;  ///< the same, split between requests and nobody
    double duration_s = 0;
};

/// Windows over the timelines of some sensors: begin, end, lap, and reading the figures.
///
/// begin() and end() are a clock read and a queue push; they may be called from any thread, may
/// overlap and may cross threads.
class Meter {
public:
    Meter(std::vector<std::unique_ptr<Source>> sources, SamplerOptions options,
          const Clock& clock = monotonic_clock(), std::unique_ptr<Journal> journal = nullptr);
    ~Meter();
    Meter(const Meter&) = delete;
    Meter& operator=(const Meter&) = delete;

    void start();
    void close() noexcept;
    /// Ends the sampler's threads for the moment (a fork is near); resume(), or the next begin or
    /// end, starts them again. Returns how many are left inside a driver's call.
    int pause(std::int64_t patience_ns = Sampler::kStuck) noexcept {
        return sampler_.pause(patience_ns);
    }
    void resume() { sampler_.resume(); }
    [[nodiscard]] bool running() const noexcept { return sampler_.running(); }

    /// Opens a window; the stamp is taken last. Returns its token. Throws std::invalid_argument if
    /// the meter is closed. A calm one belongs to a long run: between its events sensors are read
    /// once a second, which its ends lose nothing by.
    std::uint64_t begin(bool calm = false);
    /// The same with a trace of E(t) every `step_ns`.
    std::uint64_t begin_traced(std::int64_t step_ns);
    /// Closes a window; the stamp is taken first. Throws std::invalid_argument for a token that is
    /// unknown or has ended.
    Handle end(std::uint64_t token);
    /// Ends one window and begins the next at the same stamp, under the same token.
    Handle lap(std::uint64_t token);

    /// Opens a request of that weight (0: it waits); the stamp is taken last. `factors`: by sensor,
    /// times the weight, 0 where it takes no part; nullptr: 1 for each that is counted.
    std::uint64_t join(float weight = 1, const std::vector<float>* factors = nullptr);
    /// Closes it; the stamp is taken first. Throws std::invalid_argument as end() does.
    Handle leave(std::uint64_t token);
    /// An open request goes on with another weight, in another phase, or takes no part for a while.
    /// False if it is open no more.
    bool weigh(Handle request, float weight);
    bool phase(Handle request, std::uint32_t phase);
    bool set_idle(Handle request, bool idle);
    /// The weights of many, all at one stamp. Whoever is open no more is left out.
    void step(const std::vector<Handle>& requests, const std::vector<float>& weights);
    [[nodiscard]] Handle checked_request(std::uint64_t token);
    bool wait_request(Handle request, std::int64_t timeout_ns);
    [[nodiscard]] bool request_settled(Handle request) noexcept {
        return sampler_.requests().is_done(request);
    }
    [[nodiscard]] RequestFigures request_figures(Handle request);
    /// Start and end; end 0 while it is open.
    [[nodiscard]] std::pair<std::int64_t, std::int64_t> request_stamps(Handle request) noexcept {
        const Request& own = sampler_.requests().at(request.record);
        return {own.start_ns.load(std::memory_order_relaxed),
                own.end_ns.load(std::memory_order_relaxed)};
    }
    void release_request(Handle request) noexcept { sampler_.requests().release(request); }

    /// From now on E is also settled at these instants (strictly increasing) while a window is
    /// open; replaces what was scheduled before. Throws std::invalid_argument.
    void schedule(std::vector<std::int64_t> border_ns);

    /// Waits up to `timeout_ns` for the result to settle.
    bool wait(Handle handle, std::int64_t timeout_ns);
    [[nodiscard]] bool settled(Handle handle) noexcept {
        return sampler_.windows().is_done(handle);
    }
    /// The figures as they are now: of an open window, those so far.
    [[nodiscard]] Figures figures(Handle handle);
    /// The trace of a settled window; nullptr if none was asked for. Ends with the window's end.
    [[nodiscard]] std::unique_ptr<Trace> take_trace(Handle handle);
    /// The result will not be read again.
    void release(Handle handle) noexcept { sampler_.windows().release(handle); }
    /// Stamps of a window that has ended.
    [[nodiscard]] std::int64_t start_ns(Handle handle) noexcept;
    [[nodiscard]] std::int64_t end_ns(Handle handle) noexcept;

    [[nodiscard]] const std::vector<SensorInfo>& sensors() const noexcept {
        return sampler_.sensors();
    }
    [[nodiscard]] std::vector<std::int64_t> update_periods_ns();
    [[nodiscard]] std::string journal_problem() { return sampler_.journal_problem(); }
    [[nodiscard]] SamplerStats stats() { return sampler_.stats(); }
    [[nodiscard]] Books books();
    [[nodiscard]] Sampler& sampler() noexcept { return sampler_; }

private:
    std::uint64_t post_begin(Handle handle);
    [[nodiscard]] Handle checked(std::uint64_t token);
    bool post(Handle request, Event::Kind kind, std::uint32_t value);
    void revive();

    static constexpr std::size_t kAtOneStamp = 4096;  ///< a quarter of the log

    const Clock& clock_;
    EventLog log_;
    Sampler sampler_;
    std::vector<float> counted_;  ///< the factors of who names no devices
    std::int64_t began_ns_ = 0;
    std::atomic<bool> closed_{false};
};

}  // namespace microjoule
