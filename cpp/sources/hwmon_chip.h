#pragma once

// The chips below /sys/class/hwmon, and the names of their attributes.

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace microjoule::hwmon {

/// One hwmon device.
struct Chip {
    std::string root;       // "/sys/class/hwmon"
    std::string entry;      // "hwmon3"
    std::string name;       // "i915"
    std::string directory;  // full path of its attributes
    std::string device;     // what it is a part of, by the kernel's own path; empty if not told
    std::vector<std::string> attributes;

    [[nodiscard]] bool has(const std::string& attribute) const;
    [[nodiscard]] std::string path(const std::string& attribute) const;
    [[nodiscard]] std::string text(const std::string& attribute) const;
    [[nodiscard]] std::optional<std::uint64_t> number(const std::string& attribute) const;
};

/// "energy12_input" is the input of energy channel 12; nothing for other attributes.
std::optional<int> channel_of(std::string_view attribute, std::string_view what,
                              std::string_view kind);

/// The channels of a chip that have this attribute.
std::vector<int> channels_of(const Chip& chip, std::string_view what, std::string_view kind);

/// "energy", 12 and "_input" make "energy12_input".
std::string attribute(std::string_view what, int channel, std::string_view kind);

/// The label of a channel in the form that an id may have; its attribute where it has none.
std::string label_of(const Chip& chip, std::string_view what, int channel);

/// All chips, by the device they are a part of: that order is the same after every boot.
std::vector<Chip> find_chips(const std::string& root);

}  // namespace microjoule::hwmon
