#include "nvml_gpu.h"

#include <time.h>

#include <utility>

namespace microjoule::nvml {
namespace {

// A timestamp that is older than the call by more than this tells when the sensor was updated; a
// younger one may only tell when somebody asked.
constexpr std::int64_t kOlderThanCall = kMillisecond;
// In microseconds; a later one is garbage, and has no nanoseconds in an int64.
constexpr std::int64_t kLastStamp = INT64_MAX / 1000;

std::int64_t wall_minus_monotonic() noexcept {
    timespec wall{};
    clock_gettime(CLOCK_REALTIME, &wall);
    return wall.tv_sec * kSecond + wall.tv_nsec - monotonic_clock().now_ns();
}

/// One field value in milliwatts; the result of the call.
int read_field(const Api& api, Device device, unsigned field, unsigned& mw,
               std::int64_t& stamp_us) noexcept {
    FieldValue value{};
    value.field = field;
    const int result = api.field_values(device, 1, &value);
    mw = value.value.as_unsigned;
    stamp_us = value.timestamp_us;
    return result != kSuccess ? result : value.result;
}

class Gpu final : public DriverGpu {
public:
    Gpu(std::shared_ptr<DriverSession> session, SensorInfo info, const Api& api, std::string uuid,
        Device device, Way way, Gauge gauge)
        : DriverGpu(std::move(session), std::move(info)),
          api_(api),
          uuid_(std::move(uuid)),
          device_(device),
          way_(way),
          gauge_(gauge) {}

private:
    int find() noexcept override {
        Device device = nullptr;
        const int result = api_.by_uuid(uuid_.c_str(), &device);
        if (result == kSuccess) {
            device_ = device;
        }
        return result;
    }

    Verdict judge(int result) const noexcept override {
        switch (result) {
            case kUninitialized:
                return Verdict::stopped;
            case kInvalidArgument:  // a handle from before the driver was loaded again
            case kNoPermission:
            case kNotFound:
            case kDriverNotLoaded:
            case kGpuIsLost:
            case kResetRequired:
            case kLibraryMismatch:
            case kGpuNotFound:
                return Verdict::lost;
            default:
                return Verdict::passing;
        }
    }

    int take(Reading& reading) noexcept override {
        return way_ == Way::energy ? read_energy(reading) : read_power(reading);
    }

    int read_energy(Reading& reading) noexcept {
        unsigned long long mj = 0;
        const int result =
            bracket(reading, kUpdate, [&]() noexcept { return api_.total_energy(device_, &mj); });
        reading.raw = mj;
        return result;
    }

    int read_power(Reading& reading) noexcept {
        const std::int64_t before = monotonic_clock().now_ns();
        unsigned mw = 0;
        std::int64_t stamp_us = 0;
        const int result =
            way_ == Way::usage
                ? api_.power_usage(device_, &mw)
                : read_field(api_, device_, way_ == Way::instant ? kPowerInstant : kPowerAverage,
                             mw, stamp_us);
        const std::int64_t after = monotonic_clock().now_ns();
        // No GPU draws nothing: some drivers say 0 where they do not know.
        if (result == kSuccess && mw == 0) {
            return kIncredible;
        }
        reading.raw = std::uint64_t{mw} * 1000;
        place(reading, before, after, stamp_us);
        return result;
    }

    // A power reading is the mean over a window that ended at the sensor's last update, so it
    // belongs to the middle of that window. Some drivers tell when the update was, others only when
    // they were asked; then it was up to one period ago.
    void place(Reading& reading, std::int64_t before, std::int64_t after,
               std::int64_t stamp_us) noexcept {
        std::int64_t first = before - gauge_.period_ns;
        std::int64_t last = after;
        if (stamp_us > 0 && stamp_us <= kLastStamp) {
            const std::int64_t stamp = stamp_us * 1000 - wall_minus_monotonic();
            const bool credible = stamp > before - 4 * gauge_.period_ns && stamp <= after;
            told_ = told_ || (credible && stamp < before - kOlderThanCall);
            if (credible && told_) {
                first = last = stamp;
            }
        }
        reading.before_ns = first - gauge_.window_ns / 2;
        reading.after_ns = last - gauge_.window_ns / 2;
    }

    Api api_;
    std::string uuid_;
    Device device_;
    Way way_;
    Gauge gauge_;
    bool told_ = false;  ///< timestamps are those of updates
};

}  // namespace

// A value of 0 is none: the driver says so where it does not know.
Way best_way(const Api& api, Device device) {
    unsigned long long mj = 0;
    if (api.total_energy != nullptr && api.total_energy(device, &mj) == kSuccess && mj > 0) {
        return Way::energy;
    }
    unsigned mw = 0;
    std::int64_t stamp_us = 0;
    if (api.field_values != nullptr) {
        if (read_field(api, device, kPowerInstant, mw, stamp_us) == kSuccess && mw > 0) {
            return Way::instant;
        }
        if (read_field(api, device, kPowerAverage, mw, stamp_us) == kSuccess && mw > 0) {
            return Way::average;
        }
    }
    return api.power_usage(device, &mw) == kSuccess && mw > 0 ? Way::usage : Way::none;
}

std::unique_ptr<Source> make_gpu(std::shared_ptr<DriverSession> session, SensorInfo info,
                                 const Api& api, std::string uuid, Device device, Way way,
                                 Gauge gauge) {
    return std::make_unique<Gpu>(std::move(session), std::move(info), api, std::move(uuid), device,
                                 way, gauge);
}

}  // namespace microjoule::nvml
