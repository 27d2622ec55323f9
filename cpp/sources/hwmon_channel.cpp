#include "hwmon_channel.h"

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <exception>
#include <string_view>

#include "microjoule/clock.h"

namespace microjoule::hwmon {
namespace {

// No maker states how right these figures are, but for RAPL's; 5 % is what NVIDIA says of its
// boards' power (nvidia-smi manual) and what is taken for all.
constexpr double kGain = 0.05;
// Reading more often than that keeps an I2C bus or a firmware's mailbox busy.
constexpr std::int64_t kShortestUpdate = 20 * kMillisecond;

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

}  // namespace

int Channel::open() noexcept {
    const int error = value_.open();
    return error != 0 || current_attribute_.empty() ? error : current_.open();
}

void Channel::read(Reading& reading) noexcept {
    const std::int64_t before = monotonic_clock().now_ns();
    reading.raw = 0;
    reading.error = value_of(value_, reading.raw);
    if (reading.error == 0 && !current_attribute_.empty()) {
        std::uint64_t ma = 0;
        reading.error = current_of(current_, ma);
        if (reading.error == 0 && __builtin_mul_overflow(reading.raw, ma, &reading.raw)) {
            reading.error = EBADMSG;  // more than any rail carries: garbage
        }
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

bool Channel::reopen() noexcept {
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
        found.refuse(std::move(info), channel.path() + ": " + std::strerror(error));
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

}  // namespace microjoule::hwmon
