#pragma once

// Reading the attributes of a chip, and saying what a sensor made of them is.

#include <cstdint>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "hwmon_chip.h"
#include "microjoule/discovery.h"
#include "microjoule/files.h"
#include "microjoule/source.h"

namespace microjoule::hwmon {

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

    int open() noexcept;
    void read(Reading& reading) noexcept;
    /// Finds the chip again: a driver that was loaded again gets another number.
    bool reopen() noexcept;

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

/// A sensor of hwmon of which nothing is known yet.
SensorInfo blank(std::string id, std::string kind, std::string method);

std::string milliseconds(std::int64_t ns);

/// What all power readings have in common.
SensorInfo gauge(std::string id, std::string kind, const std::string& what, const Channel& channel);

/// Tries a sensor out, and adds it to its group or to the refused.
void admit(Discovery& found, Group& group, SensorInfo info, Channel channel);

void keep(Discovery& found, std::unique_ptr<Group> group);

std::unique_ptr<Group> own_thread();

}  // namespace microjoule::hwmon
