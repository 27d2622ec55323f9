#pragma once

#include <string>
#include <string_view>

#include "microjoule/source.h"
#include "microjoule/topology.h"

namespace microjoule {

/// One RAPL domain of one package or die, by the name it has in an id: "package", "dram", "core",
/// "uncore" or "psys". Fills in all that does not depend on the way it is read.
///
/// psys is never counted here: whether it stands alone is known only when all ways were looked at.
SensorInfo describe_rapl(const Place& place, std::string_view domain);

/// Where a domain of this processor stands: the counters of AMD are those of the package, whatever
/// die the kernel says a CPU is on.
Place rapl_place(const Processor& processor, const Place& place) noexcept;

/// The energy unit of a domain that does not follow the processor's unit register, in joules;
/// 0 where it does.
double fixed_rapl_unit_j(const Processor& processor, std::string_view domain) noexcept;

/// The unit that the unit register will hold on nearly every processor of this kind: 2^-16 J on
/// AMD, 2^-14 J on Intel.
double usual_rapl_unit_j(const Processor& processor) noexcept;

}  // namespace microjoule
