#pragma once

#include <memory>

#include "microjoule/source.h"

namespace microjoule {

/// CPU time of this process as a sensor that rides along: seconds, not joules, and never counted.
std::unique_ptr<Source> make_process_cpu();

}  // namespace microjoule
