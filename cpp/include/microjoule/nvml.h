#pragma once

#include <optional>
#include <string>
#include <vector>

#include "microjoule/discovery.h"
#include "microjoule/dylib.h"
#include "microjoule/nvml_api.h"

namespace microjoule {

/// Which GPUs the programs of this environment see.
struct NvmlFilter {
    std::optional<std::string> visible;  ///< CUDA_VISIBLE_DEVICES; nothing: all of them
    bool by_bus = false;                 ///< CUDA_DEVICE_ORDER is PCI_BUS_ID

    static NvmlFilter from_environment();
};

/// NVIDIA GPUs through the driver's library: a sensor `gpuN` each, N being NVML's index.
///
/// The energy counter where the GPU has one (Volta and later), otherwise power, integrated. A call
/// into the driver may take from microseconds to seconds, so each GPU has a thread of its own.
/// GPUs that CUDA_VISIBLE_DEVICES hides are read and shown, and do not count. A library that is not
/// there finds nothing, and refuses nothing: most machines have no such GPU.
Discovery discover_nvml(const std::string& library, const NvmlFilter& filter);

/// The same with functions that somebody has loaded already; `library` is kept as long as needed.
Discovery discover_nvml(const nvml::Api& api, Dylib library, const NvmlFilter& filter);

namespace nvml {

/// What CUDA_VISIBLE_DEVICES is judged by.
struct Identity {
    std::string uuid;
    std::string name;
    bool sliced = false;  ///< MIG is on
};

struct Visibility {
    bool counted = true;
    std::string reason;
};

/// Which GPUs count, and what is to be said about it. `parent_of` gives the UUID of the GPU that a
/// MIG slice is cut from, empty if there is no such slice.
std::vector<Visibility> visible_gpus(const NvmlFilter& filter, const std::vector<Identity>& gpus,
                                     std::string (*parent_of)(const void*, const std::string&),
                                     const void* context);

/// How the power reading of a GPU comes about.
struct Gauge {
    std::int64_t period_ns;  ///< how often it is updated
    std::int64_t window_ns;  ///< what stretch of time it is the mean of
};

/// Yang, Adamek, Armour: "Accurate and Convenient Energy Measurements for GPUs" (SC24,
/// arXiv 2312.02741), measured on 70 GPUs of 12 generations.
Gauge gauge_of(unsigned architecture, const std::string& name, bool average) noexcept;

}  // namespace nvml
}  // namespace microjoule
