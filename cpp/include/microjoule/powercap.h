#pragma once

#include <memory>
#include <string>
#include <vector>

#include "microjoule/source.h"

namespace microjoule {

/// What a look at the machine found: sources that can be read, and sensors that cannot, with the
/// reason in SensorInfo::reason.
struct Discovery {
    Discovery() = default;
    Discovery(Discovery&&) = default;
    Discovery& operator=(Discovery&&) = default;

    std::vector<std::unique_ptr<Source>> sources;
    std::vector<SensorInfo> refused;
};

/// RAPL through the kernel's powercap files, below `<sysfs>/class/powercap`.
///
/// A zone is what its `name` says, never what its index suggests: psys is a top-level zone like a
/// package. Kernel document: Documentation/power/powercap/powercap.rst.
Discovery discover_powercap(const std::string& sysfs);

}  // namespace microjoule
