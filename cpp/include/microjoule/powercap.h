#pragma once

#include <string>

#include "microjoule/discovery.h"

namespace microjoule {

/// RAPL through the kernel's powercap files, below `<sysfs>/class/powercap`.
///
/// A zone is what its `name` says, never what its index suggests: psys is a top-level zone like a
/// package. Kernel document: Documentation/power/powercap/powercap.rst.
Discovery discover_powercap(const std::string& sysfs);

}  // namespace microjoule
