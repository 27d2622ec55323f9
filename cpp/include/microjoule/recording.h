#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "microjoule/journal.h"
#include "microjoule/source.h"

namespace microjoule {

/// The largest recording: one stops there, and nothing larger is read.
inline constexpr std::size_t kLargestRecording = std::size_t{64} << 20;

/// A sensor as it was recorded, and the source that read it.
struct RecordedSensor {
    SensorInfo info;
    std::uint32_t group = 0;  ///< sensors of one number were read together
};

/// What a meter did, reading by reading. Times are nanoseconds since a whole second of
/// CLOCK_MONOTONIC, two to three seconds before the first reading. docs/recordings.md describes the
/// file.
struct Recording {
    std::vector<std::pair<std::string, std::string>> facts;  ///< when, by what, on what machine
    std::vector<RecordedSensor> sensors;
    std::vector<Entry> entries;
    std::uint64_t dropped = 0;  ///< entries that were lost because writing was too slow

    /// The fact of that name; empty if there is none.
    [[nodiscard]] std::string_view fact(std::string_view name) const noexcept;
    [[nodiscard]] std::vector<SensorInfo> infos() const;
};

/// Reads the text of a recording. A last line without its end was cut off by the death of the
/// process and is left out. Throws std::invalid_argument with a sentence that names the line.
Recording parse_recording(std::string_view text);

/// The same of a file. Throws std::invalid_argument if it cannot be read, too.
Recording read_recording(const std::string& path);

namespace recording {

inline constexpr std::string_view kFirstLine = "microjoule recording 1";
inline constexpr std::string_view kLastOfHeader = "readings";

/// Calls `field(name, member)` for all that is written of a sensor: one list for both directions.
template <class Sensor, class Field>
void each_field(Sensor& sensor, Field&& field) {
    field("kind", sensor.info.kind);
    field("source", sensor.info.source);
    field("method", sensor.info.method);
    field("reason", sensor.info.reason);
    field("group", sensor.group);
    field("shape", sensor.info.shape);
    field("unit", sensor.info.unit);
    field("quantum", sensor.info.quantum);
    field("modulus", sensor.info.modulus);
    field("max_power_w", sensor.info.max_power_w);
    field("period_hint_ns", sensor.info.period_hint_ns);
    field("open_interval_ns", sensor.info.open_interval_ns);
    field("window_ns", sensor.info.window_ns);
    field("event_interval_ns", sensor.info.event_interval_ns);
    field("power_span_w", sensor.info.power_span_w);
    field("gain_rel", sensor.info.gain_rel);
    field("model_rel", sensor.info.model_rel);
    field("counted", sensor.info.counted);
    field("estimated", sensor.info.estimated);
    field("energy", sensor.info.energy);
}

/// The words of the file for shapes and for failed reads, in the order of their enumerations.
inline constexpr std::string_view kShapes[] = {"counter", "gauge", "stepped"};
inline constexpr std::string_view kStatuses[] = {"ok", "retry", "lost"};
/// And for what happens to requests, from Event::Kind::join on.
inline constexpr std::string_view kOfRequests[] = {"join",  "leave", "weigh",
                                                   "phase", "idle",  "active"};
inline constexpr auto kFirstOfRequests = static_cast<std::size_t>(Event::Kind::join);

}  // namespace recording
}  // namespace microjoule
