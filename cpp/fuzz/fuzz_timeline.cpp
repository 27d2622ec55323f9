// A timeline that is fed with anything, at any pace, and asked at any time: what has been answered
// stays, energy never falls, and nothing that is said of it is nonsense.

#include <algorithm>
#include <array>
#include <cmath>
#include <vector>

#include "fuzz.h"
#include "microjoule/clock.h"
#include "microjoule/timeline.h"
#include "microjoule/windows.h"

using namespace microjoule;

namespace {

constexpr std::int64_t kDay = 86'400 * kSecond;

SensorInfo any_sensor(fuzz::Input& input) {
    SensorInfo info;
    info.shape = static_cast<Shape>(input.take<std::uint8_t>() % 3);
    const auto step = input.take<std::uint8_t>();
    info.unit = info.shape == Shape::counter ? std::ldexp(1.0, -(step % 33)) : 1e-9;
    info.quantum = info.unit;
    info.modulus = info.shape == Shape::counter ? input.any() : 0;
    info.max_power_w = std::pow(10.0, input.take<std::uint8_t>() % 5);
    info.period_hint_ns = 1 + static_cast<std::int64_t>(input.below(10 * kSecond));
    info.power_span_w = info.shape == Shape::stepped ? info.max_power_w : 0;
    info.gain_rel = 0.04;
    return info;
}

void check(const EnergyAt& at) {
    MUST(at.frac >= 0 && at.frac < 1);
    MUST(at.lambda >= 0 && at.lambda <= 1);
    MUST(at.slope >= 0 && std::isfinite(at.slope));
    MUST(at.sigma_before_ns >= 0 && std::isfinite(at.sigma_before_ns));
    MUST(at.sigma_after_ns >= 0 && std::isfinite(at.sigma_after_ns));
    MUST(at.shape_units >= 0 && std::isfinite(at.shape_units));
    MUST(at.low <= at.high);
}

double units(const EnergyAt& at) {
    return static_cast<double>(at.units) + at.frac;
}

void check(const SensorInfo& info, const EnergyAt& start, const EnergyAt& end) {
    MUST(end.units >= start.units);
    MUST(end.units > start.units || end.frac >= start.frac);
    MUST(end.gap_ns >= start.gap_ns);
    MUST(end.resets >= start.resets && end.ambiguous >= start.ambiguous);
    const SensorFigures figures = difference(start, end, 0, info);
    MUST(figures.energy >= 0 && std::isfinite(figures.energy));
    for (const double part : {figures.timing, figures.quantisation, figures.gain, figures.model}) {
        MUST(part >= 0 && std::isfinite(part));
    }
    MUST(figures.low >= 0 && figures.low <= figures.high);
    MUST(figures.gap_s >= 0);
}

}  // namespace

int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    fuzz::Input input(data, size);
    const SensorInfo info = any_sensor(input);
    Timeline timeline(info);
    std::vector<EnergyAt> answers;
    std::int64_t now = kSecond;
    std::int64_t asked = 0;
    std::int64_t read = 0;  // when the last call returned
    std::array<std::int64_t, 16> recent{};
    std::size_t count = 0;
    std::uint64_t raw = input.any();
    while (!input.empty()) {
        const auto step = input.take<std::uint8_t>();
        now += static_cast<std::int64_t>(input.below(kDay));
        recent[count++ % recent.size()] = now;
        if (now > 30 * kDay) {
            break;
        }
        Reading reading;
        reading.status = Status::ok;
        switch (step % 8) {
            case 0:
            case 1:
            case 2:
            case 3: {
                // As often a step that power can explain as any value at all.
                const std::uint64_t next = input.any();
                raw = step % 8 == 3 ? next : raw + (next >> (step / 8));
                raw = info.modulus != 0 && step % 8 != 3 ? raw % info.modulus : raw;
                reading.raw = raw;
                // A counter's value is from the call; a power reading may be older than that.
                const auto older = input.take<std::uint32_t>();
                if (info.shape == Shape::counter) {
                    reading.after_ns = now;
                    reading.before_ns = std::max(read, now - static_cast<std::int64_t>(older));
                    read = now;
                } else {
                    reading.after_ns = now - static_cast<std::int64_t>(older >> 16);
                    reading.before_ns = reading.after_ns - static_cast<std::int64_t>(older);
                }
                timeline.feed(reading, std::max<std::int64_t>(0, now - kSecond));
                break;
            }
            case 4:
                if (step >= 192) {
                    // A stretch as real counters have it: reads at an even pace, an update every
                    // few of them. Periods are learnt from these only.
                    const auto pace = 1 + static_cast<std::int64_t>(input.below(kMillisecond));
                    const auto each = 1 + input.take<std::uint8_t>() % 16;
                    const std::uint64_t delta = input.any() >> 24;
                    for (int i = 0; i < step - 192; ++i) {
                        now += pace;
                        recent[count++ % recent.size()] = now;
                        raw += i % each == 0 ? delta : 0;
                        raw = info.modulus != 0 ? raw % info.modulus : raw;
                        reading.raw = raw;
                        reading.before_ns = std::max(read, now - pace / 4);
                        reading.after_ns = read = now;
                        timeline.feed(reading, std::max<std::int64_t>(0, now - kSecond));
                    }
                    break;
                }
                reading.status = step >= 128 ? Status::lost : Status::retry;
                timeline.feed(reading, 0);
                break;
            case 5:
                if (step >= 128) {
                    timeline.settle_flat();
                } else if (step >= 64) {
                    timeline.interrupt();
                } else {
                    timeline.lose();
                }
                break;
            default: {
                if (!timeline.started()) {
                    break;  // the sampler asks nothing of a sensor that has shown nothing yet
                }
                // Nor of a time behind the last 64 anchors, which are all that is kept for good.
                const std::int64_t oldest = *std::min_element(recent.begin(), recent.end());
                asked =
                    std::max({asked, oldest, now - static_cast<std::int64_t>(input.any() >> 24)});
                const EnergyAt guess = timeline.estimate(asked);
                MUST(guess.frac >= 0 && guess.frac < 1);
                const bool known = timeline.ready(asked, 1);
                const EnergyAt at = timeline.at(asked);
                check(at);
                if (known && !timeline.lost()) {
                    MUST(at.low <= at.units && units(at) <= static_cast<double>(at.high));
                }
                const EnergyAt again = timeline.at(asked);
                MUST(again.units == at.units && again.frac == at.frac);
                for (const EnergyAt& before : answers) {
                    check(info, before, at);
                }
                if (answers.size() >= 8) {
                    answers.erase(answers.begin());
                }
                answers.push_back(at);
                break;
            }
        }
        MUST(timeline.still_ns() >= INT64_MIN / 2 && timeline.period().longest_ns() > 0);
        MUST(timeline.wrap_safe_ns() > 0);
        std::int64_t within = 0;
        MUST(timeline.next_change_ns(within) >= 0 && within >= 0);
    }
    return 0;
}
