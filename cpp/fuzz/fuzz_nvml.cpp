// A driver that answers anything: any number of GPUs of any names, and every call with any result
// and any value, through the same functions that the library would have.

#include <memory>

#include "fuzz.h"
#include "microjoule/clock.h"
#include "microjoule/nvml.h"
#include "microjoule/timeline.h"

using namespace microjoule;
using namespace microjoule::nvml;

namespace {

fuzz::Input* input = nullptr;
constexpr int kUnknownError = 999;

/// Success in three of four, or any result.
int result() {
    const auto byte = input->take<std::uint8_t>();
    return byte >= 64 ? kSuccess : byte == 63 ? kUnknownError : byte % 32;
}

template <class Number>
int number(Number* value) {
    *value = static_cast<Number>(input->any());
    return result();
}

Device device() {
    return reinterpret_cast<Device>(static_cast<std::uintptr_t>(input->take<std::uint8_t>()));
}

/// A text that may fill the buffer to its end, with no zero behind it.
int words(Device, char* buffer, unsigned size) {
    const unsigned length = static_cast<unsigned>(input->below(size + 1));
    for (unsigned i = 0; i < length; ++i) {
        buffer[i] = static_cast<char>(input->take<std::uint8_t>());
    }
    return result();
}

int count(unsigned* value) {
    // A thousand of them would make each run of the harness a slow one.
    const auto said = static_cast<unsigned>(input->any());
    *value = said > 1024 ? said : said % 9;
    return result();
}

int fields(Device, int many, FieldValue* values) {
    for (int i = 0; i < many; ++i) {
        values[i].timestamp_us = input->take<long long>();
        values[i].value_type = input->take<std::uint8_t>();
        values[i].result = result();
        values[i].value.as_unsigned_long_long = input->any();
    }
    return result();
}

Api any_api() {
    Api api;
    const auto missing = input->take<std::uint8_t>();
    api.init = [] { return result(); };
    api.shutdown = [] { return result(); };
    api.error_string = [](int) { return "an error"; };
    api.count = count;
    api.by_index = [](unsigned, Device* found) { return *found = device(), result(); };
    api.by_uuid = [](const char*, Device* found) { return *found = device(), result(); };
    api.uuid = words;
    api.name = words;
    api.power_usage = [](Device, unsigned* value) { return number(value); };
    if ((missing & 1) == 0) {
        api.architecture = [](Device, unsigned* value) { return number(value); };
    }
    if ((missing & 2) == 0) {
        api.mig_mode = [](Device, unsigned* now, unsigned*) { return number(now); };
    }
    if ((missing & 4) == 0) {
        api.parent_of_slice = [](Device, Device* found) { return *found = device(), result(); };
    }
    if ((missing & 8) == 0) {
        api.power_limit = [](Device, unsigned* value) { return number(value); };
    }
    if ((missing & 16) == 0) {
        api.total_energy = [](Device, unsigned long long* value) { return number(value); };
    }
    if ((missing & 32) == 0) {
        api.field_values = fields;
    }
    return api;
}

}  // namespace

int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    fuzz::Input bytes(data, size);
    input = &bytes;
    const Api api = any_api();
    NvmlFilter filter;
    const auto how = bytes.take<std::uint8_t>();
    filter.by_bus = (how & 1) != 0;
    if ((how & 2) != 0) {
        filter.visible = std::string(bytes.until('\n'));
    }
    Discovery found = discover_nvml(api, Dylib(), filter);
    for (const SensorInfo& info : found.refused) {
        MUST(!info.readable && !info.counted && !info.reason.empty());
    }
    for (const auto& source : found.sources) {
        const SensorInfo& info = source->sensors().front();
        MUST(source->sensors().size() == 1 && info.readable && info.kind == "gpu");
        MUST(info.shape == Shape::counter || info.shape == Shape::gauge);
        MUST(info.unit > 0 && info.quantum >= info.unit);
        MUST(info.max_power_w >= 2000 && info.period_hint_ns > 0 && info.open_interval_ns > 0);
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
                // Whatever the driver says of the time, it is near the call.
                MUST(reading.before_ns <= reading.after_ns && reading.after_ns <= after);
                MUST(reading.before_ns >= before - 2 * kSecond);
                MUST(info.shape == Shape::counter || reading.raw > 0);
                MUST(info.shape == Shape::counter || reading.raw <= 0xffffffffULL * 1000);
            }
            timeline.feed(reading, before);
            const EnergyAt at = timeline.at(after);
            MUST(at.units >= last);
            last = at.units;
        }
    }
    return 0;
}
