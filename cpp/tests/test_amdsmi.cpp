#include "microjoule/amdsmi.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <string>
#include <vector>

#include "microjoule/clock.h"

using namespace microjoule;
using namespace microjoule::amdsmi;

namespace {

/// What the functions below answer.
struct FakeGpu {
    Address address = 0x300;  // 0000:03:00.0
    std::string name = "AMD Instinct MI300X";
    std::uint64_t steps = 1 << 20;
    float microjoules = 15.3F;
    std::vector<std::uint32_t> power = std::vector<std::uint32_t>(48, 0);
    int type = kGpu;
    int result = kSuccess;
    bool still = false;  ///< the accumulator does not move
};

struct FakeLibrary {
    std::vector<FakeGpu> gpus;
    std::uint32_t said = 0;  ///< sockets, where not 0
    bool started = false;
    int inits = 0;
};

FakeLibrary fake;

FakeGpu& gpu_of(Processor handle) {
    return fake.gpus[reinterpret_cast<std::uintptr_t>(handle) - 1];
}

Processor handle_of(std::size_t index) {
    return reinterpret_cast<Processor>(index + 1);
}

template <class Take>
int ask(Processor handle, Take&& take) {
    if (!fake.started) {
        return kNotInitialized;
    }
    FakeGpu& gpu = gpu_of(handle);
    return gpu.result != kSuccess ? gpu.result : take(gpu);
}

Api table() {
    Api api;
    api.init = [](std::uint64_t flags) -> int {
        ++fake.inits;
        fake.started = true;
        return flags == kGpus ? kSuccess : kInvalid;
    };
    api.shut_down = [] {
        fake.started = false;
        return 0;
    };
    api.sockets = [](std::uint32_t* count, Socket* out) {
        const auto there = static_cast<std::uint32_t>(fake.gpus.size());
        *count = out == nullptr ? std::max(there, fake.said) : std::min(*count, there);
        for (std::uint32_t i = 0; out != nullptr && i < *count; ++i) {
            out[i] = handle_of(i);
        }
        return 0;
    };
    api.processors = [](Socket socket, std::uint32_t* count, Processor* out) {
        *count = 1;
        if (out != nullptr) {
            *out = socket;
        }
        return 0;
    };
    api.type = [](Processor handle, int* out) {
        *out = gpu_of(handle).type;
        return 0;
    };
    api.address = [](Processor handle, Address* out) {
        *out = gpu_of(handle).address;
        return 0;
    };
    api.by_address = [](Address address, Processor* out) -> int {
        if (!fake.started) {
            return kNotInitialized;
        }
        for (std::size_t i = 0; i < fake.gpus.size(); ++i) {
            if (fake.gpus[i].address == address) {
                *out = handle_of(i);
                return kSuccess;
            }
        }
        return kNotFound;
    };
    api.energy = [](Processor handle, std::uint64_t* steps, float* unit, std::uint64_t*) {
        return ask(handle, [&](FakeGpu& gpu) {
            *steps = gpu.still ? gpu.steps : gpu.steps++;
            *unit = gpu.microjoules;
            return kSuccess;
        });
    };
    api.power = [](Processor handle, PowerInfo* out) {
        return ask(handle, [&](const FakeGpu& gpu) {
            std::copy(gpu.power.begin(), gpu.power.end(), out->words);
            return kSuccess;
        });
    };
    api.asic = [](Processor handle, AsicInfo* out) {
        const std::string& name = gpu_of(handle).name;
        name.copy(out->market_name, sizeof out->market_name);
        return 0;
    };
    return api;
}

Discovery find(std::vector<FakeGpu> gpus, const AmdsmiFilter& filter = {}) {
    fake = {};
    fake.gpus = std::move(gpus);
    return discover_amdsmi(table(), Dylib(), filter);
}

Reading read(Source& source) {
    Reading reading;
    source.read(&reading);
    return reading;
}

std::string power_of(std::vector<std::uint32_t> written) {
    PowerInfo info = blank_power();
    std::copy(written.begin(), written.end(), info.words);
    const Power power = decode(info);
    return std::to_string(power.current_w) + " " + std::to_string(power.average_w);
}

}  // namespace

TEST_CASE("the layouts of AMD's power are told apart by how far the library writes") {
    constexpr std::uint32_t none = 0xffffffff;
    CHECK(power_of({}) == "0 0");
    // Only the members, or all that is reserved as well.
    std::vector<std::uint32_t> first{120, 800, 900, 700, 300};
    CHECK(power_of(first) == "0 120");
    first.resize(16);
    CHECK(power_of(first) == "0 120");
    std::vector<std::uint32_t> second{130, 120, 800, 900, 700, 300};
    CHECK(power_of(second) == "130 120");
    second.resize(17);
    CHECK(power_of(second) == "130 120");
    std::vector<std::uint32_t> third{130, 0, 130, none, 800, 0, 900, 0, 700, 0, 300};
    CHECK(power_of(third) == "130 0");
    third.resize(12);
    CHECK(power_of(third) == "130 0");
    third.resize(48);
    CHECK(power_of(third) == "130 0");
    third.resize(60);
    CHECK(power_of(third) == "0 0");
    CHECK(power_of(std::vector<std::uint32_t>(PowerInfo::kWords, 100)) == "0 0");
    CHECK(power_of({0xffff, none, 0, 0, 0, 0}) == "0 0");
}

TEST_CASE("units and widths of AMD's energy accumulator") {
    CHECK(unit_j(15.3F) == 0x1p-16);
    CHECK(unit_j(15.259F) == 0x1p-16);
    CHECK(unit_j(1.0F) == doctest::Approx(1e-6));
    for (const float nonsense : {0.0F, -1.0F, 1e30F, 1.0F / 0.0F, 0.0F / 0.0F}) {
        CHECK(unit_j(nonsense) == 0);
    }
    CHECK(counts_right("AMD Instinct MI300X", 5));
    CHECK(counts_right("Aldebaran/MI200 [Instinct MI250X/MI250]", 5));
    CHECK_FALSE(counts_right("AMD Instinct MI100", 5));
    CHECK_FALSE(counts_right("MIDRANGE MI", 5));
    CHECK_FALSE(counts_right("", 0xffffffff));
    CHECK(counts_right("", 0x100000000));
}

TEST_CASE("addresses are written as the kernel writes them") {
    CHECK(text_of(0) == "0000:00:00.0");
    CHECK(text_of(0x0001'c3'05) == "0001:c3:00.5");
    CHECK(text_of(std::uint64_t{0x10000} << 16 | 0x43f8) == "10000:43:1f.0");
    CHECK(text_of(~std::uint64_t{0}) == "ffffffffffff:ff:1f.7");
}

TEST_CASE("an AMD GPU with an accumulator is a counter on a thread of its own") {
    Discovery found = find({FakeGpu{}});
    REQUIRE(found.sources.size() == 1);
    Source& source = *found.sources[0];
    const SensorInfo& info = source.sensors()[0];
    CHECK(source.slow());
    CHECK(info.id == "amdgpu0");
    CHECK(info.device == "0000:03:00.0");
    CHECK(info.shape == Shape::counter);
    CHECK(info.unit == 0x1p-16);
    CHECK(info.counted);
    const Reading first = read(source);
    CHECK(first.status == Status::ok);
    CHECK(read(source).raw == first.raw + 1);
    // All 64 bits are used up.
    fake.gpus[0].steps = UINT64_MAX - 1;
    const std::uint64_t last = read(source).raw;
    fake.gpus[0].steps = 3;
    CHECK(read(source).raw - last == 5);
    found.sources.clear();
    CHECK_FALSE(fake.started);
}

TEST_CASE("values of AMD's library that cannot be true are no readings") {
    Discovery found = find({FakeGpu{}});
    for (const std::uint64_t nonsense : {std::uint64_t{0}, UINT64_MAX}) {
        fake.gpus[0].steps = nonsense;
        fake.gpus[0].still = true;
        CHECK(read(*found.sources[0]).status == Status::retry);
    }
    FakeGpu gauge;
    gauge.steps = UINT64_MAX;
    gauge.power[2] = 250;
    found = find({gauge});
    REQUIRE(found.sources.size() == 1);
    CHECK(found.sources[0]->sensors()[0].shape == Shape::gauge);
    CHECK(read(*found.sources[0]).raw == 250'000'000);
    fake.gpus[0].power[2] = 0;
    CHECK(read(*found.sources[0]).status == Status::retry);
}

TEST_CASE("an AMD GPU that is lost is back when it can be read") {
    Discovery found = find({FakeGpu{}});
    Source& source = *found.sources[0];
    fake.gpus[0].result = kFileError;
    CHECK(read(source).status == Status::lost);
    CHECK_FALSE(source.reopen());
    const int inits = fake.inits;
    CHECK_FALSE(source.reopen());  // the library is not started again all the time
    CHECK(fake.inits == inits);
    fake.gpus[0].result = kSuccess;
    CHECK(source.reopen());
    CHECK(read(source).status == Status::ok);
    fake.gpus[0].result = kBusy;
    CHECK(read(source).status == Status::retry);
    fake.gpus[0].result = kSuccess;
    fake.started = false;
    CHECK(read(source).status == Status::ok);
}

TEST_CASE("whatever number of sockets AMD's library claims, only those are there that it gives") {
    fake = {};
    fake.gpus.resize(1);
    fake.said = 0xffffffff;
    CHECK(discover_amdsmi(table(), Dylib(), {}).sources.size() == 1);
}

TEST_CASE("a processor's GPU and a partition do not count twice") {
    FakeGpu partition;
    partition.address |= 1;
    Discovery found = find({FakeGpu{}, partition}, {{}, "", "", {"0000:03:00.0"}});
    REQUIRE(found.sources.size() == 1);
    CHECK_FALSE(found.sources[0]->sensors()[0].counted);
    REQUIRE(found.refused.size() == 1);
    CHECK(found.refused[0].id == "amdgpu1");
}

TEST_CASE("an AMD library that is not there, or is another one") {
    CHECK(discover_amdsmi("/nowhere/libamd_smi.so", {}).refused.empty());
    const Discovery other = discover_amdsmi("/proc/self/exe", {});
    CHECK(other.sources.empty());
    CHECK(other.refused.size() == 1);
}
