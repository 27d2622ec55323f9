#include "microjoule/hwmon.h"

#include <algorithm>
#include <utility>

#include "hwmon_channel.h"
#include "hwmon_families.h"
#include "microjoule/rapl.h"
#include "microjoule/topology.h"

namespace microjoule {
namespace {

using namespace hwmon;

constexpr double kAmdStep = 0x1p-16;

/// amd_energy: the registers that RAPL has too, folded into 64 bits by a thread of the driver, so
/// that no wrap is ever seen. Out of the kernel since 2021, and still built by many.
void add_amd_energy(Discovery& found, const Chip& chip) {
    std::size_t cores = 0;
    for (const int channel : channels_of(chip, "energy", "_input")) {
        const std::string label = label_of(chip, "energy", channel);
        const auto socket = channel_of(label, "Esocket", "");
        if (!socket) {
            ++cores;
            continue;
        }
        Channel read(chip, attribute("energy", channel, "_input"));
        SensorInfo info = describe_rapl(Place{*socket, 0}, "package");
        info.source = "hwmon";
        info.method = "RAPL energy counter through amd_energy (" + read.path() + ")";
        info.quantum = kAmdStep;
        auto group = std::make_unique<Group>(false);
        admit(found, *group, std::move(info), std::move(read));
        keep(found, std::move(group));
    }
    if (cores > 0) {
        found.refuse(
            blank(chip.entry + ".cores", "cpu", "RAPL energy counters of amd_energy"),
            std::to_string(cores) + " counters of single cores, which are part of the packages");
    }
}

/// What the AMD GPUs are called, in the order of the chips.
class GpuNames {
public:
    explicit GpuNames(const std::map<std::string, std::string>& ids) : ids_(ids) {}

    std::string next(const std::string& address) {
        if (const auto known = ids_.find(address); known != ids_.end()) {
            return known->second;
        }
        std::string id;
        do {
            id = "amdgpu" + std::to_string(number_++);
        } while (std::any_of(ids_.begin(), ids_.end(),
                             [&](const auto& other) { return other.second == id; }));
        return id;
    }

private:
    const std::map<std::string, std::string>& ids_;
    int number_ = 0;
};

bool starts_with(const std::string& text, const char* word) {
    return text.rfind(word, 0) == 0;
}

/// i915 has chips of its own for the parts of a card with several: "i915_gt0".
bool is_part_of_card(const Chip& chip) {
    return starts_with(chip.name, "i915_gt");
}

/// What power supplies are called: they say what passes through them, not what the machine draws.
bool is_supply(const Chip& chip) {
    return starts_with(chip.name, "BAT") || starts_with(chip.name, "AC") ||
           starts_with(chip.name, "ADP") || starts_with(chip.name, "ucsi_source_psy");
}

void refuse_others(Discovery& found, const Chip& chip) {
    const std::string why =
        is_part_of_card(chip) ? "a part of the card that i915 shows as a whole"
        : is_supply(chip)
            ? "a power supply: it says what passes through it, and not what this "
              "machine draws"
            : "nobody has said what the figures of " + chip.name + " contain: not read";
    for (const auto& [what, kind] : {std::pair("energy", "_input"), std::pair("power", "_average"),
                                     std::pair("power", "_input")}) {
        for (const int channel : channels_of(chip, what, kind)) {
            const std::string id = chip.entry + "." + label_of(chip, what, channel);
            const bool told = std::any_of(found.refused.begin(), found.refused.end(),
                                          [&](const SensorInfo& other) { return other.id == id; });
            if (!told) {
                found.refuse(
                    blank(id, "other",
                          chip.name + " (" + chip.path(attribute(what, channel, kind)) + ")"),
                    why);
            }
        }
    }
}

}  // namespace

std::vector<std::string> integrated_gpus(const std::string& sysfs) {
    std::vector<std::string> addresses;
    for (const Chip& chip : find_chips(sysfs + "/class/hwmon")) {
        if (is_amdgpu(chip) && is_integrated(chip)) {
            addresses.push_back(address_of(chip));
        }
    }
    return addresses;
}

Discovery discover_hwmon(const std::string& sysfs, const std::map<std::string, std::string>& ids) {
    Discovery found;
    const std::vector<Chip> chips = find_chips(sysfs + "/class/hwmon");
    int intel = 0;
    GpuNames amd(ids);
    for (const Chip& chip : chips) {
        const bool energy = !channels_of(chip, "energy", "_input").empty();
        if ((chip.name == "i915" || chip.name == "xe") && energy) {
            add_intel_gpu(found, chip, intel++);
        } else if (chip.name == "amd_energy" && energy) {
            add_amd_energy(found, chip);
        } else if (is_amdgpu(chip)) {
            add_amdgpu(found, chip, amd.next(address_of(chip)));
        } else if (chip.name != "power_meter" && chip.name != "acpi_power_meter" &&
                   chip.name != "ina3221") {
            refuse_others(found, chip);
        }
    }
    add_acpi_meters(found, chips);
    add_ina3221(found, chips);
    return found;
}

}  // namespace microjoule
