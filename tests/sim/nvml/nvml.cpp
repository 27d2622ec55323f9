// A libnvidia-ml.so.1 whose GPUs draw a load with a closed form.
//
// It looks for two files beside itself: `config`, the GPUs (see read_gpu), and `control`, which
// the tests map into memory and change while the library runs (see Control): latency, a hang, a
// lost GPU, a driver reload. Only what microjoule and pynvml's start call is here. Every call on a
// GPU takes the latency, and the value belongs to its middle; calls on two GPUs do not wait for
// each other. As in the driver's own library nothing is valid in a forked child before nvmlInit.
//
// Names, numbers and layouts are those of NVIDIA's public NVML API reference.

#include <cmath>
#include <cstdio>
#include <cstring>
#include <mutex>
#include <string>

#include "../simfs/standin.h"

namespace {

using namespace simfs;

enum Return : int {
    kSuccess = 0,
    kUninitialized = 1,
    kInvalidArgument = 2,
    kNotSupported = 3,
    kNotFound = 6,
    kInsufficientSize = 7,
    kGpuIsLost = 15,
    kUnknown = 999,
};

enum Field : unsigned { kEnergy = 83, kAveragePower = 185, kInstantPower = 186 };

// What a GPU cannot do, as bits; the same in sim/nvml.py.
enum Missing : std::uint32_t {
    kNoEnergy = 1,
    kNoAverage = 2,
    kNoInstant = 4,
    kNoUsage = 8,
};

struct Gpu : GpuBase {
    std::string uuid;
    std::string name;
    unsigned index = 0;
    unsigned architecture = 0;
    unsigned limit_mw = 0;
    bool mig = false;
    bool stamps_updates = true;  // a field's timestamp is that of the update, not of the call
    std::uint64_t start_mj = 0;
    std::int64_t average_ns = 0;  // window of the average power
};

using World = GpuWorld<Gpu>;

std::mutex g_mutex;
std::atomic<World*> g_world{nullptr};  // never freed: somebody may hold a handle

//   gpu UUID ARCHITECTURE LIMIT_MW MIG MISSING STAMPS START_MJ ENERGY POWER WINDOW_NS AVERAGE_NS
//   NAME
//     ENERGY, POWER: publishers; STAMPS 1: field values carry the time of the update
std::unique_ptr<Gpu> read_gpu(Words& words, const World& world, std::uint32_t& missing) {
    auto gpu = std::make_unique<Gpu>();
    gpu->uuid = words.word("the UUID");
    gpu->architecture = static_cast<unsigned>(words.integer("the architecture"));
    gpu->limit_mw = static_cast<unsigned>(words.integer("the power limit"));
    gpu->mig = words.integer("whether MIG is on") != 0;
    missing = static_cast<std::uint32_t>(words.integer("what is missing"));
    gpu->stamps_updates = words.integer("what the timestamps are") != 0;
    gpu->start_mj = static_cast<std::uint64_t>(words.integer("the first value"));
    gpu->energy = world.publishers.at(words.word("the publisher of the energy"));
    gpu->power = world.publishers.at(words.word("the publisher of the power"));
    gpu->window_ns = words.integer("the window");
    gpu->average_ns = words.integer("the window of the average");
    gpu->name = words.text();
    gpu->index = static_cast<unsigned>(world.gpus.size());
    return gpu;
}

// The library as it is in this process, with this driver; nothing before nvmlInit.
World* current() {
    World* const world = g_world.load();
    return world != nullptr && world->current() ? world : nullptr;
}

int find(void* handle, Gpu*& gpu) {
    const World* const world = current();
    if (world == nullptr) return kUninitialized;
    for (const auto& one : world->gpus) {
        if (one.get() == handle) {
            gpu = one.get();
            return gpu->control->error.load();
        }
    }
    return kInvalidArgument;
}

template <class Take>
int call(void* handle, std::atomic<std::uint64_t> Control::* count, Take&& take) {
    Gpu* gpu = nullptr;
    const auto look = [&] { return find(handle, gpu); };
    if (const int error = look()) return error;
    return timed(*gpu, count, take, look);
}

int energy_mj(const Gpu& gpu, std::int64_t at_ns, unsigned long long& out) {
    if (gpu.control->missing.load() & kNoEnergy) return kNotSupported;
    const Control& library = *g_world.load()->control;
    out = (library.driver_ns.load() != 0 ? 0 : gpu.start_mj) +
          static_cast<unsigned long long>(std::floor(energy_j(gpu, library, at_ns) * 1e3));
    return kSuccess;
}

int power_mw(const Gpu& gpu, std::int64_t at_ns, std::int64_t window_ns, std::uint32_t without,
             unsigned& out) {
    if (gpu.control->missing.load() & without) return kNotSupported;
    const double watts = gpu.control->zeros.load() != 0 ? 0 : gpu.power.power_w(at_ns, window_ns);
    out = static_cast<unsigned>(std::lround(watts * 1e3));
    return kSuccess;
}

int copy(const std::string& text, char* out, unsigned size) {
    if (text.size() + 1 > size) return kInsufficientSize;
    std::memcpy(out, text.c_str(), text.size() + 1);
    return kSuccess;
}

}  // namespace

extern "C" {

union nvmlValue {
    double dVal;
    int siVal;
    unsigned uiVal;
    unsigned long ulVal;
    unsigned long long ullVal;
    long long sllVal;
    unsigned short usVal;
};

struct nvmlFieldValue {
    unsigned fieldId;
    unsigned scopeId;
    long long timestamp;  // microseconds since 1970
    long long latencyUsec;
    int valueType;  // 1 unsigned, 3 unsigned long long
    int nvmlReturn;
    nvmlValue value;
};

struct nvmlMemory {
    unsigned long long total;
    unsigned long long free;
    unsigned long long used;
};

struct nvmlUtilization {
    unsigned gpu;
    unsigned memory;
};

struct nvmlProcessSample {
    unsigned pid;
    unsigned long long timestamp_us;
    unsigned multiprocessors;
    unsigned memory;
    unsigned encoder;
    unsigned decoder;
};

struct nvmlPciInfo {
    char busIdLegacy[16];
    unsigned domain;
    unsigned bus;
    unsigned device;
    unsigned pciDeviceId;
    unsigned pciSubSystemId;
    char busId[32];
};

int nvmlInitWithFlags(unsigned) {
    const std::lock_guard<std::mutex> lock(g_mutex);
    if (World* const world = current()) {
        ++world->users;
        world->control->inits.fetch_add(1);
        return kSuccess;
    }
    try {
        auto world = std::make_unique<World>();
        read_world(folder_of(&g_world), *world, read_gpu);
        world->control->inits.fetch_add(1);
        if (const int error = world->control->init_error.load()) return error;
        world->driver = world->control->driver.load();
        world->process = getpid();
        world->users = 1;
        g_world.store(world.release());
    } catch (const std::exception& error) {
        std::fprintf(stderr, "simulated NVML: %s\n", error.what());
        return kUnknown;
    }
    return kSuccess;
}

int nvmlInit_v2() {
    return nvmlInitWithFlags(0);
}

int nvmlShutdown() {
    const std::lock_guard<std::mutex> lock(g_mutex);
    World* const world = current();
    if (world == nullptr) return kUninitialized;
    --world->users;
    return kSuccess;
}

const char* nvmlErrorString(int result) {
    switch (result) {
        case kSuccess:
            return "Success";
        case kUninitialized:
            return "Uninitialized";
        case kInvalidArgument:
            return "Invalid Argument";
        case kNotSupported:
            return "Not Supported";
        case 9:
            return "Driver Not Loaded";
        case kGpuIsLost:
            return "GPU is lost";
        default:
            return "Unknown Error";
    }
}

int nvmlSystemGetDriverVersion(char* out, unsigned size) {
    return current() == nullptr ? kUninitialized : copy("570.00.00", out, size);
}

int nvmlSystemGetNVMLVersion(char* out, unsigned size) {
    return current() == nullptr ? kUninitialized : copy("12.570.00", out, size);
}

int nvmlDeviceGetCount_v2(unsigned* out) {
    const World* const world = current();
    if (world == nullptr) return kUninitialized;
    *out = static_cast<unsigned>(world->gpus.size());
    return kSuccess;
}

int nvmlDeviceGetHandleByIndex_v2(unsigned index, void** out) {
    const World* const world = current();
    if (world == nullptr) return kUninitialized;
    if (index >= world->gpus.size()) return kInvalidArgument;
    *out = world->gpus[index].get();
    return world->gpus[index]->control->error.load();
}

int nvmlDeviceGetHandleByUUID(const char* uuid, void** out) {
    const World* const world = current();
    if (world == nullptr) return kUninitialized;
    for (const auto& gpu : world->gpus) {
        // A slice of a GPU is named MIG- and the number behind the GPU's own UUID here.
        if (gpu->uuid == uuid || (gpu->mig && "MIG-" + gpu->uuid.substr(4) == uuid)) {
            *out = gpu.get();
            return gpu->control->error.load();
        }
    }
    return kNotFound;
}

int nvmlDeviceGetDeviceHandleFromMigDeviceHandle(void* slice, void** out) {
    *out = slice;
    return kSuccess;
}

int nvmlDeviceGetUUID(void* handle, char* out, unsigned size) {
    Gpu* gpu = nullptr;
    const int error = find(handle, gpu);
    return error != kSuccess ? error : copy(gpu->uuid, out, size);
}

int nvmlDeviceGetName(void* handle, char* out, unsigned size) {
    Gpu* gpu = nullptr;
    const int error = find(handle, gpu);
    return error != kSuccess ? error : copy(gpu->name, out, size);
}

int nvmlDeviceGetIndex(void* handle, unsigned* out) {
    Gpu* gpu = nullptr;
    const int error = find(handle, gpu);
    if (error == kSuccess) *out = gpu->index;
    return error;
}

int nvmlDeviceGetArchitecture(void* handle, unsigned* out) {
    Gpu* gpu = nullptr;
    const int error = find(handle, gpu);
    if (error == kSuccess) *out = gpu->architecture;
    return error;
}

int nvmlDeviceGetMigMode(void* handle, unsigned* now, unsigned* pending) {
    Gpu* gpu = nullptr;
    const int error = find(handle, gpu);
    if (error == kSuccess) *now = *pending = gpu->mig ? 1 : 0;
    return error;
}

int nvmlDeviceGetPciInfo_v3(void* handle, nvmlPciInfo* out) {
    Gpu* gpu = nullptr;
    const int error = find(handle, gpu);
    if (error != kSuccess) return error;
    *out = {};
    out->bus = 0x10 + gpu->index;
    std::snprintf(out->busIdLegacy, sizeof out->busIdLegacy, "0000:%02X:00.0", out->bus);
    std::snprintf(out->busId, sizeof out->busId, "00000000:%02X:00.0", out->bus);
    return kSuccess;
}

int nvmlDeviceGetPowerManagementLimit(void* handle, unsigned* out) {
    Gpu* gpu = nullptr;
    const int error = find(handle, gpu);
    if (error == kSuccess) *out = gpu->limit_mw;
    return error;
}

int nvmlDeviceGetEnforcedPowerLimit(void* handle, unsigned* out) {
    return nvmlDeviceGetPowerManagementLimit(handle, out);
}

int nvmlDeviceGetUtilizationRates(void* handle, nvmlUtilization* out) {
    Gpu* gpu = nullptr;
    const int error = find(handle, gpu);
    if (error == kSuccess) *out = {50, 10};
    return error;
}

// One sample for each line `PID PERCENT` of the file `processes.INDEX` beside the library.
int nvmlDeviceGetProcessUtilization(void* handle, nvmlProcessSample* out, unsigned* count,
                                    unsigned long long since_us) {
    Gpu* gpu = nullptr;
    if (const int error = find(handle, gpu)) return error;
    std::ifstream file(folder_of(&g_world) + "processes." + std::to_string(gpu->index));
    std::vector<nvmlProcessSample> samples;
    for (unsigned pid = 0, percent = 0; file >> pid >> percent;) {
        samples.push_back({pid, since_us + 1, percent, 0, 0, 0});
    }
    if (samples.empty()) return kNotFound;
    const unsigned room = out == nullptr ? 0 : *count;
    *count = static_cast<unsigned>(samples.size());
    if (room < samples.size()) return kInsufficientSize;
    std::copy(samples.begin(), samples.end(), out);
    return kSuccess;
}

int nvmlDeviceGetMemoryInfo(void* handle, nvmlMemory* out) {
    Gpu* gpu = nullptr;
    const int error = find(handle, gpu);
    if (error == kSuccess) *out = {80ULL << 30, 79ULL << 30, 1ULL << 30};
    return error;
}

int nvmlDeviceGetTotalEnergyConsumption(void* handle, unsigned long long* out) {
    return call(handle, &Control::energy_calls,
                [&](const Gpu& gpu, std::int64_t at_ns) { return energy_mj(gpu, at_ns, *out); });
}

int nvmlDeviceGetPowerUsage(void* handle, unsigned* out) {
    return call(handle, &Control::power_calls, [&](const Gpu& gpu, std::int64_t at_ns) {
        // From Ampere on, GA100 left out, it is the average (NVML API reference).
        const bool averaged = gpu.architecture >= 7 && gpu.name.find("A100") == std::string::npos;
        return power_mw(gpu, at_ns, averaged ? gpu.average_ns : gpu.window_ns, kNoUsage, *out);
    });
}

int nvmlDeviceGetFieldValues(void* handle, int count, nvmlFieldValue* values) {
    return call(handle, &Control::power_calls, [&](const Gpu& gpu, std::int64_t at_ns) {
        const std::int64_t to_wall = clock_ns(CLOCK_REALTIME) - clock_ns(CLOCK_MONOTONIC);
        for (int i = 0; i < count; ++i) {
            nvmlFieldValue& value = values[i];
            const Publisher& source = value.fieldId == kEnergy ? gpu.energy : gpu.power;
            const std::int64_t update_ns = gpu.stamps_updates ? source.last_update(at_ns) : at_ns;
            value.timestamp = (update_ns + to_wall) / 1000;
            value.latencyUsec = 0;
            value.valueType = 1;
            value.nvmlReturn = kNotSupported;
            if (value.scopeId != 0) continue;
            if (value.fieldId == kEnergy) {
                value.valueType = 3;
                value.nvmlReturn = energy_mj(gpu, at_ns, value.value.ullVal);
            } else if (value.fieldId == kInstantPower) {
                value.nvmlReturn =
                    power_mw(gpu, at_ns, gpu.window_ns, kNoInstant, value.value.uiVal);
            } else if (value.fieldId == kAveragePower) {
                value.nvmlReturn =
                    power_mw(gpu, at_ns, gpu.average_ns, kNoAverage, value.value.uiVal);
            }
        }
        return kSuccess;
    });
}

}  // extern "C"
