#pragma once

#include <array>
#include <cstdint>
#include <vector>

#include "microjoule/attribution.h"
#include "microjoule/events.h"
#include "microjoule/floor.h"
#include "microjoule/requests.h"
#include "microjoule/source.h"
#include "microjoule/timeline.h"
#include "microjoule/windows.h"

namespace microjoule {

/// How the energy of a device is split among those who use it.
enum class Split : std::uint8_t {
    fair,      ///< all of it by weight
    marginal,  ///< what it draws with nobody there in equal parts, the rest by weight
};

struct SplitOptions {
    Split split = Split::fair;
    /// Idle power by sensor in watts; NaN, or no entry: learnt.
    std::vector<double> idle_w;
};

/// One sensor's part of a request's figures.
struct PortionFigures : SensorFigures {
    bool counted_in = false;  ///< the request takes part in this sensor
    double share = 0;         ///< its mean share of the sensor over time
    std::array<double, Portion::kPhases> by_phase{};
};

/// One sensor's books, in joules.
struct AccountBooks {
    double total = 0;
    double attributed = 0;  ///< to requests that have left, and to those that are open
    double unattributed = 0;
    double idle_w = 0;  ///< given or learnt; 0: unknown, or the split is fair
};

/// Who has what of every sensor's energy: the replay of the requests' events against the timelines.
///
/// For each sensor: the sum of all requests and what is unattributed is the energy that flowed, at
/// every instant. Everything here happens under the sampler's lock.
class Accounts {
public:
    Accounts(const std::vector<SensorInfo>& sensors, Requests& requests, SplitOptions options);

    /// Takes an event in. Returns by how much the number of open requests changes.
    int take(const Event& event, std::int64_t late_ns) noexcept;
    /// Lets one sensor answer an event. In the order of time.
    void answer(const Event& event, std::size_t sensor, Timeline& timeline) noexcept;
    /// Every sensor has answered. True if a request is finished by that.
    bool finish(const Event& event) noexcept;
    void note_lag(const Event& event) noexcept;

    /// In a forked child: the parent's requests end here, with what they had. Returns how many.
    std::size_t forsake() noexcept;

    /// One sensor's part of a request, as it is known now; `until_ns`: its end, or now.
    [[nodiscard]] PortionFigures figures(Handle handle, std::size_t sensor, std::int64_t until_ns,
                                         const Timeline& timeline) const;
    /// Whether the process was forked since the request began.
    [[nodiscard]] bool forsaken(Handle handle) const noexcept;
    [[nodiscard]] AccountBooks books(std::size_t sensor, std::int64_t now_ns,
                                     const Timeline& timeline) const;

private:
    /// E(t) for many instants of one interval, of which the timeline is asked for a few: what an
    /// instant's uncertainty owes to its place between two anchors is told in sixteenths.
    class Course {
    public:
        const EnergyAt& at(Timeline& timeline, std::int64_t t_ns) noexcept;

    private:
        static constexpr std::size_t kCells = 16;
        Timeline::Line line_;
        std::array<EnergyAt, kCells> cells_{};
        std::uint32_t filled_ = 0;
        EnergyAt outside_;
    };

    struct Account {
        Attribution attribution;
        Course course;
        Floor floor;
        bool started = false;
        bool learns = false;
        std::int64_t t_ns = 0;
        std::int64_t units = 0;
        std::int64_t gap_ns = 0;
        double by_time = 0;  ///< ns for each unit of weight since somebody is there
        double wobble = 0;   ///< variance for each unit of weight squared, from others' changes

        void move(std::int64_t t, const EnergyAt& at, const Timeline& timeline) noexcept;
        void reweigh(Portion& own, Weight next, const EnergyAt& at) noexcept;
        void collect(Portion& own) noexcept;
    };

    const std::vector<SensorInfo>& sensors_;
    Requests& requests_;
    std::vector<Account> accounts_;
    std::uint32_t epoch_ = 0;
    std::size_t open_ = 0;
};

}  // namespace microjoule
