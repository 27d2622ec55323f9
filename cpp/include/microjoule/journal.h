#pragma once

#include <cstdint>
#include <string>

#include "microjoule/events.h"
#include "microjoule/source.h"

namespace microjoule {

/// One thing that entered the books of a sampler. All figures follow from these, in their order.
struct Entry {
    enum class Kind : std::uint8_t {
        reading,      ///< `sensor` was read: status, error, raw; from `t_ns` to `until_ns`
        begin,        ///< window `index` opens at `t_ns`, with a trace every `step_ns` if not 0
        end,          ///< window `index` closes at `t_ns`
        lap,          ///< window `other` takes over what `index` measured up to `t_ns`
        request,      ///< `what` happens to request `index` at `t_ns`, with the value `other`
        border,       ///< slots meet at `t_ns`; told before the `now` that passes it
        now,          ///< every event before `t_ns` is known
        settle,       ///< `sensor` answered `count` events, `changes` past each
        flat,         ///< `sensor` stood still up to its last reading
        lost,         ///< `sensor` was not waited for any longer
        interrupted,  ///< the machine was suspended: what flowed meanwhile is nobody's
        lagged,       ///< open answers were closed by force
        suspended,    ///< the machine has slept for `t_ns` since it was booted
    };
    Kind kind = Kind::reading;
    Status status = Status::ok;
    Event::Kind what = Event::Kind::none;
    std::uint32_t generation = 0;  ///< of a request, its lower half
    int error = 0;
    int changes = 0;
    std::uint32_t index = 0;  ///< a sensor, or the record of a window
    std::uint32_t other = 0;
    std::int64_t t_ns = 0;
    std::int64_t until_ns = 0;
    std::int64_t step_ns = 0;
    std::uint64_t raw = 0;
    std::uint64_t count = 0;
};

/// Whoever wants to know all that enters a sampler's books. Told under the sampler's lock: it must
/// not block, and never throws.
class Journal {
public:
    virtual ~Journal() = default;
    virtual void note(const Entry& entry) noexcept = 0;
    /// What it could not keep, in a sentence; empty if nothing is missing.
    [[nodiscard]] virtual std::string problem() = 0;

    /// The sampler's threads start, or have ended: so do its own.
    virtual void resume() = 0;
    virtual void pause() noexcept = 0;

    // fork: held across it, so that the child finds it whole; in the child it is told no more.
    virtual void before_fork() noexcept = 0;
    virtual void after_fork_in_parent() noexcept = 0;
    virtual void after_fork_in_child() noexcept = 0;
};

}  // namespace microjoule
