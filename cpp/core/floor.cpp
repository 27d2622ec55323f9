#include "microjoule/floor.h"

#include <algorithm>

namespace microjoule {

void Floor::add(double units, std::int64_t ns) noexcept {
    units_ += units;
    ns_ += ns;
    if (ns_ < kPieceNs) {
        return;
    }
    pieces_[count_++ % pieces_.size()] = units_ / static_cast<double>(ns_);
    units_ = 0;
    ns_ = 0;
    std::array<double, 32> sorted = pieces_;
    const std::size_t known = std::min(count_, pieces_.size());
    auto* const quartile = sorted.begin() + (known - 1) / 4;
    std::nth_element(sorted.begin(), quartile, sorted.begin() + known);
    floor_ = std::max(0.0, *quartile);
}

}  // namespace microjoule
