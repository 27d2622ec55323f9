#pragma once

#include <string>
#include <vector>

#include "microjoule/amdsmi.h"
#include "microjoule/discovery.h"
#include "microjoule/model.h"

namespace microjoule {

/// Where the machine shows itself; a container may have the host's elsewhere.
struct Roots {
    std::string sysfs = "/sys";
    std::string procfs = "/proc";
    std::string devfs = "/dev";  ///< holds cpu/N/msr
};

/// Looks for the named sources. A name that is not known finds nothing.
///
/// Each device (a kind of energy of a socket and die, which is what an id names) is read in the
/// best way that is open, whatever the order of the names: perf, then powercap, then msr. The other
/// ways to it are among the refused, with the reason.
Discovery discover(const std::vector<std::string>& names, const Roots& roots);

/// Adds the AMD GPUs that the maker's library shows. Before hwmon, which sees the same cards.
void add_amdsmi(Discovery& all, const std::string& library, AmdsmiFilter filter,
                const std::string& sysfs);

/// Adds what hwmon tells of devices that nobody else reads. After all the other meters: what holds
/// a whole machine is counted only where it stands alone.
void add_hwmon(Discovery& all, const std::string& sysfs);

/// Adds what a battery gives away, the last resort: counted only where no other meter is.
void add_battery(Discovery& all, const std::string& sysfs);

/// Whether any source found so far counts towards the total by measuring.
[[nodiscard]] bool any_meter(const Discovery& found);

}  // namespace microjoule
