#pragma once

#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "microjoule/source.h"

namespace microjoule {

/// What a look at the machine found: sources that can be read, and sensors that cannot, with the
/// reason in SensorInfo::reason.
struct Discovery {
    Discovery() = default;
    Discovery(Discovery&&) = default;
    Discovery& operator=(Discovery&&) = default;

    /// A sensor that is shown, and not read.
    void refuse(SensorInfo sensor, std::string reason) {
        sensor.counted = false;
        sensor.readable = false;
        sensor.reason = std::move(reason);
        refused.push_back(std::move(sensor));
    }

    std::vector<std::unique_ptr<Source>> sources;
    std::vector<SensorInfo> refused;
};

}  // namespace microjoule
