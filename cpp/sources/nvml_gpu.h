#pragma once

// Reading one GPU through NVML.

#include <cstdint>
#include <memory>
#include <string>

#include "driver.h"
#include "microjoule/clock.h"
#include "microjoule/nvml.h"

namespace microjoule::nvml {

// How often the energy counter is updated: 20 ms up to Volta, 100 ms since then (ML.ENERGY, "ML
// energy measurement"; Yang et al. for the sensors behind it). Only where the search begins.
inline constexpr std::int64_t kVoltaUpdate = 20 * kMillisecond;
inline constexpr std::int64_t kUpdate = 100 * kMillisecond;

/// How a joule of one GPU comes about.
enum class Way : std::uint8_t { none, energy, instant, average, usage };

/// The best way that works, tried out.
Way best_way(const Api& api, Device device);

/// The GPU of this UUID, read in one way.
std::unique_ptr<Source> make_gpu(std::shared_ptr<DriverSession> session, SensorInfo info,
                                 const Api& api, std::string uuid, Device device, Way way,
                                 Gauge gauge);

}  // namespace microjoule::nvml
