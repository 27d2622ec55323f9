#include "microjoule/nvml.h"

#include <doctest/doctest.h>

#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cstring>
#include <string>
#include <thread>
#include <vector>

#include "microjoule/clock.h"

using namespace microjoule;
using nvml::Identity;

namespace {

/// What the functions below answer.
struct FakeGpu {
    std::string uuid = "GPU-0";
    std::string name = "NVIDIA H100";
    unsigned architecture = nvml::kHopper;
    bool sliced = false;
    unsigned long long energy_mj = 5000;  // 0: no counter
    unsigned instant_mw = 0;              // 0: not supported
    unsigned average_mw = 0;
    unsigned usage_mw = 300'000;
    long long stamp_us = 0;
    int result = nvml::kSuccess;
    int hang_once_ms = 0;
};

struct FakeLibrary {
    std::vector<FakeGpu> gpus;
    int init_result = nvml::kSuccess;
    bool started = false;
    pid_t process = 0;
    int inits = 0;
    int shutdowns = 0;
    unsigned said = 0;  ///< GPUs, where not 0
};

FakeLibrary fake;

int ready() {
    return fake.started && fake.process == getpid() ? nvml::kSuccess : nvml::kUninitialized;
}

FakeGpu& gpu_of(nvml::Device device) {
    return fake.gpus[reinterpret_cast<std::uintptr_t>(device) - 1];
}

nvml::Device device_of(std::size_t index) {
    return reinterpret_cast<nvml::Device>(index + 1);
}

template <class Take>
int ask(nvml::Device device, Take&& take) {
    if (ready() != nvml::kSuccess) {
        return nvml::kUninitialized;
    }
    FakeGpu& gpu = gpu_of(device);
    if (const int ms = std::exchange(gpu.hang_once_ms, 0)) {
        std::this_thread::sleep_for(std::chrono::milliseconds(ms));
    }
    return gpu.result != nvml::kSuccess ? gpu.result : take(gpu);
}

int copy(const std::string& text, char* out, unsigned size) {
    std::strncpy(out, text.c_str(), size);
    return nvml::kSuccess;
}

nvml::Api table() {
    nvml::Api api;
    api.init = [] {
        ++fake.inits;
        fake.started = fake.init_result == nvml::kSuccess;
        fake.process = getpid();
        return fake.init_result;
    };
    api.shutdown = [] {
        ++fake.shutdowns;
        fake.started = false;
        return 0;
    };
    api.error_string = [](int) { return "as NVML says"; };
    api.count = [](unsigned* out) {
        *out = fake.said > 0 ? fake.said : static_cast<unsigned>(fake.gpus.size());
        return ready();
    };
    api.by_index = [](unsigned index, nvml::Device* out) {
        *out = device_of(index);
        return gpu_of(*out).result;
    };
    api.by_uuid = [](const char* uuid, nvml::Device* out) -> int {
        if (ready() != nvml::kSuccess) {
            return nvml::kUninitialized;
        }
        for (std::size_t i = 0; i < fake.gpus.size(); ++i) {
            if (fake.gpus[i].uuid == uuid) {
                *out = device_of(i);
                return fake.gpus[i].result;
            }
        }
        return nvml::kNotFound;
    };
    api.uuid = [](nvml::Device device, char* out, unsigned size) {
        return copy(gpu_of(device).uuid, out, size);
    };
    api.name = [](nvml::Device device, char* out, unsigned size) {
        return copy(gpu_of(device).name, out, size);
    };
    api.architecture = [](nvml::Device device, unsigned* out) {
        *out = gpu_of(device).architecture;
        return 0;
    };
    api.mig_mode = [](nvml::Device device, unsigned* now, unsigned* pending) {
        *now = *pending = gpu_of(device).sliced ? 1 : 0;
        return 0;
    };
    api.power_limit = [](nvml::Device, unsigned* out) {
        *out = 1'000'000;
        return 0;
    };
    api.total_energy = [](nvml::Device device, unsigned long long* out) {
        return ask(device, [&](const FakeGpu& gpu) {
            *out = gpu.energy_mj;
            return gpu.energy_mj > 0 ? nvml::kSuccess : nvml::kNotSupported;
        });
    };
    api.power_usage = [](nvml::Device device, unsigned* out) {
        return ask(device, [&](const FakeGpu& gpu) {
            *out = gpu.usage_mw;
            return nvml::kSuccess;
        });
    };
    api.field_values = [](nvml::Device device, int, nvml::FieldValue* value) {
        return ask(device, [&](const FakeGpu& gpu) {
            const unsigned mw =
                value->field == nvml::kPowerInstant ? gpu.instant_mw : gpu.average_mw;
            value->result = mw > 0 ? nvml::kSuccess : nvml::kNotSupported;
            value->value.as_unsigned = mw;
            value->timestamp_us = gpu.stamp_us;
            return nvml::kSuccess;
        });
    };
    return api;
}

Discovery find(std::vector<FakeGpu> gpus, const NvmlFilter& filter = {}) {
    fake = {};
    fake.gpus = std::move(gpus);
    return discover_nvml(table(), Dylib(), filter);
}

Reading read(Source& source) {
    Reading reading;
    source.read(&reading);
    return reading;
}

std::string no_parent(const void*, const std::string&) {
    return "";
}

/// One letter a GPU: c counted, h hidden.
std::string counted(const char* visible, const std::vector<Identity>& gpus, bool by_bus = false) {
    const NvmlFilter filter{visible, by_bus};
    std::string out;
    for (const nvml::Visibility& one : nvml::visible_gpus(filter, gpus, no_parent, nullptr)) {
        CHECK(one.counted == (one.reason.find("hidden") == std::string::npos));
        out += one.counted ? 'c' : 'h';
    }
    return out;
}

}  // namespace

TEST_CASE("a GPU with an energy counter is a counter of millijoules on a thread of its own") {
    Discovery found = find({FakeGpu{}});
    REQUIRE(found.sources.size() == 1);
    Source& source = *found.sources[0];
    const SensorInfo& info = source.sensors()[0];
    CHECK(source.slow());
    CHECK(info.id == "gpu0");
    CHECK(info.kind == "gpu");
    CHECK(info.shape == Shape::counter);
    CHECK(info.unit == 1e-3);
    CHECK(info.counted);
    CHECK(info.reason.empty());
    CHECK(info.max_power_w == 3000);
    CHECK(info.method.find("GPU-0") != std::string::npos);
    CHECK(info.period_hint_ns == 100 * kMillisecond);
    const Reading reading = read(source);
    CHECK(reading.status == Status::ok);
    CHECK(reading.raw == 5000);
    CHECK(reading.before_ns > 0);
    CHECK(reading.after_ns >= reading.before_ns);
    found.sources.clear();
    CHECK(fake.inits == 1);
    CHECK(fake.shutdowns == 1);
}

TEST_CASE("without a counter the best power reading is integrated") {
    FakeGpu gpu;
    gpu.energy_mj = 0;
    gpu.instant_mw = 250'000;
    gpu.average_mw = 240'000;
    CHECK(find({gpu}).sources[0]->sensors()[0].method.find("25 ms every 100 ms (field 186)") !=
          std::string::npos);
    gpu.instant_mw = 0;
    CHECK(find({gpu}).sources[0]->sensors()[0].method.find("1000 ms every 100 ms (field 185)") !=
          std::string::npos);
    gpu.average_mw = 0;
    gpu.architecture = nvml::kTuring;
    const Discovery found = find({gpu});
    const SensorInfo& info = found.sources[0]->sensors()[0];
    CHECK(info.method.find("100 ms every 100 ms (nvmlDeviceGetPowerUsage)") != std::string::npos);
    CHECK(info.shape == Shape::gauge);
    CHECK(info.reason == "this GPU has no energy counter");
    CHECK(read(*found.sources[0]).raw == 300'000'000);
    gpu.usage_mw = 0;
    const Discovery none = find({gpu});
    CHECK(none.sources.empty());
    REQUIRE(none.refused.size() == 1);
    CHECK_FALSE(none.refused[0].counted);
    CHECK(none.refused[0].reason.find("cannot be read") != std::string::npos);
}

TEST_CASE("a power reading belongs to the middle of its window") {
    FakeGpu gpu;
    gpu.energy_mj = 0;
    gpu.instant_mw = 250'000;
    const Discovery found = find({gpu});
    const std::int64_t window = 25 * kMillisecond;
    const auto wall_us = [](std::int64_t ago_ns) {
        timespec wall{};
        clock_gettime(CLOCK_REALTIME, &wall);
        return (wall.tv_sec * kSecond + wall.tv_nsec - ago_ns) / 1000;
    };
    // The driver says when it was asked: the update was up to a period before that.
    fake.gpus[0].stamp_us = wall_us(0);
    std::int64_t now = monotonic_clock().now_ns();
    Reading reading = read(*found.sources[0]);
    CHECK(reading.before_ns >= now - 100 * kMillisecond - window / 2);
    CHECK(reading.after_ns - reading.before_ns >= 100 * kMillisecond);
    // The driver says when the sensor was updated.
    fake.gpus[0].stamp_us = wall_us(40 * kMillisecond);
    now = monotonic_clock().now_ns();
    reading = read(*found.sources[0]);
    CHECK(reading.before_ns == reading.after_ns);
    CHECK(std::abs(now - 40 * kMillisecond - window / 2 - reading.before_ns) < 5 * kMillisecond);
    // An hour off: the wall clock was set, or nonsense.
    for (const std::int64_t nonsense : {wall_us(3600 * kSecond), INT64_MAX, INT64_MIN}) {
        fake.gpus[0].stamp_us = nonsense;
        reading = read(*found.sources[0]);
        CHECK(reading.after_ns > reading.before_ns);
    }
}

TEST_CASE("a name that fills the driver's buffer ends where the buffer does") {
    FakeGpu gpu;
    gpu.name = std::string(200, 'x');
    const Discovery found = find({gpu});
    REQUIRE(found.sources.size() == 1);
    const std::string& method = found.sources[0]->sensors().front().method;
    CHECK(std::count(method.begin(), method.end(), 'x') == 96);
}

TEST_CASE("power of nothing is no reading, and a value from a call that hung is read again") {
    FakeGpu gpu;
    gpu.energy_mj = 0;
    Discovery found = find({gpu});
    fake.gpus[0].usage_mw = 0;
    CHECK(read(*found.sources[0]).status == Status::retry);

    found = find({FakeGpu{}});
    fake.gpus[0].hang_once_ms = 150;
    const Reading reading = read(*found.sources[0]);
    CHECK(reading.status == Status::ok);
    CHECK(reading.after_ns - reading.before_ns < 100 * kMillisecond);
}

TEST_CASE("a lost GPU is lost, and found again by its UUID") {
    FakeGpu second;
    second.uuid = "GPU-1";
    Discovery found = find({FakeGpu{}, second});
    Source& source = *found.sources[1];
    fake.gpus[1].result = nvml::kGpuIsLost;
    CHECK(read(source).status == Status::lost);
    CHECK(read(*found.sources[0]).status == Status::ok);
    CHECK_FALSE(source.reopen());
    const int inits = fake.inits;
    CHECK_FALSE(source.reopen());  // the library is not started again all the time
    CHECK(fake.inits == inits);
    // It comes back under another number.
    fake.gpus[1].result = nvml::kSuccess;
    fake.gpus[1].energy_mj = 7;
    std::swap(fake.gpus[0], fake.gpus[1]);
    CHECK(source.reopen());
    CHECK(read(source).raw == 7);
    fake.gpus[0].result = 999;
    CHECK(read(source).status == Status::retry);
}

TEST_CASE("after a reload of the driver the library is started again") {
    Discovery found = find({FakeGpu{}});
    fake.started = false;
    CHECK(read(*found.sources[0]).status == Status::ok);
    CHECK(fake.inits == 2);
    fake.started = false;
    fake.init_result = nvml::kDriverNotLoaded;
    CHECK(read(*found.sources[0]).status == Status::lost);
    fake.init_result = nvml::kSuccess;
    CHECK(found.sources[0]->reopen());
    CHECK(read(*found.sources[0]).status == Status::ok);
}

TEST_CASE("a forked child starts the library again and leaves its parent's alone") {
    Discovery found = find({FakeGpu{}});
    const pid_t child = fork();
    REQUIRE(child >= 0);
    if (child == 0) {
        const bool fine = read(*found.sources[0]).status == Status::ok && fake.inits == 2;
        _exit(fine ? 0 : 1);
    }
    int status = 0;
    waitpid(child, &status, 0);
    CHECK(WIFEXITED(status));
    CHECK(WEXITSTATUS(status) == 0);
    CHECK(read(*found.sources[0]).status == Status::ok);
    CHECK(fake.inits == 1);
}

TEST_CASE("a library that does not start, or is not there") {
    fake = {};
    fake.init_result = nvml::kDriverNotLoaded;
    const Discovery refused = discover_nvml(table(), Dylib(), {});
    CHECK(refused.sources.empty());
    REQUIRE(refused.refused.size() == 1);
    CHECK(refused.refused[0].reason == "NVML does not start: as NVML says");
    const Discovery none = discover_nvml("/nowhere/libnvidia-ml.so.1", {});
    CHECK(none.sources.empty());
    CHECK(none.refused.empty());
    const Discovery other = discover_nvml("/proc/self/exe", {});
    CHECK(other.sources.empty());
    CHECK(other.refused.size() == 1);
}

TEST_CASE("a library that counts more GPUs than there can be is not believed") {
    fake = {};
    fake.said = 0xffffffff;
    const Discovery found = discover_nvml(table(), Dylib(), {});
    CHECK(found.sources.empty());
    REQUIRE(found.refused.size() == 1);
    CHECK(found.refused[0].reason ==
          "NVML counts 4294967295 GPUs, which no machine has: not believed");
}

TEST_CASE("CUDA_VISIBLE_DEVICES decides what counts") {
    const std::vector<Identity> alike{
        {"GPU-aa11", "H100"}, {"GPU-aa22", "H100"}, {"GPU-bb33", "H100"}};
    const std::vector<Identity> unlike{{"GPU-aa11", "A30"}, {"GPU-bb33", "H100"}};
    std::vector<Identity> sliced = alike;
    sliced[1].sliced = true;

    CHECK(nvml::visible_gpus({}, alike, no_parent, nullptr)[1].counted);
    CHECK(counted("0,2", alike) == "chc");
    CHECK(counted("", alike) == "hhh");
    CHECK(counted("-1", alike) == "hhh");
    CHECK(counted("1,-1,2", alike) == "hch");  // CUDA stops at what it cannot read
    CHECK(counted("7", alike) == "hhh");
    CHECK(counted("GPU-bb", alike) == "hhc");
    CHECK(counted(" GPU-aa11 , GPU-bb33", alike) == "chc");
    CHECK(counted("GPU-aa", alike) == "hhh");  // two begin so: none is meant
    CHECK(counted("MIG-GPU-aa22/1/0", sliced) == "hch");
    // A number that nobody but CUDA can read: all count, and it is said.
    for (const auto& all : {nvml::visible_gpus({"1", false}, unlike, no_parent, nullptr),
                            nvml::visible_gpus({"1", true}, sliced, no_parent, nullptr)}) {
        for (const nvml::Visibility& one : all) {
            CHECK(one.counted);
            CHECK(one.reason.find("all GPUs are counted") != std::string::npos);
        }
    }
    CHECK(counted("1", unlike, true) == "hc");
    const auto parent = [](const void*, const std::string& slice) {
        return std::string(slice == "MIG-5" ? "GPU-bb33" : "");
    };
    const NvmlFilter slice{"MIG-5", false};
    CHECK(nvml::visible_gpus(slice, sliced, parent, nullptr)[2].counted);
    CHECK_FALSE(nvml::visible_gpus(slice, sliced, parent, nullptr)[0].counted);
}

TEST_CASE("a hidden GPU is shown and not added, a sliced one says so") {
    FakeGpu second;
    second.uuid = "GPU-1";
    second.sliced = true;
    const Discovery found = find({FakeGpu{}, second}, {"GPU-1", false});
    REQUIRE(found.sources.size() == 2);
    CHECK_FALSE(found.sources[0]->sensors()[0].counted);
    CHECK(found.sources[0]->sensors()[0].reason ==
          "hidden by CUDA_VISIBLE_DEVICES=GPU-1: shown, not added");
    CHECK(found.sources[1]->sensors()[0].counted);
    CHECK(found.sources[1]->sensors()[0].reason.find("MIG is on") == 0);
}

TEST_CASE("windows of the power sensors by architecture") {
    CHECK(nvml::gauge_of(nvml::kVolta, "V100", false).window_ns == 10 * kMillisecond);
    CHECK(nvml::gauge_of(nvml::kAmpere, "NVIDIA A100-SXM4-80GB", false).window_ns ==
          25 * kMillisecond);
    CHECK(nvml::gauge_of(nvml::kAmpere, "NVIDIA GeForce RTX 3090", false).window_ns ==
          100 * kMillisecond);
    CHECK(nvml::gauge_of(nvml::kHopper, "NVIDIA GH200 480GB", false).window_ns ==
          20 * kMillisecond);
    CHECK(nvml::gauge_of(nvml::kHopper, "NVIDIA H100", true).window_ns == kSecond);
}
