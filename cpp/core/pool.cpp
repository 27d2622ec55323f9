#include "microjoule/pool.h"

namespace microjoule {

std::uint64_t first_generation_of_next_pool() noexcept {
    constexpr unsigned kGenerationBits = 24;
    static std::atomic<std::uint64_t> pools{0};
    return (pools.fetch_add(1, std::memory_order_relaxed) & 0xffff) << kGenerationBits;
}

}  // namespace microjoule
