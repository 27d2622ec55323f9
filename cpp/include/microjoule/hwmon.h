#pragma once

#include <string>

#include "microjoule/powercap.h"

namespace microjoule {

/// What chips tell below `<sysfs>/class/hwmon`: energy counters in microjoules (i915, xe,
/// amd_energy), power in microwatts (the meters of NVIDIA's Grace, amdgpu), and voltage times
/// current (the INA3221 of Jetsons).
///
/// A chip is known by its `name` and by the device it belongs to, never by the number in its path,
/// which is another one after every boot. What a figure contains is known for these chips only: the
/// figures of all others are listed as refused, with the reason.
///
/// Kernel documents: Documentation/hwmon/sysfs-interface.rst and those of the drivers.
Discovery discover_hwmon(const std::string& sysfs);

}  // namespace microjoule
