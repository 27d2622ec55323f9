#pragma once

#include <atomic>
#include <cstdint>
#include <cstring>
#include <memory>

#include "microjoule/clock.h"

namespace microjoule {

/// What somebody asked for at an instant.
struct Event {
    enum class Kind : std::uint8_t {
        none,   ///< reserved and withdrawn (a bad token): takes no effect
        begin,  ///< `record` opens
        end,    ///< `record` closes
        lap,    ///< `result` takes over what `record` measured; `record` begins anew
        // Of requests: `record` is in their pool, of the generation named.
        join,    ///< takes part from here on, with a weight
        leave,   ///< ends
        weigh,   ///< goes on with another weight
        phase,   ///< what it takes from here on is of phase `result`
        idle,    ///< takes no part for a while
        active,  ///< takes part again
    };
    std::int64_t t_ns = 0;
    std::uint32_t record = 0;
    std::uint32_t result = 0;
    Kind kind = Kind::none;
    std::uint32_t generation = 0;  ///< its lower half: events may come after their request

    [[nodiscard]] bool of_request() const noexcept { return kind >= Kind::join; }
    /// join, weigh: a float in the place of `result`.
    [[nodiscard]] float weight() const noexcept {
        float weight = 0;
        std::memcpy(&weight, &result, sizeof weight);
        return weight;
    }
    void set_weight(float weight) noexcept { std::memcpy(&result, &weight, sizeof weight); }
};
static_assert(sizeof(Event) == 24);

/// The bounded log between everyone who asks and the one sampler that answers.
///
/// Many producers, one consumer, no lock. A slot is reserved *before* its event is stamped: once
/// the consumer has seen the tail, every later event carries a later stamp, so "all events before
/// this instant are known" is a statement it can make. A reserved slot that is not yet written
/// stops it there.
class EventLog {
public:
    /// Room for 2^log2_capacity events.
    explicit EventLog(unsigned log2_capacity);

    /// Reserves a slot, then takes the stamp. `help` is called while the log is full and must let
    /// the consumer make room. Returns the slot's number; the stamp goes to `t_ns`. Of several
    /// slots (at most a quarter of the log's) that share a stamp it is the first one's.
    template <class Help>
    std::uint64_t reserve(const Clock& clock, std::int64_t& t_ns, Help&& help,
                          std::uint64_t count = 1) {
        const std::uint64_t number = tail_.fetch_add(count, std::memory_order_seq_cst);
        while (number + count - 1 - head_.load(std::memory_order_acquire) > mask_) {
            help();
        }
        t_ns = clock.now_ns();
        return number;
    }

    /// Writes the event into its reserved slot and makes it visible.
    void publish(std::uint64_t number, const Event& event) noexcept {
        Slot& slot = slots_[number & mask_];
        slot.event = event;
        slot.ready.store(number + 1, std::memory_order_release);
    }

    /// A time, and how many slots had been reserved after it was read: every event that is not
    /// among them carries a later stamp.
    struct Look {
        std::int64_t t_ns = 0;
        std::uint64_t reserved = 0;
    };
    [[nodiscard]] Look look(const Clock& clock) const noexcept {
        Look look;
        look.t_ns = clock.now_ns();
        // A processor may load the tail before it reads its time stamp counter: reading a clock is
        // no memory access, and no fence between two of those holds it.
        settle_clock_read();
        look.reserved = tail_.load(std::memory_order_seq_cst);
        return look;
    }

    /// Consumer: hands over the events of the slots below `limit`, in the order of reservation, up
    /// to the first that is reserved but not written yet. Returns how many slots are done with.
    template <class Take>
    std::uint64_t drain(std::uint64_t limit, Take&& take) {
        std::uint64_t head = head_.load(std::memory_order_relaxed);
        while (head < limit) {
            Slot& slot = slots_[head & mask_];
            if (slot.ready.load(std::memory_order_acquire) != head + 1) {
                break;
            }
            take(slot.event);
            head_.store(++head, std::memory_order_release);
        }
        return head;
    }

    /// Nothing reserved that has not been handed over.
    [[nodiscard]] bool empty() const noexcept {
        return tail_.load(std::memory_order_seq_cst) == head_.load(std::memory_order_relaxed);
    }

    /// In a forked child: the other threads, and what they had reserved, do not exist here.
    void reset_after_fork() noexcept;

private:
    static void settle_clock_read() noexcept {
#if defined(__x86_64__) || defined(__i386__)
        __builtin_ia32_lfence();
#elif defined(__aarch64__)
        __asm__ volatile("isb" ::: "memory");
#else
        std::atomic_thread_fence(std::memory_order_seq_cst);
#endif
    }

    struct Slot {
        std::atomic<std::uint64_t> ready{0};
        Event event;
    };

    std::uint64_t mask_;
    std::unique_ptr<Slot[]> slots_;
    // Producers and the consumer each own a cache line.
    alignas(64) std::atomic<std::uint64_t> tail_{0};
    alignas(64) std::atomic<std::uint64_t> head_{0};
};

}  // namespace microjoule
