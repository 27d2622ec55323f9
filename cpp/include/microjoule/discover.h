#pragma once

#include <string>
#include <vector>

#include "microjoule/model.h"
#include "microjoule/powercap.h"

namespace microjoule {

/// Looks for the named sources, in order of trust. A name that is not known finds nothing.
Discovery discover(const std::vector<std::string>& names, const std::string& sysfs);

/// Whether any source found so far counts towards the total by measuring.
[[nodiscard]] bool any_meter(const Discovery& found);

}  // namespace microjoule
