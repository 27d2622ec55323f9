// Any bytes as a recording: read or refused, and what is read can be replayed and measured again
// without harm. Without traces, whose marks are bounded by the 65,536 of the settlement and no
// smaller number.

#include <algorithm>
#include <cmath>
#include <stdexcept>

#include "fuzz.h"
#include "microjoule/recording.h"
#include "microjoule/replay.h"
#include "microjoule/rerun.h"

using namespace microjoule;

namespace {

class SetClock final : public Clock {
public:
    std::int64_t now_ns() const noexcept override { return now; }
    std::int64_t suspended_ns() const noexcept override { return 0; }
    std::int64_t thread_cpu_ns() const noexcept override { return 0; }
    std::int64_t now = kSecond;
};

template <class Action>
void tried(Action&& action) {
    try {
        action();
    } catch (const std::invalid_argument& error) {
        MUST(*error.what() != '\0');
        MUST(std::strchr(error.what(), '\n') == nullptr);
    }
}

void replay(const Recording& recording, bool loop) {
    SetClock clock;
    const Discovery found = discover_replay(recording, "file", loop, clock);
    for (const std::int64_t step : {kSecond / 1000, kSecond, 3600 * kSecond}) {
        for (const auto& source : found.sources) {
            std::vector<Reading> readings(source->sensors().size());
            source->read(readings.data());
            for (std::size_t i = 0; i < readings.size(); ++i) {
                const SensorInfo& info = source->sensors()[i];
                MUST(readings[i].status != Status::ok || info.shape == Shape::gauge ||
                     info.modulus == 0 || readings[i].raw < info.modulus);
                MUST(info.estimated && info.source == "replay");
            }
        }
        clock.now += step;
    }
}

}  // namespace

int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    tried([&] {
        const Recording recording = parse_recording(fuzz::text(data, size));
        MUST(!recording.sensors.empty());
        MUST(recording.entries.size() <= size);
        for (const bool loop : {false, true}) {
            tried([&] { replay(recording, loop); });
        }
        std::int64_t last = 0;
        bool traced = false;
        for (const Entry& entry : recording.entries) {
            traced = traced || entry.step_ns > 0;
            last = std::max(last, entry.until_ns);
        }
        if (traced) {
            return;
        }
        tried([&] { (void)rerun(recording); });
        tried([&] { (void)rerun(recording, {{last / 2, last}}); });
    });
    return 0;
}
