#include <doctest/doctest.h>
#include <fcntl.h>
#include <linux/perf_event.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <cstdint>
#include <filesystem>
#include <string>
#include <thread>
#include <vector>

#include "../sources/parse.h"
#include "as_nobody.h"
#include "microjoule/clock.h"
#include "microjoule/counter.h"
#include "microjoule/files.h"
#include "microjoule/perf.h"
#include "simulation.h"
#include "software_pmu.h"
#include "temp_tree.h"

using namespace microjoule;

namespace {

/// The descriptors of this process that are perf events, in the order they were opened.
std::vector<int> perf_fds() {
    std::vector<int> fds;
    for (int fd = 0; fd < 1024; ++fd) {
        char target[64] = "";
        const std::string link = "/proc/self/fd/" + std::to_string(fd);
        if (readlink(link.c_str(), target, sizeof target - 1) > 0 &&
            std::string(target) == "anon_inode:[perf_event]") {
            fds.push_back(fd);
        }
    }
    return fds;
}

bool usable() {
    SoftwarePmu tree;
    tree.event("energy-pkg", "1e-9\n");
    const Discovery found = discover_perf(tree.root());
    if (found.sources.empty()) {
        MESSAGE("perf events are refused here: " << found.refused.at(0).reason);
        return false;
    }
    return true;
}

/// Lets the group read what a test has written: its leader becomes a file of records.
class Played {
public:
    explicit Played(const TempTree& tree) : path_(tree.root() + "/records") {
        ::close(::open(path_.c_str(), O_CREAT | O_RDWR, 0600));
    }

    void add(std::uint64_t enabled_ns, std::vector<std::int64_t> values) {
        std::vector<std::uint64_t> record{values.size(), enabled_ns, enabled_ns};
        for (const std::int64_t value : values) {
            record.push_back(static_cast<std::uint64_t>(value));
        }
        const int fd = ::open(path_.c_str(), O_WRONLY | O_APPEND);
        const auto size = static_cast<ssize_t>(record.size() * sizeof record[0]);
        REQUIRE(::write(fd, record.data(), static_cast<std::size_t>(size)) == size);
        ::close(fd);
    }

    void instead_of(int fd) const {
        const int records = ::open(path_.c_str(), O_RDONLY);
        REQUIRE(dup2(records, fd) == fd);
        ::close(records);
    }

private:
    std::string path_;
};

}  // namespace

TEST_CASE("a group reads joules of known power, all events at one instant") {
    if (!usable()) {
        return;
    }
    SoftwarePmu tree;
    tree.event("energy-pkg", "1e-07\n");
    tree.event("energy-ram", "1e-08\n");
    tree.event("energy-cores", "5e-08\n");
    const Discovery found = discover_perf(tree.root());
    REQUIRE(found.sources.size() == 1);
    CHECK(found.refused.empty());
    Source& group = *found.sources[0];
    REQUIRE(group.sensors().size() == 3);
    CHECK(group.sensors()[0].id == "cpu0.package");
    CHECK(group.sensors()[0].counted);
    CHECK(group.sensors()[1].id == "cpu0.dram");
    CHECK(group.sensors()[1].kind == "dram");
    CHECK(group.sensors()[1].counted);
    CHECK(group.sensors()[2].id == "cpu0.core");
    CHECK_FALSE(group.sensors()[2].counted);
    CHECK(group.sensors()[0].modulus == 0);

    Reading first[3];
    Reading last[3];
    group.read(first);
    const std::int64_t t0 = monotonic_clock().now_ns();
    std::this_thread::sleep_for(std::chrono::milliseconds(50));
    group.read(last);
    const auto elapsed = static_cast<double>(monotonic_clock().now_ns() - t0);
    const double watts[] = {100, 10, 50};
    for (int i = 0; i < 3; ++i) {
        CHECK(first[i].status == Status::ok);
        CHECK(last[i].status == Status::ok);
        const double joules = static_cast<double>(last[i].raw - first[i].raw) *
                              group.sensors()[static_cast<std::size_t>(i)].unit;
        CHECK(joules == doctest::Approx(watts[i] * elapsed * 1e-9).epsilon(0.05));
    }
}

TEST_CASE("the scale does not depend on the locale, and what is no energy event is left out") {
    if (!usable()) {
        return;
    }
    SoftwarePmu tree;
    tree.event("energy-pkg", "2.3283064365386962890625e-10\n");
    tree.event("energy-foo", "1e-9\n");
    tree.event("energy-ram", "nonsense\n");
    tree.event("energy-gpu", "-1\n");
    tree.event("energy-cores", "1e-9\n", "umask=0x1\n");
    tree.event("cycles", "1\n");
    tree.event("energy-psys", "1e-9\n");
    tree.pmu("events/energy-psys.unit", "Watts\n");
    const Discovery found = discover_perf(tree.root());
    REQUIRE(found.sources.size() == 1);
    const auto& sensors = found.sources[0]->sensors();
    REQUIRE(sensors.size() == 2);
    CHECK(sensors[0].unit == 0x1p-22);
    CHECK(sensors[0].quantum == 0x1p-14);
    CHECK(sensors[1].id == "cpu0.foo");
    CHECK_FALSE(sensors[1].counted);
}

TEST_CASE("events that the kernel does not count are refused, the others stay") {
    if (!usable()) {
        return;
    }
    SoftwarePmu tree;
    tree.event("energy-pkg", "1e-9\n", "event=0xff\n");
    tree.event("energy-ram", "1e-9\n");
    const Discovery found = discover_perf(tree.root());
    REQUIRE(found.sources.size() == 1);
    REQUIRE(found.sources[0]->sensors().size() == 1);
    CHECK(found.sources[0]->sensors()[0].id == "cpu0.dram");
    REQUIRE(found.refused.size() == 1);
    CHECK(found.refused[0].id == "cpu0.package");
    CHECK_FALSE(found.refused[0].readable);
    CHECK_FALSE(found.refused[0].counted);
    CHECK(found.refused[0].reason.find("does not count it") != std::string::npos);
}

TEST_CASE("a process without the right is told which one it lacks") {
    if (read_u64("/proc/sys/kernel/perf_event_paranoid").value_or(0) < 1) {
        MESSAGE("everybody may read the counters of this machine");
        return;
    }
    SoftwarePmu tree;
    std::filesystem::permissions(tree.root(), std::filesystem::perms::all);
    tree.event("energy-pkg", "1e-9\n");
    tree.event("energy-ram", "1e-9\n");
    CHECK(as_nobody([&] {
        const Discovery found = discover_perf(tree.root());
        return found.sources.empty() && found.refused.size() == 2 && !found.refused[0].readable &&
               !found.refused[0].counted &&
               found.refused[0].reason.find("perf_event_paranoid") != std::string::npos &&
               found.refused[0].reason.find("CAP_PERFMON") != std::string::npos;
    }));
}

TEST_CASE("one group for each package and die; a place is never there twice") {
    if (!usable() || std::thread::hardware_concurrency() < 2) {
        return;
    }
    SoftwarePmu tree("0-1\n");
    tree.event("energy-pkg", "1e-9\n");
    tree.event("energy-psys", "1e-9\n");
    SUBCASE("packages by their order where nothing else is known") {
        const Discovery found = discover_perf(tree.root());
        REQUIRE(found.sources.size() == 2);
        CHECK(found.sources[1]->sensors()[0].id == "cpu1.package");
        REQUIRE(found.refused.size() == 1);
        CHECK(found.refused[0].id == "psys");
    }
    SUBCASE("dies") {
        tree.topology(0, 0, 0);
        tree.topology(1, 0, 1);
        const Discovery found = discover_perf(tree.root());
        REQUIRE(found.sources.size() == 2);
        CHECK(found.sources[1]->sensors()[0].id == "cpu0.die1.package");
    }
    SUBCASE("dies of AMD show the package's counter again") {
        tree.topology(0, 0, 0);
        tree.topology(1, 0, 1);
        tree.put("devices/system/cpu/modalias", "cpu:type:x86,ven0002fam0019mod0001:feature:\n");
        const Discovery found = discover_perf(tree.root());
        REQUIRE(found.sources.size() == 1);
        CHECK(found.sources[0]->sensors()[0].id == "cpu0.package");
        CHECK(found.refused.size() == 2);
    }
}

TEST_CASE("counters of single cores are mentioned, and not read") {
    SoftwarePmu tree;
    tree.put("bus/event_source/devices/power_core/cpumask", "0-3\n");
    for (int cpu = 0; cpu < 4; ++cpu) {
        tree.topology(cpu, cpu / 2, 0);
    }
    const Discovery found = discover_perf(tree.root());
    REQUIRE(found.refused.size() == 2);
    CHECK(found.refused[0].id == "cpu0.core");
    CHECK(found.refused[1].id == "cpu1.core");
    CHECK_FALSE(found.refused[0].readable);
}

TEST_CASE("a machine without the PMU has nothing, and no complaint") {
    TempTree tree;
    const Discovery found = discover_perf(tree.root());
    CHECK(found.sources.empty());
    CHECK(found.refused.empty());
}

TEST_CASE("an event that has stopped is lost, and opened again on another CPU of its place") {
    if (!usable() || std::thread::hardware_concurrency() < 2) {
        return;
    }
    SoftwarePmu tree;
    tree.topology(0, 0, 0);
    tree.topology(1, 0, 0);
    tree.event("energy-pkg", "1e-9\n");
    tree.event("energy-ram", "1e-9\n");
    const Discovery found = discover_perf(tree.root());
    Source& group = *found.sources.at(0);
    Reading reading[2];
    group.read(reading);
    CHECK(reading[0].status == Status::ok);
    const std::uint64_t before = reading[0].raw;
    SUBCASE("its CPU is gone: the time of the event stands still") {
        for (const int fd : perf_fds()) {
            ioctl(fd, PERF_EVENT_IOC_DISABLE, 0);
        }
        group.read(reading);  // up to when it was stopped
    }
    SUBCASE("end of file") {
        Played(tree).instead_of(perf_fds().at(0));
    }
    group.read(reading);
    CHECK(reading[0].status == Status::lost);
    CHECK(reading[1].status == Status::lost);
    CHECK(reading[0].error == ENODEV);

    tree.pmu("cpumask", "\n");
    CHECK_FALSE(group.reopen());
    CHECK(perf_fds().empty());
    group.read(reading);
    CHECK(reading[0].status == Status::lost);

    tree.topology(1, 1, 0);
    tree.pmu("cpumask", "1\n");
    CHECK_FALSE(group.reopen());  // a CPU of another package

    tree.topology(1, 0, 0);
    CHECK(group.reopen());
    CHECK(perf_fds().size() == 2);
    group.read(reading);
    CHECK(reading[0].status == Status::ok);
    // The new event counts from zero; whatever it shows is a reset to the core.
    Counter counter(0, 1e-9, 2000);
    counter.feed(std::max(before, reading[0].raw + 1), 0);
    CHECK(counter.feed(reading[0].raw, kSecond).step == Step::reset);
    const std::uint64_t anew = reading[0].raw;
    group.read(reading);
    CHECK(counter.feed(reading[0].raw, kSecond).step == Step::advanced);
    CHECK(reading[0].raw > anew);
}

TEST_CASE("a step back is a reset: also below zero, and small steps after it count") {
    if (!usable()) {
        return;
    }
    SoftwarePmu tree;
    tree.event("energy-pkg", "2.3283064365386962890625e-10\n");
    const Discovery found = discover_perf(tree.root());
    Source& group = *found.sources.at(0);
    const SensorInfo& info = group.sensors()[0];
    // What rapl_event_update() makes of 33 kJ between two looks of its own at units of 2^-16 J:
    // 2^31 of them are 32768 J, and more is taken for a step back.
    const auto joules = [](double j) { return static_cast<std::int64_t>(j * 0x1p32); };
    Played played(tree);
    std::uint64_t enabled = 0;
    const double shown[] = {10, 110, 110 + 33'000 - 65'536, 210 + 33'000 - 65'536, 5, 6};
    for (const double j : shown) {
        played.add(enabled += 1000, {joules(j)});
    }
    played.instead_of(perf_fds().at(0));
    Counter counter(info.modulus, info.unit, info.max_power_w);
    const Step expected[] = {Step::first,    Step::advanced, Step::reset,
                             Step::advanced, Step::reset,    Step::advanced};
    const double delta_j[] = {0, 100, 0, 100, 0, 1};
    for (int i = 0; i < 6; ++i) {
        CAPTURE(i);
        Reading reading;
        group.read(&reading);
        REQUIRE(reading.status == Status::ok);
        const Counter::Result result = counter.feed(reading.raw, kSecond);
        CHECK(result.step == expected[i]);
        CHECK(static_cast<double>(result.delta) * info.unit == delta_j[i]);
    }
    Reading reading;
    group.read(&reading);
    CHECK(reading.status == Status::lost);
}

TEST_CASE("a step back in the middle of a window is missing energy, never negative or invented") {
    simulation::World world;
    simulation::CounterShape shape;
    shape.energy = simulation::constant(250);
    shape.unit_j = 0x1p-32;
    shape.start = std::uint64_t{1} << 63;  // as the perf source shows it
    simulation::FakeCounter& counter = world.add(shape);
    world.build();
    const std::int64_t t0 = world.clock.now_ns();
    const std::uint64_t token = world.begin();
    world.run_for(500 * kMillisecond);
    counter.offset -= std::uint64_t{32'768} << 32;  // 2^31 units of 2^-16 J, sign-extended
    world.run_for(500 * kMillisecond);
    const Handle handle = world.end(token);
    const double truth = counter.truth(t0, world.clock.now_ns());
    const Figures figures = world.settle(handle);
    const SensorFigures& sensor = figures.sensors.at(0);
    CHECK(sensor.resets == 1);
    CHECK(sensor.gap_s > 0);
    CHECK(sensor.gap_s < 0.3);
    // What is missing is the power of the gap.
    CHECK(sensor.energy + 250 * sensor.gap_s == doctest::Approx(truth).epsilon(0.01));
}

TEST_CASE("an event's number goes into the bits of its field, and only if it fits") {
    CHECK(parse::event_config("config:0-7", "event=0x02") == 2U);
    CHECK(parse::event_config("config:8-15", "event=0x02") == 0x200U);
    CHECK(parse::event_config("config:0-63", "event=0xffffffffffffffff") == UINT64_MAX);
    CHECK(parse::event_config("config:63", "event=0x1") == std::uint64_t{1} << 63);
    for (const auto& [format, event] : {std::pair("config:0-7", "event=0x100"),
                                        {"config:60-63", "event=0x10"},
                                        {"config:0-64", "event=0x1"},
                                        {"config:7-0", "event=0x1"},
                                        {"config:0-7x", "event=0x1"},
                                        {"config1:0-7", "event=0x1"},
                                        {"config:", "event=0x1"},
                                        {"config:0-7", "event=2"},
                                        {"config:0-7", "event=0x"},
                                        {"config:0-7", "event=0x1,umask=0x1"}}) {
        CAPTURE(format);
        CAPTURE(event);
        CHECK_FALSE(parse::event_config(format, event));
    }
}

TEST_CASE("a scale is a positive number and nothing else") {
    CHECK(parse::event_scale_j("2.3283064365386962890625e-10") == 0x1p-32);
    CHECK(parse::event_scale_j("1\n") == 1);
    for (const char* bad :
         {"", "0", "-1", "nan", "inf", "1e999", "1e-320", "1 J", "1e-3x", "0x1"}) {
        CAPTURE(bad);
        CHECK(parse::event_scale_j(bad) == 0);
    }
}
