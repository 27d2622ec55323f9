#include "microjoule/battery.h"

#include <algorithm>
#include <cerrno>
#include <cmath>
#include <cstring>
#include <string_view>
#include <utility>

#include "microjoule/clock.h"
#include "microjoule/files.h"

namespace microjoule {
namespace {

// No fuel gauge of a laptop states its error; this is what is taken for other meters that do not.
constexpr double kGain = 0.05;
// drivers/acpi/battery.c asks the firmware again after cache_time, 1000 ms.
constexpr std::int64_t kUpdate = kSecond;
constexpr std::int64_t kAsk = 250 * kMillisecond;
// Where only the charge is told, it changes after tens of seconds, by 10 mWh on most machines (the
// granularity of ACPI's _BIX).
constexpr std::int64_t kStepEvery = 10 * kSecond;
constexpr double kMicrowattHour = 3.6e-3;
constexpr double kUsualStep = 36;

/// What a battery tells; the best comes first.
enum class Way : std::uint8_t {
    power,    ///< power_now, in microwatts
    current,  ///< current_now x voltage_now, microamperes and microvolts
    energy,   ///< energy_now, in microwatt-hours
    charge,   ///< charge_now x voltage_now, microampere-hours and microvolts
    none,
};

bool is_gauge(Way way) noexcept {
    return way == Way::power || way == Way::current;
}

const char* file_of(Way way) noexcept {
    switch (way) {
        case Way::power:
            return "power_now";
        case Way::current:
            return "current_now";
        case Way::energy:
            return "energy_now";
        default:
            return "charge_now";
    }
}

/// A number without its sign: some drivers say that what flows out is negative. Or the errno.
int magnitude(const PreadFile& file, std::uint64_t& value) noexcept {
    char buffer[32];
    const long got = file.read(buffer, sizeof buffer);
    if (got < 0) {
        return static_cast<int>(-got);
    }
    std::string_view text(buffer, static_cast<std::size_t>(got));
    if (text.substr(0, 1) == "-") {
        text.remove_prefix(1);
    }
    const auto number = parse_u64(text);
    value = number.value_or(0);
    return number ? 0 : EBADMSG;
}

class Battery {
public:
    explicit Battery(const std::string& directory)
        : directory_(directory), status_(directory + "/status") {}

    /// Whether it tells something in this way.
    bool take(Way way) {
        way_ = way;
        value_ = PreadFile(directory_ + "/" + file_of(way));
        voltage_ = PreadFile(directory_ + "/voltage_now");
        std::uint64_t value = 0;
        return open() == 0 && ask(value) == 0;
    }

    [[nodiscard]] const std::string& directory() const noexcept { return directory_; }

    int open() noexcept {
        int error = status_.open();
        error = error == 0 ? value_.open() : error;
        return error == 0 && needs_voltage() ? voltage_.open() : error;
    }

    /// "Discharging", "Charging", "Full" ...: the first letter of those differs. '\0' if unknown.
    [[nodiscard]] char state() const noexcept {
        char buffer[32];
        return status_.read(buffer, sizeof buffer) > 0 ? buffer[0] : '\0';
    }

    /// Its power in microwatts.
    int ask(std::uint64_t& value) noexcept {
        const int error = magnitude(value_, value);
        return error == 0 ? times_voltage(value) : error;
    }

    /// Microwatt-hours given away since the last call.
    int used(std::uint64_t& value) noexcept {
        std::uint64_t now = 0;
        const int error = magnitude(value_, now);
        if (error != 0) {
            return error;
        }
        value = known_ && last_ > now ? last_ - now : 0;
        last_ = now;
        known_ = true;
        return times_voltage(value);
    }

    void forget() noexcept { known_ = false; }

private:
    [[nodiscard]] bool needs_voltage() const noexcept {
        return way_ == Way::current || way_ == Way::charge;
    }

    int times_voltage(std::uint64_t& value) const noexcept {
        std::uint64_t microvolts = 0;
        const int error = needs_voltage() ? magnitude(voltage_, microvolts) : 0;
        if (needs_voltage()) {
            // No battery is that strong; a file may say anything.
            constexpr double most = 1e18;
            const double volts = static_cast<double>(microvolts) * 1e-6;
            value = static_cast<std::uint64_t>(
                std::llround(std::min(static_cast<double>(value) * volts, most)));
        }
        return error;
    }

    std::string directory_;
    PreadFile status_;
    PreadFile value_;
    PreadFile voltage_;
    Way way_ = Way::none;
    std::uint64_t last_ = 0;
    bool known_ = false;
};

SensorInfo blank() {
    SensorInfo info;
    info.id = "battery0";
    info.kind = "psys";
    info.source = "battery";
    info.method = "what the battery gives away";
    info.gain_rel = kGain;
    return info;
}

/// All batteries that tell something in one way. A machine with two empties one after the other.
class Batteries final : public Source {
public:
    Batteries(SensorInfo info, std::vector<Battery> batteries, bool gauge)
        : batteries_(std::move(batteries)), gauge_(gauge) {
        sensors_.push_back(std::move(info));
    }

    const std::vector<SensorInfo>& sensors() const noexcept override { return sensors_; }

    /// The embedded controller answers when it has the time.
    bool slow() const noexcept override { return true; }

    void read(Reading* readings) noexcept override {
        Reading& reading = readings[0];
        const std::int64_t before = monotonic_clock().now_ns();
        bool charging = false;
        bool discharging = false;
        std::uint64_t sum = 0;
        reading.error = 0;
        for (Battery& battery : batteries_) {
            const char state = battery.state();
            charging = charging || state == 'C';
            discharging = discharging || state == 'D';
            std::uint64_t value = 0;
            if (state != 'D') {
                battery.forget();
                continue;
            }
            const int error = gauge_ ? battery.ask(value) : battery.used(value);
            reading.error = error != 0 ? error : reading.error;
            sum += value;
        }
        if (charging || !discharging) {
            // The mains feed the machine: until they are gone there is no telling what it draws.
            reading.error = ENODATA;
        }
        reading.status = reading.error == 0         ? Status::ok
                         : reading.error == ENODATA ? Status::lost
                                                    : Status::retry;
        used_ += gauge_ ? 0 : sum;
        reading.raw = gauge_ ? sum : used_;
        // The firmware worked the power out up to one update ago.
        reading.before_ns = gauge_ ? before - kUpdate : before;
        reading.after_ns = monotonic_clock().now_ns();
    }

    bool reopen() noexcept override {
        bool any = false;
        for (Battery& battery : batteries_) {
            any = battery.open() == 0 || any;
        }
        return any;
    }

private:
    std::vector<SensorInfo> sensors_;
    std::vector<Battery> batteries_;
    std::uint64_t used_ = 0;
    bool gauge_;
};

/// The batteries that feed the machine: those of mice and headsets have the scope "Device".
std::vector<std::string> find_batteries(const std::string& root) {
    std::vector<std::string> found;
    for (const std::string& entry : entries_of(root)) {
        const std::string directory = root + "/" + entry;
        if (read_line(directory + "/type").value_or("") == "Battery" &&
            read_line(directory + "/scope").value_or("") != "Device") {
            found.push_back(directory);
        }
    }
    return found;
}

SensorInfo describe(Way way, const std::vector<Battery>& batteries) {
    SensorInfo info = blank();
    std::string where;
    for (const Battery& battery : batteries) {
        where += (where.empty() ? "" : ", ") + battery.directory();
    }
    const std::string volts = way == Way::current || way == Way::charge ? " x voltage_now" : "";
    info.method += ": " + std::string(file_of(way)) + volts + " of " + where;
    info.reason =
        "the whole machine, its screen included, added only where it stands alone; told "
        "about once a second at best, so it is coarse below 10 s";
    if (is_gauge(way)) {
        info.method += ", trapezoid rule";
        info.shape = Shape::gauge;
        info.unit = info.quantum = 1e-9;  // the trapezoid counts nanojoules
        info.period_hint_ns = kUpdate;
        info.window_ns = kUpdate;
        info.open_interval_ns = info.event_interval_ns = kAsk;
    } else {
        info.unit = kMicrowattHour;
        info.quantum = kUsualStep;
        info.period_hint_ns = kStepEvery;
    }
    return info;
}

Discovery refused(const std::string& reason) {
    Discovery found;
    found.refuse(blank(), reason);
    return found;
}

}  // namespace

Discovery discover_battery(const std::string& sysfs) {
    const std::vector<std::string> directories = find_batteries(sysfs + "/class/power_supply");
    if (directories.empty()) {
        return {};
    }
    bool discharging = false;
    std::string resting;
    for (const std::string& directory : directories) {
        const std::string status = read_line(directory + "/status").value_or("unknown");
        if (status == "Charging") {
            return refused(directory + " charges: what it takes in is not what this machine draws");
        }
        discharging = discharging || status == "Discharging";
        resting = directory + " is " + status;
    }
    if (!discharging) {
        return refused(resting + ": only a battery that discharges tells what this machine draws");
    }
    for (const Way way : {Way::power, Way::current, Way::energy, Way::charge}) {
        std::vector<Battery> batteries;
        for (const std::string& directory : directories) {
            Battery battery(directory);
            if (battery.take(way)) {
                batteries.push_back(std::move(battery));
            }
        }
        if (!batteries.empty()) {
            Discovery found;
            SensorInfo info = describe(way, batteries);
            found.sources.push_back(
                std::make_unique<Batteries>(std::move(info), std::move(batteries), is_gauge(way)));
            return found;
        }
    }
    return refused(directories.front() + " tells neither its power nor its charge");
}

}  // namespace microjoule
