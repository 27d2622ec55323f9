#pragma once

// Reading one GPU through AMD SMI.

#include <cstdint>
#include <memory>
#include <string>

#include "driver.h"
#include "microjoule/amdsmi.h"
#include "microjoule/clock.h"

namespace microjoule::amdsmi {

// How often the accumulator changes is not documented. The driver keeps a copy of the firmware's
// table for 1 ms (smu_cmn.c); the search begins in the middle between that and 100 ms.
inline constexpr std::int64_t kUpdate = 10 * kMillisecond;

/// How a joule of one GPU comes about.
enum class Way : std::uint8_t { none, energy, current, average };

struct Energy {
    std::uint64_t steps = 0;
    float microjoules = 0;  ///< of one step

    /// Zero, and all ones, are what the library says where it does not know.
    [[nodiscard]] bool told() const noexcept {
        return steps != 0 && steps != UINT64_MAX && unit_j(microjoules) > 0;
    }
};

/// The best way that works, tried out, and what keeps the accumulator from being it.
struct Trial {
    Way way = Way::none;
    Energy energy;
    std::string reason;
};

Trial try_out(const Api& api, Processor gpu, const std::string& name);

/// The GPU at this address, read in the way that was tried out.
std::unique_ptr<Source> make_gpu(std::shared_ptr<DriverSession> session, SensorInfo info,
                                 const Api& api, Address address, Processor handle,
                                 const Trial& trial);

}  // namespace microjoule::amdsmi
