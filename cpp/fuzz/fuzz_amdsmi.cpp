// AMD's library as a broken one may answer: any number of sockets and GPUs of any names, powers of
// any layout, and every call with any result and any value.

#include <cstring>

#include "fuzz.h"
#include "microjoule/amdsmi.h"
#include "microjoule/clock.h"
#include "microjoule/timeline.h"

using namespace microjoule;
using namespace microjoule::amdsmi;

namespace {

fuzz::Input* input = nullptr;

/// Success in three of four, or any result.
int result() {
    const auto byte = input->take<std::uint8_t>();
    return byte >= 64 ? int{kSuccess} : int{byte};
}

void* handle() {
    return reinterpret_cast<void*>(static_cast<std::uintptr_t>(input->take<std::uint8_t>()));
}

/// Claims any number, and gives no more than there is room for.
int handles(std::uint32_t* count, void** out) {
    if (out == nullptr) {
        *count = static_cast<std::uint32_t>(input->any());
        return result();
    }
    const std::uint32_t room = *count;
    *count = static_cast<std::uint32_t>(input->below(5));
    for (std::uint32_t i = 0; i < room && i < *count; ++i) {
        out[i] = handle();
    }
    return result();
}

/// A text that may fill its buffer to the end, with no zero behind it.
void words(char* buffer, std::size_t size) {
    const auto length = input->below(size + 1);
    for (std::size_t i = 0; i < length; ++i) {
        buffer[i] = static_cast<char>(input->take<std::uint8_t>());
    }
}

/// Another value at every other call, as an accumulator that moves: discovery waits for that.
int energy(Processor, std::uint64_t* steps, float* unit, std::uint64_t* stamp) {
    static std::uint64_t moving = 0;
    *steps = input->any() + ++moving;
    *unit = (input->take<std::uint8_t>() & 1) != 0 ? 15.3F : input->take<float>();
    *stamp = input->take<std::uint64_t>();
    return result();
}

int power(Processor, PowerInfo* info) {
    const auto length = input->below(PowerInfo::kWords + 1);
    for (std::size_t i = 0; i < length; ++i) {
        info->words[i] = i < 12 ? static_cast<std::uint32_t>(input->any()) : 0;
    }
    return result();
}

Api any_api() {
    Api api;
    const auto missing = input->take<std::uint8_t>();
    api.init = [](std::uint64_t) { return result(); };
    api.shut_down = [] { return result(); };
    api.sockets = handles;
    api.processors = [](Socket, std::uint32_t* count, Processor* out) {
        return handles(count, out);
    };
    api.type = [](Processor, int* type) {
        const auto byte = input->take<std::uint8_t>();
        *type = byte < 192 ? int{kGpu} : byte % 8;
        return result();
    };
    api.address = [](Processor, Address* address) { return *address = input->any(), result(); };
    api.by_address = [](Address, Processor* found) { return *found = handle(), result(); };
    api.energy = energy;
    api.power = power;
    if ((missing & 1) == 0) {
        api.status_string = [](int, const char** text) { return *text = "an error", result(); };
    }
    if ((missing & 2) == 0) {
        api.uuid = [](Processor, unsigned* length, char* text) {
            words(text, *length);
            return result();
        };
    }
    if ((missing & 4) == 0) {
        api.asic = [](Processor, AsicInfo* info) {
            if ((input->take<std::uint8_t>() & 1) != 0) {
                std::memcpy(info->market_name, "AMD Instinct MI300X", 20);
            } else {
                words(info->market_name, sizeof info->market_name);
            }
            return result();
        };
    }
    if ((missing & 8) == 0) {
        api.enumeration = [](Processor, EnumerationInfo* info) {
            info->hip_id = static_cast<std::uint32_t>(input->any());
            words(info->hip_uuid, sizeof info->hip_uuid);
            return result();
        };
    }
    return api;
}

AmdsmiFilter any_filter() {
    AmdsmiFilter filter;
    const auto how = input->take<std::uint8_t>();
    if ((how & 1) != 0) {
        filter.rocr = std::string(input->until('\n'));
    }
    if ((how & 2) != 0) {
        filter.hip = std::string(input->until('\n'));
        filter.hip_name = "HIP_VISIBLE_DEVICES";
    }
    if ((how & 4) != 0) {
        filter.integrated = {text_of(input->any())};
    }
    return filter;
}

}  // namespace

int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    fuzz::Input bytes(data, size);
    input = &bytes;
    const Api api = any_api();
    const AmdsmiFilter filter = any_filter();
    Discovery found = discover_amdsmi(api, Dylib(), filter);
    for (const SensorInfo& info : found.refused) {
        MUST(!info.readable && !info.counted && !info.reason.empty());
    }
    for (const auto& source : found.sources) {
        const SensorInfo& info = source->sensors().front();
        MUST(source->sensors().size() == 1 && info.readable && info.kind == "gpu");
        MUST(info.shape == Shape::counter || info.shape == Shape::gauge);
        MUST(info.unit > 0 && info.unit <= 1 && info.quantum >= info.unit);
        MUST(info.period_hint_ns > 0 && info.open_interval_ns > 0);
        MUST(!info.device.empty());
        Timeline timeline(info);
        std::int64_t last = 0;
        for (int i = 0; i < 16 && !bytes.empty(); ++i) {
            const std::int64_t before = monotonic_clock().now_ns();
            Reading reading;
            source->read(&reading);
            const std::int64_t after = monotonic_clock().now_ns();
            if (reading.status != Status::ok) {
                MUST(reading.error != 0);
                if (reading.status == Status::lost) {
                    source->reopen();
                }
            } else {
                MUST(reading.before_ns <= reading.after_ns && reading.after_ns <= after);
                MUST(reading.before_ns >= before - kSecond);
                MUST(info.shape == Shape::counter ||
                     (reading.raw > 0 && reading.raw <= 10'000'000'000ULL));
            }
            timeline.feed(reading, before);
            const EnergyAt at = timeline.at(after);
            MUST(at.units >= last);
            last = at.units;
        }
    }
    return 0;
}
