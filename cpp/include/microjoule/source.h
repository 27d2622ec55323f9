#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace microjoule {

/// How a sensor's raw value relates to energy.
enum class Shape : std::uint8_t {
    counter,  ///< free-running, cumulative, updated by the hardware on its own schedule (RAPL)
    gauge,    ///< momentary power in microwatts, integrated by the trapezoid rule
    stepped,  ///< cumulative and computed by the read itself: exact at the read (models, CPU time)
};

/// What a read came back with. Nothing on the read path throws.
enum class Status : std::uint8_t {
    ok,
    retry,  ///< this read failed, the next one may not (EIO, EAGAIN, garbage)
    lost,   ///< the device is gone (ENODEV, ENOENT); reopen() may bring it back
};

/// What a sensor is; fixed for the life of a meter.
struct SensorInfo {
    std::string id;      ///< "cpu0.package", as in the documentation's list of ids
    std::string kind;    ///< "cpu", "dram", "gpu", "psys"; "process" for CPU time
    std::string source;  ///< "powercap", "model", ...
    std::string method;  ///< one clause: how a joule comes about
    std::string reason;  ///< why it is not readable, or what a reader must know of it
    std::string device;  ///< its address on the bus, where only that tells that two are the same
    Shape shape = Shape::counter;
    double unit = 1e-6;                       ///< joules (seconds for CPU time) of one raw step
    double quantum = 1e-6;                    ///< the hardware's own resolution, never below `unit`
    std::uint64_t modulus = 0;                ///< the counter restarts at 0 here; 0: it never does
    double max_power_w = 2000;                ///< above this a step is a reset or a gap, not energy
    std::int64_t period_hint_ns = 1'000'000;  ///< where the search for the update period begins
    std::int64_t open_interval_ns = 250'000'000;  ///< pace between events while a window is open
    std::int64_t window_ns = 0;          ///< gauge: a value is the mean power over this long
    std::int64_t event_interval_ns = 0;  ///< stepped: shortest spacing of reads asked for by events
    double power_span_w = 0;             ///< stepped: how far power may swing inside one interval
    double gain_rel = 0;                 ///< relative standard uncertainty of the sensor's gain
    double model_rel = 0;                ///< relative standard uncertainty of a power model
    bool counted = false;                ///< adds up to the total, with nothing twice
    bool estimated = false;              ///< a model, not a meter
    bool readable = true;
    bool energy = true;  ///< false for the process's CPU time, which rides along
};

/// One raw value with the clock readings around it. The reader fills those in where the source
/// leaves them 0; a source that knows better says when the value was true.
struct Reading {
    Status status = Status::retry;
    int error = 0;  ///< errno of a failed read
    std::uint64_t raw = 0;
    std::int64_t before_ns = 0;
    std::int64_t after_ns = 0;
};

/// A meter's file, device or model: describe it, read it, reopen it.
class Source {
public:
    virtual ~Source() = default;

    /// The sensors that one read() yields, in its order.
    [[nodiscard]] virtual const std::vector<SensorInfo>& sensors() const noexcept = 0;

    /// Fills one Reading (status, error, raw) for each sensor. Does not allocate or throw.
    virtual void read(Reading* readings) noexcept = 0;

    /// Tries to get a lost device back; false if it is still gone.
    virtual bool reopen() noexcept { return true; }

    /// A read may block for long (a driver call): it gets a thread of its own.
    [[nodiscard]] virtual bool slow() const noexcept { return false; }
};

}  // namespace microjoule
