#include <doctest/doctest.h>

#include <cmath>
#include <vector>

#include "microjoule/windows.h"

using namespace microjoule;

TEST_CASE("a token fits its own window, once") {
    Windows windows(2);
    const Handle a = windows.acquire(Record::open);
    const Handle b = windows.acquire(Record::open);
    CHECK(Windows::token(a) != Windows::token(b));
    CHECK(Windows::handle(Windows::token(a)).record == a.record);
    CHECK(windows.close(a));
    CHECK_FALSE(windows.close(a));
    windows.finish(a.record);
    CHECK(windows.is_done(a));
    windows.release(a);
    CHECK_FALSE(windows.is_done(a));

    const Handle again = windows.acquire(Record::open);
    CHECK(again.record == a.record);
    CHECK_FALSE(windows.close(a));
    CHECK(windows.close(again));
}

TEST_CASE("a result that nobody wants is free once it is finished") {
    Windows windows(1);
    const Handle a = windows.acquire(Record::open);
    windows.close(a);
    windows.release(a);
    windows.finish(a.record);
    CHECK(windows.acquire(Record::open).record == a.record);
}

TEST_CASE("the pool grows when more windows are open than ever before") {
    Windows windows(1);
    std::vector<Handle> open;
    for (int i = 0; i < 5000; ++i) {
        open.push_back(windows.acquire(Record::open));
    }
    for (const Handle& handle : open) {
        CHECK(windows.close(handle));
    }
}

TEST_CASE("errors of an anchor that both ends share cancel") {
    SensorInfo info;
    info.unit = info.quantum = 1;
    EnergyAt start;
    start.anchor = 7;
    start.lambda = 0.25;
    start.slope = 1e-3;
    start.sigma_before_ns = start.sigma_after_ns = 1000;
    start.chain_after = 100;
    EnergyAt end = start;
    SUBCASE("the same instant: no uncertainty at all") {
        const SensorFigures none = difference(start, end, 0, info);
        CHECK(none.energy == 0);
        CHECK(none.timing == 0);
        CHECK(none.quantisation == 0);
    }
    SUBCASE("inside one interval: only its slope is uncertain") {
        end.lambda = 0.75;
        const SensorFigures inside = difference(start, end, 0, info);
        CHECK(inside.timing == doctest::Approx(0.5 * std::sqrt(2.0)));
    }
    SUBCASE("far apart: independent") {
        end.anchor = 100;
        end.chain_before = 1000;
        end.chain_after = 2000;
        const SensorFigures apart = difference(start, end, 0, info);
        CHECK(apart.timing == doctest::Approx(std::sqrt(2 * (0.75 * 0.75 + 0.25 * 0.25))));
    }
}

TEST_CASE("errors of anchors that were placed from each other cancel as far as they are one") {
    SensorInfo info;
    info.unit = info.quantum = 1;
    EnergyAt start;
    start.anchor = 7;
    start.slope = 1e-3;
    start.sigma_before_ns = 1000;
    EnergyAt end = start;
    end.anchor = 20;
    CHECK(difference(start, end, 0, info).timing == doctest::Approx(0));
    end.chain_before = std::log(2);
    CHECK(difference(start, end, 0, info).timing == doctest::Approx(1));
    end.chain_before = 50;
    CHECK(difference(start, end, 0, info).timing == doctest::Approx(std::sqrt(2.0)));
}

TEST_CASE("a trace of any length stays below its bound by doubling its step") {
    std::vector<SensorInfo> sensors(1);
    sensors[0].unit = 1;
    Trace trace;
    trace.step_ns = 10;
    std::vector<EnergyAt> at(1);
    std::int64_t t = 0;
    for (int i = 0; i < 200'000; ++i) {
        at[0].units = t;
        trace.add(t, at, sensors);
        t += trace.step_ns;
    }
    CHECK(trace.t_ns.size() <= Trace::kMost);
    CHECK(trace.step_ns >= 40);
    for (std::size_t i = 0; i < trace.t_ns.size(); ++i) {
        REQUIRE(trace.energy[i] == static_cast<double>(trace.t_ns[i]));
    }
}
