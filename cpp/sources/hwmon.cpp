#include "microjoule/hwmon.h"

#include <dirent.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <charconv>
#include <climits>
#include <cstdlib>
#include <cstring>
#include <exception>
#include <map>
#include <optional>
#include <string_view>
#include <utility>

#include "microjoule/clock.h"
#include "microjoule/files.h"
#include "microjoule/rapl.h"
#include "microjoule/topology.h"

namespace microjoule {
namespace {

// No maker states how right these figures are, but for RAPL's; 5 % is what NVIDIA says of its
// boards' power (nvidia-smi manual) and what is taken for all.
constexpr double kGain = 0.05;
// 2^-14 J, the step of the energy register in the example of drivers/gpu/drm/i915/i915_hwmon.c;
// hwmon does not show the register that tells.
constexpr double kIntelStep = 0x1p-14;
// How often that register is updated is not documented; the search begins in the middle between
// RAPL's 1 ms and the tenth of a second of other GPUs.
constexpr std::int64_t kIntelUpdate = 20 * kMillisecond;
constexpr double kAmdStep = 0x1p-16;
// Reading more often than that keeps an I2C bus or a firmware's mailbox busy.
constexpr std::int64_t kShortestUpdate = 20 * kMillisecond;
// Means over more than this say nothing of a window.
constexpr std::int64_t kLongestMean = kSecond;
// The firmware of AMD's GPUs does not say how often it works its figure out, nor over what.
constexpr std::int64_t kAmdgpuMean = 100 * kMillisecond;
constexpr std::int64_t kAmdgpuUpdate = 50 * kMillisecond;
constexpr std::int64_t kGraceMean = 50 * kMillisecond;
// Two measurements of 1.1 ms for each of three channels, where the driver does not say.
constexpr std::int64_t kInaUpdate = 7 * kMillisecond;

/// One hwmon device.
struct Chip {
    std::string root;       // "/sys/class/hwmon"
    std::string entry;      // "hwmon3"
    std::string name;       // "i915"
    std::string directory;  // full path of its attributes
    std::string device;     // what it is a part of, by the kernel's own path; empty if not told
    std::vector<std::string> attributes;

    [[nodiscard]] bool has(const std::string& attribute) const {
        return std::find(attributes.begin(), attributes.end(), attribute) != attributes.end();
    }
    [[nodiscard]] std::string path(const std::string& attribute) const {
        return directory + "/" + attribute;
    }
    [[nodiscard]] std::string text(const std::string& attribute) const {
        return has(attribute) ? read_line(path(attribute)).value_or("") : "";
    }
    [[nodiscard]] std::optional<std::uint64_t> number(const std::string& attribute) const {
        return has(attribute) ? read_u64(path(attribute)) : std::nullopt;
    }
};

/// "energy12_input" is the input of energy channel 12; nothing for other attributes.
std::optional<int> channel_of(std::string_view attribute, std::string_view what,
                              std::string_view kind) {
    if (attribute.substr(0, what.size()) != what) {
        return std::nullopt;
    }
    attribute.remove_prefix(what.size());
    int channel = 0;
    const char* const last = attribute.data() + attribute.size();
    const auto [end, error] = std::from_chars(attribute.data(), last, channel);
    if (error != std::errc() ||
        std::string_view(end, static_cast<std::size_t>(last - end)) != kind || channel < 0) {
        return std::nullopt;
    }
    return channel;
}

/// The channels of a chip that have this attribute.
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

bool tells_power(const Chip& chip) {
    return !channels_of(chip, "energy", "_input").empty() ||
           !channels_of(chip, "power", "_input").empty() ||
           !channels_of(chip, "power", "_average").empty() ||
           !channels_of(chip, "curr", "_input").empty();
}

std::vector<std::string> entries_of(const std::string& directory) {
    std::vector<std::string> entries;
    if (DIR* dir = opendir(directory.c_str())) {
        while (const dirent* entry = readdir(dir)) {
            entries.emplace_back(entry->d_name);
        }
        closedir(dir);
    }
    return entries;
}

/// All chips, by the device they are a part of: that order is the same after every boot.
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

/// What a file says, or the errno of why not.
int value_of(const PreadFile& file, std::uint64_t& value) noexcept {
    char buffer[32];
    const long got = file.read(buffer, sizeof buffer);
    if (got < 0) {
        return static_cast<int>(-got);
    }
    const auto number = parse_u64({buffer, static_cast<std::size_t>(got)});
    value = number.value_or(0);
    return number ? 0 : EBADMSG;
}

/// A current, in mA: around zero the chip's offset makes it negative.
int current_of(const PreadFile& file, std::uint64_t& value) noexcept {
    char buffer[32];
    const long got = file.read(buffer, sizeof buffer);
    if (got < 0) {
        return static_cast<int>(-got);
    }
    const std::string_view text(buffer, static_cast<std::size_t>(got));
    const bool negative = text.substr(0, 1) == "-";
    const auto number = parse_u64(negative ? text.substr(1) : text);
    value = negative ? 0 : number.value_or(0);
    return number ? 0 : EBADMSG;
}

/// The attribute, or the two attributes, that a sensor is read from.
class Channel {
public:
    Channel(const Chip& chip, std::string attribute, std::string current = "")
        : chip_(chip),
          attribute_(std::move(attribute)),
          current_attribute_(std::move(current)),
          value_(chip.path(attribute_)) {
        if (!current_attribute_.empty()) {
            current_ = PreadFile(chip.path(current_attribute_));
        }
    }

    /// A gauge that shows the mean over `window_ns`, worked out every `update_ns`.
    Channel& mean_of(std::int64_t window_ns, std::int64_t update_ns) {
        window_ns_ = window_ns;
        update_ns_ = update_ns;
        return *this;
    }

    /// A device that sleeps refuses reads with EPERM, and draws next to nothing.
    Channel& may_sleep() {
        sleeps_ = true;
        return *this;
    }

    [[nodiscard]] const Chip& chip() const noexcept { return chip_; }
    [[nodiscard]] const std::string& path() const noexcept { return value_.path(); }
    [[nodiscard]] std::int64_t window_ns() const noexcept { return window_ns_; }
    [[nodiscard]] std::int64_t update_ns() const noexcept { return update_ns_; }

    int open() noexcept {
        const int error = value_.open();
        return error != 0 || current_attribute_.empty() ? error : current_.open();
    }

    void read(Reading& reading) noexcept {
        const std::int64_t before = monotonic_clock().now_ns();
        reading.raw = 0;
        reading.error = value_of(value_, reading.raw);
        if (reading.error == 0 && !current_attribute_.empty()) {
            std::uint64_t ma = 0;
            reading.error = current_of(current_, ma);
            reading.raw *= ma;
        }
        if (reading.error == EPERM && sleeps_) {
            reading.error = 0;
        }
        // A mean belongs to the middle of its window, which ended at the last update: up to one
        // period ago.
        reading.before_ns = before - update_ns_ - window_ns_ / 2;
        reading.after_ns = monotonic_clock().now_ns() - window_ns_ / 2;
        const int error = reading.error;
        // EBADF: a reopen() that found nothing.
        const bool gone = error == ENODEV || error == ENOENT || error == ENXIO || error == EBADF;
        reading.status = error == 0 ? Status::ok : gone ? Status::lost : Status::retry;
    }

    /// Finds the chip again: a driver that was loaded again gets another number.
    bool reopen() noexcept {
        try {
            for (const Chip& chip : find_chips(chip_.root)) {
                const bool same =
                    chip_.device.empty() ? chip.entry == chip_.entry : chip.device == chip_.device;
                if (same && chip.name == chip_.name) {
                    value_ = PreadFile(chip.path(attribute_));
                    if (!current_attribute_.empty()) {
                        current_ = PreadFile(chip.path(current_attribute_));
                    }
                    return open() == 0;
                }
            }
        } catch (const std::exception&) {
            // Out of memory: the next attempt may find some.
        }
        value_.close();
        return false;
    }

private:
    Chip chip_;
    std::string attribute_;
    std::string current_attribute_;
    PreadFile value_;
    PreadFile current_;
    std::int64_t window_ns_ = 0;
    std::int64_t update_ns_ = 0;
    bool sleeps_ = false;
};

/// Channels that are read together.
class Group final : public Source {
public:
    explicit Group(bool slow) : slow_(slow) {}

    void add(SensorInfo info, Channel channel) {
        sensors_.push_back(std::move(info));
        channels_.push_back(std::move(channel));
    }

    const std::vector<SensorInfo>& sensors() const noexcept override { return sensors_; }
    bool slow() const noexcept override { return slow_; }

    void read(Reading* readings) noexcept override {
        for (Channel& channel : channels_) {
            channel.read(*readings++);
        }
    }

    bool reopen() noexcept override {
        bool all = true;
        for (Channel& channel : channels_) {
            all = channel.reopen() && all;
        }
        return all;
    }

private:
    std::vector<SensorInfo> sensors_;
    std::vector<Channel> channels_;
    bool slow_;
};

SensorInfo blank(std::string id, std::string kind, std::string method) {
    SensorInfo info;
    info.id = std::move(id);
    info.kind = std::move(kind);
    info.source = "hwmon";
    info.method = std::move(method);
    info.gain_rel = kGain;
    return info;
}

std::string milliseconds(std::int64_t ns) {
    return std::to_string(ns / kMillisecond) + " ms";
}

/// What all power readings have in common.
SensorInfo gauge(std::string id, std::string kind, const std::string& what,
                 const Channel& channel) {
    std::string how = what;
    if (channel.window_ns() > 0) {
        how += ", mean of " + milliseconds(channel.window_ns());
    }
    SensorInfo info =
        blank(std::move(id), std::move(kind), how + " (" + channel.path() + "), trapezoid rule");
    const std::int64_t update = std::max(channel.update_ns(), kShortestUpdate);
    info.shape = Shape::gauge;
    info.unit = info.quantum = 1e-9;  // the trapezoid counts nanojoules
    info.period_hint_ns = update;
    info.window_ns = channel.window_ns();
    info.open_interval_ns = update / 2;
    info.event_interval_ns = update / 4;
    return info;
}

void refuse(Discovery& found, SensorInfo info, std::string reason) {
    info.counted = false;
    info.readable = false;
    info.reason = std::move(reason);
    found.refused.push_back(std::move(info));
}

/// Tries a sensor out, and adds it to its group or to the refused.
void admit(Discovery& found, Group& group, SensorInfo info, Channel channel) {
    int error = channel.open();
    if (error == 0) {
        Reading reading;
        channel.read(reading);
        // These pass: a bus that was busy, a chip that had not measured yet.
        const bool passing = reading.error == EIO || reading.error == EAGAIN ||
                             reading.error == EBUSY || reading.error == ETIMEDOUT;
        error = passing ? 0 : reading.error;
    }
    if (error != 0) {
        refuse(found, std::move(info), channel.path() + ": " + std::strerror(error));
        return;
    }
    group.add(std::move(info), std::move(channel));
}

void keep(Discovery& found, std::unique_ptr<Group> group) {
    if (!group->sensors().empty()) {
        found.sources.push_back(std::move(group));
    }
}

std::unique_ptr<Group> own_thread() {
    return std::make_unique<Group>(true);
}

std::string attribute(std::string_view what, int channel, std::string_view kind) {
    return std::string(what) + std::to_string(channel) + std::string(kind);
}

/// The label of a channel in the form that an id may have; its attribute where it has none.
std::string label_of(const Chip& chip, std::string_view what, int channel) {
    std::string label = chip.text(attribute(what, channel, "_label"));
    if (label.empty()) {
        label = attribute(what, channel, "");
    }
    std::replace(label.begin(), label.end(), ' ', '_');
    return label;
}

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
            refuse(found, describe("." + label, channel), "part of " + id + ": not read");
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

/// "Esocket1" of amd_energy: its number.
std::optional<int> number_behind(std::string_view text, std::string_view word) {
    return channel_of(text, word, "");
}

/// amd_energy: the registers that RAPL has too, folded into 64 bits by a thread of the driver, so
/// that no wrap is ever seen. Out of the kernel since 2021, and still built by many.
void add_amd_energy(Discovery& found, const Chip& chip) {
    std::size_t cores = 0;
    for (const int channel : channels_of(chip, "energy", "_input")) {
        const std::string label = label_of(chip, "energy", channel);
        const auto socket = number_behind(label, "Esocket");
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
        refuse(found, blank(chip.entry + ".cores", "cpu", "RAPL energy counters of amd_energy"),
               std::to_string(cores) + " counters of single cores, which are part of the packages");
    }
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

/// "0000:03:00.0" out of the path of a device.
std::string address_of(const Chip& chip) {
    return chip.device.substr(chip.device.rfind('/') + 1);
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
            refuse(found, blank(meter.id(), "other", "power by ACPI"), why);
        };
        if (chip.number("power1_is_battery").value_or(0) != 0) {
            no("this is a battery: the source battery knows of those");
        } else if (meter.mean_ns > kLongestMean) {
            no("a mean over " + milliseconds(meter.mean_ns) + " says nothing of a shorter window");
        } else if (part) {
            const std::size_t word = meter.label.find("Socket ");
            const std::string number =
                word == std::string::npos ? "0" : meter.label.substr(word + 7);
            const int socket = number_behind(number, "").value_or(0);
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
                refuse(found,
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
