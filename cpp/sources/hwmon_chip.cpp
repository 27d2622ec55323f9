#include "hwmon_chip.h"

#include <algorithm>
#include <charconv>
#include <climits>
#include <cstdlib>
#include <utility>

#include "microjoule/files.h"

namespace microjoule::hwmon {
namespace {

bool tells_power(const Chip& chip) {
    return !channels_of(chip, "energy", "_input").empty() ||
           !channels_of(chip, "power", "_input").empty() ||
           !channels_of(chip, "power", "_average").empty() ||
           !channels_of(chip, "curr", "_input").empty();
}

}  // namespace

bool Chip::has(const std::string& attribute) const {
    return std::find(attributes.begin(), attributes.end(), attribute) != attributes.end();
}

std::string Chip::path(const std::string& attribute) const {
    return directory + "/" + attribute;
}

std::string Chip::text(const std::string& attribute) const {
    return has(attribute) ? read_line(path(attribute)).value_or("") : "";
}

std::optional<std::uint64_t> Chip::number(const std::string& attribute) const {
    return has(attribute) ? read_u64(path(attribute)) : std::nullopt;
}

std::optional<int> channel_of(std::string_view attribute, std::string_view what,
                              std::string_view kind) {
    if (attribute.substr(0, what.size()) != what) {
        return std::nullopt;
    }
    attribute.remove_prefix(what.size());
    // As the kernel writes numbers: no sign, and no zero before them.
    const bool plain = !attribute.empty() && attribute[0] >= '0' && attribute[0] <= '9';
    if (!plain ||
        (attribute[0] == '0' && attribute.substr(1, 1).find_first_of("0123456789") == 0)) {
        return std::nullopt;
    }
    int channel = 0;
    const char* const last = attribute.data() + attribute.size();
    const auto [end, error] = std::from_chars(attribute.data(), last, channel);
    if (error != std::errc() ||
        std::string_view(end, static_cast<std::size_t>(last - end)) != kind) {
        return std::nullopt;
    }
    return channel;
}

std::vector<int> channels_of(const Chip& chip, std::string_view what, std::string_view kind) {
    std::vector<int> channels;
    for (const std::string& attribute : chip.attributes) {
        if (const auto channel = channel_of(attribute, what, kind)) {
            channels.push_back(*channel);
        }
    }
    std::sort(channels.begin(), channels.end());
    return channels;
}

std::string attribute(std::string_view what, int channel, std::string_view kind) {
    return std::string(what) + std::to_string(channel) + std::string(kind);
}

std::string label_of(const Chip& chip, std::string_view what, int channel) {
    std::string label = chip.text(attribute(what, channel, "_label"));
    if (label.empty()) {
        label = attribute(what, channel, "");
    }
    std::replace(label.begin(), label.end(), ' ', '_');
    return label;
}

std::vector<Chip> find_chips(const std::string& root) {
    std::vector<Chip> chips;
    for (const std::string& entry : entries_of(root)) {
        Chip chip;
        chip.root = root;
        chip.entry = entry;
        chip.directory = root + "/" + entry;
        const std::string device = chip.directory + "/device";
        char resolved[PATH_MAX];
        if (realpath(device.c_str(), resolved) != nullptr) {
            chip.device = resolved;
        }
        const auto name = read_line(chip.directory + "/name");
        chip.name = name ? *name : read_line(device + "/name").value_or("");
        chip.attributes = entries_of(chip.directory);
        if (!tells_power(chip)) {
            // Drivers that use hwmon_device_register(), such as acpi_power_meter up to Linux 6,
            // have their attributes there.
            chip.directory = device;
            chip.attributes = entries_of(device);
        }
        if (!chip.name.empty() && tells_power(chip)) {
            chips.push_back(std::move(chip));
        }
    }
    const auto number = [](const Chip& chip) {
        return channel_of(chip.entry, "hwmon", "").value_or(INT_MAX);
    };
    std::sort(chips.begin(), chips.end(), [&](const Chip& a, const Chip& b) {
        return a.device != b.device ? a.device < b.device : number(a) < number(b);
    });
    return chips;
}

}  // namespace microjoule::hwmon
