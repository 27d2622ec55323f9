#include "driver.h"

#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <utility>

namespace microjoule {
namespace {

// Starting a library again disturbs the other GPUs: less and less often while one stays lost.
constexpr std::int64_t kFirstRestart = 2 * kSecond;
constexpr std::int64_t kLastRestart = 60 * kSecond;

}  // namespace

DriverSession::DriverSession(std::function<int()> start, std::function<int()> stop, Dylib library)
    : start_(std::move(start)),
      stop_(std::move(stop)),
      library_(std::move(library)),
      owner_(getpid()),
      ready_(owner_.load()) {}

DriverSession::~DriverSession() {
    if (ready_.load() == getpid()) {
        stop_();
    }
}

bool DriverSession::enter() noexcept {
    if (!ready()) {
        return false;
    }
    calls_.fetch_add(1);
    if (restarting_.load()) {
        calls_.fetch_sub(1);
        return false;
    }
    return true;
}

bool DriverSession::restart(std::uint64_t seen) noexcept {
    if (generation_.load() != seen) {
        return true;
    }
    if (restarting_.exchange(true)) {
        return false;
    }
    bool started = false;
    if (calls_.load() == 0) {
        stop_();
        started = start_() == 0;
        generation_.fetch_add(1);
    }
    restarting_.store(false);
    return started;
}

// A forked child inherits a library that knows nothing of its process: the first call starts it
// anew. Nothing of ours that a thread of the parent may have held counts any more.
bool DriverSession::ready() noexcept {
    const pid_t me = getpid();
    if (ready_.load() == me) {
        return true;
    }
    pid_t before = owner_.load();
    if (before == me || !owner_.compare_exchange_strong(before, me)) {
        return false;  // another thread of this process is at it
    }
    calls_.store(0);
    restarting_.store(false);
    stop_();
    if (start_() != 0) {
        owner_.store(before);
        return false;
    }
    generation_.fetch_add(1);
    ready_.store(me);
    return true;
}

DriverGpu::DriverGpu(std::shared_ptr<DriverSession> session, SensorInfo info)
    : session_(std::move(session)), generation_(session_->generation()) {
    sensors_.push_back(std::move(info));
}

void DriverGpu::read(Reading* readings) noexcept {
    Reading& reading = readings[0];
    int result = attempt(reading);
    // The driver was loaded again: its counter begins anew, and the timeline sees that.
    if (result > 0 && judge(result) == Verdict::stopped && session_->restart(asked_)) {
        result = attempt(reading);
    }
    if (result == 0) {
        reading.status = Status::ok;
        reading.error = 0;
        return;
    }
    const bool passing = result < 0 || judge(result) == Verdict::passing;
    reading.status = passing ? Status::retry : Status::lost;
    reading.error = result == kIncredible ? EBADMSG : result == kBusy ? EAGAIN : EIO;
}

bool DriverGpu::reopen() noexcept {
    const int result = locate();
    if (result == 0) {
        return true;
    }
    const std::int64_t now = monotonic_clock().now_ns();
    if (result < 0 || judge(result) != Verdict::stopped) {
        if (now < restart_ns_) {
            return false;
        }
        back_off_ns_ = std::clamp(2 * back_off_ns_, kFirstRestart, kLastRestart);
        restart_ns_ = now + back_off_ns_;
    }
    return session_->restart(asked_) && locate() == 0;
}

int DriverGpu::locate() noexcept {
    if (!session_->enter()) {
        return kBusy;
    }
    asked_ = session_->generation();
    const int result = find();
    session_->leave();
    if (result == 0) {
        generation_ = asked_;
    }
    return result;
}

int DriverGpu::attempt(Reading& reading) noexcept {
    for (int i = 0; i < 2; ++i) {
        if (generation_ != session_->generation()) {
            if (const int result = locate(); result != 0) {
                return result;
            }
        }
        if (!session_->enter()) {
            return kBusy;
        }
        // enter() itself starts the library again after a fork.
        asked_ = session_->generation();
        const bool current = generation_ == asked_;
        const int result = current ? take(reading) : kBusy;
        session_->leave();
        if (current) {
            back_off_ns_ = result == 0 ? 0 : back_off_ns_;
            return result;
        }
    }
    return kBusy;
}

}  // namespace microjoule
