#pragma once

#include <string>

#include "microjoule/discovery.h"

namespace microjoule {

/// RAPL through the kernel's `power` PMU, below `<sysfs>/bus/event_source/devices/power`.
///
/// One group of events for each package or die, so that one read() takes all of its counters at one
/// instant. Kernel source: arch/x86/events/rapl.c.
Discovery discover_perf(const std::string& sysfs);

}  // namespace microjoule
