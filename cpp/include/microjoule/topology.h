#pragma once

#include <bitset>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace microjoule {

/// More logical CPUs than any Linux is built for (CONFIG_NR_CPUS ends at 8192).
inline constexpr std::size_t kMaxCpus = 8192;
using CpuSet = std::bitset<kMaxCpus>;

/// The kernel's list of CPUs, "0-3,8"; nothing for anything else. An empty list is one too.
std::optional<CpuSet> parse_cpu_list(std::string_view text) noexcept;

/// The list in a file, such as `.../cpu/online` or a PMU's `cpumask`. Does not allocate.
std::optional<CpuSet> read_cpu_list(const char* path) noexcept;

/// Where a package or die stands: "cpu1" or, for a further die of it, "cpu1.die2".
struct Place {
    int socket = 0;
    int die = 0;

    [[nodiscard]] std::string prefix() const {
        std::string id = "cpu" + std::to_string(socket);
        return die == 0 ? id : id + ".die" + std::to_string(die);
    }
    friend bool operator==(const Place& a, const Place& b) noexcept {
        return a.socket == b.socket && a.die == b.die;
    }
};

/// The package and die of a CPU, from `<sysfs>/devices/system/cpu/cpuN/topology`; nothing for a
/// CPU that is offline or unknown. Does not allocate.
std::optional<Place> place_of_cpu(const char* sysfs, std::size_t cpu) noexcept;

enum class Vendor : std::uint8_t { unknown, intel, amd, hygon };

/// Which processor this is, as CPUID says it.
struct Processor {
    Vendor vendor = Vendor::unknown;
    unsigned family = 0;
    unsigned model = 0;

    [[nodiscard]] bool is_amd() const noexcept {
        return vendor == Vendor::amd || vendor == Vendor::hygon;
    }
};

/// From the text of /proc/cpuinfo; of its first processor.
Processor parse_cpuinfo(std::string_view text) noexcept;

/// From the text of sysfs's cpu modalias, "cpu:type:x86,ven0002fam0019mod0001:feature:...".
Processor parse_modalias(std::string_view text) noexcept;

/// What procfs, or sysfs, says of the processor; unknown where it does not.
Processor processor_of_procfs(const std::string& procfs) noexcept;
Processor processor_of_sysfs(const std::string& sysfs) noexcept;

}  // namespace microjoule
