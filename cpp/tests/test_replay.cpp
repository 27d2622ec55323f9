// A recording as a source: the energy of then, from now on.

#include <doctest/doctest.h>

#include <memory>
#include <string>
#include <utility>

#include "microjoule/replay.h"
#include "simulation.h"

using namespace simulation;

namespace {

std::string sensor(const std::string& id, const std::string& more) {
    return "sensor " + id +
           "\nkind cpu\nsource powercap\nmethod RAPL\nunit 1e-06\nquantum 1e-06\n" + more;
}

const std::string kStart =
    "microjoule recording 1\nrecorded 2026-11-24T10:00:00+00:00\nby microjoule 0.1.0\n";

Reading read(Source& source) {
    Reading reading;
    source.read(&reading);
    return reading;
}

/// One counter of 1 s: 100 steps in the first tenth, then nothing read until the end; it wraps.
Recording counter() {
    return parse_recording(kStart + sensor("cpu0.package", "modulus 1000\ncounted yes\n") +
                           "readings\n0 2000000000 0 950\n0 100000000 0 -900\n"
                           "0 100000000 0 retry 5\n0 100000000 0 retry 5\n0 700000000 0 400\n");
}

}  // namespace

TEST_CASE("what is replayed says so and is no measurement") {
    ManualClock clock;
    const Discovery found = discover_replay(counter(), "run.rec", false, clock);
    REQUIRE(found.sources.size() == 1);
    const SensorInfo& info = found.sources[0]->sensors().at(0);
    CHECK(info.id == "cpu0.package");
    CHECK(info.source == "replay");
    CHECK(info.method == "replay of RAPL");
    CHECK(info.reason ==
          "replayed from run.rec, recorded 2026-11-24T10:00:00+00:00 by microjoule 0.1.0 through "
          "powercap");
    CHECK(info.estimated);
    CHECK(info.counted);
    CHECK(info.modulus == 1000);
}

TEST_CASE("a counter advances between its readings, wraps, fails and ends as it did") {
    ManualClock clock;
    const Discovery found = discover_replay(counter(), "run.rec", false, clock);
    Source& source = *found.sources[0];
    CHECK(read(source).raw == 950);
    clock.advance(50 * kMillisecond);
    CHECK(read(source).raw == doctest::Approx(0).epsilon(1).scale(2));  // half of the 100 steps
    clock.advance(100 * kMillisecond);
    const Reading between = read(source);
    CHECK(between.status == Status::ok);
    CHECK(between.raw > 50);
    clock.advance(100 * kMillisecond);
    CHECK(read(source).status == Status::retry);
    CHECK(read(source).error == 5);
    clock.advance(749 * kMillisecond);
    CHECK(read(source).status == Status::retry);
    clock.advance(kMillisecond);
    CHECK(read(source).raw == 450);
    clock.advance(kMillisecond);
    CHECK(read(source).status == Status::lost);
}

TEST_CASE("a loop goes on where the counter stands") {
    ManualClock clock;
    const Discovery found = discover_replay(counter(), "run.rec", true, clock);
    Source& source = *found.sources[0];
    CHECK(read(source).raw == 950);
    clock.advance(kSecond - 1);
    CHECK(read(source).raw == 450);
    clock.advance(1);
    CHECK(read(source).raw == 450);
    clock.advance(50 * kMillisecond);
    CHECK(read(source).raw == doctest::Approx(500).epsilon(1).scale(2));
    clock.advance(10 * kSecond);
    CHECK(read(source).raw == doctest::Approx(500).epsilon(1).scale(2));  // ten times 500 steps on
}

TEST_CASE("gauges are read between their samples, and sources stay together") {
    ManualClock clock;
    const Recording recording = parse_recording(
        kStart + sensor("a", "shape gauge\nunit 1e-09\nquantum 1e-09\ncounted yes\n") +
        sensor("b", "group 1\nshape stepped\n") + sensor("c", "group 1\nshape stepped\n") +
        sensor("process.cpu", "group 2\nshape stepped\nenergy no\n") +
        "readings\n0 2000000000 0 100\n1 0 0 10\n2 0 0 20\n3 0 0 30\n"
        "0 100000000 0 100\n1 0 0 10\n2 0 0 20\n3 0 0 30\n");
    const Discovery found = discover_replay(recording, "run.rec", false, clock);
    REQUIRE(found.sources.size() == 2);
    CHECK(found.sources[1]->sensors().size() == 2);
    Reading readings[2];
    CHECK(read(*found.sources[0]).raw == 100);
    clock.advance(50 * kMillisecond);
    CHECK(read(*found.sources[0]).raw == 150);
    found.sources[1]->read(readings);
    CHECK(readings[0].raw == 15);
    CHECK(readings[1].raw == 30);
}

TEST_CASE("a recording without time in it cannot be replayed") {
    ManualClock clock;
    for (const char* const readings : {"readings\n", "readings\n0 2000000000 0 1\n",
                                       "readings\n0 1 0 retry 5\n0 1 0 retry 5\n"}) {
        const Recording recording = parse_recording(kStart + sensor("a", "") + readings);
        CHECK_THROWS_WITH_AS(discover_replay(recording, "run.rec", false, clock),
                             doctest::Contains("run.rec: the recording is too short"),
                             std::invalid_argument);
    }
}

TEST_CASE("a meter over a recording of a meter measures the same") {
    // Square load on a counter of 1 ms, read at its period.
    const auto energy = square(40, 160, 0.037);
    Recording recording =
        parse_recording(kStart + sensor("cpu0.package", "counted yes\n") + "readings\n");
    for (int i = 0; i <= 3000; ++i) {
        Entry entry;
        entry.t_ns = 2 * kSecond + i * kMillisecond;
        entry.until_ns = entry.t_ns + 5'000;
        entry.raw = static_cast<std::uint64_t>(1e6 * energy(1e-3 * i));
        recording.entries.push_back(entry);
    }
    World world;
    Discovery found = discover_replay(recording, "run.rec", false, world.clock);
    const std::int64_t start = world.clock.now_ns();
    (void)read(*found.sources[0]);  // from now on it flows
    world.add(std::move(found.sources[0]));
    world.build();
    for (int i = 0; i < 20; ++i) {
        const std::uint64_t token = world.begin();
        const std::int64_t from = world.clock.now_ns() - start;
        world.run_for(100 * kMillisecond);
        const std::int64_t to = world.clock.now_ns() - start;
        const Figures figures = world.settle(world.end(token));
        const double truth =
            energy(1e-9 * static_cast<double>(to)) - energy(1e-9 * static_cast<double>(from));
        // What lies within an update of the recorded counter is not in the recording.
        CHECK(std::abs(figures.sensors[0].energy - truth) < 160 * 1e-3);
    }
}
