#pragma once

#include <cstddef>
#include <cstdint>
#include <string>

#include "microjoule/dylib.h"

namespace microjoule::amdsmi {

// What we call of AMD's management library, with prototypes of our own: no vendor header, and
// nothing to link to. Names, numbers and layouts: amd-smi's include/amd_smi/amdsmi.h, of which only
// that is used here which is the same from ROCm 5.7 (library 23) to 7.2 (library 26).

using Socket = void*;
using Processor = void*;

enum Result : int {
    kSuccess = 0,
    kInvalid = 1,
    kNotSupported = 2,
    kNoPermission = 10,
    kFileError = 14,
    kBusy = 30,
    kNotFound = 31,
    kNotInitialized = 32,
    kDriverNotLoaded = 34,
};

inline constexpr std::uint64_t kGpus = 2;  ///< AMDSMI_INIT_AMD_GPUS

enum ProcessorType : int { kGpu = 1, kApu = 6 };

/// An address on the PCI bus: from the lowest bit 3 bits function, 5 device, 8 bus, 48 domain.
using Address = std::uint64_t;

inline constexpr unsigned kUuidSize = 64;  ///< AMDSMI_GPU_UUID_SIZE is 38

/// Structures that have grown: given to the library with room to spare, and read at their start.
struct AsicInfo {
    static constexpr std::size_t kNameSize = 256;
    char market_name[kNameSize];  ///< the first member, of 64 or 256 bytes, ended by a 0
    char rest[3840];
};
struct EnumerationInfo {
    std::uint32_t render;
    std::uint32_t card;
    std::uint32_t hsa_id;
    std::uint32_t hip_id;  ///< in the order of HIP's numbers; all ones: none
    char hip_uuid[256];    ///< "GPU-" and 16 hexadecimal digits
    char rest[1024];
};

/// amdsmi_power_info_t has had three layouts. They are told apart by how far the library writes.
struct PowerInfo {
    static constexpr std::size_t kWords = 128;
    std::uint32_t words[kWords];
};

/// The power of a socket, in whole watts.
struct Power {
    std::uint32_t current_w = 0;  ///< MI300 and later; 0: not told
    std::uint32_t average_w = 0;  ///< the others
};

/// What a library has to be given.
PowerInfo blank_power() noexcept;
/// What it has written; nothing told where the layout is none that is known.
Power decode(const PowerInfo& info) noexcept;

/// The functions of one loaded library. Those behind "may be missing" are null in older ones.
struct Api {
    int (*init)(std::uint64_t) = nullptr;
    int (*shut_down)() = nullptr;
    int (*sockets)(std::uint32_t*, Socket*) = nullptr;
    int (*processors)(Socket, std::uint32_t*, Processor*) = nullptr;
    int (*type)(Processor, int*) = nullptr;
    int (*address)(Processor, Address*) = nullptr;
    int (*by_address)(Address, Processor*) = nullptr;
    int (*energy)(Processor, std::uint64_t*, float*, std::uint64_t*) = nullptr;
    int (*power)(Processor, PowerInfo*) = nullptr;
    // may be missing
    int (*status_string)(int, const char**) = nullptr;
    int (*uuid)(Processor, unsigned*, char*) = nullptr;
    int (*asic)(Processor, AsicInfo*) = nullptr;
    int (*enumeration)(Processor, EnumerationInfo*) = nullptr;

    /// Finds them; false, with the name of the first that must be there and is not.
    bool load(const Dylib& library, std::string& missing);

    /// What the library says of a result.
    [[nodiscard]] std::string told(int result) const;
};

}  // namespace microjoule::amdsmi
