#pragma once

#include <string>

#include "microjoule/discovery.h"

namespace microjoule {

/// What the batteries of a laptop give away while it runs on them, below
/// `<sysfs>/class/power_supply`: one sensor for all of them, `battery0`.
///
/// The last resort among meters: the whole machine with its screen, told about once a second. Never
/// counted here: whether it stands alone is known only when all other ways were looked at. A
/// battery that charges, or rests while the mains feed the machine, is refused with the reason.
///
/// Kernel document: Documentation/ABI/testing/sysfs-class-power.
Discovery discover_battery(const std::string& sysfs);

}  // namespace microjoule
