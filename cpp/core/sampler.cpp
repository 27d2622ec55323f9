#include "microjoule/sampler.h"

#include <linux/futex.h>
#include <pthread.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <csignal>
#include <ctime>
#include <new>
#include <system_error>

namespace microjoule {
namespace {

// A sensor that does not change is waited for this long, in its own periods and in time.
constexpr std::int64_t kPatiencePeriods = 8;
constexpr std::int64_t kPatienceShortest = 20 * kMillisecond;
constexpr std::int64_t kPatienceLongest = 800 * kMillisecond;
// Who wakes up so late was stopped (kill -STOP, a fork): what sensors owe is no fault of theirs.
constexpr std::int64_t kAbsence = 100 * kMillisecond;
// The search for a counter's update period when a meter starts.
constexpr std::int64_t kSearch = 50 * kMillisecond;
constexpr std::int64_t kSearchPeriods = 5;
constexpr std::int64_t kSlowHint = 20 * kMillisecond;
// A slow source's first reading is waited for this long when a meter starts.
constexpr std::int64_t kWelcome = 20 * kMillisecond;
// Memory that could not be had is asked for again after this.
constexpr std::int64_t kOutOfMemory = 10 * kMillisecond;
constexpr std::int64_t kReopen = 250 * kMillisecond;

timespec to_timespec(std::int64_t t_ns) noexcept {
    timespec t{};
    t.tv_sec = t_ns / kSecond;
    t.tv_nsec = t_ns % kSecond;
    return t;
}

std::vector<SensorInfo> describe(const std::vector<std::unique_ptr<Source>>& sources) {
    std::vector<SensorInfo> all;
    for (const auto& source : sources) {
        all.insert(all.end(), source->sensors().begin(), source->sensors().end());
    }
    return all;
}

}  // namespace

Sampler::Sampler(std::vector<std::unique_ptr<Source>> sources, const Clock& clock,
                 SamplerOptions options, EventLog& log, std::unique_ptr<Journal> journal)
    : clock_(clock),
      options_(options),
      log_(log),
      journal_(std::move(journal)),
      sensors_(describe(sources)),
      windows_(sensors_.size()),
      settlement_(sensors_, windows_) {
    timelines_.reserve(sensors_.size());
    for (const SensorInfo& info : sensors_) {
        timelines_.emplace_back(info);
    }
    fast_.fast = true;
    fast_.governor = Governor(options.overhead_limit);
    std::size_t first = 0;
    for (auto& source : sources) {
        const std::size_t count = source->sensors().size();
        if (count == 0) {
            continue;
        }
        Pace pace(source->sensors().front(), options.mode, options.period_ns);
        Lane* lane = &fast_;
        if (source->slow()) {
            slow_.push_back(std::make_unique<Lane>());
            lane = slow_.back().get();
            lane->governor = Governor(options.overhead_limit);
        }
        lane->feeds.push_back({std::move(source), first, std::vector<Reading>(count), pace});
        first += count;
    }
    abandoned_.reserve(sensors_.size());
}

Sampler::~Sampler() {
    stop();
}

void Sampler::start() {
    const std::lock_guard<std::mutex> control(control_);
    const std::lock_guard<std::mutex> alone(driving_);
    launch();
}

void Sampler::resume() {
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

void Sampler::before_fork() noexcept {
    control_.lock();
    mutex_.lock();
    try {
        take_in();  // the child begins with an empty log: nothing that was asked may be lost in it
    } catch (const std::bad_alloc&) {
        ++stats_.out_of_memory;
    }
    if (journal_) {
        journal_->before_fork();
    }
}

void Sampler::after_fork_in_parent() noexcept {
    if (journal_) {
        journal_->after_fork_in_parent();
    }
    mutex_.unlock();
    control_.unlock();
}

void Sampler::after_fork_in_child() noexcept {
    if (journal_) {
        journal_->after_fork_in_child();
    }
    // The threads exist in the parent only. Their handles must be neither joined nor destroyed.
    new (&fast_.thread) std::thread();
    for (auto& lane : slow_) {
        new (&lane->thread) std::thread();
        lane->ended = true;
        lane->place.store(kOutside);
        lane->asleep.store(kUp);
    }
    fast_.asleep.store(kUp);
    log_.reset_after_fork();
    looks_.fill({});
    new (&settled_) std::condition_variable();
    new (&driving_) std::mutex();
    waiting_ = 0;
    orphaned_.store(running() || orphaned());
    running_.store(false);
    mutex_.unlock();
    control_.unlock();
}

void Sampler::help() {
    {
        const std::lock_guard<std::mutex> lock(mutex_);
        ++stats_.helped;
        try {
            take_in();
        } catch (const std::bad_alloc&) {
            ++stats_.out_of_memory;  // a producer has reserved its slot: it must go on to write it
        }
        if (settlement_.crowded()) {
            wake(fast_);
        }
    }
    std::this_thread::yield();
}

void Sampler::take_in() {
    if (settlement_.full()) {
        close_lagging();
    }
    const std::uint64_t seen = settlement_.events();
    const EventLog::Look now = log_.look(clock_);
    looks_[look_++ % looks_.size()] = now;
    std::int64_t horizon = now.t_ns;
    const std::uint64_t done =
        log_.drain(now.reserved, [this](const Event& event) { take(event); });
    if (done < now.reserved) {
        // Somebody has reserved and not written yet; his stamp is later than the last look that
        // did not see the reservation.
        horizon = 0;
        for (const EventLog::Look& look : looks_) {
            horizon = look.reserved <= done ? std::max(horizon, look.t_ns) : horizon;
        }
    }
    advance(horizon);
    if (settlement_.events() != seen) {
        for (Feed& feed : fast_.feeds) {
            feed.pace.on_events(clock_.now_ns());
        }
        for (auto& lane : slow_) {
            lane->feeds.front().pace.on_events(clock_.now_ns());
            lane->called.fetch_add(1, std::memory_order_seq_cst);
            if (lane->asleep.load(std::memory_order_seq_cst) == kWakeMe) {
                wake(*lane);
            }
        }
    }
}

/// False if the sampler has ended meanwhile, and must not be touched any more.
bool Sampler::read(Lane& lane, Feed& feed) {
    const Clock& clock = clock_;
    const bool lost = feed.failures > 0 && feed.readings.front().status == Status::lost;
    for (Reading& reading : feed.readings) {
        reading.before_ns = reading.after_ns = 0;
    }
    lane.call_began_ns.store(clock.now_ns());
    lane.place.store(kInCall);
    if (lost) {
        feed.source->reopen();
    }
    const std::int64_t before = clock.now_ns();
    feed.source->read(feed.readings.data());
    const std::int64_t after = clock.now_ns();
    int expected = kInCall;
    if (!lane.place.compare_exchange_strong(expected, kOutside)) {
        return false;
    }
    std::int64_t search = kSearch;
    for (std::size_t i = 0; i < feed.readings.size(); ++i) {
        Reading& reading = feed.readings[i];
        if (reading.before_ns == 0) {
            reading.before_ns = before;
            reading.after_ns = after;
        }
        search = std::max(search, kSearchPeriods * sensors_[feed.first + i].period_hint_ns);
    }
    if (feed.last_read_ns == 0) {
        feed.search_began_ns = after;
        feed.searching_until_ns = after + search;
    }
    feed.began_ns = before;
    feed.last_read_ns = after;
    return true;
}

void Sampler::feed_in(Feed& feed) {
    ++stats_.reads;
    feed.pace.on_read();
    bool failed = false;
    for (std::size_t i = 0; i < feed.readings.size(); ++i) {
        const std::size_t sensor = feed.first + i;
        failed = failed || feed.readings[i].status != Status::ok;
        this->feed(sensor, feed.readings[i]);
    }
    feed.failures = failed ? feed.failures + 1 : 0;
    stats_.failed_reads += failed ? 1 : 0;
}

// CLOCK_MONOTONIC stands still while the machine sleeps, and counters may not.
void Sampler::notice_suspend() {
    const std::int64_t suspended = clock_.suspended_ns();
    // Two clocks are read one after the other: a thread that loses the CPU in between sees no
    // sleep.
    if (suspended_ns_ >= 0 && suspended - suspended_ns_ > 100 * kMillisecond) {
        for (Timeline& timeline : timelines_) {
            timeline.interrupt();
        }
        note(Entry::Kind::interrupted);
    }
    if (suspended_ns_ < 0 || suspended - suspended_ns_ > 100 * kMillisecond) {
        suspended_ns_ = suspended;
        settlement_.set_suspended(suspended);
        note(Entry::Kind::suspended, 0, suspended);
    }
}

// From here on each change of the books, told to the journal.

void Sampler::note(Entry::Kind kind, std::size_t index, std::int64_t t_ns) noexcept {
    if (journal_) {
        Entry entry;
        entry.kind = kind;
        entry.index = static_cast<std::uint32_t>(index);
        entry.t_ns = t_ns;
        journal_->note(entry);
    }
}

void Sampler::feed(std::size_t sensor, const Reading& reading) {
    timelines_[sensor].feed(reading, settlement_.wanted_since(sensor));
    if (journal_) {
        Entry entry;
        entry.index = static_cast<std::uint32_t>(sensor);
        entry.status = reading.status;
        entry.error = reading.error;
        entry.raw = reading.raw;
        entry.t_ns = reading.before_ns;
        entry.until_ns = reading.after_ns;
        journal_->note(entry);
    }
}

void Sampler::take(const Event& event) {
    settlement_.take(event);
    if (!journal_) {
        return;
    }
    Entry entry;
    entry.index = event.record;
    entry.other = event.result;
    entry.t_ns = event.t_ns;
    switch (event.kind) {
        case Event::Kind::none:
            return;
        case Event::Kind::begin: {
            const Trace* const trace = windows_.at(event.record).trace.get();
            entry.kind = Entry::Kind::begin;
            entry.step_ns = trace ? trace->step_ns : 0;
            break;
        }
        case Event::Kind::end:
            entry.kind = Entry::Kind::end;
            break;
        case Event::Kind::lap:
            entry.kind = Entry::Kind::lap;
            break;
    }
    journal_->note(entry);
}

void Sampler::advance(std::int64_t horizon_ns) {
    const std::int64_t before = settlement_.horizon_ns();
    if (journal_ && horizon_ns > before) {
        settlement_.borders().each_until(horizon_ns, [&](std::int64_t border_ns) {
            if (border_ns >= before) {
                note(Entry::Kind::border, 0, border_ns);
            }
        });
        note(Entry::Kind::now, 0, horizon_ns);
    }
    settlement_.advance(horizon_ns);
}

void Sampler::settle(std::size_t sensor, int changes, std::size_t most) {
    const std::size_t count = settlement_.settle(sensor, timelines_[sensor], changes, most);
    if (journal_ && count > 0) {
        Entry entry;
        entry.kind = Entry::Kind::settle;
        entry.index = static_cast<std::uint32_t>(sensor);
        entry.changes = changes;
        entry.count = count;
        journal_->note(entry);
    }
}

void Sampler::settle_flat(std::size_t sensor) {
    timelines_[sensor].settle_flat();
    note(Entry::Kind::flat, sensor);
}

void Sampler::lose(std::size_t sensor) {
    timelines_[sensor].lose();
    note(Entry::Kind::lost, sensor);
}

void Sampler::note_lag() {
    settlement_.note_lag();
    note(Entry::Kind::lagged);
}

// At the bound a device that lags is not waited for: its interval is closed where it stands, and
// every window that it concerns says so.
void Sampler::close_lagging() {
    note_lag();
    for (std::size_t sensor = 0; sensor < sensors_.size(); ++sensor) {
        if (settlement_.owed_since(sensor) != INT64_MAX) {
            lose(sensor);
            settle(sensor, 1, Settlement::kMost);
        }
    }
    settlement_.finish(cpu_ns());
    if (waiting_ > 0) {
        settled_.notify_all();
    }
}

PaceInputs Sampler::inputs(const Lane& lane, const Feed& feed, std::int64_t now_ns) {
    PaceInputs in;
    in.stretch = lane.governor.stretch();
    in.open = settlement_.open();
    in.last_event_ns = settlement_.last_event_ns();
    in.trace_step_ns = settlement_.trace_step_ns();
    in.wrap_safe_ns = INT64_MAX;
    in.period_known = true;
    bool learnt = true;
    std::int64_t last_change_ns = 0;
    for (std::size_t i = 0; i < feed.readings.size(); ++i) {
        const Timeline& timeline = timelines_[feed.first + i];
        in.unsettled = in.unsettled || settlement_.asked_since(feed.first + i) != INT64_MAX;
        in.period_ns = std::max(in.period_ns, timeline.period().period_ns());
        const bool counter = sensors_[feed.first + i].shape == Shape::counter;
        in.period_known = in.period_known && (!counter || timeline.period().known());
        // A slow counter would keep the search going for seconds: a few gaps must do.
        const bool slow = sensors_[feed.first + i].period_hint_ns >= kSlowHint;
        learnt = learnt && (!counter || timeline.period().well_known() ||
                            (slow && timeline.period().known()));
        if (!slow) {
            last_change_ns = std::max(last_change_ns, timeline.last_anchor_ns());
        }
        in.wrap_safe_ns = std::min(in.wrap_safe_ns, timeline.wrap_safe_ns());
        if (feed.readings.size() == 1) {
            in.next_change_ns = timeline.next_change_ns(in.next_change_within_ns);
        }
    }
    if (now_ns < feed.searching_until_ns && !learnt) {
        in.searching = in.unsettled = true;
        in.last_event_ns = std::max({in.last_event_ns, feed.search_began_ns, last_change_ns});
    }
    return in;
}

// A sensor that owes an answer and does not change, or cannot be read, is not waited for for ever.
void Sampler::lose_patience(Feed& feed, std::int64_t now_ns) {
    // Waiting begins when the first read since the question has ended: time inside a call that hung
    // is the driver's, and what it brings settles what was asked meanwhile.
    std::int64_t oldest = INT64_MAX;
    for (std::size_t i = 0; i < feed.readings.size(); ++i) {
        oldest = std::min(oldest, settlement_.asked_since(feed.first + i));
    }
    if (oldest != feed.asked_ns) {
        feed.asked_ns = oldest;
        feed.heard_ns = 0;
    }
    if (feed.heard_ns == 0 && feed.began_ns >= std::max(oldest, feed.absent_until_ns)) {
        feed.heard_ns = feed.last_read_ns;
    }
    if (feed.heard_ns == 0) {
        return;
    }
    for (std::size_t i = 0; i < feed.readings.size(); ++i) {
        const std::size_t sensor = feed.first + i;
        const Timeline& timeline = timelines_[sensor];
        const std::int64_t asked = settlement_.asked_since(sensor);
        if (asked == INT64_MAX || timeline.lost()) {
            continue;
        }
        const std::int64_t longest = timeline.period().longest_ns();
        const std::int64_t patience =
            std::clamp(kPatiencePeriods * longest, kPatienceShortest, kPatienceLongest);
        const bool read_since = timeline.last_read_ns() - longest > asked;
        if (sensors_[sensor].shape == Shape::counter && read_since &&
            timeline.still_ns() > patience) {
            settle_flat(sensor);
            settle(sensor, 1);
        } else if (now_ns - std::max(asked, feed.heard_ns) > kPatienceLongest + patience) {
            lose(sensor);
            note_lag();
            settle(sensor, 1);
        }
    }
}

std::int64_t Sampler::plan(Lane& lane, std::int64_t now_ns) {
    std::int64_t due = INT64_MAX;
    lane.planned_for = lane.called.load();
    // Awake only if every source is: one that sleeps must be woken by the next event. What merely
    // rides along (the process's CPU time) has no vote beside a sensor.
    lane.awake = !lane.feeds.empty();
    const bool alone = lane.feeds.size() == 1;
    for (Feed& feed : lane.feeds) {
        const PaceInputs in = inputs(lane, feed, now_ns);
        feed.due_ns = feed.pace.next(feed.last_read_ns, in);
        if (settlement_.crowded()) {
            feed.due_ns = std::min(feed.due_ns, feed.last_read_ns + kMillisecond);
        }
        if (timelines_[feed.first].lost()) {
            feed.due_ns = feed.last_read_ns + kReopen;
        } else if (feed.failures > 0) {
            const std::int64_t back_off = 100 * kMicrosecond << std::min(feed.failures, 7);
            feed.due_ns = std::max(feed.due_ns, feed.last_read_ns + back_off);
        }
        lane.awake =
            lane.awake && (feed.pace.awake(now_ns, in) || (!alone && !sensors_[feed.first].energy));
        due = std::min(due, feed.due_ns);
    }
    if (lane.fast) {
        due = std::min(due, settlement_.next_border_ns());
    }
    // Whoever takes events in passes them on to the slow lanes: they must not wait for its next
    // read.
    if (lane.fast && !slow_.empty() && due - now_ns > kMillisecond) {
        lane.awake = false;
    }
    return due;
}

void Sampler::finish(Lane& lane) {
    if (running()) {
        lane.cpu_ns.store(clock_.thread_cpu_ns(), std::memory_order_relaxed);
    }
    if (settlement_.finish(cpu_ns()) > 0 && waiting_ > 0) {
        settled_.notify_all();
    }
}

std::int64_t Sampler::turn(Lane& lane) {
    std::int64_t now = clock_.now_ns();
    {
        const std::lock_guard<std::mutex> lock(mutex_);
        note_lateness(lane, now);
        const std::uint64_t events = settlement_.events();
        if (lane.fast) {
            notice_suspend();
            take_in();
        }
        if (events != settlement_.events() || !lane.fast || lane.planned_ns == 0) {
            (void)plan(lane, now);
        }
    }
    // Whatever is due in a moment is read now: one wake-up for all.
    for (Feed& feed : lane.feeds) {
        feed.fresh = feed.due_ns <= now + feed.pace.slack_ns();
        if (!feed.fresh) {
            continue;
        }
        if (!read(lane, feed)) {
            return 0;
        }
    }
    const std::lock_guard<std::mutex> lock(mutex_);
    now = clock_.now_ns();
    for (Feed& feed : lane.feeds) {
        if (feed.fresh) {
            feed_in(feed);
        }
    }
    if (!settlement_.idle()) {
        for (Feed& feed : lane.feeds) {
            for (std::size_t i = 0; i < feed.readings.size(); ++i) {
                settle(feed.first + i, feed.pace.changes_needed());
            }
            lose_patience(feed, now);
        }
        finish(lane);
    }
    if (lane.governor.due(now)) {
        lane.governor.observe(now, clock_.thread_cpu_ns());
    }
    lane.planned_ns = plan(lane, now);
    return lane.planned_ns;
}

void Sampler::run(Lane& lane) noexcept {
    prctl(PR_SET_TIMERSLACK, 1UL, 0UL, 0UL, 0UL);
    pthread_setname_np(pthread_self(), lane.fast ? "microjoule" : "microjoule-slow");
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

void Sampler::note_lateness(Lane& lane, std::int64_t now_ns) noexcept {
    ++stats_.wakeups;
    const std::int64_t lateness = lane.planned_ns == 0 ? 0 : now_ns - lane.planned_ns;
    stats_.worst_lateness_ns = std::max(stats_.worst_lateness_ns, lateness);
    stats_.late_wakeups += lateness > kMillisecond ? 1 : 0;
    if (lateness > kAbsence) {
        for (Feed& feed : lane.feeds) {
            feed.absent_until_ns = now_ns;
            feed.heard_ns = 0;
        }
    }
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

std::int64_t Sampler::cpu_ns() const noexcept {
    std::int64_t sum = fast_.cpu_ns.load(std::memory_order_relaxed);
    for (const auto& lane : slow_) {
        sum += lane->cpu_ns.load(std::memory_order_relaxed);
    }
    return sum;
}

SamplerStats Sampler::stats() {
    const std::lock_guard<std::mutex> lock(mutex_);
    SamplerStats stats = stats_;
    const auto refresh = [](Lane& lane) {
        clockid_t id{};
        timespec used{};
        if (lane.thread.joinable() &&
            pthread_getcpuclockid(lane.thread.native_handle(), &id) == 0 &&
            clock_gettime(id, &used) == 0) {
            lane.cpu_ns.store(used.tv_sec * kSecond + used.tv_nsec, std::memory_order_relaxed);
        }
    };
    refresh(fast_);
    for (auto& lane : slow_) {
        refresh(*lane);
    }
    stats.cpu_ns = cpu_ns();
    stats.stretch = fast_.governor.stretch();
    stats.late_events = settlement_.late();
    return stats;
}

}  // namespace microjoule
