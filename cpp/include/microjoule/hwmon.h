#pragma once

#include <map>
#include <string>
#include <vector>

#include "microjoule/discovery.h"

namespace microjoule {

/// What chips tell below `<sysfs>/class/hwmon`: energy counters in microjoules (i915, xe,
/// amd_energy), power in microwatts (the meters of NVIDIA's Grace, amdgpu), and voltage times
/// current (the INA3221 of Jetsons).
///
/// A chip is known by its `name` and by the device it belongs to, never by the number in its path,
/// which is another one after every boot. What a figure contains is known for these chips only: the
/// figures of all others are listed as refused, with the reason.
///
/// `ids`: what GPUs that others have found are called, by their address on the bus. The same GPU
/// has the same id here, and no other has it.
///
/// Kernel documents: Documentation/hwmon/sysfs-interface.rst and those of the drivers.
Discovery discover_hwmon(const std::string& sysfs,
                         const std::map<std::string, std::string>& ids = {});

/// Addresses on the bus of the AMD GPUs that are part of a processor (APUs), like 0000:05:00.0.
std::vector<std::string> integrated_gpus(const std::string& sysfs);

}  // namespace microjoule
