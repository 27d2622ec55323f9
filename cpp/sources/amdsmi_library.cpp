#include <algorithm>
#include <iterator>

#include "microjoule/amdsmi_api.h"

namespace microjoule::amdsmi {
namespace {

// No member is ever this: power in watts, voltages in millivolts, zeros or ones.
constexpr std::uint32_t kUntouched = 0xa5c3965a;
// More than any socket draws; "not available" is 0xffff or 0xffffffff.
constexpr std::uint32_t kMostWatts = 10'000;

}  // namespace

PowerInfo blank_power() noexcept {
    PowerInfo info;
    std::fill(std::begin(info.words), std::end(info.words), kUntouched);
    return info;
}

// Library 23: average power, three voltages, the limit, 11 reserved words. 24, and 25 up to ROCm
// 6.3: current power before them. Since then: 64 bits of socket power, current and average power,
// 64 bits for each voltage, the limit, and 36 reserved words of which the first has got a meaning.
// Some versions clear all of it first and some write only their members.
Power decode(const PowerInfo& info) noexcept {
    std::size_t written = PowerInfo::kWords;
    while (written > 0 && info.words[written - 1] == kUntouched) {
        --written;
    }
    const auto watts = [&](std::size_t word) {
        const std::uint32_t value = info.words[word];
        return value <= kMostWatts ? value : 0;
    };
    switch (written) {
        case 5:
        case 16:
            return {0, watts(0)};
        case 6:
        case 17:
            return {watts(0), watts(1)};
        case 11:
        case 12:
        case 48:
            return {watts(2), watts(3)};
        default:
            return {};
    }
}

bool Api::load(const Dylib& library, std::string& missing) {
    const auto need = [&](const char* symbol, auto*& function) {
        if (!library.find(symbol, function) && missing.empty()) {
            missing = symbol;
        }
    };
    need("amdsmi_init", init);
    need("amdsmi_shut_down", shut_down);
    need("amdsmi_get_socket_handles", sockets);
    need("amdsmi_get_processor_handles", processors);
    need("amdsmi_get_processor_type", type);
    need("amdsmi_get_gpu_device_bdf", address);
    need("amdsmi_get_processor_handle_from_bdf", by_address);
    need("amdsmi_get_energy_count", energy);
    need("amdsmi_get_power_info", power);
    library.find("amdsmi_status_code_to_string", status_string);
    library.find("amdsmi_get_gpu_device_uuid", uuid);
    library.find("amdsmi_get_gpu_asic_info", asic);
    library.find("amdsmi_get_gpu_enumeration_info", enumeration);
    return missing.empty();
}

std::string Api::told(int result) const {
    const char* text = nullptr;
    if (status_string != nullptr && status_string(result, &text) == kSuccess && text != nullptr) {
        return text;
    }
    return "error " + std::to_string(result);
}

}  // namespace microjoule::amdsmi
