#pragma once

// The parsers of outside text that only one source uses each: not part of the interface, shown here
// so that the tests and the fuzz harnesses reach them without files around.

#include <cstdint>
#include <optional>
#include <string_view>

#include "microjoule/topology.h"

namespace microjoule::parse {

/// The place in a powercap zone's name: "package-1" or "package-1-die-2". powercap.cpp
std::optional<Place> zone_place(std::string_view name) noexcept;

/// Where a powercap counter of this highest value starts again at 0; 0 for a range that no counter
/// has. powercap.cpp
std::uint64_t powercap_modulus(std::uint64_t range) noexcept;

/// What belongs into perf_event_attr.config: the number in "event=0x02", at the bits that
/// "config:0-7" gives it. Nothing where it does not fit there. perf.cpp
std::optional<std::uint64_t> event_config(std::string_view format, std::string_view event) noexcept;

/// Joules of one count: a decimal fraction, whatever the program's locale; 0 for anything that is
/// no positive number. perf.cpp
double event_scale_j(std::string_view text);

/// Joules of one step by a processor's unit register. msr.cpp
double msr_unit_j(const Processor& processor, std::uint64_t word) noexcept;

/// Busy and total CPU time of the machine, in the kernel's ticks.
struct CpuTimes {
    std::uint64_t busy = 0;
    std::uint64_t total = 0;
};

/// From the first line of /proc/stat; busy is never more than total. model.cpp
std::optional<CpuTimes> cpu_times(std::string_view text) noexcept;

}  // namespace microjoule::parse
