// A libamd_smi.so whose GPUs draw a load with a closed form.
//
// It looks for two files beside itself: `config`, the GPUs (see read_gpu), and `control`, which
// the tests map into memory and change while the library runs (see Control): latency, a hang, a
// lost GPU, a reload of the driver. Only what microjoule calls is here. Every reading call on a GPU
// takes the latency, and the value belongs to its middle. As with AMD's own library a handle is
// void after a shutdown, and a GPU that is lost is still listed.
//
// Names, numbers and layouts are those of the public header amd_smi/amdsmi.h.

#include <cmath>
#include <cstdio>
#include <cstring>
#include <mutex>
#include <string>

#include "../simfs/standin.h"

namespace {

using namespace simfs;

enum Status : int {
    kSuccess = 0,
    kInvalid = 1,
    kNotSupported = 2,
    kNotFound = 31,
    kNotInitialized = 32,
    kUnexpectedData = 43,
};

// What a GPU cannot do, as bits; the same in sim/amdsmi.py.
enum Missing : std::uint32_t {
    kNoEnergy = 1,
    kNoCurrent = 2,
    kNoAverage = 4,
    kZeroEnergy = 8,  // the accumulator says 0, as that of a second die does
};

struct Gpu : GpuBase {
    std::string uuid;
    std::string name;
    std::uint64_t address = 0;
    std::uint32_t hip_id = 0;
    int type = 1;
    unsigned layout = 3;       // of amdsmi_power_info_t
    double resolution_uj = 0;  // as told
    std::uint64_t start = 0;   // first value of the accumulator
    std::int64_t average_ns = 0;
};

using World = GpuWorld<Gpu>;

std::mutex g_mutex;
std::atomic<World*> g_world{nullptr};  // never freed: somebody may hold a handle

//   gpu UUID ADDRESS HIP_ID TYPE LAYOUT RESOLUTION_UJ MISSING START ENERGY POWER WINDOW_NS
//   AVERAGE_NS NAME
//     ADDRESS: as amdsmi_bdf_t; START: below 0, so far from 2^64; ENERGY, POWER: publishers
std::unique_ptr<Gpu> read_gpu(Words& words, const World& world, std::uint32_t& missing) {
    auto gpu = std::make_unique<Gpu>();
    gpu->uuid = words.word("the UUID");
    gpu->address = static_cast<std::uint64_t>(words.integer("the address"));
    gpu->hip_id = static_cast<std::uint32_t>(words.integer("HIP's number"));
    gpu->type = static_cast<int>(words.integer("the type"));
    gpu->layout = static_cast<unsigned>(words.integer("the layout"));
    gpu->resolution_uj = words.number("the resolution");
    missing = static_cast<std::uint32_t>(words.integer("what is missing"));
    gpu->start = static_cast<std::uint64_t>(words.integer("the first value", INT64_MIN));
    gpu->energy = world.publishers.at(words.word("the publisher of the energy"));
    gpu->power = world.publishers.at(words.word("the publisher of the power"));
    gpu->window_ns = words.integer("the window");
    gpu->average_ns = words.integer("the window of the average");
    gpu->name = words.text();
    return gpu;
}

World* current() {
    World* const world = g_world.load();
    return world != nullptr && world->current() ? world : nullptr;
}

int find(void* handle, Gpu*& gpu) {
    const World* const world = current();
    if (world == nullptr) return kNotInitialized;
    for (const auto& one : world->gpus) {
        if (one.get() == handle) {
            gpu = one.get();
            return kSuccess;
        }
    }
    return kNotFound;
}

template <class Take>
int call(void* handle, std::atomic<std::uint64_t> Control::* count, Take&& take) {
    Gpu* gpu = nullptr;
    const auto look = [&] {
        const int error = find(handle, gpu);
        return error != kSuccess ? error : gpu->control->error.load();
    };
    if (const int error = look()) return error;
    return timed(*gpu, count, take, look);
}

std::uint32_t watts(const Gpu& gpu, std::int64_t at_ns, std::int64_t window_ns,
                    std::uint32_t without) {
    if (gpu.control->missing.load() & without) return 0xffffffff;
    if (gpu.control->zeros.load() != 0) return 0;
    return static_cast<std::uint32_t>(std::lround(gpu.power.power_w(at_ns, window_ns)));
}

}  // namespace

extern "C" {

struct amdsmiAsicInfo {
    char market_name[256];
    std::uint32_t vendor_id;
};

struct amdsmiEnumerationInfo {
    std::uint32_t drm_render;
    std::uint32_t drm_card;
    std::uint32_t hsa_id;
    std::uint32_t hip_id;
    char hip_uuid[256];
};

int amdsmi_init(std::uint64_t flags) {
    const std::lock_guard<std::mutex> lock(g_mutex);
    if (flags != 2) return kInvalid;
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
        std::fprintf(stderr, "simulated AMD SMI: %s\n", error.what());
        return kUnexpectedData;
    }
    return kSuccess;
}

int amdsmi_shut_down() {
    const std::lock_guard<std::mutex> lock(g_mutex);
    World* const world = current();
    if (world == nullptr) return kNotInitialized;
    --world->users;
    return kSuccess;
}

int amdsmi_status_code_to_string(int status, const char** out) {
    switch (status) {
        case kNotSupported:
            *out = "AMDSMI_STATUS_NOT_SUPPORTED: Feature is not supported.";
            break;
        case 10:
            *out = "AMDSMI_STATUS_NO_PERM: Permission Denied.";
            break;
        case 34:
            *out = "AMDSMI_STATUS_DRIVER_NOT_LOADED: Driver is not loaded.";
            break;
        default:
            *out = "An unknown error occurred";
    }
    return kSuccess;
}

// A socket a GPU.
int amdsmi_get_socket_handles(std::uint32_t* count, void** out) {
    const World* const world = current();
    if (world == nullptr) return kNotInitialized;
    const auto there = static_cast<std::uint32_t>(world->gpus.size());
    if (out == nullptr) {
        *count = there;
        return kSuccess;
    }
    *count = std::min(*count, there);
    for (std::uint32_t i = 0; i < *count; ++i)
        out[i] = world->gpus[i].get();
    return kSuccess;
}

int amdsmi_get_processor_handles(void* socket, std::uint32_t* count, void** out) {
    Gpu* gpu = nullptr;
    if (const int error = find(socket, gpu)) return error;
    if (out != nullptr && *count >= 1) *out = socket;
    *count = 1;
    return kSuccess;
}

int amdsmi_get_processor_type(void* handle, int* out) {
    Gpu* gpu = nullptr;
    const int error = find(handle, gpu);
    if (error == kSuccess) *out = gpu->type;
    return error;
}

int amdsmi_get_gpu_device_bdf(void* handle, std::uint64_t* out) {
    Gpu* gpu = nullptr;
    const int error = find(handle, gpu);
    if (error == kSuccess) *out = gpu->address;
    return error;
}

int amdsmi_get_processor_handle_from_bdf(std::uint64_t address, void** out) {
    const World* const world = current();
    if (world == nullptr) return kNotInitialized;
    for (const auto& gpu : world->gpus) {
        if (gpu->address == address) {
            *out = gpu.get();
            return kSuccess;
        }
    }
    return kNotFound;
}

int amdsmi_get_gpu_device_uuid(void* handle, unsigned* length, char* out) {
    Gpu* gpu = nullptr;
    if (const int error = find(handle, gpu)) return error;
    if (*length <= gpu->uuid.size()) return kInvalid;
    std::memcpy(out, gpu->uuid.c_str(), gpu->uuid.size() + 1);
    return kSuccess;
}

int amdsmi_get_gpu_asic_info(void* handle, amdsmiAsicInfo* out) {
    Gpu* gpu = nullptr;
    if (const int error = find(handle, gpu)) return error;
    *out = {};
    std::strncpy(out->market_name, gpu->name.c_str(), sizeof out->market_name - 1);
    return kSuccess;
}

int amdsmi_get_gpu_enumeration_info(void* handle, amdsmiEnumerationInfo* out) {
    Gpu* gpu = nullptr;
    if (const int error = find(handle, gpu)) return error;
    *out = {};
    out->hip_id = gpu->hip_id;
    std::strncpy(out->hip_uuid, gpu->uuid.c_str(), sizeof out->hip_uuid - 1);
    return kSuccess;
}

int amdsmi_get_energy_count(void* handle, std::uint64_t* steps, float* resolution_uj,
                            std::uint64_t* stamp_ns) {
    return call(handle, &Control::energy_calls, [&](const Gpu& gpu, std::int64_t at_ns) -> int {
        const std::uint32_t missing = gpu.control->missing.load();
        if (missing & kNoEnergy) return kNotSupported;
        // The firmware counts in 2^-16 J, whatever the library says.
        const Control& library = *g_world.load()->control;
        const double drawn = std::floor(energy_j(gpu, library, at_ns) * 0x1p16);
        *steps = missing & kZeroEnergy ? 0
                                       : (library.driver_ns.load() != 0 ? 1 : gpu.start) +
                                             static_cast<std::uint64_t>(drawn);
        *resolution_uj = static_cast<float>(gpu.resolution_uj);
        *stamp_ns = static_cast<std::uint64_t>(clock_ns(CLOCK_BOOTTIME));
        return kSuccess;
    });
}

int amdsmi_get_power_info(void* handle, void* out) {
    return call(handle, &Control::power_calls, [&](const Gpu& gpu, std::int64_t at_ns) -> int {
        const std::uint32_t now = watts(gpu, at_ns, gpu.window_ns, kNoCurrent);
        const std::uint32_t average = watts(gpu, at_ns, gpu.average_ns, kNoAverage);
        auto* const words = static_cast<std::uint32_t*>(out);
        constexpr std::uint32_t limit = 750;
        switch (gpu.layout) {
            case 1:
                std::memset(words, 0, 16 * sizeof *words);
                words[0] = average;
                words[4] = limit;
                break;
            case 2:
                std::memset(words, 0, 17 * sizeof *words);
                words[0] = now;
                words[1] = average;
                words[5] = limit;
                break;
            case 3:
                std::memset(words, 0, 48 * sizeof *words);
                words[0] = now != 0xffffffff ? now : average;
                words[2] = now;
                words[3] = average;
                words[10] = limit;
                break;
            default:  // one that is not known yet
                std::memset(words, 0, 64 * sizeof *words);
                words[0] = now;
        }
        return kSuccess;
    });
}

}  // extern "C"
