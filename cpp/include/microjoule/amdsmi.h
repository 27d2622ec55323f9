#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "microjoule/amdsmi_api.h"
#include "microjoule/discovery.h"
#include "microjoule/dylib.h"

namespace microjoule {

/// Which of the GPUs count.
struct AmdsmiFilter {
    std::optional<std::string> rocr;  ///< ROCR_VISIBLE_DEVICES; nothing: all of them
    std::string hip;       ///< HIP_VISIBLE_DEVICES, else CUDA_VISIBLE_DEVICES; empty: all
    std::string hip_name;  ///< which of the two
    /// Addresses of the GPUs that are part of a processor, like 0000:05:00.0.
    std::vector<std::string> integrated;

    static AmdsmiFilter from_environment();
};

/// AMD GPUs through the maker's library: a sensor `amdgpuN` each, N being amd-smi's index.
///
/// The energy accumulator where it is known to be right (MI200 and later), otherwise power,
/// integrated. A call may hang, so each GPU has a thread of its own. GPUs that an environment
/// variable hides, and those that are part of a processor, are read and shown, and do not count. A
/// library that is not there finds nothing, and refuses nothing: most machines have no such GPU.
Discovery discover_amdsmi(const std::string& library, const AmdsmiFilter& filter);

/// The same with functions that somebody has loaded already; `library` is kept as long as needed.
Discovery discover_amdsmi(const amdsmi::Api& api, Dylib library, const AmdsmiFilter& filter);

namespace amdsmi {

/// "0000:03:00.0", as the kernel writes it.
std::string text_of(Address address);

/// Joules of one step of the accumulator, whose unit the library tells in microjoules; 0 for what
/// is no unit. The firmware counts in 2^-16 J ("15.259uJ (2^-16) units", amdgpu's
/// smu_v13_0_6_ppt.c), which the library rounds to 15.3: 0.27 % too much.
double unit_j(float microjoules) noexcept;

/// Whether the accumulator of a card of this name, which shows this value, is one of 64 bits and of
/// a known unit: MI200 and later. Firmware of other cards has 32 bits, in a unit that nobody tells.
bool counts_right(const std::string& name, std::uint64_t value) noexcept;

/// What the environment's variables are judged by.
struct Visible {
    std::uint32_t hip_id;  ///< all ones: not told
    std::string hip_uuid;
};

struct Visibility {
    bool counted = true;
    std::string reason;
};

/// Which GPUs count, and what is to be said about it.
std::vector<Visibility> visible_gpus(const AmdsmiFilter& filter, const std::vector<Visible>& gpus);

}  // namespace amdsmi
}  // namespace microjoule
