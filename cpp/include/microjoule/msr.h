#pragma once

#include <string>

#include "microjoule/discovery.h"

namespace microjoule {

/// RAPL through the processor's own registers: `<devfs>/cpu/N/msr` of one CPU of each package or
/// die, which needs the module msr, root and CAP_SYS_RAWIO. Registers and units: Intel SDM vol. 4;
/// AMD PPR, MSRC001_0299 to 029B.
Discovery discover_msr(const std::string& devfs, const std::string& procfs,
                       const std::string& sysfs);

}  // namespace microjoule
