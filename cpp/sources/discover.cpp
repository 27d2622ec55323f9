#include "microjoule/discover.h"

#include <algorithm>
#include <iterator>

#include "microjoule/perf.h"

namespace microjoule {
namespace {

void append(Discovery& all, Discovery more) {
    std::move(more.sources.begin(), more.sources.end(), std::back_inserter(all.sources));
    std::move(more.refused.begin(), more.refused.end(), std::back_inserter(all.refused));
}

}  // namespace

Discovery discover(const std::vector<std::string>& names, const std::string& sysfs) {
    Discovery all;
    const auto wanted = [&](const char* name) {
        return std::find(names.begin(), names.end(), name) != names.end();
    };
    if (wanted("perf")) {
        append(all, discover_perf(sysfs));
    }
    if (wanted("powercap")) {
        append(all, discover_powercap(sysfs));
    }
    return all;
}

bool any_meter(const Discovery& found) {
    return std::any_of(found.sources.begin(), found.sources.end(), [](const auto& source) {
        const auto& sensors = source->sensors();
        return std::any_of(sensors.begin(), sensors.end(),
                           [](const SensorInfo& s) { return s.counted && !s.estimated; });
    });
}

}  // namespace microjoule
