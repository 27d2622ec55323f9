#include <algorithm>
#include <array>
#include <string_view>

#include "hwmon_channel.h"
#include "hwmon_families.h"
#include "microjoule/clock.h"

namespace microjoule::hwmon {
namespace {

// Two measurements of 1.1 ms for each of three channels, where the driver does not say.
constexpr std::int64_t kInaUpdate = 7 * kMillisecond;

/// A rail of a Jetson's INA3221.
struct Rail {
    const char* label;
    const char* kind;
    const char* within;  // the rail that holds it on the same board; nullptr: none
};

// By NVIDIA's developer guides for Jetson: of Nano, TX2, Xavier NX, Orin NX and Orin Nano one rail
// is the input of the module; AGX Xavier and AGX Orin have none such, and their rails add up. The
// memory of AGX Orin hangs on its 5 V.
constexpr std::array<Rail, 19> kRails{{
    {"VDD_IN", "psys", nullptr},
    {"POM_5V_IN", "psys", nullptr},
    {"VDD_CPU_GPU_CV", "other", "VDD_IN"},
    {"VDD_SOC", "other", "VDD_IN"},
    {"VDD_SYS_GPU", "gpu", "VDD_IN"},
    {"VDD_SYS_SOC", "other", "VDD_IN"},
    {"VDD_SYS_CPU", "cpu", "VDD_IN"},
    {"VDD_SYS_DDR", "dram", "VDD_IN"},
    {"VDD_4V0_WIFI", "other", "VDD_IN"},
    {"GPU", "gpu", nullptr},
    {"CPU", "cpu", nullptr},
    {"SOC", "other", nullptr},
    {"CV", "other", nullptr},
    {"VDDRQ", "dram", nullptr},
    {"SYS5V", "other", nullptr},
    {"VDD_GPU_SOC", "gpu", nullptr},
    {"VDD_CPU_CV", "cpu", nullptr},
    {"VIN_SYS_5V0", "other", nullptr},
    {"VDDQ_VDD2_1V8AO", "dram", "VIN_SYS_5V0"},
}};
const Rail* rail_of(const std::string& label) {
    const auto* const found = std::find_if(kRails.begin(), kRails.end(),
                                           [&](const Rail& rail) { return label == rail.label; });
    return found == kRails.end() ? nullptr : found;
}

/// INA3221: Documentation/hwmon/ina3221.rst. Channels 1 to 3 are rails; 4 to 6 are the voltages at
/// the shunts, and 7 is the sum of those.
constexpr int kInaRails = 3;

}  // namespace

void add_ina3221(Discovery& found, const std::vector<Chip>& chips) {
    // What contains all others may sit on another chip of the board.
    std::string whole;
    std::vector<std::string> labels;
    for (const Chip& chip : chips) {
        for (int i = 1; chip.name == "ina3221" && i <= kInaRails; ++i) {
            labels.push_back(chip.text(attribute("in", i, "_label")));
            const Rail* const rail = rail_of(labels.back());
            if (rail != nullptr && std::string_view(rail->kind) == "psys") {
                whole = rail->label;
            }
        }
    }
    const auto present = [&](const char* label) {
        return label != nullptr && std::find(labels.begin(), labels.end(), label) != labels.end();
    };
    for (const Chip& chip : chips) {
        if (chip.name != "ina3221") {
            continue;
        }
        auto group = own_thread();
        const auto interval_ms = chip.number("update_interval");
        const std::int64_t update = interval_ms && *interval_ms > 0 && *interval_ms <= 1000
                                        ? static_cast<std::int64_t>(*interval_ms) * kMillisecond
                                        : kInaUpdate;
        for (int i = 1; i <= kInaRails; ++i) {
            const std::string voltage = attribute("in", i, "_input");
            const std::string current = attribute("curr", i, "_input");
            const std::string label = chip.text(attribute("in", i, "_label"));
            // "NC": the makers' word for a channel that nothing hangs on.
            const bool enabled = chip.number(attribute("in", i, "_enable")).value_or(1) != 0;
            if (!chip.has(voltage) || !chip.has(current) || label.empty() || label == "NC" ||
                !enabled) {
                continue;
            }
            Channel channel(chip, voltage, current);
            channel.mean_of(update, update);
            const Rail* const rail = rail_of(label);
            SensorInfo info = gauge(chip.entry + "." + label_of(chip, "in", i),
                                    rail != nullptr ? rail->kind : "other",
                                    "voltage x current of " + label, channel);
            if (rail == nullptr) {
                info.reason = "a rail that no Jetson is known for: shown, not added";
            } else if (label == whole) {
                info.reason =
                    "the whole module, its other rails included: added only where it "
                    "stands alone";
            } else if (!whole.empty() || present(rail->within)) {
                info.reason = "part of " + (whole.empty() ? std::string(rail->within) : whole) +
                              ": shown, not added";
            } else {
                info.counted = true;
            }
            admit(found, *group, std::move(info), std::move(channel));
        }
        keep(found, std::move(group));
    }
}

}  // namespace microjoule::hwmon
