#pragma once

// One function for each family of chips whose figures are known.

#include <string>
#include <vector>

#include "hwmon_chip.h"
#include "microjoule/discovery.h"

namespace microjoule::hwmon {

/// i915 and xe.
void add_intel_gpu(Discovery& found, const Chip& chip, int number);

/// amdgpu, where it tells power.
void add_amdgpu(Discovery& found, const Chip& chip, const std::string& id);
bool is_amdgpu(const Chip& chip);
/// An APU: its figures are those of the processor as a whole.
bool is_integrated(const Chip& chip);
/// "0000:03:00.0" out of the path of a device.
std::string address_of(const Chip& chip);

/// Meters of ACPI, NVIDIA's Grace among them: all of them at once, as some contain others.
void add_acpi_meters(Discovery& found, const std::vector<Chip>& chips);

/// INA3221, on the boards of Jetsons: all of them at once.
void add_ina3221(Discovery& found, const std::vector<Chip>& chips);

}  // namespace microjoule::hwmon
