#include "microjoule/events.h"

namespace microjoule {

EventLog::EventLog(unsigned log2_capacity)
    : mask_((std::uint64_t{1} << log2_capacity) - 1), slots_(std::make_unique<Slot[]>(mask_ + 1)) {}

void EventLog::reset_after_fork() noexcept {
    for (std::uint64_t i = 0; i <= mask_; ++i) {
        slots_[i].ready.store(0, std::memory_order_relaxed);
    }
    head_.store(0, std::memory_order_relaxed);
    tail_.store(0, std::memory_order_seq_cst);
}

}  // namespace microjoule
