#include <algorithm>
#include <array>
#include <map>
#include <optional>
#include <utility>

#include "hwmon_channel.h"
#include "hwmon_families.h"
#include "microjoule/clock.h"
#include "microjoule/topology.h"

namespace microjoule::hwmon {
namespace {

// Means over more than this say nothing of a window.
constexpr std::int64_t kLongestMean = kSecond;
constexpr std::int64_t kGraceMean = 50 * kMillisecond;

/// One meter of ACPI, with what its maker calls it.
struct AcpiMeter {
    const Chip* chip;
    std::string label;  // power1_oem_info, "Grace Power Socket 0"
    std::string file;   // "power1_average"
    std::int64_t mean_ns;

    [[nodiscard]] Channel channel() const {
        Channel read(*chip, file);
        read.mean_of(mean_ns, mean_ns);
        return read;
    }
    [[nodiscard]] std::string id() const {
        std::string name = label.empty() ? "power1" : label;
        std::replace(name.begin(), name.end(), ' ', '_');
        return chip->entry + "." + name;
    }
};

enum class Part : std::uint8_t { module, grace, cpu, sysio };

/// NVIDIA's Grace: the module holds its Grace and, where there is one, its GPU; Grace holds the
/// power of its cores ("CPU"), of the rest of the chip ("SysIO") and of its memory.
void add_grace(Discovery& found, int socket, const std::map<Part, AcpiMeter>& meters) {
    const bool has_grace = meters.count(Part::grace) != 0;
    const bool has_parts = meters.count(Part::cpu) != 0 || meters.count(Part::sysio) != 0;
    const std::string package = Place{socket, 0}.prefix();
    auto group = own_thread();
    const auto add = [&](Part part, const std::string& id, const std::string& kind, bool counted,
                         const std::string& reason) {
        const auto meter = meters.find(part);
        if (meter == meters.end()) {
            return;
        }
        Channel channel = meter->second.channel();
        SensorInfo info = gauge(id.empty() ? meter->second.id() : id, kind,
                                "\"" + meter->second.label + "\" by ACPI", channel);
        info.counted = counted;
        info.reason = reason;
        admit(found, *group, std::move(info), std::move(channel));
    };
    const std::string held = "part of " + package + ".package: shown, not added";
    add(Part::grace, package + ".package", "cpu", true, "with the memory");
    add(Part::cpu, package + (has_grace ? ".core" : ".package"), "cpu", !has_grace,
        has_grace ? held : "without the memory");
    add(Part::sysio, package + ".uncore", "cpu", !has_grace, has_grace ? held : "");
    if (has_grace || has_parts) {
        add(Part::module, "", "other", false,
            "holds " + package + ".package and a GPU, if there is one: shown, not added");
    } else {
        add(Part::module, "", "psys", false,
            "the whole module, a GPU included: added only where it stands alone");
    }
    keep(found, std::move(group));
}

std::optional<Part> part_of(const std::string& label) {
    const std::array<std::pair<const char*, Part>, 4> words{{{"Module", Part::module},
                                                             {"Grace", Part::grace},
                                                             {"CPU", Part::cpu},
                                                             {"SysIO", Part::sysio}}};
    for (const auto& [word, part] : words) {
        if (label.find(std::string(word) + " Power") != std::string::npos) {
            return part;
        }
    }
    return std::nullopt;
}

}  // namespace

/// Meters of ACPI: Documentation/hwmon/acpi_power_meter.rst.
void add_acpi_meters(Discovery& found, const std::vector<Chip>& chips) {
    std::map<int, std::map<Part, AcpiMeter>> grace;
    std::vector<AcpiMeter> others;
    for (const Chip& chip : chips) {
        if (chip.name != "power_meter" && chip.name != "acpi_power_meter") {
            continue;
        }
        const bool average = chip.has("power1_average");
        if (!average && !chip.has("power1_input")) {
            continue;
        }
        AcpiMeter meter{&chip, chip.text("power1_oem_info"),
                        average ? "power1_average" : "power1_input", 0};
        const auto interval_ms = chip.number("power1_average_interval");
        const auto part = part_of(meter.label);
        const std::int64_t usual = part ? kGraceMean : kSecond;
        constexpr std::uint64_t day_ms = 86'400'000;
        meter.mean_ns = interval_ms && *interval_ms > 0 && *interval_ms < day_ms
                            ? static_cast<std::int64_t>(*interval_ms) * kMillisecond
                            : usual;
        const auto no = [&](const std::string& why) {
            found.refuse(blank(meter.id(), "other", "power by ACPI"), why);
        };
        if (chip.number("power1_is_battery").value_or(0) != 0) {
            no("this is a battery: the source battery knows of those");
        } else if (meter.mean_ns > kLongestMean) {
            no("a mean over " + milliseconds(meter.mean_ns) + " says nothing of a shorter window");
        } else if (part) {
            const std::size_t word = meter.label.find("Socket ");
            const std::string number =
                word == std::string::npos ? "0" : meter.label.substr(word + 7);
            const int socket = channel_of(number, "", "").value_or(0);
            if (!grace[socket].emplace(*part, meter).second) {
                no("shows the same a second time");
            }
        } else {
            others.push_back(meter);
        }
    }
    for (const auto& [socket, meters] : grace) {
        add_grace(found, socket, meters);
    }
    // The usual one is that of a server's power supplies. Of several nobody knows what holds what.
    const bool alone = others.size() == 1 && grace.empty();
    for (const AcpiMeter& meter : others) {
        auto group = own_thread();
        Channel channel = meter.channel();
        SensorInfo info =
            gauge(meter.id(), alone ? "psys" : "other", "\"" + meter.label + "\" by ACPI", channel);
        info.reason = alone ? "the whole machine, as its maker wired it: added only where it "
                              "stands alone"
                            : "one of several meters, and nobody says what each contains: shown, "
                              "not added";
        admit(found, *group, std::move(info), std::move(channel));
        keep(found, std::move(group));
    }
}

}  // namespace microjoule::hwmon
