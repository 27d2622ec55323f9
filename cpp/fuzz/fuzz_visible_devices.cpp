// CUDA_VISIBLE_DEVICES against a machine with GPUs of any names.

#include <string>
#include <vector>

#include "fuzz.h"
#include "microjoule/nvml.h"

using namespace microjoule;
using namespace microjoule::nvml;

namespace {

std::string parent_of(const void* context, const std::string& slice) {
    const auto& gpus = *static_cast<const std::vector<Identity>*>(context);
    return gpus.empty() ? "" : gpus[slice.size() % gpus.size()].uuid;
}

std::vector<bool> counted(const std::vector<Visibility>& all) {
    std::vector<bool> bits;
    for (const Visibility& one : all) {
        MUST(one.counted || !one.reason.empty());
        bits.push_back(one.counted);
    }
    return bits;
}

}  // namespace

int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    fuzz::Input input(data, size);
    const auto flags = input.take<std::uint8_t>();
    std::vector<Identity> gpus(flags & 7);
    for (std::size_t i = 0; i < gpus.size(); ++i) {
        gpus[i] = {"GPU-" + std::string(input.until('\n')), std::string(input.until('\n')), false};
        gpus[i].sliced = (flags & 0x10) != 0 && i == 0;
    }
    NvmlFilter filter;
    filter.by_bus = (flags & 8) != 0;
    MUST(counted(visible_gpus(filter, gpus, parent_of, &gpus)) ==
         std::vector<bool>(gpus.size(), true));
    filter.visible = std::string(input.until('\0'));
    const auto bits = counted(visible_gpus(filter, gpus, parent_of, &gpus));
    MUST(bits.size() == gpus.size());

    // A word that names no GPU ends the list, and leaves what stands before it as it was.
    const std::string given = *filter.visible;
    if (!given.empty()) {
        filter.visible = given + ",nonsense,0";
        MUST(counted(visible_gpus(filter, gpus, parent_of, &gpus)) == bits);
    }
    // The same GPUs by their UUIDs, where those tell them apart.
    for (std::size_t i = 0; i < gpus.size(); ++i) {
        if (gpus[i].uuid.find(',') != std::string::npos || gpus[i].uuid.back() == ' ') {
            return 0;
        }
        for (std::size_t k = 0; k < gpus.size(); ++k) {
            if (k != i && gpus[k].uuid.compare(0, gpus[i].uuid.size(), gpus[i].uuid) == 0) {
                return 0;
            }
        }
    }
    filter.visible = "";
    for (std::size_t i = 0; i < gpus.size(); ++i) {
        *filter.visible += bits[i] ? (filter.visible->empty() ? "" : ", ") + gpus[i].uuid : "";
    }
    MUST(counted(visible_gpus(filter, gpus, parent_of, &gpus)) == bits);
    return 0;
}
