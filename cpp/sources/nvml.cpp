#include "microjoule/nvml.h"

#include <unistd.h>

#include <algorithm>
#include <charconv>
#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <ctime>
#include <memory>
#include <string_view>

#include "driver.h"
#include "microjoule/clock.h"

namespace microjoule {
namespace {

using namespace nvml;

// "+/- 5 watts" for the boards (NVML API reference), and a gain of about 5 % from board to board
// (Yang et al., SC24).
constexpr double kBoardGain = 0.05;
// How often the energy counter is updated: 20 ms up to Volta, 100 ms since then (ML.ENERGY, "ML
// energy measurement"; Yang et al. for the sensors behind it). Only where the search begins.
constexpr std::int64_t kVoltaUpdate = 20 * kMillisecond;
constexpr std::int64_t kUpdate = 100 * kMillisecond;
// A timestamp that is older than the call by more than this tells when the sensor was updated; a
// younger one may only tell when somebody asked.
constexpr std::int64_t kOlderThanCall = kMillisecond;
// In microseconds; a later one is garbage, and has no nanoseconds in an int64.
constexpr std::int64_t kLastStamp = INT64_MAX / 1000;

/// How a joule of one GPU comes about.
enum class Way : std::uint8_t { none, energy, instant, average, usage };

std::int64_t wall_minus_monotonic() noexcept {
    timespec wall{};
    clock_gettime(CLOCK_REALTIME, &wall);
    return wall.tv_sec * kSecond + wall.tv_nsec - monotonic_clock().now_ns();
}

/// One field value in milliwatts; the result of the call.
int read_field(const Api& api, Device device, unsigned field, unsigned& mw,
               std::int64_t& stamp_us) noexcept {
    FieldValue value{};
    value.field = field;
    const int result = api.field_values(device, 1, &value);
    mw = value.value.as_unsigned;
    stamp_us = value.timestamp_us;
    return result != kSuccess ? result : value.result;
}

class Gpu final : public DriverGpu {
public:
    Gpu(std::shared_ptr<DriverSession> session, SensorInfo info, const Api& api, std::string uuid,
        Device device, Way way, Gauge gauge)
        : DriverGpu(std::move(session), std::move(info)),
          api_(api),
          uuid_(std::move(uuid)),
          device_(device),
          way_(way),
          gauge_(gauge) {}

private:
    int find() noexcept override {
        Device device = nullptr;
        const int result = api_.by_uuid(uuid_.c_str(), &device);
        if (result == kSuccess) {
            device_ = device;
        }
        return result;
    }

    Verdict judge(int result) const noexcept override {
        switch (result) {
            case kUninitialized:
                return Verdict::stopped;
            case kInvalidArgument:  // a handle from before the driver was loaded again
            case kNoPermission:
            case kNotFound:
            case kDriverNotLoaded:
            case kGpuIsLost:
            case kResetRequired:
            case kLibraryMismatch:
            case kGpuNotFound:
                return Verdict::lost;
            default:
                return Verdict::passing;
        }
    }

    int take(Reading& reading) noexcept override {
        return way_ == Way::energy ? read_energy(reading) : read_power(reading);
    }

    int read_energy(Reading& reading) noexcept {
        unsigned long long mj = 0;
        const int result =
            bracket(reading, kUpdate, [&]() noexcept { return api_.total_energy(device_, &mj); });
        reading.raw = mj;
        return result;
    }

    int read_power(Reading& reading) noexcept {
        const std::int64_t before = monotonic_clock().now_ns();
        unsigned mw = 0;
        std::int64_t stamp_us = 0;
        const int result =
            way_ == Way::usage
                ? api_.power_usage(device_, &mw)
                : read_field(api_, device_, way_ == Way::instant ? kPowerInstant : kPowerAverage,
                             mw, stamp_us);
        const std::int64_t after = monotonic_clock().now_ns();
        // No GPU draws nothing: some drivers say 0 where they do not know.
        if (result == kSuccess && mw == 0) {
            return kIncredible;
        }
        reading.raw = std::uint64_t{mw} * 1000;
        place(reading, before, after, stamp_us);
        return result;
    }

    // A power reading is the mean over a window that ended at the sensor's last update, so it
    // belongs to the middle of that window. Some drivers tell when the update was, others only when
    // they were asked; then it was up to one period ago.
    void place(Reading& reading, std::int64_t before, std::int64_t after,
               std::int64_t stamp_us) noexcept {
        std::int64_t first = before - gauge_.period_ns;
        std::int64_t last = after;
        if (stamp_us > 0 && stamp_us <= kLastStamp) {
            const std::int64_t stamp = stamp_us * 1000 - wall_minus_monotonic();
            const bool credible = stamp > before - 4 * gauge_.period_ns && stamp <= after;
            told_ = told_ || (credible && stamp < before - kOlderThanCall);
            if (credible && told_) {
                first = last = stamp;
            }
        }
        reading.before_ns = first - gauge_.window_ns / 2;
        reading.after_ns = last - gauge_.window_ns / 2;
    }

    Api api_;
    std::string uuid_;
    Device device_;
    Way way_;
    Gauge gauge_;
    bool told_ = false;  ///< timestamps are those of updates
};

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

/// The best way that works, tried out. A value of 0 is none: the driver says so where it does not
/// know.
Way best_way(const Api& api, Device device) {
    unsigned long long mj = 0;
    if (api.total_energy != nullptr && api.total_energy(device, &mj) == kSuccess && mj > 0) {
        return Way::energy;
    }
    unsigned mw = 0;
    std::int64_t stamp_us = 0;
    if (api.field_values != nullptr) {
        if (read_field(api, device, kPowerInstant, mw, stamp_us) == kSuccess && mw > 0) {
            return Way::instant;
        }
        if (read_field(api, device, kPowerAverage, mw, stamp_us) == kSuccess && mw > 0) {
            return Way::average;
        }
    }
    return api.power_usage(device, &mw) == kSuccess && mw > 0 ? Way::usage : Way::none;
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

void refuse(Discovery& found, SensorInfo info, std::string reason) {
    info.counted = false;
    info.readable = false;
    info.reason = std::move(reason);
    found.refused.push_back(std::move(info));
}

}  // namespace

namespace nvml {

bool Api::load(const Dylib& library, std::string& missing) {
    const auto need = [&](const char* symbol, auto*& function) {
        if (!library.find(symbol, function) && missing.empty()) {
            missing = symbol;
        }
    };
    need("nvmlInit_v2", init);
    need("nvmlShutdown", shutdown);
    need("nvmlErrorString", error_string);
    need("nvmlDeviceGetCount_v2", count);
    need("nvmlDeviceGetHandleByIndex_v2", by_index);
    need("nvmlDeviceGetHandleByUUID", by_uuid);
    need("nvmlDeviceGetUUID", uuid);
    need("nvmlDeviceGetName", name);
    need("nvmlDeviceGetPowerUsage", power_usage);
    library.find("nvmlDeviceGetArchitecture", architecture);
    library.find("nvmlDeviceGetMigMode", mig_mode);
    library.find("nvmlDeviceGetDeviceHandleFromMigDeviceHandle", parent_of_slice);
    library.find("nvmlDeviceGetPowerManagementLimit", power_limit);
    library.find("nvmlDeviceGetTotalEnergyConsumption", total_energy);
    library.find("nvmlDeviceGetFieldValues", field_values);
    return missing.empty();
}

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

std::vector<Visibility> visible_gpus(const NvmlFilter& filter, const std::vector<Identity>& gpus,
                                     std::string (*parent_of)(const void*, const std::string&),
                                     const void* context) {
    std::vector<Visibility> all(gpus.size());
    if (!filter.visible) {
        return all;
    }
    // CUDA numbers GPUs by their bus only when told to; otherwise the fastest comes first, and who
    // that is only CUDA knows. Where all are alike both orders are one. With MIG it numbers slices.
    const bool alike = std::all_of(gpus.begin(), gpus.end(), [&](const Identity& gpu) {
        return gpu.name == gpus.front().name;
    });
    const bool sliced =
        std::any_of(gpus.begin(), gpus.end(), [](const Identity& gpu) { return gpu.sliced; });
    std::vector<bool> visible(gpus.size(), false);
    std::string_view rest = *filter.visible;
    while (!rest.empty()) {
        std::string_view word = rest.substr(0, rest.find(','));
        rest.remove_prefix(std::min(rest.size(), word.size() + 1));
        while (!word.empty() && word.front() == ' ') {
            word.remove_prefix(1);
        }
        while (!word.empty() && word.back() == ' ') {
            word.remove_suffix(1);
        }
        std::string uuid(word);
        if (word.substr(0, 8) == "MIG-GPU-") {
            uuid = word.substr(4, word.find('/') - 4);
        } else if (word.substr(0, 4) == "MIG-") {
            uuid = parent_of(context, uuid);
        }
        std::vector<std::size_t> meant;
        if (uuid.substr(0, 4) == "GPU-") {
            for (std::size_t i = 0; i < gpus.size(); ++i) {
                if (gpus[i].uuid.compare(0, uuid.size(), uuid) == 0) {
                    meant.push_back(i);
                }
            }
        } else {
            std::size_t index = 0;
            const auto [end, error] =
                std::from_chars(word.data(), word.data() + word.size(), index);
            if (error == std::errc() && end == word.data() + word.size() && index < gpus.size()) {
                if (sliced || !(alike || filter.by_bus)) {
                    const char* const why =
                        sliced
                            ? "CUDA_VISIBLE_DEVICES has a number, and with MIG CUDA numbers slices"
                            : "CUDA_VISIBLE_DEVICES has a number, and CUDA may number unlike GPUs "
                              "in another order (CUDA_DEVICE_ORDER=PCI_BUS_ID makes it the same)";
                    return std::vector<Visibility>(
                        gpus.size(), {true, std::string(why) + ": all GPUs are counted"});
                }
                meant.push_back(index);
            }
        }
        // As CUDA reads it: whatever stands behind a word that names no GPU is hidden too.
        if (meant.size() != 1) {
            break;
        }
        visible[meant.front()] = true;
    }
    for (std::size_t i = 0; i < gpus.size(); ++i) {
        if (!visible[i]) {
            all[i] = {false,
                      "hidden by CUDA_VISIBLE_DEVICES=" + *filter.visible + ": shown, not added"};
        }
    }
    return all;
}

}  // namespace nvml

NvmlFilter NvmlFilter::from_environment() {
    NvmlFilter filter;
    if (const char* const visible = std::getenv("CUDA_VISIBLE_DEVICES")) {
        filter.visible = visible;
    }
    const char* const order = std::getenv("CUDA_DEVICE_ORDER");
    filter.by_bus = order != nullptr && std::string_view(order) == "PCI_BUS_ID";
    return filter;
}

Discovery discover_nvml(const nvml::Api& api, Dylib library, const NvmlFilter& filter) {
    Discovery found;
    unsigned count = 0;
    int result = api.init();
    if (result != kSuccess) {
        refuse(found, blank("gpu"),
               std::string("NVML does not start: ") + api.error_string(result));
        return found;
    }
    const auto session =
        std::make_shared<DriverSession>(api.init, api.shutdown, std::move(library));
    result = api.count(&count);
    if (result != kSuccess) {
        refuse(found, blank("gpu"),
               std::string("NVML counts no GPUs: ") + api.error_string(result));
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
            refuse(found, std::move(info), "NVML gives no handle: " + broken[i]);
            continue;
        }
        const Way way = best_way(api, devices[i]);
        if (way == Way::none) {
            refuse(found, std::move(info),
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
            std::make_unique<Gpu>(session, std::move(info), api, gpu.uuid, devices[i], way, gauge));
    }
    return found;
}

Discovery discover_nvml(const std::string& library, const NvmlFilter& filter) {
    Dylib loaded(library);
    if (!loaded.loaded()) {
        Discovery none;
        // A file that is there and does not load deserves a word.
        if (access(library.c_str(), F_OK) == 0) {
            refuse(none, blank("gpu"), loaded.error());
        }
        return none;
    }
    Api api;
    std::string missing;
    if (!api.load(loaded, missing)) {
        Discovery none;
        refuse(none, blank("gpu"), library + " has no " + missing + ": a driver older than 2013?");
        return none;
    }
    return discover_nvml(api, std::move(loaded), filter);
}

}  // namespace microjoule
