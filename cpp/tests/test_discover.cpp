#include <doctest/doctest.h>
#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <map>
#include <string>
#include <vector>

#include "microjoule/discover.h"
#include "microjoule/perf.h"
#include "software_pmu.h"

using namespace microjoule;

namespace {

/// A machine that shows one package in up to three ways: perf for pkg and ram, powercap for pkg,
/// dram and psys, registers for all three and the cores.
struct Machine : SoftwarePmu {
    void perf() const {
        event("energy-pkg", "1e-7\n");
        event("energy-ram", "1e-8\n");
    }

    void zone(const std::string& entry, const std::string& name) const {
        const std::string base = "class/powercap/" + entry + "/";
        put(base + "name", name + "\n");
        put(base + "energy_uj", "1000\n");
        put(base + "max_energy_range_uj", "262143328850\n");
    }

    void powercap() const {
        zone("intel-rapl:0", "package-0");
        zone("intel-rapl:0:0", "dram");
        zone("intel-rapl:1", "psys");
    }

    void registers() const {
        put("proc/cpuinfo", "vendor_id\t: GenuineIntel\ncpu family\t: 6\nmodel\t\t: 158\n");
        put("dev/cpu/0/msr", "");
        const int fd = ::open((root() + "/dev/cpu/0/msr").c_str(), O_WRONLY);
        const auto set = [&](off_t address, std::uint64_t value) {
            CHECK(::pwrite(fd, &value, sizeof value, address) == sizeof value);
        };
        set(0x606, 0xE00);
        for (const off_t address : {0x611, 0x619, 0x639, 0x64D}) {
            set(address, 1);
        }
        ::close(fd);
    }

    [[nodiscard]] Discovery find(const std::vector<std::string>& names) const {
        return discover(names, Roots{root(), root() + "/proc", root() + "/dev"});
    }
};

/// Which way each sensor is read; no id twice.
std::map<std::string, std::string> ways(const Discovery& found) {
    std::map<std::string, std::string> all;
    for (const auto& source : found.sources) {
        for (const SensorInfo& sensor : source->sensors()) {
            CHECK(all.count(sensor.id) == 0);
            all[sensor.id] = sensor.source;
        }
    }
    return all;
}

std::vector<std::string> counted(const Discovery& found) {
    std::vector<std::string> ids;
    for (const auto& source : found.sources) {
        for (const SensorInfo& sensor : source->sensors()) {
            if (sensor.counted) {
                ids.push_back(sensor.id);
            }
        }
    }
    std::sort(ids.begin(), ids.end());
    return ids;
}

bool perf_is_open() {
    Machine machine;
    machine.perf();
    return !discover_perf(machine.root()).sources.empty();
}

using Ways = std::map<std::string, std::string>;
using Ids = std::vector<std::string>;

}  // namespace

TEST_CASE("each device is read in the best way, once, whatever the names and their order") {
    Machine machine;
    machine.powercap();
    machine.registers();
    const Ids total{"cpu0.dram", "cpu0.package"};
    std::vector<std::string> names{"msr", "perf", "powercap", "nvml", "unheard of"};
    if (perf_is_open()) {
        machine.perf();
        const Discovery found = machine.find(names);
        CHECK(ways(found) == Ways{{"cpu0.package", "perf"},
                                  {"cpu0.dram", "perf"},
                                  {"psys", "powercap"},
                                  {"cpu0.core", "msr"}});
        CHECK(counted(found) == total);
        REQUIRE(found.refused.size() == 5);
        CHECK(found.refused[0].source == "powercap");
        CHECK(found.refused[0].reason == "cpu0.package is read through perf");
        CHECK_FALSE(found.refused[0].counted);
    } else {
        MESSAGE("perf events are refused here");
    }
    names = {"msr", "powercap"};
    CHECK(ways(machine.find(names)) == Ways{{"cpu0.package", "powercap"},
                                            {"cpu0.dram", "powercap"},
                                            {"psys", "powercap"},
                                            {"cpu0.core", "msr"}});
    CHECK(counted(machine.find(names)) == total);
    CHECK(
        ways(machine.find({"msr"})) ==
        Ways{{"cpu0.package", "msr"}, {"cpu0.dram", "msr"}, {"psys", "msr"}, {"cpu0.core", "msr"}});
    CHECK(ways(machine.find({})).empty());
}

TEST_CASE("a way that is closed leaves the device to the next one, and says why") {
    Machine machine;
    machine.event("energy-pkg", "1e-7\n", "event=0xff\n");  // no such event
    machine.powercap();
    const Discovery found = machine.find({"perf", "powercap"});
    CHECK(ways(found).at("cpu0.package") == "powercap");
    REQUIRE(found.refused.size() == 1);
    CHECK(found.refused[0].source == "perf");
}

TEST_CASE("psys counts only where it stands alone, whatever the ways") {
    Machine machine;
    machine.zone("intel-rapl:0", "psys");
    CHECK(counted(machine.find({"powercap"})) == Ids{"psys"});
    const Discovery alone = machine.find({"powercap"});
    Reading reading;
    alone.sources.at(0)->read(&reading);
    CHECK(reading.raw == 1000);
    CHECK(alone.sources.at(0)->reopen());
    machine.registers();
    CHECK(counted(machine.find({"powercap", "msr"})) == Ids{"cpu0.dram", "cpu0.package"});
    CHECK(ways(machine.find({"powercap", "msr"})).at("psys") == "powercap");
}
