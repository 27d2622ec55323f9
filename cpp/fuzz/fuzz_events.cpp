// Events in every order of reserving, writing, taking out and forking, against a model of it.

#include <algorithm>
#include <deque>

#include "fuzz.h"
#include "microjoule/clock.h"
#include "microjoule/events.h"

using namespace microjoule;

namespace {

class ManualClock final : public Clock {
public:
    std::int64_t now_ns() const noexcept override { return now; }
    std::int64_t suspended_ns() const noexcept override { return 0; }
    std::int64_t thread_cpu_ns() const noexcept override { return 0; }
    std::int64_t now = 1;
};

struct Reserved {
    std::uint64_t number;
    Event event;
    bool written;
};

class World {
public:
    explicit World(unsigned log2) : room_(std::size_t{1} << log2), log_(log2) {}

    void reserve() {
        Event event;
        event.kind = Event::Kind::begin;
        event.record = made_++;
        const std::uint64_t number = log_.reserve(clock_, event.t_ns, [&] {
            // Full: whoever holds the oldest slot writes it, and the consumer takes it.
            MUST(reserved_.size() >= room_);
            MUST(!helping_ || !reserved_.front().written);
            helping_ = true;
            if (!reserved_.front().written) {
                write(0);
            }
            drain(UINT64_MAX);
            helping_ = false;
        });
        MUST(event.t_ns == clock_.now);
        MUST(number == next_++);
        reserved_.push_back({number, event, false});
        MUST(reserved_.size() <= room_);
    }

    void write(std::size_t which) {
        if (which < reserved_.size() && !reserved_[which].written) {
            log_.publish(reserved_[which].number, reserved_[which].event);
            reserved_[which].written = true;
        }
    }

    void drain(std::uint64_t limit) {
        limit = std::min(limit, next_);
        const std::uint64_t done = log_.drain(limit, [&](const Event& event) {
            MUST(!reserved_.empty() && reserved_.front().written);
            MUST(reserved_.front().number < limit);
            MUST(event.record == reserved_.front().event.record);
            MUST(event.t_ns >= last_ns_);
            last_ns_ = event.t_ns;
            reserved_.pop_front();
        });
        MUST(reserved_.empty() || reserved_.front().number == done);
        // It stopped at the limit, or at a slot that is not written.
        MUST(reserved_.empty() || !reserved_.front().written || done >= limit);
    }

    void fork() {
        log_.reset_after_fork();
        reserved_.clear();
        next_ = 0;
    }

    void check() {
        if (!helping_) {
            MUST(log_.look(monotonic_clock()).reserved == next_);
            MUST(log_.empty() == reserved_.empty());
        }
    }

    void pass(std::int64_t ns) { clock_.now += ns; }
    [[nodiscard]] std::uint64_t next() const { return next_; }
    [[nodiscard]] std::size_t waiting() const { return reserved_.size(); }

private:
    std::size_t room_;
    EventLog log_;
    ManualClock clock_;
    std::deque<Reserved> reserved_;
    std::uint64_t next_ = 0;
    std::uint32_t made_ = 0;
    std::int64_t last_ns_ = 0;
    bool helping_ = false;
};

}  // namespace

int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    fuzz::Input input(data, size);
    World world(input.take<std::uint8_t>() % 6);
    while (!input.empty()) {
        const auto step = input.take<std::uint8_t>();
        switch (step % 8) {
            case 0:
            case 1:
            case 2:
                world.reserve();
                break;
            case 3:
            case 4:
                world.write(step / 8 % (world.waiting() + 1));
                break;
            case 5:
                world.drain(UINT64_MAX);
                break;
            case 6:
                world.drain(world.next() - std::min<std::uint64_t>(step / 8, world.next()));
                break;
            default:
                if (step == 255) {
                    world.fork();
                } else {
                    world.pass(step);
                }
        }
        world.check();
    }
    return 0;
}
