// A counter that shows anything at any time.

#include <cmath>

#include "fuzz.h"
#include "microjoule/clock.h"
#include "microjoule/counter.h"

using namespace microjoule;

int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    fuzz::Input input(data, size);
    const std::uint64_t modulus = input.any();
    // From a step of 2^-40 J to one of 1 J, from 1 uW to 1 MW.
    const double unit_j = std::ldexp(1.0, -static_cast<int>(input.take<std::uint8_t>() % 41));
    const double watts = 1e-6 * std::pow(10.0, input.take<std::uint8_t>() % 13);
    Counter counter(modulus, unit_j, watts);
    MUST(counter.wrap_safe_ns() > 0 && counter.wrap_safe_ns() <= 30 * kSecond);

    std::uint64_t last = 0;
    bool first = true;
    while (!input.empty()) {
        const std::uint64_t raw = input.any();
        const auto elapsed = static_cast<std::int64_t>(input.any());
        const auto result = counter.feed(raw, elapsed);
        const double most = elapsed > 0 ? static_cast<double>(elapsed) * 1e-9 * watts : 0;
        MUST((result.step == Step::first) == first);
        MUST((result.step == Step::unchanged) == (!first && raw == last));
        const bool energy = result.step == Step::advanced || result.step == Step::wrapped;
        MUST((result.delta > 0) == energy);
        // Never more than the power that it can be, never more than the counter can hold.
        MUST(static_cast<double>(result.delta) * unit_j <= most * (1 + 1e-9));
        MUST(energy || !result.ambiguous);
        if (result.step == Step::advanced) {
            MUST(last + result.delta == raw);
        }
        if (result.step == Step::wrapped) {
            MUST(modulus > last && raw < last && modulus - last + raw == result.delta);
            MUST(result.delta < modulus);
        }
        last = raw;
        first = false;
    }
    return 0;
}
