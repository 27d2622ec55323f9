#include "microjoule/nvml.h"

#include <unistd.h>

#include <algorithm>
#include <memory>
#include <utility>

#include "driver.h"
#include "microjoule/clock.h"
#include "nvml_gpu.h"

namespace microjoule {
namespace {

using namespace nvml;

// "+/- 5 watts" for the boards (NVML API reference), and a gain of about 5 % from board to board
// (Yang et al., SC24).
constexpr double kBoardGain = 0.05;
// Many times what a machine holds: more is what a broken library says.
constexpr unsigned kMostGpus = 1024;

std::string text_of(int (*get)(Device, char*, unsigned), Device device) {
    char text[kTextSize + 1] = {};  // one more than the driver is told of: always ended by a 0
    return get(device, text, kTextSize) == kSuccess ? std::string(text) : std::string();
}

bool is_sliced(const Api& api, Device device) {
    unsigned now = 0;
    unsigned pending = 0;
    return api.mig_mode != nullptr && api.mig_mode(device, &now, &pending) == kSuccess && now == 1;
}

unsigned architecture_of(const Api& api, Device device) {
    unsigned architecture = kUnknownArchitecture;
    if (api.architecture == nullptr || api.architecture(device, &architecture) != kSuccess) {
        return kUnknownArchitecture;
    }
    return architecture;
}

// From Ampere on, GA100 left out, nvmlDeviceGetPowerUsage is the average over a second (NVML API
// reference).
bool is_ga100(const std::string& name) {
    return name.find("A100") != std::string::npos || name.find("A800") != std::string::npos ||
           name.find("A30") != std::string::npos;
}

std::string milliseconds(std::int64_t ns) {
    return std::to_string(ns / kMillisecond) + " ms";
}

void describe(SensorInfo& info, Way way, const Gauge& gauge, const Identity& gpu,
              unsigned architecture) {
    const std::string whose = " of " + gpu.name + ", " + gpu.uuid;
    if (way == Way::energy) {
        info.method = "energy counter" + whose;
        info.shape = Shape::counter;
        info.unit = info.quantum = 1e-3;
        info.period_hint_ns = architecture == kVolta ? kVoltaUpdate : kUpdate;
        return;
    }
    const char* const how = way == Way::instant   ? "field 186"
                            : way == Way::average ? "field 185"
                                                  : "nvmlDeviceGetPowerUsage";
    info.method = "power" + whose + ", mean of " + milliseconds(gauge.window_ns) + " every " +
                  milliseconds(gauge.period_ns) + " (" + how + "), trapezoid rule";
    info.shape = Shape::gauge;
    info.unit = 1e-9;  // the trapezoid counts nanojoules
    info.quantum = 1e-9;
    info.period_hint_ns = gauge.period_ns;
    info.window_ns = gauge.window_ns;
    info.open_interval_ns = gauge.period_ns / 2;
    info.event_interval_ns = gauge.period_ns / 4;
    info.reason = "this GPU has no energy counter";
    if (gauge.window_ns < gauge.period_ns) {
        info.reason += ", and its power is seen for " + milliseconds(gauge.window_ns) +
                       " of every " + milliseconds(gauge.period_ns);
    }
    if (gpu.name.find("GH200") != std::string::npos ||
        gpu.name.find("GB200") != std::string::npos) {
        info.reason += "; on this module the reading may hold the CPU's power as well";
    }
}

struct Resolver {
    const Api& api;

    static std::string parent_of(const void* self, const std::string& slice) {
        const Api& api = static_cast<const Resolver*>(self)->api;
        Device device = nullptr;
        Device parent = nullptr;
        if (api.parent_of_slice == nullptr || api.by_uuid(slice.c_str(), &device) != kSuccess ||
            api.parent_of_slice(device, &parent) != kSuccess) {
            return "";
        }
        return text_of(api.uuid, parent);
    }
};

SensorInfo blank(const std::string& id) {
    SensorInfo info;
    info.id = id;
    info.kind = "gpu";
    info.source = "nvml";
    info.method = "NVIDIA's management library";
    info.gain_rel = kBoardGain;
    return info;
}

}  // namespace

namespace nvml {

Gauge gauge_of(unsigned architecture, const std::string& name, bool average) noexcept {
    constexpr std::int64_t ms = kMillisecond;
    if (average) {
        return {100 * ms, 1000 * ms};
    }
    if (name.find("GH200") != std::string::npos) {
        return {100 * ms, 20 * ms};
    }
    switch (architecture) {
        case kKepler:
        case kMaxwell:
            return {20 * ms, 200 * ms};
        case kPascal:
        case kVolta:
            return {20 * ms, 10 * ms};
        case kTuring:
            return {100 * ms, 100 * ms};
        case kAmpere:
            return is_ga100(name) ? Gauge{100 * ms, 25 * ms} : Gauge{100 * ms, 100 * ms};
        case kAda:
            return {100 * ms, 100 * ms};
        default:
            return {100 * ms, 25 * ms};  // Hopper, and the least that was ever seen for the others
    }
}

}  // namespace nvml

Discovery discover_nvml(const nvml::Api& api, Dylib library, const NvmlFilter& filter) {
    Discovery found;
    unsigned count = 0;
    int result = api.init();
    if (result != kSuccess) {
        found.refuse(blank("gpu"), std::string("NVML does not start: ") + api.error_string(result));
        return found;
    }
    const auto session =
        std::make_shared<DriverSession>(api.init, api.shutdown, std::move(library));
    result = api.count(&count);
    if (result != kSuccess) {
        found.refuse(blank("gpu"), std::string("NVML counts no GPUs: ") + api.error_string(result));
        return found;
    }
    if (count > kMostGpus) {
        found.refuse(blank("gpu"), "NVML counts " + std::to_string(count) +
                                       " GPUs, which no machine has: not believed");
        return found;
    }
    std::vector<Device> devices(count, nullptr);
    std::vector<Identity> identities(count);
    std::vector<std::string> broken(count);
    for (unsigned i = 0; i < count; ++i) {
        result = api.by_index(i, &devices[i]);
        if (result != kSuccess) {
            broken[i] = api.error_string(result);
            continue;
        }
        identities[i] = {text_of(api.uuid, devices[i]), text_of(api.name, devices[i]),
                         is_sliced(api, devices[i])};
    }
    const Resolver resolver{api};
    const auto visibility = visible_gpus(filter, identities, Resolver::parent_of, &resolver);
    for (unsigned i = 0; i < count; ++i) {
        SensorInfo info = blank("gpu" + std::to_string(i));
        const Identity& gpu = identities[i];
        if (!broken[i].empty()) {
            found.refuse(std::move(info), "NVML gives no handle: " + broken[i]);
            continue;
        }
        const Way way = best_way(api, devices[i]);
        if (way == Way::none) {
            found.refuse(std::move(info),
                         gpu.name + " has no energy counter, and its power cannot be read");
            continue;
        }
        const unsigned architecture = architecture_of(api, devices[i]);
        const bool average =
            way == Way::average || (way == Way::usage && architecture >= kAmpere &&
                                    architecture != kUnknownArchitecture && !is_ga100(gpu.name));
        const Gauge gauge = gauge_of(architecture, gpu.name, average);
        describe(info, way, gauge, gpu, architecture);
        unsigned limit_mw = 0;
        if (api.power_limit != nullptr && api.power_limit(devices[i], &limit_mw) == kSuccess) {
            // Excursions above the limit are short; three times is no excursion.
            info.max_power_w = std::max(info.max_power_w, 3e-3 * limit_mw);
        }
        const auto also = [&](const std::string& what) {
            info.reason += (info.reason.empty() || what.empty() ? "" : "; ") + what;
        };
        if (gpu.sliced) {
            also("MIG is on: its slices have no counter of their own, this is the whole GPU");
        }
        also(visibility[i].reason);
        info.counted = visibility[i].counted;
        found.sources.push_back(
            make_gpu(session, std::move(info), api, gpu.uuid, devices[i], way, gauge));
    }
    return found;
}

Discovery discover_nvml(const std::string& library, const NvmlFilter& filter) {
    Dylib loaded(library);
    if (!loaded.loaded()) {
        Discovery none;
        // A file that is there and does not load deserves a word.
        if (access(library.c_str(), F_OK) == 0) {
            none.refuse(blank("gpu"), loaded.error());
        }
        return none;
    }
    Api api;
    std::string missing;
    if (!api.load(loaded, missing)) {
        Discovery none;
        none.refuse(blank("gpu"), library + " has no " + missing + ": a driver older than 2013?");
        return none;
    }
    return discover_nvml(api, std::move(loaded), filter);
}

}  // namespace microjoule
