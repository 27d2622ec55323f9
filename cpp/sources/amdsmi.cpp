#include "microjoule/amdsmi.h"

#include <time.h>
#include <unistd.h>

#include <algorithm>
#include <charconv>
#include <cmath>
#include <cstdio>
#include <memory>
#include <optional>
#include <string_view>

#include "driver.h"
#include "microjoule/clock.h"

namespace microjoule {
namespace {

using namespace amdsmi;

// No figure of AMD's; that of the other boards is taken (nvidia-smi's manual says 5 %).
constexpr double kBoardGain = 0.05;
// How often the accumulator changes is not documented. The driver keeps a copy of the firmware's
// table for 1 ms (smu_cmn.c); the search begins in the middle between that and 100 ms.
constexpr std::int64_t kUpdate = 10 * kMillisecond;
// A GPU always draws something, which is thousands of steps a millisecond: an accumulator that does
// not move for that long is stuck (on MI100 until a reboot, with ROCm 6.0 always).
constexpr std::int64_t kStuck = 250 * kMillisecond;
// The firmware does not say how often it works the power out, nor over what.
constexpr std::int64_t kMean = 100 * kMillisecond;
constexpr std::int64_t kPowerUpdate = 50 * kMillisecond;
// No machine has more; a library that says so is broken.
constexpr std::uint32_t kMostHandles = 1024;
constexpr double kFirmwareUnit = 0x1p-16;

/// How a joule of one GPU comes about.
enum class Way : std::uint8_t { none, energy, current, average };

struct Energy {
    std::uint64_t steps = 0;
    float microjoules = 0;  ///< of one step

    /// Zero, and all ones, are what the library says where it does not know.
    [[nodiscard]] bool told() const noexcept {
        return steps != 0 && steps != UINT64_MAX && unit_j(microjoules) > 0;
    }
};

int read_energy(const Api& api, Processor gpu, Energy& energy) noexcept {
    std::uint64_t stamp_ns = 0;  // of the driver's copy, not of the firmware's update: no use
    return api.energy(gpu, &energy.steps, &energy.microjoules, &stamp_ns);
}

int read_power(const Api& api, Processor gpu, Power& power) noexcept {
    PowerInfo info = blank_power();
    const int result = api.power(gpu, &info);
    power = result == kSuccess ? decode(info) : Power{};
    return result;
}

/// What there is to know of one GPU before it is read.
struct Card {
    Processor handle = nullptr;
    Address address = 0;
    int type = 0;
    std::string error;  ///< why its address is not known
    std::string name;
    std::string uuid;
    Visible visible{0xffffffff, ""};

    [[nodiscard]] std::string bus() const { return text_of(address); }
    /// Function left out: the partitions of one card differ in nothing else.
    [[nodiscard]] Address slot() const noexcept { return address >> 3; }
};

class Gpu final : public DriverGpu {
public:
    Gpu(std::shared_ptr<DriverSession> session, SensorInfo info, const Api& api, const Card& card,
        Way way, std::uint64_t first)
        : DriverGpu(std::move(session), std::move(info)),
          api_(api),
          address_(card.address),
          handle_(card.handle),
          way_(way),
          first_(first),
          last_(first) {}

private:
    // The library finds whatever it found when it was started, be it there or not: only a value
    // shows that the card is back.
    int find() noexcept override {
        Processor handle = nullptr;
        const int result = api_.by_address(address_, &handle);
        if (result != kSuccess) {
            return result;
        }
        handle_ = handle;
        Energy energy;
        Power power;
        return way_ == Way::energy ? read_energy(api_, handle_, energy)
                                   : read_power(api_, handle_, power);
    }

    Verdict judge(int result) const noexcept override {
        switch (result) {
            case kNotInitialized:
                return Verdict::stopped;
            case kInvalid:       // a handle from before the library was started again
            case kNotSupported:  // the file in sysfs has gone
            case kNoPermission:
            case kFileError:
            case kNotFound:
            case kDriverNotLoaded:
                return Verdict::lost;
            default:
                return Verdict::passing;
        }
    }

    int take(Reading& reading) noexcept override {
        return way_ == Way::energy ? take_energy(reading) : take_power(reading);
    }

    int take_energy(Reading& reading) noexcept {
        Energy energy;
        const int result = bracket(reading, 10 * kUpdate,
                                   [&]() noexcept { return read_energy(api_, handle_, energy); });
        if (result != kSuccess) {
            return result;
        }
        if (!energy.told()) {
            return kIncredible;
        }
        if (energy.steps != last_ || changed_ns_ == 0) {
            last_ = energy.steps;
            changed_ns_ = reading.after_ns;
        } else if (reading.before_ns - changed_ns_ > kStuck) {
            return kIncredible;
        }
        // Counted from the first value on, all 64 bits may be used up without anybody noticing.
        reading.raw = energy.steps - first_;
        return kSuccess;
    }

    // The power is the mean over a window that ended at the firmware's last update, up to one
    // period ago: it belongs to the middle of that window.
    int take_power(Reading& reading) noexcept {
        const std::int64_t before = monotonic_clock().now_ns();
        Power power;
        const int result = read_power(api_, handle_, power);
        const std::int64_t after = monotonic_clock().now_ns();
        const std::uint32_t watts = way_ == Way::current ? power.current_w : power.average_w;
        if (result == kSuccess && watts == 0) {
            return kIncredible;
        }
        const SensorInfo& info = sensors().front();
        reading.raw = std::uint64_t{watts} * 1'000'000;
        reading.before_ns = before - info.period_hint_ns - info.window_ns / 2;
        reading.after_ns = after - info.window_ns / 2;
        return result;
    }

    Api api_;
    Address address_;
    Processor handle_;
    Way way_;
    std::uint64_t first_;
    std::uint64_t last_;
    std::int64_t changed_ns_ = 0;  ///< when the last value was seen first
};

/// The number behind "MI" in "AMD Instinct MI300X"; 0 for the cards of other lines.
unsigned model_of(std::string_view name) noexcept {
    for (std::size_t at = name.find("MI"); at != std::string_view::npos;
         at = name.find("MI", at + 1)) {
        unsigned number = 0;
        if (std::from_chars(name.data() + at + 2, name.data() + name.size(), number).ec ==
            std::errc()) {
            return number;
        }
    }
    return 0;
}

void sleep_ns(std::int64_t ns) {
    timespec pause{0, static_cast<long>(ns)};
    nanosleep(&pause, nullptr);
}

/// Waits for the accumulator to move; false if it does not.
bool moves(const Api& api, Processor gpu, std::uint64_t steps) {
    const std::int64_t start = monotonic_clock().now_ns();
    do {
        Energy energy;
        if (read_energy(api, gpu, energy) != kSuccess || !energy.told()) {
            return false;
        }
        if (energy.steps != steps) {
            return true;
        }
        sleep_ns(kMillisecond);
    } while (monotonic_clock().now_ns() - start < kStuck);
    return false;
}

/// The best way that works, tried out, and what keeps the accumulator from being it.
struct Trial {
    Way way = Way::none;
    Energy energy;
    std::string reason;
};

Trial try_out(const Api& api, const Card& card) {
    Trial trial;
    const int result = read_energy(api, card.handle, trial.energy);
    if (result != kSuccess) {
        trial.reason = "no energy counter (" + api.told(result) + ")";
    } else if (!trial.energy.told()) {
        trial.reason = "no energy counter";
    } else if (!counts_right(card.name, trial.energy.steps)) {
        trial.reason = "an energy counter of 32 bits, in a unit that nobody tells";
    } else if (!moves(api, card.handle, trial.energy.steps)) {
        trial.reason = "an energy counter that stands still";
    } else {
        trial.way = Way::energy;
        return trial;
    }
    Power power;
    if (read_power(api, card.handle, power) == kSuccess) {
        trial.way = power.current_w > 0   ? Way::current
                    : power.average_w > 0 ? Way::average
                                          : Way::none;
    }
    return trial;
}

std::string milliseconds(std::int64_t ns) {
    return std::to_string(ns / kMillisecond) + " ms";
}

void describe(SensorInfo& info, const Trial& trial, const Card& card) {
    std::string whose = " of " + (card.name.empty() ? "the GPU" : card.name) + " at " + card.bus();
    if (!card.uuid.empty()) {
        whose += ", " + card.uuid;
    }
    if (trial.way == Way::energy) {
        info.method = "energy accumulator" + whose;
        info.shape = Shape::counter;
        info.unit = info.quantum = unit_j(trial.energy.microjoules);
        info.period_hint_ns = kUpdate;
        const double told = 1e-6 * static_cast<double>(trial.energy.microjoules);
        if (std::abs(told / info.unit - 1) > 1e-4) {
            info.reason = "the library rounds the unit of 2^-16 J: corrected";
        }
    } else {
        const bool current = trial.way == Way::current;
        info.window_ns = current ? 0 : kMean;
        info.period_hint_ns = current ? kPowerUpdate : kMean;
        info.method = (current ? "current power" : "average power") + whose +
                      ", whole watts every " + milliseconds(info.period_hint_ns) +
                      ", trapezoid rule";
        info.shape = Shape::gauge;
        info.unit = info.quantum = 1e-9;  // the trapezoid counts nanojoules
        info.open_interval_ns = info.period_hint_ns / 2;
        info.event_interval_ns = info.period_hint_ns / 4;
        info.reason = "this GPU has " + trial.reason;
    }
    if (card.name.find("MI300A") != std::string::npos) {
        info.reason += info.reason.empty() ? "" : "; ";
        info.reason += "on this module the reading holds the processor's cores as well";
    }
}

SensorInfo blank(const std::string& id) {
    SensorInfo info;
    info.id = id;
    info.kind = "gpu";
    info.source = "amdsmi";
    info.method = "AMD's management library";
    info.gain_rel = kBoardGain;
    return info;
}

void refuse(Discovery& found, SensorInfo info, std::string reason) {
    info.counted = false;
    info.readable = false;
    info.reason = std::move(reason);
    found.refused.push_back(std::move(info));
}

/// A text of the library's, ended by its buffer where by nothing else.
std::string text_in(const char* buffer, std::size_t size) {
    return {buffer, std::find(buffer, buffer + size, '\0')};
}

Card look_at(const Api& api, Processor handle, int type) {
    Card card;
    card.handle = handle;
    card.type = type;
    if (const int result = api.address(handle, &card.address); result != kSuccess) {
        card.error = api.told(result);
        return card;
    }
    char uuid[kUuidSize] = {};
    unsigned length = sizeof uuid;
    if (api.uuid != nullptr && api.uuid(handle, &length, uuid) == kSuccess) {
        card.uuid = text_in(uuid, sizeof uuid);
    }
    if (const auto asic = std::make_unique<AsicInfo>();
        api.asic != nullptr && api.asic(handle, asic.get()) == kSuccess) {
        card.name = text_in(asic->market_name, sizeof asic->market_name);
    }
    EnumerationInfo number{};
    if (api.enumeration != nullptr && api.enumeration(handle, &number) == kSuccess) {
        card.visible = {number.hip_id, text_in(number.hip_uuid, sizeof number.hip_uuid)};
    }
    return card;
}

/// The handles that a call gives, which is asked for their number first; the call's result.
template <class Handle, class Call>
int list(std::vector<Handle>& handles, Call&& call) {
    std::uint32_t count = 0;
    if (const int result = call(&count, nullptr); result != kSuccess) {
        return result;
    }
    handles.assign(std::min(count, kMostHandles), nullptr);
    count = static_cast<std::uint32_t>(handles.size());
    const int result = count == 0 ? int{kSuccess} : call(&count, handles.data());
    handles.resize(std::min<std::size_t>(count, handles.size()));
    return result;
}

/// All GPUs, in amd-smi's order; the result of the call that failed.
int list_cards(const Api& api, std::vector<Card>& cards) {
    std::vector<Socket> sockets;
    const int result =
        list(sockets, [&](std::uint32_t* n, Socket* all) { return api.sockets(n, all); });
    for (const Socket socket : sockets) {
        std::vector<Processor> processors;
        const int failed = list(processors, [&](std::uint32_t* n, Processor* all) {
            return api.processors(socket, n, all);
        });
        if (failed != kSuccess) {
            cards.emplace_back().error = api.told(failed);
        }
        for (const Processor processor : processors) {
            int type = 0;
            if (cards.size() < kMostHandles && api.type(processor, &type) == kSuccess &&
                (type == kGpu || type == kApu)) {
                cards.push_back(look_at(api, processor, type));
            }
        }
    }
    return result;
}

}  // namespace

namespace amdsmi {

std::string text_of(Address address) {
    char text[32];
    std::snprintf(text, sizeof text, "%04llx:%02llx:%02llx.%llx",
                  static_cast<unsigned long long>(address >> 16),
                  static_cast<unsigned long long>(address >> 8 & 0xff),
                  static_cast<unsigned long long>(address >> 3 & 0x1f),
                  static_cast<unsigned long long>(address & 0x7));
    return text;
}

double unit_j(float microjoules) noexcept {
    // From a nanojoule to a joule; anything else is garbage.
    if (!(microjoules >= 1e-3F && microjoules <= 1e6F)) {
        return 0;
    }
    const double told = 1e-6 * static_cast<double>(microjoules);
    return std::abs(told / kFirmwareUnit - 1) < 0.005 ? kFirmwareUnit : told;
}

bool counts_right(const std::string& name, std::uint64_t value) noexcept {
    return value > UINT32_MAX || model_of(name) >= 200;
}

}  // namespace amdsmi

Discovery discover_amdsmi(const Api& api, Dylib library, const AmdsmiFilter& filter) {
    Discovery found;
    int result = api.init(kGpus);
    if (result != kSuccess) {
        refuse(found, blank("amdgpu"), "AMD SMI does not start: " + api.told(result));
        return found;
    }
    const auto session = std::make_shared<DriverSession>([init = api.init] { return init(kGpus); },
                                                         api.shut_down, std::move(library));
    std::vector<Card> cards;
    result = list_cards(api, cards);
    if (result != kSuccess) {
        refuse(found, blank("amdgpu"), "AMD SMI lists no GPUs: " + api.told(result));
        return found;
    }
    std::vector<Visible> seen;
    for (const Card& card : cards) {
        seen.push_back(card.visible);
    }
    const auto visibility = visible_gpus(filter, seen);
    for (std::size_t i = 0; i < cards.size(); ++i) {
        const Card& card = cards[i];
        SensorInfo info = blank("amdgpu" + std::to_string(i));
        if (!card.error.empty()) {
            refuse(found, std::move(info), "AMD SMI gives no address: " + card.error);
            continue;
        }
        const auto whole = std::find_if(
            cards.begin(), cards.begin() + static_cast<long>(i),
            [&](const Card& other) { return other.error.empty() && other.slot() == card.slot(); });
        if (whole != cards.begin() + static_cast<long>(i)) {
            refuse(found, std::move(info),
                   "a partition of amdgpu" + std::to_string(whole - cards.begin()) +
                       ", which is read as a whole");
            continue;
        }
        info.device = card.bus();
        const Trial trial = try_out(api, card);
        if (trial.way == Way::none) {
            refuse(found, std::move(info),
                   (card.name.empty() ? "this GPU" : card.name) + " has " + trial.reason +
                       ", and its power cannot be read; of two dies on one board the first may "
                       "tell for both");
            continue;
        }
        describe(info, trial, card);
        const bool integrated =
            card.type == kApu || std::find(filter.integrated.begin(), filter.integrated.end(),
                                           info.device) != filter.integrated.end();
        const auto also = [&](const std::string& what) {
            info.reason += (info.reason.empty() || what.empty() ? "" : "; ") + what;
        };
        if (integrated) {
            also("the power of the whole processor that this GPU is part of: shown, not added");
        }
        also(visibility[i].reason);
        info.counted = visibility[i].counted && !integrated;
        found.sources.push_back(std::make_unique<Gpu>(session, std::move(info), api, card,
                                                      trial.way, trial.energy.steps));
    }
    return found;
}

Discovery discover_amdsmi(const std::string& library, const AmdsmiFilter& filter) {
    Dylib loaded(library);
    Discovery none;
    if (!loaded.loaded()) {
        // A file that is there and does not load deserves a word.
        if (access(library.c_str(), F_OK) == 0) {
            refuse(none, blank("amdgpu"), loaded.error());
        }
        return none;
    }
    Api api;
    std::string missing;
    if (!api.load(loaded, missing)) {
        refuse(none, blank("amdgpu"), library + " has no " + missing + ": pass amd-smi's library");
        return none;
    }
    return discover_amdsmi(api, std::move(loaded), filter);
}

}  // namespace microjoule
