#include "microjoule/meter.h"

#include <pthread.h>

#include <algorithm>
#include <mutex>
#include <stdexcept>
#include <utility>

namespace microjoule {
namespace {

constexpr unsigned kLogSize = 14;  // 16,384 events between two turns of the sampler

// Every meter of the process, for fork: all are held across it and made whole in the child.
struct Registry {
    std::mutex mutex;
    std::vector<Sampler*> samplers;
};

Registry& registry() {
    static Registry* const instance = new Registry;  // outlives every meter, also at exit
    return *instance;
}

void before_fork() {
    registry().mutex.lock();
    for (Sampler* sampler : registry().samplers) {
        sampler->before_fork();
    }
}

void after_fork_in_parent() {
    for (Sampler* sampler : registry().samplers) {
        sampler->after_fork_in_parent();
    }
    registry().mutex.unlock();
}

void after_fork_in_child() {
    for (Sampler* sampler : registry().samplers) {
        sampler->after_fork_in_child();
    }
    registry().mutex.unlock();
}

void enter(Sampler& sampler) {
    static const int registered =
        pthread_atfork(before_fork, after_fork_in_parent, after_fork_in_child);
    (void)registered;
    const std::lock_guard<std::mutex> lock(registry().mutex);
    registry().samplers.push_back(&sampler);
}

void withdraw(Sampler& sampler) {
    const std::lock_guard<std::mutex> lock(registry().mutex);
    std::vector<Sampler*>& all = registry().samplers;
    all.erase(std::remove(all.begin(), all.end(), &sampler), all.end());
}

/// An event of a window or a request.
Event about(Handle handle, Event::Kind kind) noexcept {
    Event event;
    event.kind = kind;
    event.record = handle.record;
    event.generation = static_cast<std::uint32_t>(handle.generation);
    return event;
}

}  // namespace

Meter::Meter(std::vector<std::unique_ptr<Source>> sources, SamplerOptions options,
             const Clock& clock, std::unique_ptr<Journal> journal)
    : clock_(clock),
      log_(kLogSize),
      sampler_(std::move(sources), clock, options, log_, std::move(journal)) {
    for (const SensorInfo& info : sensors()) {
        counted_.push_back(info.counted ? 1.0F : 0.0F);
    }
    enter(sampler_);
}

Meter::~Meter() {
    close();
    withdraw(sampler_);
}

void Meter::start() {
    closed_.store(false);
    if (began_ns_ == 0) {
        began_ns_ = clock_.now_ns();
    }
    sampler_.start();
}

void Meter::close() noexcept {
    closed_.store(true);
    sampler_.stop();
}

// Off the hot path: the sampler does not run.
void Meter::revive() {
    if (closed_.load()) {
        throw std::invalid_argument("this meter is closed: make another one");
    }
    sampler_.resume();
}

std::uint64_t Meter::post_begin(Handle handle) {
    Event event = about(handle, Event::Kind::begin);
    Record& record = sampler_.windows().at(handle.record);
    const std::uint64_t number = log_.reserve(clock_, event.t_ns, [this] { sampler_.help(); });
    record.start_ns.store(event.t_ns, std::memory_order_relaxed);
    record.end_ns.store(0, std::memory_order_relaxed);  // not the end of the record's last user
    log_.publish(number, event);
    sampler_.nudge();
    return Windows::token(handle);
}

std::uint64_t Meter::begin(bool calm) {
    if (!running()) {
        revive();
    }
    const Handle handle = sampler_.windows().acquire(Record::open);
    Record& record = sampler_.windows().at(handle.record);
    if (record.trace) {
        record.trace.reset();  // the record's last user had one and never fetched it
    }
    record.calm = calm;
    return post_begin(handle);
}

std::uint64_t Meter::begin_traced(std::int64_t step_ns) {
    if (!running()) {
        revive();
    }
    const Handle handle = sampler_.windows().acquire(Record::open);
    auto trace = std::make_unique<Trace>();
    trace->step_ns = step_ns;
    Record& record = sampler_.windows().at(handle.record);
    record.trace = std::move(trace);
    record.calm = false;
    return post_begin(handle);
}

Handle Meter::checked(std::uint64_t token) {
    const Handle handle = Windows::handle(token);
    if (!sampler_.windows().exists(handle)) {
        throw std::invalid_argument("unknown token: pass what begin() returned, once");
    }
    return handle;
}

Handle Meter::end(std::uint64_t token) {
    const Handle handle = checked(token);
    sampler_.resume();
    Event event = about(handle, Event::Kind::end);
    const std::uint64_t number = log_.reserve(clock_, event.t_ns, [this] { sampler_.help(); });
    if (!sampler_.windows().close(handle)) {
        log_.publish(number, Event{});
        throw std::invalid_argument(
            "unknown token, or its window has ended already: pass what begin() returned, once");
    }
    sampler_.windows().at(handle.record).end_ns.store(event.t_ns, std::memory_order_relaxed);
    log_.publish(number, event);
    sampler_.nudge();
    return handle;
}

Handle Meter::lap(std::uint64_t token) {
    const Handle handle = checked(token);
    sampler_.resume();
    Record& record = sampler_.windows().at(handle.record);
    const Handle result = sampler_.windows().acquire(Record::closing);
    Record& part = sampler_.windows().at(result.record);
    Event event = about(handle, Event::Kind::lap);
    event.result = result.record;
    const std::uint64_t number = log_.reserve(clock_, event.t_ns, [this] { sampler_.help(); });
    if (!sampler_.windows().is_open(handle)) {
        log_.publish(number, Event{});
        sampler_.windows().discard(result);
        throw std::invalid_argument(
            "unknown token, or its window has ended already: lap() needs an open one");
    }
    part.start_ns.store(record.start_ns.exchange(event.t_ns, std::memory_order_relaxed),
                        std::memory_order_relaxed);
    part.end_ns.store(event.t_ns, std::memory_order_relaxed);
    log_.publish(number, event);
    sampler_.nudge();
    return result;
}

std::uint64_t Meter::join(float weight, const std::vector<float>* factors) {
    if (!running()) {
        revive();
    }
    Requests& requests = sampler_.requests();
    const Handle handle = requests.acquire(Pooled::open);
    Request& request = requests.at(handle.record);
    const std::vector<float>& from = factors != nullptr ? *factors : counted_;
    std::copy(from.begin(), from.end(), request.factors.begin());
    Event event = about(handle, Event::Kind::join);
    event.set_weight(weight);
    const std::uint64_t number = log_.reserve(clock_, event.t_ns, [this] { sampler_.help(); });
    request.start_ns.store(event.t_ns, std::memory_order_relaxed);
    request.end_ns.store(0, std::memory_order_relaxed);
    log_.publish(number, event);
    sampler_.nudge();
    return Requests::token(handle);
}

Handle Meter::checked_request(std::uint64_t token) {
    const Handle handle = Requests::handle(token);
    if (!sampler_.requests().exists(handle)) {
        throw std::invalid_argument("unknown token: pass what begin_request() returned, once");
    }
    return handle;
}

Handle Meter::leave(std::uint64_t token) {
    const Handle handle = checked_request(token);
    sampler_.resume();
    Event event = about(handle, Event::Kind::leave);
    const std::uint64_t number = log_.reserve(clock_, event.t_ns, [this] { sampler_.help(); });
    if (!sampler_.requests().close(handle)) {
        log_.publish(number, Event{});
        throw std::invalid_argument(
            "unknown token, or its request has ended already: pass what begin_request() returned, "
            "once");
    }
    sampler_.requests().at(handle.record).end_ns.store(event.t_ns, std::memory_order_relaxed);
    log_.publish(number, event);
    sampler_.nudge();
    return handle;
}

bool Meter::post(Handle request, Event::Kind kind, std::uint32_t value) {
    Event event = about(request, kind);
    event.result = value;
    const std::uint64_t number = log_.reserve(clock_, event.t_ns, [this] { sampler_.help(); });
    const bool open = sampler_.requests().is_open(request);
    log_.publish(number, open ? event : Event{});
    sampler_.nudge();
    return open;
}

bool Meter::weigh(Handle request, float weight) {
    Event event;
    event.set_weight(weight);
    return post(request, Event::Kind::weigh, event.result);
}

bool Meter::phase(Handle request, std::uint32_t phase) {
    return post(request, Event::Kind::phase, phase);
}

bool Meter::set_idle(Handle request, bool idle) {
    return post(request, idle ? Event::Kind::idle : Event::Kind::active, 0);
}

void Meter::step(const std::vector<Handle>& requests, const std::vector<float>& weights) {
    for (std::size_t first = 0; first < requests.size(); first += kAtOneStamp) {
        const std::size_t count = std::min(requests.size() - first, kAtOneStamp);
        std::int64_t t_ns = 0;
        const std::uint64_t number = log_.reserve(clock_, t_ns, [this] { sampler_.help(); }, count);
        for (std::size_t i = 0; i < count; ++i) {
            const Handle handle = requests[first + i];
            Event event = about(handle, Event::Kind::weigh);
            event.t_ns = t_ns;
            event.set_weight(weights[first + i]);
            log_.publish(number + i, sampler_.requests().is_open(handle) ? event : Event{});
        }
    }
    sampler_.nudge();
}

bool Meter::wait_request(Handle request, std::int64_t timeout_ns) {
    sampler_.resume();
    return sampler_.wait(timeout_ns, [&] { return request_settled(request); });
}

RequestFigures Meter::request_figures(Handle handle) {
    return sampler_.locked([&] {
        const Request& request = sampler_.requests().at(handle.record);
        RequestFigures out;
        out.start_ns = request.start_ns.load(std::memory_order_relaxed);
        out.end_ns = sampler_.requests().is_open(handle)
                         ? clock_.now_ns()
                         : request.end_ns.load(std::memory_order_relaxed);
        out.settled = request_settled(handle);
        out.lagged = request.lagged;
        out.late_s = static_cast<double>(request.late_ns) * 1e-9;
        out.forsaken = sampler_.accounts().forsaken(handle);
        for (std::size_t s = 0; s < sensors().size(); ++s) {
            out.sensors.push_back(
                sampler_.accounts().figures(handle, s, out.end_ns, sampler_.timeline(s)));
        }
        return out;
    });
}

void Meter::schedule(std::vector<std::int64_t> border_ns) {
    const auto not_later = [](std::int64_t a, std::int64_t b) { return a >= b; };
    if (std::adjacent_find(border_ns.begin(), border_ns.end(), not_later) != border_ns.end()) {
        throw std::invalid_argument("borders are not in order: each must be later than the last");
    }
    sampler_.locked([&] { sampler_.borders().schedule(std::move(border_ns)); });
    sampler_.nudge();
}

bool Meter::wait(Handle handle, std::int64_t timeout_ns) {
    sampler_.resume();
    return sampler_.wait(timeout_ns, [&] { return settled(handle); });
}

Figures Meter::figures(Handle handle) {
    return sampler_.locked([&] {
        Record& record = sampler_.windows().at(handle.record);
        Figures out;
        out.start_ns = record.start_ns.load(std::memory_order_relaxed);
        out.end_ns = sampler_.windows().is_open(handle)
                         ? clock_.now_ns()
                         : record.end_ns.load(std::memory_order_relaxed);
        out.settled = settled(handle);
        out.lagged = record.lagged;
        // Bursts at events are never slowed: only who asked for a pace gets less than that.
        out.stretch = sampler_.fixed_pace() || record.trace ? sampler_.stretch() : 1;
        out.thread_error = sampler_.thread_error();
        out.late_s = static_cast<double>(record.late_ns) * 1e-9;
        for (std::size_t s = 0; s < sensors().size(); ++s) {
            const Timeline& timeline = sampler_.timeline(s);
            // While one sensor keeps the window waiting, the others' answers are final already.
            const bool mine = record.taken == handle.generation;
            const bool begun = mine && record.start[s].anchor != kUnanswered;
            const bool ended = mine && record.end[s].anchor != kUnanswered;
            const EnergyAt start = begun ? record.start[s] : timeline.estimate(out.start_ns);
            const EnergyAt end =
                out.settled || ended ? record.end[s] : timeline.estimate(out.end_ns);
            out.sensors.push_back(difference(start, end, record.late_ns, sensors()[s]));
        }
        if (record.taken == handle.generation && !sampler_.borders().empty()) {
            sampler_.borders().within(out.start_ns, out.end_ns, record.start, sensors(),
                                      out.border_ns, out.border_energy);
        }
        if (out.settled) {
            out.peak_w = record.peak_w;
            const std::int64_t suspended = record.suspended_end_ns - record.suspended_start_ns;
            out.suspended_s = suspended > kMillisecond ? static_cast<double>(suspended) * 1e-9 : 0;
            out.overhead_cpu_s = static_cast<double>(std::max<std::int64_t>(
                                     0, record.cpu_end_ns - record.cpu_start_ns)) *
                                 1e-9;
        }
        return out;
    });
}

std::unique_ptr<Trace> Meter::take_trace(Handle handle) {
    return sampler_.locked([&] {
        return settled(handle) ? std::move(sampler_.windows().at(handle.record).trace) : nullptr;
    });
}

std::int64_t Meter::start_ns(Handle handle) noexcept {
    return sampler_.windows().at(handle.record).start_ns.load(std::memory_order_relaxed);
}

std::int64_t Meter::end_ns(Handle handle) noexcept {
    return sampler_.windows().at(handle.record).end_ns.load(std::memory_order_relaxed);
}

std::vector<std::int64_t> Meter::update_periods_ns() {
    return sampler_.locked([&] {
        std::vector<std::int64_t> periods;
        for (std::size_t s = 0; s < sensors().size(); ++s) {
            const Period& period = sampler_.timeline(s).period();
            periods.push_back(period.known() ? period.period_ns() : 0);
        }
        return periods;
    });
}

Books Meter::books() {
    return sampler_.locked([&] {
        Books out;
        const std::int64_t now = clock_.now_ns();
        out.duration_s = static_cast<double>(now - began_ns_) * 1e-9;
        for (std::size_t s = 0; s < sensors().size(); ++s) {
            const Timeline& timeline = sampler_.timeline(s);
            out.sensors.push_back(
                difference(timeline.origin(), timeline.estimate(now), 0, sensors()[s]));
            out.accounts.push_back(sampler_.accounts().books(s, now, timeline));
        }
        return out;
    });
}

}  // namespace microjoule
