#include "microjoule/amdsmi.h"

#include <unistd.h>

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <memory>
#include <utility>

#include "amdsmi_gpu.h"
#include "driver.h"
#include "microjoule/clock.h"

namespace microjoule {
namespace {

using namespace amdsmi;

// No figure of AMD's; that of the other boards is taken (nvidia-smi's manual says 5 %).
constexpr double kBoardGain = 0.05;
// The firmware does not say how often it works the power out, nor over what.
constexpr std::int64_t kMean = 100 * kMillisecond;
constexpr std::int64_t kPowerUpdate = 50 * kMillisecond;
// No machine has more; a library that says so is broken.
constexpr std::uint32_t kMostHandles = 1024;

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

std::string amdsmi::text_of(Address address) {
    char text[32];
    std::snprintf(text, sizeof text, "%04llx:%02llx:%02llx.%llx",
                  static_cast<unsigned long long>(address >> 16),
                  static_cast<unsigned long long>(address >> 8 & 0xff),
                  static_cast<unsigned long long>(address >> 3 & 0x1f),
                  static_cast<unsigned long long>(address & 0x7));
    return text;
}

Discovery discover_amdsmi(const Api& api, Dylib library, const AmdsmiFilter& filter) {
    Discovery found;
    int result = api.init(kGpus);
    if (result != kSuccess) {
        found.refuse(blank("amdgpu"), "AMD SMI does not start: " + api.told(result));
        return found;
    }
    const auto session = std::make_shared<DriverSession>([init = api.init] { return init(kGpus); },
                                                         api.shut_down, std::move(library));
    std::vector<Card> cards;
    result = list_cards(api, cards);
    if (result != kSuccess) {
        found.refuse(blank("amdgpu"), "AMD SMI lists no GPUs: " + api.told(result));
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
            found.refuse(std::move(info), "AMD SMI gives no address: " + card.error);
            continue;
        }
        const auto whole = std::find_if(
            cards.begin(), cards.begin() + static_cast<long>(i),
            [&](const Card& other) { return other.error.empty() && other.slot() == card.slot(); });
        if (whole != cards.begin() + static_cast<long>(i)) {
            found.refuse(std::move(info), "a partition of amdgpu" +
                                              std::to_string(whole - cards.begin()) +
                                              ", which is read as a whole");
            continue;
        }
        info.device = card.bus();
        const Trial trial = try_out(api, card.handle, card.name);
        if (trial.way == Way::none) {
            found.refuse(
                std::move(info),
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
        found.sources.push_back(
            make_gpu(session, std::move(info), api, card.address, card.handle, trial));
    }
    return found;
}

Discovery discover_amdsmi(const std::string& library, const AmdsmiFilter& filter) {
    Dylib loaded(library);
    Discovery none;
    if (!loaded.loaded()) {
        // A file that is there and does not load deserves a word.
        if (access(library.c_str(), F_OK) == 0) {
            none.refuse(blank("amdgpu"), loaded.error());
        }
        return none;
    }
    Api api;
    std::string missing;
    if (!api.load(loaded, missing)) {
        none.refuse(blank("amdgpu"), library + " has no " + missing + ": pass amd-smi's library");
        return none;
    }
    return discover_amdsmi(api, std::move(loaded), filter);
}

}  // namespace microjoule
