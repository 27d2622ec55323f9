#pragma once

#include <cstdint>
#include <utility>
#include <vector>

#include "microjoule/meter.h"
#include "microjoule/recording.h"

namespace microjoule {

/// The windows of a recording once more, in virtual time, in the order in which they ended.
///
/// What entered the recorded sampler's books enters these in the same order, so the figures are
/// those that the recorded program saw. A window that was still open is left out; one that the
/// recording ends too early to settle has `settled` false. Throws std::invalid_argument for what no
/// sampler can have done.
std::vector<Figures> rerun(const Recording& recording);

/// The figures of other windows, (start, end) in the recording's time, from the same readings.
/// Throws std::invalid_argument if one ends before it starts, or lies outside the recording.
std::vector<Figures> rerun(const Recording& recording,
                           const std::vector<std::pair<std::int64_t, std::int64_t>>& windows);

}  // namespace microjoule
