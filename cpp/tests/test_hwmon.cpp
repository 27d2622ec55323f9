#include "microjoule/hwmon.h"

#include <doctest/doctest.h>

#include <cerrno>
#include <filesystem>
#include <map>
#include <string>
#include <vector>

#include "microjoule/clock.h"
#include "microjoule/discover.h"
#include "temp_tree.h"

using namespace microjoule;

namespace {

using Files = std::map<std::string, std::string>;

void chip(const TempTree& tree, int number, const std::string& name, const Files& files,
          const std::string& below = "") {
    const std::string base = "class/hwmon/hwmon" + std::to_string(number) + "/";
    tree.put(base + "name", name + "\n");
    for (const auto& [file, text] : files) {
        tree.put(base + below + file, text + "\n");
    }
}

/// Lets `hwmonN/device` lead to a device of that name.
void device(const TempTree& tree, int number, const std::string& name) {
    namespace fs = std::filesystem;
    const fs::path target = fs::path(tree.root()) / "devices" / name;
    fs::create_directories(target);
    fs::create_directory_symlink(target, fs::path(tree.root()) / "class/hwmon" /
                                             ("hwmon" + std::to_string(number)) / "device");
}

std::map<std::string, SensorInfo> found(const Discovery& discovery) {
    std::map<std::string, SensorInfo> all;
    for (const auto& source : discovery.sources) {
        for (const SensorInfo& sensor : source->sensors()) {
            CHECK(all.emplace(sensor.id, sensor).second);
        }
    }
    return all;
}

std::string why(const Discovery& discovery, const std::string& id) {
    for (const SensorInfo& sensor : discovery.refused) {
        if (sensor.id == id) {
            CHECK_FALSE(sensor.readable);
            CHECK_FALSE(sensor.counted);
            return sensor.reason;
        }
    }
    return "not refused";
}

bool holds(const std::string& text, const std::string& part) {
    return text.find(part) != std::string::npos;
}

Files meter(const std::string& label, const std::string& uw) {
    return {{"power1_average", uw},
            {"power1_average_interval", "50"},
            {"power1_is_battery", "0"},
            {"power1_oem_info", label}};
}

}  // namespace

TEST_CASE("hwmon: a machine without chips has nothing, and no complaint") {
    TempTree tree;
    CHECK(discover_hwmon(tree.root()).sources.empty());
    chip(tree, 0, "coretemp", {{"temp1_input", "42000"}});
    chip(tree, 1, "nvme", {{"temp1_input", "42000"}});
    const Discovery discovery = discover_hwmon(tree.root());
    CHECK(discovery.sources.empty());
    CHECK(discovery.refused.empty());
}

TEST_CASE("hwmon: Intel's cards are numbered by their place, and their parts not added") {
    TempTree tree;
    chip(tree, 7, "i915", {{"energy1_input", "5000000"}});
    device(tree, 7, "pci-03");
    chip(tree, 2, "i915_gt0", {{"energy1_input", "3000000"}});
    device(tree, 2, "pci-03");
    chip(tree, 1, "xe",
         {{"energy1_input", "9000000"},
          {"energy1_label", "card"},
          {"energy2_input", "7000000"},
          {"energy2_label", "pkg"}});
    device(tree, 1, "pci-04");
    const Discovery discovery = discover_hwmon(tree.root());
    const auto sensors = found(discovery);
    REQUIRE(sensors.size() == 2);
    CHECK(sensors.at("intelgpu0").counted);
    CHECK(sensors.at("intelgpu0").kind == "gpu");
    CHECK(sensors.at("intelgpu0").shape == Shape::counter);
    CHECK(sensors.at("intelgpu0").modulus == 0);
    CHECK(holds(sensors.at("intelgpu0").method, "hwmon7/energy1_input"));
    CHECK(sensors.at("intelgpu1").counted);
    CHECK(holds(sensors.at("intelgpu1").method, "hwmon1/energy1_input"));
    CHECK(why(discovery, "intelgpu1.pkg") == "part of intelgpu1: not read");
    CHECK(holds(why(discovery, "hwmon2.energy1"), "part of the card"));
    Reading reading;
    discovery.sources[1]->read(&reading);
    CHECK(reading.status == Status::ok);
    CHECK(reading.raw == 9'000'000);
    CHECK(reading.before_ns <= reading.after_ns);
}

TEST_CASE("hwmon: a card that shows its package only says so") {
    TempTree tree;
    chip(tree, 0, "xe", {{"energy2_input", "7000000"}, {"energy2_label", "pkg"}});
    const auto sensors = found(discover_hwmon(tree.root()));
    CHECK(sensors.at("intelgpu0").counted);
    CHECK(holds(sensors.at("intelgpu0").reason, "package only"));
}

TEST_CASE("hwmon: amd_energy counts its sockets, and its cores not") {
    TempTree tree;
    chip(tree, 3, "amd_energy",
         {{"energy1_input", "1"},
          {"energy1_label", "Ecore000"},
          {"energy2_input", "2"},
          {"energy2_label", "Ecore001"},
          {"energy3_input", "300"},
          {"energy3_label", "Esocket0"},
          {"energy4_input", "400"},
          {"energy4_label", "Esocket1"}});
    const Discovery discovery = discover_hwmon(tree.root());
    const auto sensors = found(discovery);
    REQUIRE(sensors.size() == 2);
    CHECK(sensors.at("cpu0.package").counted);
    CHECK(sensors.at("cpu1.package").counted);
    CHECK(sensors.at("cpu1.package").quantum == 0x1p-16);
    CHECK_FALSE(discovery.sources[0]->slow());
    CHECK(holds(why(discovery, "hwmon3.cores"), "2 counters of single cores"));
}

TEST_CASE("hwmon: a package that powercap reads is not counted a second time") {
    TempTree tree;
    tree.put("class/powercap/intel-rapl:0/name", "package-0\n");
    tree.put("class/powercap/intel-rapl:0/energy_uj", "1000\n");
    chip(tree, 0, "amd_energy", {{"energy1_input", "1"}, {"energy1_label", "Esocket0"}});
    chip(tree, 1, "power_meter", {{"power1_average", "300000000"}});
    chip(tree, 2, "amdgpu", {{"power1_average", "100000000"}, {"in0_label", "vddgfx"}});
    Discovery discovery = discover({"powercap"}, {tree.root(), tree.root(), tree.root()});
    add_hwmon(discovery, tree.root());
    const auto sensors = found(discovery);
    CHECK(sensors.at("cpu0.package").source == "powercap");
    CHECK(sensors.at("amdgpu0").counted);
    CHECK_FALSE(sensors.at("hwmon1.power1").counted);
    CHECK(sensors.at("hwmon1.power1").kind == "psys");
    CHECK(why(discovery, "cpu0.package") == "cpu0.package is read through powercap");
}

TEST_CASE("hwmon: what holds a whole machine is counted where it stands alone") {
    TempTree tree;
    chip(tree, 1, "power_meter", {{"power1_average", "300000000"}});
    Discovery discovery;
    add_hwmon(discovery, tree.root());
    CHECK(found(discovery).at("hwmon1.power1").counted);
    CHECK(discovery.sources[0]->slow());
}

TEST_CASE("hwmon: Grace's module holds its other meters") {
    TempTree tree;
    chip(tree, 1, "power_meter", meter("Module Power Socket 0", "400000000"), "device/");
    chip(tree, 2, "power_meter", meter("Grace Power Socket 0", "150000000"), "device/");
    chip(tree, 3, "power_meter", meter("CPU Power Socket 0", "90000000"), "device/");
    chip(tree, 4, "power_meter", meter("SysIO Power Socket 0", "20000000"), "device/");
    chip(tree, 5, "power_meter", meter("CPU Power Socket 1", "80000000"));
    chip(tree, 6, "power_meter", meter("SysIO Power Socket 1", "30000000"));
    chip(tree, 7, "power_meter", meter("Module Power Socket 2", "500000000"));
    const Discovery discovery = discover_hwmon(tree.root());
    const auto sensors = found(discovery);
    REQUIRE(sensors.size() == 7);
    std::vector<std::string> counted;
    for (const auto& [id, sensor] : sensors) {
        if (sensor.counted) {
            counted.push_back(id);
        }
    }
    CHECK(counted == std::vector<std::string>{"cpu0.package", "cpu1.package", "cpu1.uncore"});
    CHECK(holds(sensors.at("cpu0.package").method, "Grace Power Socket 0"));
    CHECK(holds(sensors.at("cpu0.core").reason, "part of cpu0.package"));
    CHECK(sensors.at("hwmon1.Module_Power_Socket_0").kind == "other");
    CHECK(sensors.at("hwmon7.Module_Power_Socket_2").kind == "psys");
    CHECK(sensors.at("cpu0.package").shape == Shape::gauge);
    CHECK(sensors.at("cpu0.package").period_hint_ns == 50 * kMillisecond);
    // One thread for all meters of a socket, the counted one first.
    REQUIRE(discovery.sources.size() == 3);
    Reading readings[4];
    discovery.sources[0]->read(readings);
    CHECK(readings[0].raw == 150'000'000);
    // The mean of 50 ms, worked out up to 50 ms ago.
    const std::int64_t width = readings[0].after_ns - readings[0].before_ns;
    CHECK(width >= 50 * kMillisecond);
    CHECK(monotonic_clock().now_ns() - readings[0].after_ns >= 25 * kMillisecond);
}

TEST_CASE("hwmon: meters of ACPI that say nothing of a window are refused") {
    TempTree tree;
    chip(tree, 1, "power_meter", {{"power1_average", "1"}, {"power1_average_interval", "300000"}});
    chip(tree, 2, "power_meter", {{"power1_average", "1"}, {"power1_is_battery", "1"}});
    chip(tree, 3, "power_meter", {{"power1_average", "1"}, {"power1_oem_info", "PSU 1"}});
    chip(tree, 4, "power_meter", {{"power1_average", "1"}, {"power1_oem_info", "PSU 2"}});
    const Discovery discovery = discover_hwmon(tree.root());
    const auto sensors = found(discovery);
    REQUIRE(sensors.size() == 2);
    CHECK(sensors.at("hwmon3.PSU_1").kind == "other");
    CHECK(holds(sensors.at("hwmon4.PSU_2").reason, "one of several"));
    CHECK(holds(why(discovery, "hwmon1.power1"), "300000 ms"));
    CHECK(holds(why(discovery, "hwmon2.power1"), "battery"));
}

TEST_CASE("hwmon: amdgpu by the mean, else by the moment; an APU is the processor") {
    TempTree tree;
    chip(tree, 5, "amdgpu", {{"power1_average", "120000000"}, {"power1_input", "130000000"}});
    device(tree, 5, "pci-03");
    chip(tree, 4, "amdgpu", {{"power1_input", "140000000"}});
    device(tree, 4, "pci-06");
    chip(tree, 3, "amdgpu", {{"power1_average", "15000000"}, {"in1_label", "vddnb"}});
    device(tree, 3, "pci-09");
    const Discovery discovery = discover_hwmon(tree.root());
    const auto sensors = found(discovery);
    CHECK(sensors.at("amdgpu0").counted);
    CHECK(holds(sensors.at("amdgpu0").method, "power1_average"));
    CHECK(sensors.at("amdgpu1").counted);
    CHECK_FALSE(sensors.at("amdgpu2").counted);
    CHECK(holds(sensors.at("amdgpu2").reason, "whole processor"));
    Reading reading;
    discovery.sources[0]->read(&reading);
    CHECK(reading.raw == 120'000'000);
}

TEST_CASE("hwmon: a Jetson with a rail for the whole module counts that one alone") {
    TempTree tree;
    chip(tree, 0, "ina3221",
         {{"in1_input", "5000"},
          {"curr1_input", "2000"},
          {"in1_label", "VDD_IN"},
          {"in2_input", "5000"},
          {"curr2_input", "800"},
          {"in2_label", "VDD_CPU_GPU_CV"},
          {"in3_input", "5000"},
          {"curr3_input", "400"},
          {"in3_label", "VDD_SOC"},
          {"in4_input", "10"},
          {"curr4_input", "3200"},
          {"in7_input", "16"},
          {"curr7_input", "100"},
          {"in7_label", "sum of shunt voltages"}});
    Discovery discovery;
    add_hwmon(discovery, tree.root());
    const auto sensors = found(discovery);
    REQUIRE(sensors.size() == 3);
    CHECK(sensors.at("hwmon0.VDD_IN").counted);
    CHECK(sensors.at("hwmon0.VDD_IN").kind == "psys");
    CHECK_FALSE(sensors.at("hwmon0.VDD_SOC").counted);
    CHECK(holds(sensors.at("hwmon0.VDD_CPU_GPU_CV").reason, "part of VDD_IN"));
    Reading readings[3];
    discovery.sources[0]->read(readings);
    CHECK(readings[0].raw == 10'000'000);
    CHECK(readings[2].raw == 2'000'000);
    // Around zero a current may be negative; a voltage may not.
    tree.put("class/hwmon/hwmon0/curr3_input", "-8\n");
    tree.put("class/hwmon/hwmon0/in2_input", "-5000\n");
    discovery.sources[0]->read(readings);
    CHECK(readings[2].status == Status::ok);
    CHECK(readings[2].raw == 0);
    CHECK(readings[1].status == Status::retry);
}

TEST_CASE("hwmon: the rails of an AGX Orin add up, its memory hangs on the 5 V") {
    TempTree tree;
    chip(tree, 3, "ina3221",
         {{"in1_input", "20000"},
          {"curr1_input", "1000"},
          {"in1_label", "VDD_GPU_SOC"},
          {"in2_input", "20000"},
          {"curr2_input", "500"},
          {"in2_label", "VDD_CPU_CV"},
          {"in3_input", "5000"},
          {"curr3_input", "900"},
          {"in3_label", "VIN_SYS_5V0"}});
    chip(tree, 4, "ina3221",
         {{"in1_input", "0"},
          {"curr1_input", "0"},
          {"in1_label", "NC"},
          {"in2_input", "5000"},
          {"curr2_input", "200"},
          {"in2_label", "VDDQ_VDD2_1V8AO"},
          {"in3_input", "5000"},
          {"curr3_input", "200"},
          {"in3_label", "MOTOR"}});
    const auto sensors = found(discover_hwmon(tree.root()));
    REQUIRE(sensors.size() == 5);
    CHECK(sensors.at("hwmon3.VDD_GPU_SOC").counted);
    CHECK(sensors.at("hwmon3.VDD_CPU_CV").counted);
    CHECK(sensors.at("hwmon3.VIN_SYS_5V0").counted);
    CHECK_FALSE(sensors.at("hwmon4.VDDQ_VDD2_1V8AO").counted);
    CHECK_FALSE(sensors.at("hwmon4.MOTOR").counted);
}

TEST_CASE("hwmon: more power than 64 bits hold is garbage, and wraps round to nothing") {
    TempTree tree;
    const Files rail{{"in1_input", "5000"}, {"curr1_input", "2000"}, {"in1_label", "VDD_GPU_SOC"}};
    chip(tree, 0, "ina3221", rail);
    const Discovery discovery = discover_hwmon(tree.root());
    REQUIRE(discovery.sources.size() == 1);
    Reading reading;
    discovery.sources[0]->read(&reading);
    CHECK(reading.raw == 10'000'000);
    chip(tree, 0, "ina3221", {{"in1_input", "4294967296"}, {"curr1_input", "4294967296"}});
    discovery.sources[0]->read(&reading);
    CHECK(reading.status == Status::retry);
    CHECK(reading.error == EBADMSG);
}

TEST_CASE("hwmon: a channel is numbered as the kernel numbers it") {
    TempTree tree;
    chip(tree, 0, "amd_energy", {{"energy-0_input", "1"}, {"energy-1_input", "1"}});
    chip(tree, 1, "amd_energy", {{"energy01_input", "1"}, {"energy+1_input", "1"}});
    chip(tree, 2, "amd_energy", {{"energy_input", "1"}, {"energy1x_input", "1"}});
    chip(tree, 3, "amd_energy", {{"energy99999999999_input", "1"}});
    const Discovery discovery = discover_hwmon(tree.root());
    CHECK(discovery.sources.empty());
    CHECK(discovery.refused.empty());
}

TEST_CASE("hwmon: figures that nobody has explained are listed, and not read") {
    TempTree tree;
    chip(tree, 0, "BAT0", {{"power1_input", "9000000"}});
    chip(tree, 1, "ucsi_source_psy_USBC000:001", {{"curr1_input", "3000"}});
    chip(tree, 2, "corsairpsu", {{"power1_input", "200000000"}, {"power1_label", "power total"}});
    const Discovery discovery = discover_hwmon(tree.root());
    CHECK(discovery.sources.empty());
    REQUIRE(discovery.refused.size() == 2);
    CHECK(holds(why(discovery, "hwmon0.power1"), "power supply"));
    CHECK(holds(why(discovery, "hwmon2.power_total"), "corsairpsu"));
}

TEST_CASE("hwmon: garbage is a failed read") {
    TempTree tree;
    chip(tree, 0, "i915", {{"energy1_input", "5000000"}});
    const Discovery discovery = discover_hwmon(tree.root());
    Reading reading;
    for (const char* bad : {"-5\n", "", "nonsense\n", "12 34\n", "99999999999999999999999\n"}) {
        tree.put("class/hwmon/hwmon0/energy1_input", bad);
        discovery.sources[0]->read(&reading);
        CHECK(reading.status == Status::retry);
    }
    chip(tree, 1, "xe", {{"energy1_input", "nonsense"}});
    CHECK(why(discover_hwmon(tree.root()), "intelgpu1") != "not refused");
}

TEST_CASE("hwmon: a driver that was loaded again has another number, and is found") {
    TempTree tree;
    chip(tree, 4, "i915", {{"energy1_input", "100"}});
    device(tree, 4, "pci-03");
    const Discovery discovery = discover_hwmon(tree.root());
    REQUIRE(discovery.sources.size() == 1);
    Source& source = *discovery.sources[0];
    std::filesystem::remove_all(tree.root() + "/class/hwmon/hwmon4");
    CHECK_FALSE(source.reopen());
    Reading reading;
    source.read(&reading);
    CHECK(reading.status == Status::lost);
    chip(tree, 4, "i915", {{"energy1_input", "700"}});
    device(tree, 4, "pci-07");  // another card
    CHECK_FALSE(source.reopen());
    chip(tree, 5, "i915", {{"energy1_input", "200"}});
    device(tree, 5, "pci-03");
    CHECK(source.reopen());
    source.read(&reading);
    CHECK(reading.status == Status::ok);
    CHECK(reading.raw == 200);
}
