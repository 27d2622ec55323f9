#include "amdsmi_gpu.h"

#include <time.h>

#include <charconv>
#include <cmath>
#include <string_view>
#include <utility>

namespace microjoule::amdsmi {
namespace {

// A GPU always draws something, which is thousands of steps a millisecond: an accumulator that does
// not move for that long is stuck (on MI100 until a reboot, with ROCm 6.0 always).
constexpr std::int64_t kStuck = 250 * kMillisecond;
constexpr double kFirmwareUnit = 0x1p-16;

int read_energy(const Api& api, Processor gpu, Energy& energy) noexcept {
    std::uint64_t stamp_ns = 0;  // of the driver's copy, not of the firmware's update: no use
    return api.energy(gpu, &energy.steps, &energy.microjoules, &stamp_ns);
}

int read_power(const Api& api, Processor gpu, Power& power) noexcept {
    PowerInfo info = blank_power();
    const int result = api.power(gpu, &info);
    power = result == kSuccess ? decode(info) : Power{};
    return result;
}

class Gpu final : public DriverGpu {
public:
    Gpu(std::shared_ptr<DriverSession> session, SensorInfo info, const Api& api, Address address,
        Processor handle, const Trial& trial)
        : DriverGpu(std::move(session), std::move(info)),
          api_(api),
          address_(address),
          handle_(handle),
          way_(trial.way),
          first_(trial.energy.steps),
          last_(trial.energy.steps) {}

private:
    // The library finds whatever it found when it was started, be it there or not: only a value
    // shows that the card is back.
    int find() noexcept override {
        Processor handle = nullptr;
        const int result = api_.by_address(address_, &handle);
        if (result != kSuccess) {
            return result;
        }
        handle_ = handle;
        Energy energy;
        Power power;
        return way_ == Way::energy ? read_energy(api_, handle_, energy)
                                   : read_power(api_, handle_, power);
    }

    Verdict judge(int result) const noexcept override {
        switch (result) {
            case kNotInitialized:
                return Verdict::stopped;
            case kInvalid:       // a handle from before the library was started again
            case kNotSupported:  // the file in sysfs has gone
            case kNoPermission:
            case kFileError:
            case kNotFound:
            case kDriverNotLoaded:
                return Verdict::lost;
            default:
                return Verdict::passing;
        }
    }

    int take(Reading& reading) noexcept override {
        return way_ == Way::energy ? take_energy(reading) : take_power(reading);
    }

    int take_energy(Reading& reading) noexcept {
        Energy energy;
        const int result = bracket(reading, 10 * kUpdate,
                                   [&]() noexcept { return read_energy(api_, handle_, energy); });
        if (result != kSuccess) {
            return result;
        }
        if (!energy.told()) {
            return kIncredible;
        }
        if (energy.steps != last_ || changed_ns_ == 0) {
            last_ = energy.steps;
            changed_ns_ = reading.after_ns;
        } else if (reading.before_ns - changed_ns_ > kStuck) {
            return kIncredible;
        }
        // Counted from the first value on, all 64 bits may be used up without anybody noticing.
        reading.raw = energy.steps - first_;
        return kSuccess;
    }

    // The power is the mean over a window that ended at the firmware's last update, up to one
    // period ago: it belongs to the middle of that window.
    int take_power(Reading& reading) noexcept {
        const std::int64_t before = monotonic_clock().now_ns();
        Power power;
        const int result = read_power(api_, handle_, power);
        const std::int64_t after = monotonic_clock().now_ns();
        const std::uint32_t watts = way_ == Way::current ? power.current_w : power.average_w;
        if (result == kSuccess && watts == 0) {
            return kIncredible;
        }
        const SensorInfo& info = sensors().front();
        reading.raw = std::uint64_t{watts} * 1'000'000;
        reading.before_ns = before - info.period_hint_ns - info.window_ns / 2;
        reading.after_ns = after - info.window_ns / 2;
        return result;
    }

    Api api_;
    Address address_;
    Processor handle_;
    Way way_;
    std::uint64_t first_;
    std::uint64_t last_;
    std::int64_t changed_ns_ = 0;  ///< when the last value was seen first
};

/// The number behind "MI" in "AMD Instinct MI300X"; 0 for the cards of other lines.
unsigned model_of(std::string_view name) noexcept {
    for (std::size_t at = name.find("MI"); at != std::string_view::npos;
         at = name.find("MI", at + 1)) {
        unsigned number = 0;
        if (std::from_chars(name.data() + at + 2, name.data() + name.size(), number).ec ==
            std::errc()) {
            return number;
        }
    }
    return 0;
}

void sleep_ns(std::int64_t ns) {
    timespec pause{0, static_cast<long>(ns)};
    nanosleep(&pause, nullptr);
}

/// Waits for the accumulator to move; false if it does not.
bool moves(const Api& api, Processor gpu, std::uint64_t steps) {
    const std::int64_t start = monotonic_clock().now_ns();
    do {
        Energy energy;
        if (read_energy(api, gpu, energy) != kSuccess || !energy.told()) {
            return false;
        }
        if (energy.steps != steps) {
            return true;
        }
        sleep_ns(kMillisecond);
    } while (monotonic_clock().now_ns() - start < kStuck);
    return false;
}

}  // namespace

double unit_j(float microjoules) noexcept {
    // From a nanojoule to a joule; anything else is garbage.
    if (!(microjoules >= 1e-3F && microjoules <= 1e6F)) {
        return 0;
    }
    const double told = 1e-6 * static_cast<double>(microjoules);
    return std::abs(told / kFirmwareUnit - 1) < 0.005 ? kFirmwareUnit : told;
}

bool counts_right(const std::string& name, std::uint64_t value) noexcept {
    return value > UINT32_MAX || model_of(name) >= 200;
}

Trial try_out(const Api& api, Processor gpu, const std::string& name) {
    Trial trial;
    const int result = read_energy(api, gpu, trial.energy);
    if (result != kSuccess) {
        trial.reason = "no energy counter (" + api.told(result) + ")";
    } else if (!trial.energy.told()) {
        trial.reason = "no energy counter";
    } else if (!counts_right(name, trial.energy.steps)) {
        trial.reason = "an energy counter of 32 bits, in a unit that nobody tells";
    } else if (!moves(api, gpu, trial.energy.steps)) {
        trial.reason = "an energy counter that stands still";
    } else {
        trial.way = Way::energy;
        return trial;
    }
    Power power;
    if (read_power(api, gpu, power) == kSuccess) {
        trial.way = power.current_w > 0   ? Way::current
                    : power.average_w > 0 ? Way::average
                                          : Way::none;
    }
    return trial;
}

std::unique_ptr<Source> make_gpu(std::shared_ptr<DriverSession> session, SensorInfo info,
                                 const Api& api, Address address, Processor handle,
                                 const Trial& trial) {
    return std::make_unique<Gpu>(std::move(session), std::move(info), api, address, handle, trial);
}

}  // namespace microjoule::amdsmi
