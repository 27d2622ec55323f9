#include <algorithm>
#include <charconv>
#include <cstdlib>
#include <string_view>

#include "microjoule/nvml.h"

namespace microjoule {
namespace nvml {

std::vector<Visibility> visible_gpus(const NvmlFilter& filter, const std::vector<Identity>& gpus,
                                     std::string (*parent_of)(const void*, const std::string&),
                                     const void* context) {
    std::vector<Visibility> all(gpus.size());
    if (!filter.visible) {
        return all;
    }
    // CUDA numbers GPUs by their bus only when told to; otherwise the fastest comes first, and who
    // that is only CUDA knows. Where all are alike both orders are one. With MIG it numbers slices.
    const bool alike = std::all_of(gpus.begin(), gpus.end(), [&](const Identity& gpu) {
        return gpu.name == gpus.front().name;
    });
    const bool sliced =
        std::any_of(gpus.begin(), gpus.end(), [](const Identity& gpu) { return gpu.sliced; });
    std::vector<bool> visible(gpus.size(), false);
    std::string_view rest = *filter.visible;
    while (!rest.empty()) {
        std::string_view word = rest.substr(0, rest.find(','));
        rest.remove_prefix(std::min(rest.size(), word.size() + 1));
        while (!word.empty() && word.front() == ' ') {
            word.remove_prefix(1);
        }
        while (!word.empty() && word.back() == ' ') {
            word.remove_suffix(1);
        }
        std::string uuid(word);
        if (word.substr(0, 8) == "MIG-GPU-") {
            uuid = word.substr(4, word.find('/') - 4);
        } else if (word.substr(0, 4) == "MIG-") {
            uuid = parent_of(context, uuid);
        }
        std::vector<std::size_t> meant;
        if (uuid.substr(0, 4) == "GPU-") {
            for (std::size_t i = 0; i < gpus.size(); ++i) {
                if (gpus[i].uuid.compare(0, uuid.size(), uuid) == 0) {
                    meant.push_back(i);
                }
            }
        } else {
            std::size_t index = 0;
            const auto [end, error] =
                std::from_chars(word.data(), word.data() + word.size(), index);
            if (error == std::errc() && end == word.data() + word.size() && index < gpus.size()) {
                if (sliced || !(alike || filter.by_bus)) {
                    const char* const why =
                        sliced
                            ? "CUDA_VISIBLE_DEVICES has a number, and with MIG CUDA numbers slices"
                            : "CUDA_VISIBLE_DEVICES has a number, and CUDA may number unlike GPUs "
                              "in another order (CUDA_DEVICE_ORDER=PCI_BUS_ID makes it the same)";
                    return std::vector<Visibility>(
                        gpus.size(), {true, std::string(why) + ": all GPUs are counted"});
                }
                meant.push_back(index);
            }
        }
        // As CUDA reads it: whatever stands behind a word that names no GPU is hidden too.
        if (meant.size() != 1) {
            break;
        }
        visible[meant.front()] = true;
    }
    for (std::size_t i = 0; i < gpus.size(); ++i) {
        if (!visible[i]) {
            all[i] = {false,
                      "hidden by CUDA_VISIBLE_DEVICES=" + *filter.visible + ": shown, not added"};
        }
    }
    return all;
}

}  // namespace nvml

NvmlFilter NvmlFilter::from_environment() {
    NvmlFilter filter;
    if (const char* const visible = std::getenv("CUDA_VISIBLE_DEVICES")) {
        filter.visible = visible;
    }
    const char* const order = std::getenv("CUDA_DEVICE_ORDER");
    filter.by_bus = order != nullptr && std::string_view(order) == "PCI_BUS_ID";
    return filter;
}

}  // namespace microjoule
