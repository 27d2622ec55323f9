#include "microjoule/discover.h"

#include <algorithm>
#include <iterator>
#include <map>
#include <utility>

#include "microjoule/amdsmi.h"
#include "microjoule/battery.h"
#include "microjoule/hwmon.h"
#include "microjoule/msr.h"
#include "microjoule/perf.h"
#include "microjoule/powercap.h"

namespace microjoule {
namespace {

/// The sensor of that id among those that are read; nullptr if there is none.
const SensorInfo* reader_of(const Discovery& found, const std::string& id) {
    for (const auto& source : found.sources) {
        for (const SensorInfo& sensor : source->sensors()) {
            if (sensor.id == id) {
                return &sensor;
            }
        }
    }
    return nullptr;
}

/// Adds what is not read yet; whoever comes first reads a device.
void choose(Discovery& all, Discovery more) {
    for (auto& source : more.sources) {
        // A source is new as a whole or not at all: perf, which reads several sensors at once,
        // comes before all others, and what hwmon reads together is a device that the first one
        // names.
        const SensorInfo& first = source->sensors().front();
        const SensorInfo* const reader = reader_of(all, first.id);
        if (!reader) {
            all.sources.push_back(std::move(source));
            continue;
        }
        all.refuse(first, first.id + " is read through " + reader->source);
    }
    std::move(more.refused.begin(), more.refused.end(), std::back_inserter(all.refused));
}

/// What the devices that are known by their address are called.
std::map<std::string, std::string> ids_by_device(const Discovery& found) {
    std::map<std::string, std::string> ids;
    const auto note = [&](const SensorInfo& sensor) {
        if (!sensor.device.empty()) {
            ids.emplace(sensor.device, sensor.id);
        }
    };
    for (const auto& source : found.sources) {
        std::for_each(source->sensors().begin(), source->sensors().end(), note);
    }
    std::for_each(found.refused.begin(), found.refused.end(), note);
    return ids;
}

/// psys where it stands alone: the same source, counted.
class LonePlatform final : public Source {
public:
    explicit LonePlatform(std::unique_ptr<Source> inner)
        : inner_(std::move(inner)), sensors_(inner_->sensors()) {
        for (SensorInfo& sensor : sensors_) {
            sensor.counted = sensor.counted || sensor.kind == "psys";
        }
    }
    const std::vector<SensorInfo>& sensors() const noexcept override { return sensors_; }
    void read(Reading* readings) noexcept override { inner_->read(readings); }
    bool reopen() noexcept override { return inner_->reopen(); }
    bool slow() const noexcept override { return inner_->slow(); }

private:
    std::unique_ptr<Source> inner_;
    std::vector<SensorInfo> sensors_;
};

/// psys holds the packages and the memory, and more: it is added only where no other meter is.
void count_platform(Discovery& all) {
    if (any_meter(all)) {
        return;
    }
    for (auto& source : all.sources) {
        const auto& sensors = source->sensors();
        if (std::any_of(sensors.begin(), sensors.end(),
                        [](const SensorInfo& s) { return s.kind == "psys"; })) {
            source = std::make_unique<LonePlatform>(std::move(source));
        }
    }
}

}  // namespace

Discovery discover(const std::vector<std::string>& names, const Roots& roots) {
    Discovery all;
    const auto wanted = [&](const char* name) {
        return std::find(names.begin(), names.end(), name) != names.end();
    };
    if (wanted("perf")) {
        choose(all, discover_perf(roots.sysfs));
    }
    if (wanted("powercap")) {
        choose(all, discover_powercap(roots.sysfs));
    }
    if (wanted("msr")) {
        choose(all, discover_msr(roots.devfs, roots.procfs, roots.sysfs));
    }
    count_platform(all);
    return all;
}

void add_amdsmi(Discovery& all, const std::string& library, AmdsmiFilter filter,
                const std::string& sysfs) {
    filter.integrated = integrated_gpus(sysfs);
    choose(all, discover_amdsmi(library, filter));
}

void add_hwmon(Discovery& all, const std::string& sysfs) {
    choose(all, discover_hwmon(sysfs, ids_by_device(all)));
    count_platform(all);
}

void add_battery(Discovery& all, const std::string& sysfs) {
    choose(all, discover_battery(sysfs));
    count_platform(all);
}

bool any_meter(const Discovery& found) {
    return std::any_of(found.sources.begin(), found.sources.end(), [](const auto& source) {
        const auto& sensors = source->sensors();
        return std::any_of(sensors.begin(), sensors.end(),
                           [](const SensorInfo& s) { return s.counted && !s.estimated; });
    });
}

}  // namespace microjoule
