// A libnvidia-ml.so.1 whose GPUs draw a load with a closed form.
//
// It looks for two files beside itself: `config`, the GPUs (see read_config), and `control`, which
// the tests map into memory and change while the library runs (see Control): latency, a hang, a
// lost GPU, a driver reload. Only what microjoule and pynvml's start call is here. Every call on a
// GPU takes the latency, and the value belongs to its middle; calls on two GPUs do not wait for
// each other. As in the driver's own library nothing is valid in a forked child before nvmlInit.
//
// Names, numbers and layouts are those of NVIDIA's public NVML API reference.

#include <dlfcn.h>
#include <fcntl.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <cstdio>
#include <cstring>
#include <fstream>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "../simfs/counter.h"
#include "../simfs/load.h"
#include "../simfs/words.h"

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

// One a GPU, 128 bytes apart, behind a first block for the whole library. sim/nvml.py writes it.
struct alignas(128) Control {
    std::atomic<std::int32_t> error;   // what every call on the GPU returns; 0: works
    std::atomic<std::uint32_t> zeros;  // power reads as 0
    std::atomic<std::int64_t> delay_ns;
    std::atomic<std::int64_t> hang_until_ns;  // no call returns before
    std::atomic<std::int64_t> frozen_from_ns;
    std::atomic<std::int64_t> frozen_until_ns;  // 0: nothing is frozen
    std::atomic<std::uint32_t> missing;
    std::atomic<std::int32_t> init_error;     // first block only
    std::atomic<std::uint64_t> driver;        // first block only: how often the driver was loaded
    std::atomic<std::int64_t> driver_ns;      // first block only: when it was, 0: before the epoch
    std::atomic<std::uint64_t> energy_calls;  // written by the library
    std::atomic<std::uint64_t> power_calls;
    std::atomic<std::uint64_t> inits;  // first block only
};
static_assert(sizeof(Control) == 128, "sim/nvml.py knows the layout");

struct Gpu {
    std::string uuid;
    std::string name;
    unsigned index = 0;
    unsigned architecture = 0;
    unsigned limit_mw = 0;
    bool mig = false;
    bool stamps_updates = true;  // a field's timestamp is that of the update, not of the call
    std::uint64_t start_mj = 0;
    Publisher energy;
    Publisher power;
    std::int64_t window_ns = 0;   // instant power is the mean over this long
    std::int64_t average_ns = 0;  // average power
    Control* control = nullptr;
};

struct World {
    std::map<std::string, std::unique_ptr<Load>> loads;
    std::map<std::string, Publisher> publishers;
    std::vector<std::unique_ptr<Gpu>> gpus;
    Control* control = nullptr;
    std::uint64_t driver = 0;
    pid_t process = 0;
    std::atomic<int> users{0};
};

std::mutex g_mutex;
std::atomic<World*> g_world{nullptr};  // never freed: somebody may hold a handle

std::int64_t clock_ns(clockid_t id) {
    timespec t{};
    clock_gettime(id, &t);
    return std::int64_t{t.tv_sec} * 1'000'000'000 + t.tv_nsec;
}

void sleep_until(std::int64_t t_ns) {
    timespec t{};
    t.tv_sec = t_ns / 1'000'000'000;
    t.tv_nsec = t_ns % 1'000'000'000;
    while (clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &t, nullptr) == EINTR) {
    }
}

std::string folder() {
    Dl_info info{};
    dladdr(reinterpret_cast<void*>(&g_world), &info);
    const std::string path = info.dli_fname == nullptr ? "" : info.dli_fname;
    return path.substr(0, path.rfind('/') + 1);
}

Segment read_segment(const std::string& line) {
    Words words(line);
    Segment segment;
    segment.duration_ns = words.integer("the duration of a segment in ns", 1);
    segment.watts = words.number("the power of a segment in W");
    if (!words.done()) {
        segment.ripple_w = words.number("the ripple of a segment in W");
        segment.ripple_ns = words.integer("the period of a ripple in ns", 1);
    }
    words.end();
    return segment;
}

//   epoch NS, load …, publisher …                  as for the simfs server (simfs/world.cpp)
//   gpu UUID ARCHITECTURE LIMIT_MW MIG MISSING STAMPS START_MJ ENERGY POWER WINDOW_NS AVERAGE_NS
//   NAME
//     ENERGY, POWER: publishers; STAMPS 1: field values carry the time of the update
void read_config(std::istream& config, World& world) {
    std::int64_t epoch_ns = 0;
    std::vector<std::uint32_t> missing;
    for (std::string line; std::getline(config, line);) {
        Words words(line);
        const std::string verb = words.word("the kind of the line");
        if (verb == "epoch") {
            epoch_ns = words.integer("the epoch");
        } else if (verb == "load") {
            const std::string id = words.word("the load");
            const bool repeats = words.word("repeat or hold") == "repeat";
            std::vector<Segment> segments;
            for (std::int64_t left = words.integer("the number of segments"); left > 0; --left) {
                std::getline(config, line);
                segments.push_back(read_segment(line));
            }
            world.loads[id] = std::make_unique<Load>(std::move(segments), repeats);
        } else if (verb == "publisher") {
            Publisher& publisher = world.publishers[words.word("the publisher")];
            publisher.load = world.loads.at(words.word("the load")).get();
            publisher.epoch_ns = epoch_ns;
            publisher.period_ns = words.integer("the period");
            publisher.phase_ns = words.integer("the phase");
            publisher.jitter_ns = words.integer("the jitter");
            publisher.seed = static_cast<std::uint64_t>(words.integer("the seed"));
            publisher.lost = words.number("the share of lost updates");
        } else if (verb == "gpu") {
            auto gpu = std::make_unique<Gpu>();
            gpu->uuid = words.word("the UUID");
            gpu->architecture = static_cast<unsigned>(words.integer("the architecture"));
            gpu->limit_mw = static_cast<unsigned>(words.integer("the power limit"));
            gpu->mig = words.integer("whether MIG is on") != 0;
            missing.push_back(static_cast<std::uint32_t>(words.integer("what is missing")));
            gpu->stamps_updates = words.integer("what the timestamps are") != 0;
            gpu->start_mj = static_cast<std::uint64_t>(words.integer("the first value"));
            gpu->energy = world.publishers.at(words.word("the publisher of the energy"));
            gpu->power = world.publishers.at(words.word("the publisher of the power"));
            gpu->window_ns = words.integer("the window");
            gpu->average_ns = words.integer("the window of the average");
            gpu->name = words.text();
            gpu->index = static_cast<unsigned>(world.gpus.size());
            world.gpus.push_back(std::move(gpu));
        } else {
            throw std::invalid_argument("unknown line '" + verb + "'");
        }
    }
    const int fd = open((folder() + "control").c_str(), O_RDWR | O_CLOEXEC);
    const std::size_t size = sizeof(Control) * (world.gpus.size() + 1);
    void* const mapped =
        fd < 0 ? MAP_FAILED : mmap(nullptr, size, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    if (fd >= 0) close(fd);
    if (mapped == MAP_FAILED) throw std::invalid_argument("there is no control file");
    world.control = static_cast<Control*>(mapped);
    for (std::size_t i = 0; i < world.gpus.size(); ++i) {
        world.gpus[i]->control = world.control + i + 1;
        world.gpus[i]->control->missing.fetch_or(missing[i]);
    }
}

// The library as it is in this process, with this driver; nothing before nvmlInit.
World* current() {
    World* const world = g_world.load();
    if (world == nullptr || world->users <= 0 || world->process != getpid() ||
        world->driver != world->control->driver.load()) {
        return nullptr;
    }
    return world;
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

// A call on a GPU: waits as long as it is told to, and takes the value half way.
template <class Take>
int call(void* handle, std::atomic<std::uint64_t> Control::* count, Take&& take) {
    Gpu* gpu = nullptr;
    if (const int error = find(handle, gpu)) return error;
    Control& control = *gpu->control;
    (control.*count).fetch_add(1);
    const std::int64_t start_ns = clock_ns(CLOCK_MONOTONIC);
    const std::int64_t delay_ns = control.delay_ns.load();
    if (delay_ns > 0) sleep_until(start_ns + delay_ns / 2);
    std::int64_t at_ns = clock_ns(CLOCK_MONOTONIC);
    const std::int64_t from_ns = control.frozen_from_ns.load();
    if (at_ns >= from_ns && at_ns < control.frozen_until_ns.load()) at_ns = from_ns;
    const int result = take(*gpu, at_ns);
    const std::int64_t hang_ns = control.hang_until_ns.load();
    const std::int64_t until_ns = std::max(start_ns + delay_ns, hang_ns);
    if (until_ns > clock_ns(CLOCK_MONOTONIC)) sleep_until(until_ns);
    if (hang_ns > start_ns) {
        // Whatever went wrong meanwhile shows at the end.
        if (const int error = find(handle, gpu)) return error;
    }
    return result;
}

int energy_mj(const Gpu& gpu, std::int64_t at_ns, unsigned long long& out) {
    if (gpu.control->missing.load() & kNoEnergy) return kNotSupported;
    const World* const world = g_world.load();
    const std::int64_t driver_ns = world->control->driver_ns.load();
    const std::int64_t update_ns = gpu.energy.last_update(at_ns);
    double joules = gpu.energy.energy_j(update_ns);
    if (driver_ns != 0) joules = std::max(0.0, joules - gpu.energy.energy_j(driver_ns));
    out = (driver_ns != 0 ? 0 : gpu.start_mj) +
          static_cast<unsigned long long>(std::floor(joules * 1e3));
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
        std::ifstream config(folder() + "config");
        read_config(config, *world);
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
