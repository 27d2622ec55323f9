#include <doctest/doctest.h>

#include <map>

#include "../sources/parse.h"
#include "microjoule/powercap.h"
#include "temp_tree.h"

using namespace microjoule;

namespace {

void zone(const TempTree& tree, const std::string& entry, const std::string& name,
          const std::string& energy = "1000\n", const std::string& range = "262143328850\n") {
    const std::string base = "class/powercap/" + entry + "/";
    tree.put(base + "name", name + "\n");
    tree.put(base + "energy_uj", energy);
    tree.put(base + "max_energy_range_uj", range);
}

std::map<std::string, SensorInfo> found(const Discovery& discovery) {
    std::map<std::string, SensorInfo> all;
    for (const auto& source : discovery.sources) {
        all[source->sensors().front().id] = source->sensors().front();
    }
    return all;
}

}  // namespace

TEST_CASE("zones are known by their name, never by their index") {
    TempTree tree;
    tree.put("class/powercap/intel-rapl/enabled", "1\n");
    zone(tree, "intel-rapl:0", "psys");
    zone(tree, "intel-rapl:1", "package-0");
    zone(tree, "intel-rapl:1:0", "uncore");
    zone(tree, "intel-rapl:1:1", "dram", "5\n", "65712999613\n");
    zone(tree, "intel-rapl:2", "package-1-die-1");
    zone(tree, "intel-rapl:2:0", "core");
    const Discovery discovery = discover_powercap(tree.root());
    const auto sensors = found(discovery);
    REQUIRE(sensors.size() == 6);
    CHECK(sensors.at("cpu0.package").counted);
    CHECK(sensors.at("cpu0.dram").counted);
    CHECK(sensors.at("cpu0.dram").kind == "dram");
    CHECK(sensors.at("cpu1.die1.package").counted);
    CHECK_FALSE(sensors.at("cpu1.die1.core").counted);
    CHECK_FALSE(sensors.at("cpu0.uncore").counted);
    CHECK_FALSE(sensors.at("psys").counted);
    CHECK(sensors.at("cpu0.package").modulus == 262143328911ULL);
    CHECK(sensors.at("cpu0.package").quantum == doctest::Approx(61.035e-6).epsilon(1e-4));
    CHECK(sensors.at("cpu0.dram").quantum == doctest::Approx(15.3e-6).epsilon(1e-3));
}

TEST_CASE("DRAM that the kernel counts in 15.3 uJ is taken for what it is, and said") {
    TempTree tree;
    zone(tree, "intel-rapl:0", "package-0", "1000\n", "65712999613\n");
    zone(tree, "intel-rapl:0:0", "dram", "1000\n", "65712999613\n");
    zone(tree, "intel-rapl:1", "package-1");
    zone(tree, "intel-rapl:1:0", "dram");
    const auto sensors = found(discover_powercap(tree.root()));
    const SensorInfo& dram = sensors.at("cpu0.dram");
    CHECK(dram.unit == doctest::Approx(1e-6 * 15258.789 / 15300).epsilon(1e-9));
    CHECK(dram.quantum == doctest::Approx(0x1p-16).epsilon(1e-9));
    CHECK(dram.modulus == 65712999628);
    CHECK(dram.method.find("15.3 uJ") != std::string::npos);
    CHECK(dram.reason.empty());
    CHECK(sensors.at("cpu0.package").unit == 1e-6);
    CHECK(sensors.at("cpu1.dram").unit == 1e-6);
}

TEST_CASE("AMD: dies are the package again, and its core zone is a single core") {
    TempTree tree;
    tree.put("devices/system/cpu/modalias", "cpu:type:x86,ven0002fam0019mod0001:feature:\n");
    zone(tree, "intel-rapl:0", "package-0-die-0", "1000\n", "65532610987\n");
    zone(tree, "intel-rapl:0:0", "core", "1000\n", "65532610987\n");
    zone(tree, "intel-rapl:1", "package-0-die-1", "1000\n", "65532610987\n");
    const Discovery discovery = discover_powercap(tree.root());
    REQUIRE(discovery.sources.size() == 1);
    CHECK(discovery.sources[0]->sensors()[0].id == "cpu0.package");
    REQUIRE(discovery.refused.size() == 2);
    CHECK(discovery.refused[0].id == "cpu0.core");
    CHECK(discovery.refused[0].reason.find("single core") != std::string::npos);
    CHECK(discovery.refused[1].reason.find("second time") != std::string::npos);
}

TEST_CASE("the memory-mapped twin is dropped, and said") {
    TempTree tree;
    zone(tree, "intel-rapl-mmio:0", "package-0");
    zone(tree, "intel-rapl:0", "package-0");
    const Discovery discovery = discover_powercap(tree.root());
    REQUIRE(discovery.sources.size() == 1);
    CHECK(discovery.sources[0]->sensors()[0].method.find("intel-rapl:0") != std::string::npos);
    REQUIRE(discovery.refused.size() == 1);
    CHECK(discovery.refused[0].reason.find("second time") != std::string::npos);
}

TEST_CASE("a constraint above 2 kW raises the highest power") {
    TempTree tree;
    zone(tree, "intel-rapl:0", "package-0");
    tree.put("class/powercap/intel-rapl:0/constraint_1_power_limit_uw", "4096000000\n");
    CHECK(found(discover_powercap(tree.root())).at("cpu0.package").max_power_w == 4096);
}

TEST_CASE("reads give the value, and garbage is a failed read") {
    TempTree tree;
    zone(tree, "intel-rapl:0", "package-0", "123456\n");
    const Discovery discovery = discover_powercap(tree.root());
    Reading reading;
    discovery.sources[0]->read(&reading);
    CHECK(reading.status == Status::ok);
    CHECK(reading.raw == 123456);
    for (const char* bad : {"-5\n", "", "nonsense\n", "12 34\n"}) {
        tree.put("class/powercap/intel-rapl:0/energy_uj", bad);
        discovery.sources[0]->read(&reading);
        CHECK(reading.status == Status::retry);
    }
}

TEST_CASE("a machine without powercap has no zones, and no complaint") {
    TempTree tree;
    const Discovery discovery = discover_powercap(tree.root());
    CHECK(discovery.sources.empty());
    CHECK(discovery.refused.empty());
}

TEST_CASE("a zone's name is a place only as the kernel writes it") {
    CHECK(*parse::zone_place("package-1") == Place{1, 0});
    CHECK(*parse::zone_place("package-1-die-2") == Place{1, 2});
    for (const char* bad :
         {"", "package-", "package--1", "package- 1", "package-+1", "package-1x", "package-1-die-",
          "package-1-die--2", "package-1-die-2-", "package-4294967297",
          "package-99999999999999999999", "package-0-die-4294967296"}) {
        CAPTURE(bad);
        CHECK_FALSE(parse::zone_place(bad));
    }
}

TEST_CASE("a range that no counter has says nothing of where it wraps") {
    CHECK(parse::powercap_modulus(262143328850) == 262143328911);
    CHECK(parse::powercap_modulus(4294967295'000'000) == 4294967296'000'000);
    CHECK(parse::powercap_modulus(0) == 0);
    CHECK(parse::powercap_modulus(UINT64_MAX) == 0);  // one unit more would begin again at 0
}
