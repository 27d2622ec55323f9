#include "microjoule/powercap.h"

#include <algorithm>
#include <cerrno>
#include <charconv>
#include <cmath>
#include <cstring>
#include <map>
#include <optional>
#include <string_view>

#include "microjoule/clock.h"
#include "microjoule/files.h"
#include "microjoule/rapl.h"
#include "microjoule/topology.h"
#include "parse.h"

namespace microjoule {
namespace {

// The kernel counts the 2^-16 J of the DRAM of some servers as 15.3 uJ, 0.27 % too high
// (dram_domain_energy_unit in drivers/powercap/intel_rapl_common.c); the range tells: it is
// 15.3 uJ x (2^32 - 1).
constexpr std::uint64_t kRoundedRange = 65'712'999'613;
constexpr double kRounded = 0x1p-16 / 15.3e-6;
// The range is the highest value of a register of 32 bits, that many units.
constexpr double kSteps = 4294967295.0;

/// One zone directory with what its files say.
struct Zone {
    std::string directory;  // full path
    std::string entry;      // "intel-rapl:0:2"
    std::string control;    // "intel-rapl"
    std::string name;       // "package-0", "dram", "psys"
    std::string parent;     // name of the zone above, empty at the top
};

/// Takes a number that is not negative off the front of a text.
bool take(std::string_view& text, int& value) noexcept {
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
    text.remove_prefix(static_cast<std::size_t>(end - text.data()));
    return error == std::errc() && value >= 0;
}

bool skip(std::string_view& text, std::string_view word) noexcept {
    const bool there = text.substr(0, word.size()) == word;
    text.remove_prefix(there ? word.size() : 0);
    return there;
}

std::vector<Zone> find_zones(const std::string& root) {
    std::vector<Zone> zones;
    std::map<std::string, std::string> names;
    for (const std::string& entry : entries_of(root)) {
        const std::size_t colon = entry.find(':');
        if (colon == std::string::npos) {
            continue;  // a control type, not a zone
        }
        Zone zone{root + "/" + entry, entry, entry.substr(0, colon), "", ""};
        if (const auto name = read_line(zone.directory + "/name")) {
            zone.name = *name;
            names[entry] = *name;
            zones.push_back(zone);
        }
    }
    for (Zone& zone : zones) {
        const std::size_t last = zone.entry.rfind(':');
        const auto parent = names.find(zone.entry.substr(0, last));
        if (parent != names.end()) {
            zone.parent = parent->second;
        }
    }
    return zones;
}

/// One `energy_uj` file.
class PowercapZone final : public Source {
public:
    PowercapZone(SensorInfo info, PreadFile file) : file_(std::move(file)) {
        sensors_.push_back(std::move(info));
    }

    const std::vector<SensorInfo>& sensors() const noexcept override { return sensors_; }

    void read(Reading* readings) noexcept override {
        Reading& reading = readings[0];
        char buffer[32];
        const long got = file_.read(buffer, sizeof buffer);
        if (got < 0) {
            reading.error = static_cast<int>(-got);
            // EBADF: a reopen() that found nothing.
            const bool gone = got == -ENODEV || got == -ENOENT || got == -ENXIO || got == -EBADF;
            reading.status = gone ? Status::lost : Status::retry;
            return;
        }
        const auto value = parse_u64({buffer, static_cast<std::size_t>(got)});
        reading.status = value ? Status::ok : Status::retry;
        reading.error = value ? 0 : EBADMSG;
        reading.raw = value.value_or(0);
    }

    bool reopen() noexcept override { return file_.open() == 0; }

private:
    std::vector<SensorInfo> sensors_;
    PreadFile file_;
};

/// The highest limit that the zone's constraints name, in watts; 0 if they name none.
double constraint_w(const Zone& zone) {
    double highest = 0;
    for (int i = 0; i < 4; ++i) {
        for (const char* what : {"_power_limit_uw", "_max_power_uw"}) {
            const auto uw = read_u64(zone.directory + "/constraint_" + std::to_string(i) + what);
            highest = std::max(highest, static_cast<double>(uw.value_or(0)) * 1e-6);
        }
    }
    return highest;
}

/// What a zone is, by its name and by that of the zone above.
SensorInfo describe(const Zone& zone, const Processor& processor) {
    SensorInfo info;
    if (const auto package = parse::zone_place(zone.name)) {
        info = describe_rapl(rapl_place(processor, *package), "package");
    } else if (zone.name == "psys" || zone.name == "platform") {
        info = describe_rapl({}, "psys");
    } else if (const auto place = parse::zone_place(zone.parent)) {
        info = describe_rapl(rapl_place(processor, *place), zone.name);
    } else {
        info.id = "powercap." + zone.name;
        info.kind = "other";
        info.reason = "a zone of unknown name: shown, not added";
    }
    info.source = "powercap";
    info.method = "RAPL energy counter through " + zone.entry;
    return info;
}

/// Fills in unit, range and the highest power.
void scale(const Zone& zone, SensorInfo& info) {
    const auto range = read_u64(zone.directory + "/max_energy_range_uj");
    const std::uint64_t modulus = range ? parse::powercap_modulus(*range) : 0;
    if (modulus > 0) {
        const double unit_uj = static_cast<double>(*range) / kSteps;
        info.modulus = modulus;
        if (info.kind == "dram" && *range == kRoundedRange) {
            info.unit *= kRounded;
            info.method += ", whose steps are 15.259 uJ and not the 15.3 uJ that the kernel takes";
        }
        info.quantum = std::max(info.unit, unit_uj * info.unit);
    }
    info.max_power_w = std::max(info.max_power_w, constraint_w(zone));
}

std::string why_unreadable(int error, const std::string& path) {
    std::string why = path + ": " + std::strerror(error);
    if (error == EACCES || error == EPERM) {
        why += "; readable by root only since Linux 5.10";
    }
    return why;
}

}  // namespace

namespace parse {

std::optional<Place> zone_place(std::string_view name) noexcept {
    Place place;
    if (!skip(name, "package-") || !take(name, place.socket)) {
        return std::nullopt;
    }
    if (!name.empty() && !(skip(name, "-die-") && take(name, place.die))) {
        return std::nullopt;
    }
    return name.empty() ? std::optional(place) : std::nullopt;
}

std::uint64_t powercap_modulus(std::uint64_t range) noexcept {
    // 2^32 steps of 1 J, the coarsest that is known, are 2^52 uJ.
    if (range == 0 || range >> 53 != 0) {
        return 0;
    }
    // It wraps one unit later.
    return range + static_cast<std::uint64_t>(std::llround(static_cast<double>(range) / kSteps));
}

}  // namespace parse

Discovery discover_powercap(const std::string& sysfs) {
    Discovery found;
    const Processor processor = processor_of_sysfs(sysfs);
    std::vector<Zone> zones = find_zones(sysfs + "/class/powercap");
    // The memory-mapped twin of a zone shows the same energy again: whoever comes first counts.
    std::stable_sort(zones.begin(), zones.end(), [](const Zone& a, const Zone& b) {
        return (a.control == "intel-rapl-mmio") < (b.control == "intel-rapl-mmio");
    });
    std::vector<std::string> taken;
    for (const Zone& zone : zones) {
        SensorInfo info = describe(zone, processor);
        scale(zone, info);
        if (processor.is_amd() && info.kind == "cpu" && !info.counted) {
            // rapl_msr_priv_amd in drivers/powercap/intel_rapl_msr.c: MSR_AMD_CORE_ENERGY_STATUS.
            found.refuse(std::move(info),
                         "on AMD this zone shows a single core, which is part of the package");
            continue;
        }
        const bool twin = std::find(taken.begin(), taken.end(), info.id) != taken.end();
        PreadFile file(zone.directory + "/energy_uj");
        char probe[32];
        int error = twin ? EEXIST : file.open();
        if (error == 0) {
            // Some kernels let the file be opened and refuse the read.
            const long got = file.read(probe, sizeof probe);
            error = got == -EACCES || got == -EPERM ? static_cast<int>(-got) : 0;
        }
        if (error != 0) {
            std::string why =
                twin ? zone.entry + " shows the energy of " + info.id + " a second time"
                     : why_unreadable(error, file.path());
            found.refuse(std::move(info), std::move(why));
            continue;
        }
        taken.push_back(info.id);
        found.sources.push_back(std::make_unique<PowercapZone>(std::move(info), std::move(file)));
    }
    return found;
}

}  // namespace microjoule
