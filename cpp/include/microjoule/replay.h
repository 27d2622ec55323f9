#pragma once

#include <string>

#include "microjoule/clock.h"
#include "microjoule/discovery.h"
#include "microjoule/recording.h"

namespace microjoule {

/// The sensors of a recording, whose energy flows once more from the moment they are first read.
///
/// Between two readings a counter advances evenly, once every update period that its source
/// expects; what was read as an error is an error again. After the end every sensor is lost, or,
/// with `loop`, the recording begins anew where the counters stand. Figures are marked estimated:
/// they are of another time; `name` says where it came from. Throws std::invalid_argument if there
/// is nothing to be replayed.
Discovery discover_replay(const Recording& recording, const std::string& name, bool loop,
                          const Clock& clock = monotonic_clock());

}  // namespace microjoule
