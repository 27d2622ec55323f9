#pragma once

#include <array>
#include <atomic>
#include <cstdint>
#include <vector>

#include "microjoule/attribution.h"
#include "microjoule/pool.h"
#include "microjoule/timeline.h"

namespace microjoule {

/// What one request has in one sensor's energy, and how well that is known. The sampler's alone.
struct Portion {
    /// Eight phases with a name; the first place holds the time outside of them.
    static constexpr std::size_t kPhases = 9;

    Attribution::Stake stake;
    std::uint64_t owner = 0;  ///< generation of the request whose start it has seen
    bool gone = true;         ///< has left, or never took part: nothing moves it any more
    bool idle = false;
    std::uint8_t phase = 0;
    float weight = 0;
    double share_ns = 0;  ///< its share of the sensor, summed over time
    double variance = 0;  ///< of its energy in raw steps squared, from what changed in the middle
    double by_time = 0;   ///< where the account stood when its weight last changed
    double wobble = 0;
    double start_share = 0;
    double end_share = 0;
    EnergyAt start;
    EnergyAt end;
    std::array<double, kPhases> by_phase{};

    void open(std::uint64_t generation, const EnergyAt& at, float first_weight) noexcept {
        owner = generation;
        stake = Attribution::Stake();
        gone = idle = false;
        phase = 0;
        weight = first_weight;
        share_ns = variance = start_share = end_share = 0;
        start = at;
        by_phase.fill(0);
    }
};

/// One request: a share of what its sensors measure while it is active.
struct Request : Pooled {
    static constexpr const char* kName = "requests";

    std::atomic<std::int64_t> start_ns{0};
    std::atomic<std::int64_t> end_ns{0};
    /// By sensor, times the weight; 0: takes no part. Written before the event that opens it.
    std::vector<float> factors;
    // From here on only under the sampler's lock.
    std::vector<Portion> portions;
    std::uint64_t taken = 0;  ///< generation whose start the sampler has taken in
    std::uint32_t epoch = 0;  ///< how often the process had been forked by then
    std::int64_t late_ns = 0;
    bool lagged = false;

    void shape(std::size_t sensors) {
        factors.resize(sensors);
        portions.resize(sensors);
    }
};

/// The pool of requests.
class Requests : public Pool<Request> {
public:
    explicit Requests(std::size_t sensors) : Pool(sensors) {}
};

}  // namespace microjoule
