#include <algorithm>

#include "hwmon_channel.h"
#include "hwmon_families.h"
#include "microjoule/clock.h"

namespace microjoule::hwmon {
namespace {

// 2^-14 J, the step of the energy register in the example of drivers/gpu/drm/i915/i915_hwmon.c;
// hwmon does not show the register that tells.
constexpr double kIntelStep = 0x1p-14;
// How often that register is updated is not documented; the search begins in the middle between
// RAPL's 1 ms and the tenth of a second of other GPUs.
constexpr std::int64_t kIntelUpdate = 20 * kMillisecond;
// The firmware of AMD's GPUs does not say how often it works its figure out, nor over what.
constexpr std::int64_t kAmdgpuMean = 100 * kMillisecond;
constexpr std::int64_t kAmdgpuUpdate = 50 * kMillisecond;

}  // namespace

/// i915 and xe. The driver folds a hardware register of 32 bits into its figure when it is read,
/// so a register that wraps twice unseen is lost: at 1 kW in 4 minutes, by the comment in
/// i915_hwmon.c. The sampler never waits for longer than 30 s. A read may have to wake the card up.
void add_intel_gpu(Discovery& found, const Chip& chip, int number) {
    const std::string id = "intelgpu" + std::to_string(number);
    const auto describe = [&](const std::string& what, int channel) {
        SensorInfo info = blank(id + what, "gpu",
                                "energy counter of " + chip.name + " (" +
                                    chip.path(attribute("energy", channel, "_input")) + ")");
        info.quantum = kIntelStep;
        info.period_hint_ns = kIntelUpdate;
        return info;
    };
    // xe has one channel for the card and one for the package on it (the labels in xe_hwmon.c).
    int whole = 0;
    const std::vector<int> channels = channels_of(chip, "energy", "_input");
    for (const int channel : channels) {
        const bool card = label_of(chip, "energy", channel) == "card";
        whole = card || whole == 0 ? channel : whole;
    }
    auto group = own_thread();
    for (const int channel : channels) {
        const std::string label = label_of(chip, "energy", channel);
        if (channel != whole) {
            found.refuse(describe("." + label, channel), "part of " + id + ": not read");
            continue;
        }
        SensorInfo info = describe("", channel);
        info.counted = true;
        if (label == "pkg") {
            info.reason = "the package only: what else is on the card is not seen";
        }
        admit(found, *group, std::move(info),
              Channel(chip, attribute("energy", channel, "_input")));
    }
    keep(found, std::move(group));
}

bool is_amdgpu(const Chip& chip) {
    return chip.name == "amdgpu" && (chip.has("power1_average") || chip.has("power1_input"));
}

/// It is an APU that shows the voltage of the north bridge.
bool is_integrated(const Chip& chip) {
    const std::vector<int> voltages = channels_of(chip, "in", "_label");
    return std::any_of(voltages.begin(), voltages.end(),
                       [&](int voltage) { return label_of(chip, "in", voltage) == "vddnb"; });
}

std::string address_of(const Chip& chip) {
    return chip.device.substr(chip.device.rfind('/') + 1);
}

/// amdgpu: Documentation/gpu/amdgpu/thermal.rst. On an APU the power is that of the processor as a
/// whole.
void add_amdgpu(Discovery& found, const Chip& chip, const std::string& id) {
    const bool average = chip.has("power1_average");
    Channel channel(chip, average ? "power1_average" : "power1_input");
    channel.may_sleep().mean_of(average ? kAmdgpuMean : 0, average ? kAmdgpuMean : kAmdgpuUpdate);
    SensorInfo info = gauge(id, "gpu", "power by amdgpu", channel);
    info.counted = true;
    info.reason = "this driver says no energy; asleep, the card is taken to draw nothing";
    info.device = address_of(chip);
    if (is_integrated(chip)) {
        info.counted = false;
        info.reason = "the power of the whole processor that this GPU is part of: shown, not added";
    }
    auto group = own_thread();
    admit(found, *group, std::move(info), std::move(channel));
    keep(found, std::move(group));
}

}  // namespace microjoule::hwmon
