#include <algorithm>
#include <charconv>
#include <cstdlib>
#include <numeric>
#include <string_view>

#include "microjoule/amdsmi.h"

namespace microjoule {
namespace amdsmi {
namespace {

constexpr std::uint32_t kNoNumber = 0xffffffff;

using Indices = std::vector<std::size_t>;

std::vector<std::string_view> words_of(std::string_view list) {
    std::vector<std::string_view> words;
    while (!list.empty()) {
        std::string_view word = list.substr(0, list.find(','));
        list.remove_prefix(std::min(list.size(), word.size() + 1));
        word.remove_prefix(std::min(word.size(), word.find_first_not_of(' ')));
        words.push_back(word.substr(0, word.find_last_not_of(' ') + 1));
    }
    return words;
}

std::optional<std::size_t> number_of(std::string_view word) {
    std::size_t number = 0;
    const char* const end = word.data() + word.size();
    const auto [last, error] = std::from_chars(word.data(), end, number);
    return error == std::errc() && last == end ? std::optional(number) : std::nullopt;
}

bool same_text(std::string_view a, std::string_view b) {
    const auto lower = [](char c) {
        return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
    };
    return std::equal(a.begin(), a.end(), b.begin(), b.end(),
                      [&](char x, char y) { return lower(x) == lower(y); });
}

/// The GPUs out of `from` that a list names, by number there or by UUID. As the runtimes read it:
/// whatever stands behind a word that names no GPU is hidden too.
Indices pick(std::string_view list, const Indices& from, const std::vector<Visible>& gpus) {
    Indices picked;
    for (const std::string_view word : words_of(list)) {
        auto gpu = from.end();
        if (const auto number = number_of(word)) {
            gpu = from.begin() + static_cast<std::ptrdiff_t>(std::min(*number, from.size()));
        } else if (!word.empty()) {
            gpu = std::find_if(from.begin(), from.end(),
                               [&](std::size_t i) { return same_text(gpus[i].hip_uuid, word); });
        }
        if (gpu == from.end()) {
            break;
        }
        picked.push_back(*gpu);
    }
    return picked;
}

bool has_numbers(std::string_view list) {
    const auto words = words_of(list);
    return std::any_of(words.begin(), words.end(),
                       [](std::string_view word) { return number_of(word).has_value(); });
}

}  // namespace

// The driver's runtime hides GPUs first, and HIP then numbers those that are left (ROCm
// documentation, "GPU isolation techniques").
std::vector<Visibility> visible_gpus(const AmdsmiFilter& filter, const std::vector<Visible>& gpus) {
    std::vector<Visibility> all(gpus.size());
    Indices seen(gpus.size());
    std::iota(seen.begin(), seen.end(), std::size_t{0});
    std::stable_sort(seen.begin(), seen.end(),
                     [&](std::size_t a, std::size_t b) { return gpus[a].hip_id < gpus[b].hip_id; });
    const bool numbered = std::none_of(gpus.begin(), gpus.end(),
                                       [](const Visible& gpu) { return gpu.hip_id == kNoNumber; });
    const auto apply = [&](const std::string& name, const std::string& list) {
        if (!numbered && gpus.size() > 1 && has_numbers(list)) {
            for (Visibility& one : all) {
                one.reason = name +
                             " has a number, and this version of amd-smi does not tell how " +
                             "HIP numbers the GPUs: all GPUs are counted";
            }
            return;
        }
        seen = pick(list, seen, gpus);
        for (std::size_t i = 0; i < gpus.size(); ++i) {
            const bool kept = std::find(seen.begin(), seen.end(), i) != seen.end();
            if (!kept && all[i].counted) {
                all[i] = {false, "hidden by " + name + "=" + list + ": shown, not added"};
            }
        }
    };
    if (filter.rocr) {
        apply("ROCR_VISIBLE_DEVICES", *filter.rocr);
    }
    if (!filter.hip.empty()) {
        apply(filter.hip_name, filter.hip);
    }
    return all;
}

}  // namespace amdsmi

AmdsmiFilter AmdsmiFilter::from_environment() {
    AmdsmiFilter filter;
    if (const char* const rocr = std::getenv("ROCR_VISIBLE_DEVICES")) {
        filter.rocr = rocr;
    }
    // HIP takes an empty variable for one that is not set, and then looks at CUDA's.
    for (const char* const name : {"HIP_VISIBLE_DEVICES", "CUDA_VISIBLE_DEVICES"}) {
        const char* const hip = std::getenv(name);
        if (filter.hip.empty() && hip != nullptr) {
            filter.hip = hip;
            filter.hip_name = name;
        }
    }
    return filter;
}

}  // namespace microjoule
