#include <doctest/doctest.h>

#include <algorithm>
#include <initializer_list>

#include "microjoule/clock.h"
#include "microjoule/governor.h"

using namespace microjoule;

namespace {

/// Share of a core over ten seconds of a sampler whose pace would cost `base` of a core.
double share(Governor& governor, double base, std::int64_t& t_ns, double& cpu_ns) {
    const std::int64_t start = t_ns;
    const double before = cpu_ns;
    while (t_ns < start + 10 * kSecond) {
        // It wakes every millisecond, stretched; the governor looks when a look is due.
        const auto step = static_cast<std::int64_t>(1e6 * governor.stretch());
        t_ns += step;
        cpu_ns += base * 1e6;
        if (governor.due(t_ns)) {
            governor.observe(t_ns, static_cast<std::int64_t>(cpu_ns));
        }
    }
    return (cpu_ns - before) / static_cast<double>(t_ns - start);
}

}  // namespace

TEST_CASE("the limit holds from a cheap pace to one that would take a whole core") {
    for (const double base : {0.01, 0.049, 0.06, 0.3, 0.6, 1.0}) {
        Governor governor(0.05);
        std::int64_t t = kSecond;
        double cpu = 0;
        governor.observe(t, 0);
        const double used = share(governor, base, t, cpu);
        CAPTURE(base);
        CHECK(used <= 0.05 * 1.2);
        CHECK(used >= std::min(base, 0.05) * 0.6);
        CHECK((governor.stretch() > 1) == (base > 0.0475));
    }
}

TEST_CASE("when the load goes, the pace comes back") {
    Governor governor(0.05);
    std::int64_t t = kSecond;
    double cpu = 0;
    governor.observe(t, 0);
    share(governor, 0.6, t, cpu);
    CHECK(governor.stretch() > 8);
    share(governor, 0.01, t, cpu);
    share(governor, 0.01, t, cpu);
    CHECK(governor.stretch() == doctest::Approx(1));
}
