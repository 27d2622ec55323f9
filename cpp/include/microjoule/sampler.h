#pragma once

#include <algorithm>
#include <array>
#include <atomic>
#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <memory>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include "microjoule/clock.h"
#include "microjoule/events.h"
#include "microjoule/governor.h"
#include "microjoule/journal.h"
#include "microjoule/pace.h"
#include "microjoule/settlement.h"
#include "microjoule/source.h"
#include "microjoule/timeline.h"
#include "microjoule/windows.h"

namespace microjoule {

struct SamplerOptions {
    PaceMode mode = PaceMode::events;
    std::int64_t period_ns = 1'000'000;
    double overhead_limit = 0.05;  ///< share of one core, over ten seconds
    SplitOptions split;            ///< of energy among requests
};

/// What the sampler has cost and met so far.
struct SamplerStats {
    std::uint64_t reads = 0;
    std::uint64_t failed_reads = 0;
    std::uint64_t wakeups = 0;
    std::uint64_t late_wakeups = 0;  ///< more than a millisecond past the deadline
    std::int64_t worst_lateness_ns = 0;
    std::int64_t cpu_ns = 0;
    std::uint64_t late_events = 0;
    double stretch = 1;               ///< factor on the pace by which the overhead is held
    std::uint64_t helped = 0;         ///< times a caller had to drain a full log
    std::uint64_t out_of_memory = 0;  ///< times something had to be tried again
};

/// Reads the sources at the pace of the events and lets the settlement replay them.
///
/// One thread for everything that answers quickly; a source that may block has a thread of its own,
/// so that a stuck driver call delays nobody. Sensors are read without the lock; the lock is held
/// only to take the readings in. The threads block every signal and never touch Python.
class Sampler {
public:
    /// A call into a driver that takes longer than this is not waited for by whoever ends a meter.
    static constexpr std::int64_t kStuck = 300 * kMillisecond;

    /// `journal`: is told all that enters the books; nullptr: nobody is.
    Sampler(std::vector<std::unique_ptr<Source>> sources, const Clock& clock,
            SamplerOptions options, EventLog& log, std::unique_ptr<Journal> journal = nullptr);
    ~Sampler();
    Sampler(const Sampler&) = delete;
    Sampler& operator=(const Sampler&) = delete;

    /// Reads everything once, so that every timeline has begun, and starts the threads. Where none
    /// can be had (thread_error()), whoever asks does their work.
    void start();
    /// Ends the threads: prompt, idempotent, also after a failed start.
    void stop() noexcept;
    [[nodiscard]] bool running() const noexcept { return running_.load(std::memory_order_acquire); }

    /// After an event was published: one system call if the sampler sleeps, none if it is awake.
    void nudge() noexcept {
        if (fast_.asleep.load(std::memory_order_seq_cst) == kWakeMe) {
            wake(fast_);
        }
    }

    /// Called by producers while the log is full.
    void help();

    /// One turn of the fast lane, for tests with their own clock. Returns the next deadline.
    std::int64_t step() { return turn(fast_); }

    /// Waits until `done()` holds or the timeout is over. Returns done().
    template <class Done>
    bool wait(std::int64_t timeout_ns, Done&& done);

    /// Runs `read(timelines)` under the lock.
    template <class Read>
    auto locked(Read&& read) {
        const std::lock_guard<std::mutex> lock(mutex_);
        return read();
    }

    [[nodiscard]] const std::vector<SensorInfo>& sensors() const noexcept { return sensors_; }
    [[nodiscard]] Windows& windows() noexcept { return windows_; }
    [[nodiscard]] Requests& requests() noexcept { return requests_; }
    /// Under the lock only.
    [[nodiscard]] const Accounts& accounts() const noexcept { return settlement_.accounts(); }
    /// Under the lock only.
    [[nodiscard]] const Timeline& timeline(std::size_t sensor) const noexcept {
        return timelines_[sensor];
    }
    /// Under the lock only.
    [[nodiscard]] Borders& borders() noexcept { return settlement_.borders(); }
    [[nodiscard]] bool fixed_pace() const noexcept { return options_.mode == PaceMode::fixed; }
    [[nodiscard]] double stretch() const noexcept { return fast_.governor.stretch(); }
    [[nodiscard]] SamplerStats stats();
    /// What the journal could not keep, in a sentence; empty if nothing is missing.
    [[nodiscard]] std::string journal_problem() { return journal_ ? journal_->problem() : ""; }

    /// Ends the threads for the moment; resume(), or the next call that asks, starts them again.
    /// A call into a driver that has taken longer than `patience_ns` goes on. Returns how many do.
    int pause(std::int64_t patience_ns = kStuck) noexcept;
    /// Starts them again unless somebody has, or has ended them for good.
    void resume() {
        if (orphaned()) {
            relaunch();
        }
    }
    /// The errno for which the threads could not be started; 0 if they were.
    [[nodiscard]] int thread_error() const noexcept {
        return thread_error_.load(std::memory_order_relaxed);
    }
    /// Paused, without threads, or in a forked child whose parent's sampler ran.
    [[nodiscard]] bool orphaned() const noexcept {
        return orphaned_.load(std::memory_order_acquire);
    }

    // fork: the locks are held across it, so that the child finds everything whole.
    void before_fork() noexcept;
    void after_fork_in_parent() noexcept;
    void after_fork_in_child() noexcept;

private:
    void relaunch();
    struct Feed {
        std::unique_ptr<Source> source;
        std::size_t first;  // index of its first sensor
        std::vector<Reading> readings;
        Pace pace;
        std::int64_t began_ns = 0;  // the last read
        std::int64_t last_read_ns = 0;
        std::int64_t asked_ns = 0;         // oldest unanswered event
        std::int64_t heard_ns = 0;         // end of the first read begun after it; 0: none yet
        std::int64_t absent_until_ns = 0;  // the sampler itself was stopped until then
        std::int64_t due_ns = 0;
        std::int64_t search_began_ns = 0;
        std::int64_t searching_until_ns = 0;  // the update period is being learnt
        int failures = 0;
        bool fresh = false;  // read in this turn
    };
    // Values of Lane::asleep: what a producer must do about a sleeping thread.
    static constexpr std::uint32_t kUp = 0;
    static constexpr std::uint32_t kWakeMe = 1;
    static constexpr std::uint32_t kLetMeSleep = 2;  ///< its next read is soon enough

    // Values of Lane::place: where a slow thread is.
    static constexpr int kOutside = 0;
    static constexpr int kInCall = 1;  ///< in a call that may never return
    static constexpr int kAbandoned = 2;
    static constexpr int kDisowned = 3;  ///< abandoned, and its thread's alone

    struct Lane {
        std::vector<Feed> feeds;
        std::thread thread;
        std::atomic<std::uint32_t> asleep{kUp};
        bool awake = false;
        bool fast = false;
        std::int64_t planned_ns = 0;  ///< the deadline it slept to
        std::atomic<std::int64_t> cpu_ns{0};
        Governor governor{0.05};
        std::atomic<std::uint64_t> called{0};  ///< how often events asked for it
        std::uint64_t planned_for = 0;         ///< the same when it last planned
        std::atomic<int> place{kOutside};
        std::atomic<std::int64_t> call_began_ns{0};  ///< the last call into a driver
        bool ended = true;  ///< its thread has ended, or is about to; under the lock
    };

    std::int64_t turn(Lane& lane);
    void take_in();
    void close_lagging();
    void notice_suspend();
    bool read(Lane& lane, Feed& feed);
    void feed_in(Feed& feed);
    // Each change of the books, told to the journal.
    void note(Entry::Kind kind, std::size_t index = 0, std::int64_t t_ns = 0) noexcept;
    void feed(std::size_t sensor, const Reading& reading);
    void take(const Event& event);
    void advance(std::int64_t horizon_ns);
    void settle(std::size_t sensor, int changes, std::size_t most = Settlement::kAtOnce);
    void settle_flat(std::size_t sensor);
    void lose(std::size_t sensor);
    void note_lag();
    void lose_patience(Feed& feed, std::int64_t now_ns);
    [[nodiscard]] PaceInputs inputs(const Lane& lane, const Feed& feed, std::int64_t now_ns);
    [[nodiscard]] std::int64_t plan(Lane& lane, std::int64_t now_ns);
    void finish(Lane& lane);
    void hand_over();
    void launch();
    [[nodiscard]] int start_threads() noexcept;
    std::int64_t drive();
    void run(Lane& lane) noexcept;
    void join(std::int64_t patience_ns, bool for_good) noexcept;
    bool join(Lane& lane, std::int64_t patience_ns) noexcept;
    bool abandon(Lane& lane) noexcept;
    void await_first_readings();
    void sleep(Lane& lane, std::int64_t due_ns) noexcept;
    void wake(Lane& lane) noexcept;
    [[nodiscard]] std::int64_t cpu_ns() const noexcept;
    void note_lateness(Lane& lane, std::int64_t now_ns) noexcept;

    const Clock& clock_;
    SamplerOptions options_;
    EventLog& log_;
    std::unique_ptr<Journal> journal_;
    std::vector<SensorInfo> sensors_;
    std::vector<Timeline> timelines_;
    Windows windows_;
    Requests requests_;
    Settlement settlement_;
    // Looks at the log's tail and when they were taken: what makes "every event before t is known"
    // true although a producer may be between its reservation and its writing.
    std::array<EventLog::Look, 32> looks_{};
    std::size_t look_ = 0;
    std::int64_t suspended_ns_ = -1;
    Lane fast_;
    std::vector<std::unique_ptr<Lane>> slow_;
    std::vector<std::size_t> abandoned_;  ///< sensors whose source is stuck in a call for good
    std::mutex control_;                  ///< start and stop, one at a time
    std::mutex driving_;  ///< one at a time does the work of threads that do not run
    std::mutex mutex_;    ///< everything above but the log
    std::condition_variable settled_;
    int waiting_ = 0;
    SamplerStats stats_;
    std::atomic<bool> stopping_{false};
    std::atomic<bool> running_{false};
    std::atomic<bool> orphaned_{false};
    std::atomic<int> thread_error_{0};
};

template <class Done>
bool Sampler::wait(std::int64_t timeout_ns, Done&& done) {
    const std::int64_t deadline = clock_.now_ns() + timeout_ns;
    while (!running() && !done() && clock_.now_ns() < deadline) {
        // Nobody else would move on: the caller does the sampler's work itself.
        const std::int64_t due = drive();
        if (due > clock_.now_ns()) {
            std::this_thread::sleep_for(std::chrono::nanoseconds(
                std::min<std::int64_t>(due - clock_.now_ns(), kMillisecond)));
        }
    }
    std::unique_lock<std::mutex> lock(mutex_);
    ++waiting_;
    while (!done()) {
        const std::int64_t left = deadline - clock_.now_ns();
        if (left <= 0) {
            break;
        }
        settled_.wait_for(lock, std::chrono::nanoseconds(left));
    }
    --waiting_;
    return done();
}

}  // namespace microjoule
