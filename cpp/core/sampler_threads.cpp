#include "microjoule/sampler.h"

#include <linux/futex.h>
#include <pthread.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <csignal>
#include <cstdlib>
#include <ctime>
#include <new>
#include <system_error>

namespace microjoule {
namespace {

// A slow source's first reading is waited for this long when a meter starts.
constexpr std::int64_t kWelcome = 20 * kMillisecond;
// Memory that could not be had is asked for again after this.
constexpr std::int64_t kOutOfMemory = 10 * kMillisecond;

timespec to_timespec(std::int64_t t_ns) noexcept {
    timespec t{};
    t.tv_sec = t_ns / kSecond;
    t.tv_nsec = t_ns % kSecond;
    return t;
}

}  // namespace

// The sampler's threads: one for all that answers quickly, one for each source that may not.

void Sampler::start() {
    const std::lock_guard<std::mutex> control(control_);
    const std::lock_guard<std::mutex> alone(driving_);
    launch();
}

void Sampler::relaunch() {
    const std::lock_guard<std::mutex> control(control_);
    // Whoever does the sampler's work just now may be inside a slow read: the next one tries again.
    const std::unique_lock<std::mutex> alone(driving_, std::try_to_lock);
    if (orphaned() && alone.owns_lock()) {
        launch();
    }
}

// Where no thread can be had the sampler stays an orphan: each begin and end reads the sensors
// here and tries again, and whoever waits for a result does the rest.
void Sampler::launch() {
    if (running()) {
        return;
    }
    for (Feed& feed : fast_.feeds) {
        read(fast_, feed);
        const std::lock_guard<std::mutex> lock(mutex_);
        feed_in(feed);
    }
    {
        const std::lock_guard<std::mutex> lock(mutex_);
        stopping_.store(false);
    }
    running_.store(true);
    const int error = start_threads();
    thread_error_.store(error, std::memory_order_relaxed);
    orphaned_.store(error != 0, std::memory_order_release);
    if (error != 0) {
        join(kStuck, false);
        return;
    }
    await_first_readings();
}

/// The errno for which no thread could be had; 0 if all run.
int Sampler::start_threads() noexcept {
    // Signals belong to the program's own threads.
    sigset_t all;
    sigset_t before;
    sigfillset(&all);
    pthread_sigmask(SIG_BLOCK, &all, &before);
    int error = 0;
    try {
        if (journal_) {
            journal_->resume();
        }
        fast_.thread = std::thread([this] { run(fast_); });
        for (auto& owner : slow_) {
            Lane* const lane = owner.get();
            // One that was stuck when the sampler paused goes on when its call returns.
            if (lane->ended) {
                if (lane->thread.joinable()) {
                    lane->thread.join();
                }
                lane->ended = false;
                lane->thread = std::thread([this, lane] { run(*lane); });
            }
        }
    } catch (const std::system_error& failed) {
        error = failed.code().value();
    } catch (const std::bad_alloc&) {
        error = ENOMEM;
    }
    const std::lock_guard<std::mutex> lock(mutex_);
    for (auto& lane : slow_) {
        lane->ended = lane->ended || !lane->thread.joinable();
    }
    pthread_sigmask(SIG_SETMASK, &before, nullptr);
    return error;
}

void Sampler::stop() noexcept {
    const std::lock_guard<std::mutex> control(control_);
    orphaned_.store(false, std::memory_order_release);
    join(kStuck, true);
}

int Sampler::pause(std::int64_t patience_ns) noexcept {
    const std::lock_guard<std::mutex> control(control_);
    orphaned_.store(running() || orphaned(), std::memory_order_release);
    join(patience_ns, false);
    return static_cast<int>(std::count_if(
        slow_.begin(), slow_.end(), [](const auto& lane) { return lane->thread.joinable(); }));
}

// A window that begins right after the start should find every sensor begun; a driver that takes
// its time is not waited for.
void Sampler::await_first_readings() {
    const std::int64_t deadline = clock_.now_ns() + kWelcome;
    const auto begun = [&] {
        return locked([&] {
            return std::all_of(timelines_.begin(), timelines_.end(),
                               [](const Timeline& timeline) { return timeline.started(); });
        });
    };
    while (!slow_.empty() && clock_.now_ns() < deadline && !begun()) {
        std::this_thread::sleep_for(std::chrono::microseconds(100));
    }
}

void Sampler::join(std::int64_t patience_ns, bool for_good) noexcept {
    stopping_.store(true, std::memory_order_seq_cst);
    wake(fast_);
    for (auto& lane : slow_) {
        wake(*lane);
    }
    if (fast_.thread.joinable()) {
        fast_.thread.join();
    }
    for (auto& lane : slow_) {
        while (!join(*lane, patience_ns) && for_good && !abandon(*lane)) {
        }
    }
    const std::lock_guard<std::mutex> lock(mutex_);
    for (auto& lane : slow_) {
        if (lane->place.load() == kAbandoned) {
            lane.release()->place.store(kDisowned);  // its thread's, which nobody can wait for
        }
    }
    slow_.erase(std::remove(slow_.begin(), slow_.end(), nullptr), slow_.end());
    running_.store(false);
    if (journal_) {
        journal_->pause();
    }
}

/// False if the thread is in a call that has taken longer than `patience_ns` already.
bool Sampler::join(Lane& lane, std::int64_t patience_ns) noexcept {
    if (!lane.thread.joinable()) {
        return true;
    }
    while (!locked([&] { return lane.ended; })) {
        if (lane.place.load() == kInCall &&
            clock_.now_ns() - lane.call_began_ns.load() > patience_ns) {
            return false;
        }
        std::this_thread::sleep_for(std::chrono::microseconds(200));
    }
    lane.thread.join();
    return true;
}

// Nobody can end a call into a driver. Its thread finds itself abandoned when the call returns, and
// touches nothing any more but its lane, which it frees. False if it has returned just now.
bool Sampler::abandon(Lane& lane) noexcept {
    int expected = kInCall;
    if (!lane.place.compare_exchange_strong(expected, kAbandoned)) {
        return false;
    }
    lane.thread.detach();
    const std::lock_guard<std::mutex> lock(mutex_);
    for (const Feed& feed : lane.feeds) {
        for (std::size_t i = 0; i < feed.readings.size(); ++i) {
            abandoned_.push_back(feed.first + i);
        }
    }
    return true;
}

void Sampler::run(Lane& lane) noexcept {
    prctl(PR_SET_TIMERSLACK, 1UL, 0UL, 0UL, 0UL);
    pthread_setname_np(pthread_self(), lane.fast ? "microjoule" : "microjoule-slow");
    // A thread's first allocation makes an arena for it, in half a dozen system calls: now, and not
    // between two reads.
    void* volatile first = std::malloc(1);
    std::free(first);
    while (true) {
        if (stopping_.load(std::memory_order_seq_cst)) {
            const std::lock_guard<std::mutex> lock(mutex_);
            if (stopping_.load()) {
                lane.ended = true;
                return;
            }
        }
        std::int64_t due = 0;
        try {
            due = turn(lane);
        } catch (const std::bad_alloc&) {
            // Nothing is lost: what could not be taken in is still in the log.
            due = clock_.now_ns() + kOutOfMemory;
            const std::lock_guard<std::mutex> lock(mutex_);
            ++stats_.out_of_memory;
        }
        if (lane.place.load() >= kAbandoned) {
            while (lane.place.load() != kDisowned) {
                std::this_thread::sleep_for(std::chrono::milliseconds(1));
            }
            delete &lane;
            return;
        }
        sleep(lane, due);
    }
}

// After the end, and in a child before its threads run, whoever waits does their work.
std::int64_t Sampler::drive() {
    const std::unique_lock<std::mutex> alone(driving_, std::try_to_lock);
    if (!alone.owns_lock() || running()) {
        return clock_.now_ns() + kMillisecond;
    }
    std::int64_t due = turn(fast_);
    for (auto& lane : slow_) {
        if (lane->ended) {
            due = std::min(due, turn(*lane));
        }
    }
    const std::lock_guard<std::mutex> lock(mutex_);
    for (const std::size_t sensor : abandoned_) {
        if (!timelines_[sensor].lost()) {
            lose(sensor);
        }
        settle(sensor, 1);
    }
    finish(fast_);
    return due;
}

void Sampler::sleep(Lane& lane, std::int64_t due_ns) noexcept {
    const timespec until = to_timespec(due_ns);
    if (lane.awake && due_ns - clock_.now_ns() <= 2 * kMillisecond) {
        // Up again in a moment: an event is seen then, and need not pay for a wake-up.
        clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &until, nullptr);
        return;
    }
    const std::uint32_t how = lane.awake ? kLetMeSleep : kWakeMe;
    lane.asleep.store(how, std::memory_order_seq_cst);
    // Either a producer sees `asleep`, or its reserved slot is seen here; a slow lane is called by
    // the fast one.
    const bool event =
        !lane.awake && (lane.fast ? !log_.empty() : lane.called.load() != lane.planned_for);
    if (!event && !stopping_.load(std::memory_order_seq_cst)) {
        syscall(SYS_futex, reinterpret_cast<std::uint32_t*>(&lane.asleep),
                FUTEX_WAIT_BITSET_PRIVATE, how, &until, nullptr, FUTEX_BITSET_MATCH_ANY);
    }
    lane.asleep.store(kUp, std::memory_order_seq_cst);
}

void Sampler::wake(Lane& lane) noexcept {
    if (lane.asleep.exchange(kUp, std::memory_order_seq_cst) != kUp) {
        syscall(SYS_futex, reinterpret_cast<std::uint32_t*>(&lane.asleep), FUTEX_WAKE_PRIVATE, 1,
                nullptr, nullptr, 0);
    }
}

}  // namespace microjoule
