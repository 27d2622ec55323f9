#pragma once

#include <string>

#include "microjoule/dylib.h"

namespace microjoule::nvml {

// What we call of NVIDIA's management library, with prototypes of our own: no vendor header, and
// nothing to link to. Names, numbers and layouts: NVML API reference (docs.nvidia.com/deploy/
// nvml-api), the same since driver 450 and pinned by the field numbers of nvidia-ml-py.

using Device = void*;

enum Result : int {
    kSuccess = 0,
    kUninitialized = 1,
    kInvalidArgument = 2,
    kNotSupported = 3,
    kNoPermission = 4,
    kNotFound = 6,
    kDriverNotLoaded = 9,
    kGpuIsLost = 15,
    kResetRequired = 16,
    kLibraryMismatch = 18,
    kGpuNotFound = 28,
};

enum Architecture : unsigned {
    kKepler = 2,
    kMaxwell = 3,
    kPascal = 4,
    kVolta = 5,
    kTuring = 6,
    kAmpere = 7,
    kAda = 8,
    kHopper = 9,
    kUnknownArchitecture = 0xffffffff,
};

enum Field : unsigned {
    kPowerAverage = 185,
    kPowerInstant = 186,
};

union Value {
    double as_double;
    int as_int;
    unsigned as_unsigned;
    unsigned long as_unsigned_long;
    unsigned long long as_unsigned_long_long;
    long long as_long_long;
    unsigned short as_unsigned_short;
};

struct FieldValue {
    unsigned field;
    unsigned scope;          ///< 0: the GPU
    long long timestamp_us;  ///< since 1970, by the wall clock
    long long latency_us;
    int value_type;
    int result;
    Value value;
};
static_assert(sizeof(FieldValue) == 40, "the library writes this layout");

inline constexpr unsigned kTextSize = 96;  // NVML_DEVICE_UUID_V2_BUFFER_SIZE, _NAME_V2_

/// The functions of one loaded library. Those behind "may be missing" are null in older ones.
struct Api {
    int (*init)() = nullptr;
    int (*shutdown)() = nullptr;
    const char* (*error_string)(int) = nullptr;
    int (*count)(unsigned*) = nullptr;
    int (*by_index)(unsigned, Device*) = nullptr;
    int (*by_uuid)(const char*, Device*) = nullptr;
    int (*uuid)(Device, char*, unsigned) = nullptr;
    int (*name)(Device, char*, unsigned) = nullptr;
    int (*power_usage)(Device, unsigned*) = nullptr;
    // may be missing
    int (*architecture)(Device, unsigned*) = nullptr;
    int (*mig_mode)(Device, unsigned*, unsigned*) = nullptr;
    int (*parent_of_slice)(Device, Device*) = nullptr;
    int (*power_limit)(Device, unsigned*) = nullptr;
    int (*total_energy)(Device, unsigned long long*) = nullptr;
    int (*field_values)(Device, int, FieldValue*) = nullptr;

    /// Finds them; false, with the name of the first that must be there and is not.
    bool load(const Dylib& library, std::string& missing);
};

}  // namespace microjoule::nvml
