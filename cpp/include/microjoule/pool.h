#pragma once

#include <atomic>
#include <cstdint>
#include <memory>
#include <mutex>
#include <stdexcept>
#include <string>

namespace microjoule {

/// A record and the generation that somebody means by it.
struct Handle {
    std::uint32_t record = 0;
    std::uint64_t generation = 0;
};

/// What lives in a pool: opened by a token, closed into a result, and used again.
struct Pooled {
    enum Phase : std::uint64_t { free, open, closing, done, abandoned };

    /// generation * 8 + phase. A token carries the generation, so an old one never fits.
    std::atomic<std::uint64_t> state{0};
    std::atomic<std::uint32_t> next_free{0};

    [[nodiscard]] std::uint64_t generation() const noexcept {
        return state.load(std::memory_order_acquire) >> 3;
    }
};

/// Pools of one process count their generations from different starts, so that the token of one is
/// none of another's.
std::uint64_t first_generation_of_next_pool() noexcept;

/// Records for whoever opens and closes, from any thread. Takes no lock and allocates nothing,
/// except when more are open at once than ever before.
///
/// `Item` is a Pooled with a `void shape(std::size_t sensors)` that makes its room, called once,
/// and a `kName`, their plural.
template <class Item>
class Pool {
public:
    explicit Pool(std::size_t sensors)
        : sensors_(sensors),
          first_generation_(first_generation_of_next_pool()),
          slabs_(std::make_unique<std::atomic<Item*>[]>(kSlabs)) {}
    ~Pool() {
        for (std::size_t i = 0; i < kSlabs; ++i) {
            delete[] slabs_[i].load(std::memory_order_relaxed);
        }
    }
    Pool(const Pool&) = delete;
    Pool& operator=(const Pool&) = delete;

    /// Takes a record from the pool in the given phase.
    Handle acquire(Pooled::Phase phase) {
        std::uint64_t head = free_.load(std::memory_order_acquire);
        while (true) {
            const auto top = static_cast<std::uint32_t>(head);
            if (top == 0) {
                grow();
                head = free_.load(std::memory_order_acquire);
                continue;
            }
            Item& item = at(top - 1);
            const std::uint64_t next = item.next_free.load(std::memory_order_relaxed);
            if (free_.compare_exchange_weak(head, ((head >> 32) + 1) << 32 | next,
                                            std::memory_order_acq_rel, std::memory_order_acquire)) {
                const std::uint64_t generation =
                    (item.state.load(std::memory_order_relaxed) >> 3) + 1;
                item.state.store(state_of(generation, phase), std::memory_order_release);
                return {top - 1, generation};
            }
        }
    }

    /// Moves an open record to closing; false if the handle is not an open one.
    bool close(Handle handle) noexcept {
        std::uint64_t expected = state_of(handle.generation, Pooled::open);
        return at(handle.record)
            .state.compare_exchange_strong(expected, state_of(handle.generation, Pooled::closing),
                                           std::memory_order_acq_rel);
    }

    [[nodiscard]] bool is_open(Handle handle) noexcept {
        return at(handle.record).state.load(std::memory_order_acquire) ==
               state_of(handle.generation, Pooled::open);
    }

    [[nodiscard]] bool is_done(Handle handle) noexcept {
        return at(handle.record).state.load(std::memory_order_acquire) ==
               state_of(handle.generation, Pooled::done);
    }

    /// Sampler: the result is complete (or, if nobody wants it any more, the record is free again).
    void finish(std::uint32_t record) noexcept {
        std::atomic<std::uint64_t>& state = at(record).state;
        std::uint64_t current = state.load(std::memory_order_acquire);
        while (true) {
            const bool wanted = phase_of(current) == Pooled::closing;
            const Pooled::Phase phase = wanted ? Pooled::done : Pooled::free;
            if (state.compare_exchange_weak(current, state_of(current >> 3, phase),
                                            std::memory_order_acq_rel)) {
                if (!wanted) {
                    push_free(record);
                }
                return;
            }
        }
    }

    /// The owner has read the result, or will never read it.
    void release(Handle handle) noexcept {
        std::atomic<std::uint64_t>& state = at(handle.record).state;
        std::uint64_t current = state.load(std::memory_order_acquire);
        while (current >> 3 == handle.generation) {
            Pooled::Phase phase = Pooled::free;
            if (phase_of(current) == Pooled::closing) {
                phase = Pooled::abandoned;
            } else if (phase_of(current) != Pooled::done) {
                return;
            }
            if (state.compare_exchange_weak(current, state_of(handle.generation, phase),
                                            std::memory_order_acq_rel)) {
                if (phase == Pooled::free) {
                    push_free(handle.record);
                }
                return;
            }
        }
    }

    /// An open record that never got its event: back into the pool.
    void discard(Handle handle) noexcept {
        at(handle.record)
            .state.store(state_of(handle.generation, Pooled::free), std::memory_order_release);
        push_free(handle.record);
    }

    Item& at(std::uint32_t record) noexcept {
        return slabs_[record / kSlab].load(std::memory_order_acquire)[record % kSlab];
    }

    static std::uint64_t token(Handle handle) noexcept {
        return handle.generation << kIndexBits | handle.record;
    }
    static Handle handle(std::uint64_t token) noexcept {
        return {static_cast<std::uint32_t>(token & ((std::uint64_t{1} << kIndexBits) - 1)),
                token >> kIndexBits};
    }
    /// Whether the token names a record that exists at all.
    [[nodiscard]] bool exists(Handle handle) const noexcept { return handle.record < size(); }
    [[nodiscard]] std::uint32_t size() const noexcept {
        return size_.load(std::memory_order_acquire);
    }

protected:
    void grow() {
        const std::lock_guard<std::mutex> lock(grow_mutex_);
        if ((free_.load(std::memory_order_acquire) & 0xffffffffU) != 0) {
            return;  // another thread was faster
        }
        const std::uint32_t size = size_.load(std::memory_order_relaxed);
        if (size / kSlab >= kSlabs) {
            throw std::length_error("more than 4 million " + std::string(Item::kName) +
                                    " are open at once: end some of them");
        }
        auto slab = std::make_unique<Item[]>(kSlab);
        for (std::size_t i = 0; i < kSlab; ++i) {
            slab[i].shape(sensors_);
            slab[i].state.store(state_of(first_generation_, Pooled::free),
                                std::memory_order_relaxed);
        }
        slabs_[size / kSlab].store(slab.release(), std::memory_order_release);
        size_.store(size + static_cast<std::uint32_t>(kSlab), std::memory_order_release);
        for (std::size_t i = kSlab; i-- > 0;) {
            push_free(size + static_cast<std::uint32_t>(i));
        }
    }

private:
    static constexpr unsigned kIndexBits = 22;
    static constexpr std::size_t kSlab = 1024;
    static constexpr std::size_t kSlabs = (std::size_t{1} << kIndexBits) / kSlab;

    static constexpr std::uint64_t state_of(std::uint64_t generation,
                                            Pooled::Phase phase) noexcept {
        return generation << 3 | phase;
    }
    static constexpr std::uint64_t phase_of(std::uint64_t state) noexcept { return state & 7; }

    void push_free(std::uint32_t record) noexcept {
        std::uint64_t head = free_.load(std::memory_order_relaxed);
        std::uint64_t wanted = 0;
        do {
            at(record).next_free.store(static_cast<std::uint32_t>(head), std::memory_order_relaxed);
            wanted = ((head >> 32) + 1) << 32 | (record + 1);
        } while (!free_.compare_exchange_weak(head, wanted, std::memory_order_acq_rel,
                                              std::memory_order_relaxed));
    }

    std::size_t sensors_;
    std::uint64_t first_generation_;
    std::unique_ptr<std::atomic<Item*>[]> slabs_;
    std::atomic<std::uint32_t> size_{0};
    // Tag in the upper half against ABA, index + 1 in the lower; 0 in the lower: empty.
    alignas(64) std::atomic<std::uint64_t> free_{0};
    std::mutex grow_mutex_;
};

}  // namespace microjoule
