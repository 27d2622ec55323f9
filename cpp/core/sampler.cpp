#include "microjoule/sampler.h"

#include <algorithm>
#include <new>

namespace microjoule {
namespace {

// The search for a counter's update period when a meter starts.
constexpr std::int64_t kSearch = 50 * kMillisecond;
constexpr std::int64_t kSearchPeriods = 5;

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
      requests_(sensors_.size()),
      settlement_(sensors_, windows_, requests_, options.split) {
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

// At the bound whoever can answer does, and a device that lags is not waited for: its interval is
// closed where it stands, and every window that it concerns says so.
void Sampler::close_lagging() {
    for (std::size_t sensor = 0; sensor < sensors_.size(); ++sensor) {
        settle(sensor, 1, Settlement::kMost);
    }
    hand_over();
    if (!settlement_.full()) {
        return;
    }
    note_lag();
    for (std::size_t sensor = 0; sensor < sensors_.size(); ++sensor) {
        if (settlement_.owed_since(sensor) != INT64_MAX) {
            lose(sensor);
            settle(sensor, 1, Settlement::kMost);
        }
    }
    hand_over();
}

void Sampler::finish(Lane& lane) {
    if (running()) {
        lane.cpu_ns.store(clock_.thread_cpu_ns(), std::memory_order_relaxed);
    }
    hand_over();
}

void Sampler::hand_over() {
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
