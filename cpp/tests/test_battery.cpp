#include "microjoule/battery.h"

#include <doctest/doctest.h>

#include <map>
#include <string>

#include "microjoule/discover.h"
#include "temp_tree.h"

using namespace microjoule;

namespace {

using Files = std::map<std::string, std::string>;

void supply(const TempTree& tree, const std::string& name, const std::string& status,
            const Files& files) {
    const std::string base = "class/power_supply/" + name + "/";
    tree.put(base + "type", "Battery\n");
    tree.put(base + "status", status + "\n");
    for (const auto& [file, text] : files) {
        tree.put(base + file, text + "\n");
    }
}

Reading read(const Discovery& discovery) {
    Reading reading;
    discovery.sources.at(0)->read(&reading);
    return reading;
}

}  // namespace

TEST_CASE("battery: none, or only a mouse's, is nothing") {
    TempTree tree;
    CHECK(discover_battery(tree.root()).sources.empty());
    supply(tree, "hidpp_battery_0", "Discharging", {{"scope", "Device"}, {"power_now", "1"}});
    tree.put("class/power_supply/AC/type", "Mains\n");
    const Discovery discovery = discover_battery(tree.root());
    CHECK(discovery.sources.empty());
    CHECK(discovery.refused.empty());
}

TEST_CASE("battery: power_now comes first, counted only where it stands alone") {
    TempTree tree;
    supply(tree, "BAT0", "Discharging", {{"power_now", "12000000"}, {"energy_now", "40000000"}});
    Discovery discovery = discover_battery(tree.root());
    REQUIRE(discovery.sources.size() == 1);
    const SensorInfo info = discovery.sources[0]->sensors().front();
    CHECK(info.id == "battery0");
    CHECK(info.kind == "psys");
    CHECK(info.shape == Shape::gauge);
    CHECK_FALSE(info.counted);
    CHECK(discovery.sources[0]->slow());
    CHECK(read(discovery).raw == 12'000'000);
    Discovery alone;
    add_battery(alone, tree.root());
    CHECK(alone.sources[0]->sensors().front().counted);
    tree.put("class/powercap/intel-rapl:0/name", "package-0\n");
    tree.put("class/powercap/intel-rapl:0/energy_uj", "1000\n");
    Discovery beside = discover({"powercap"}, {tree.root(), tree.root(), tree.root()});
    add_battery(beside, tree.root());
    CHECK_FALSE(beside.sources.at(1)->sensors().front().counted);
}

TEST_CASE("battery: current times voltage, whatever the sign of what flows out") {
    TempTree tree;
    supply(tree, "BAT1", "Discharging", {{"current_now", "-1500000"}, {"voltage_now", "12000000"}});
    CHECK(read(discover_battery(tree.root())).raw == 18'000'000);
}

TEST_CASE("battery: the energy that is left, as what was used") {
    TempTree tree;
    supply(tree, "BAT0", "Discharging", {{"energy_now", "40000000"}});
    const Discovery discovery = discover_battery(tree.root());
    REQUIRE(discovery.sources.size() == 1);
    const SensorInfo info = discovery.sources[0]->sensors().front();
    CHECK(info.shape == Shape::counter);
    CHECK(info.unit == doctest::Approx(3.6e-3));
    CHECK(info.quantum == 36);
    const auto left = [&](const char* text) {
        tree.put("class/power_supply/BAT0/energy_now", text);
    };
    CHECK(read(discovery).raw == 0);
    left("39990000\n");
    CHECK(read(discovery).raw == 10'000);
    left("39970000\n");
    CHECK(read(discovery).raw == 30'000);
    left("39980000\n");  // the gauge thinks again: nothing was given back
    CHECK(read(discovery).raw == 30'000);
    left("39970000\n");
    CHECK(read(discovery).raw == 40'000);
}

TEST_CASE("battery: the charge that is left, at its voltage") {
    TempTree tree;
    supply(tree, "BAT0", "Discharging", {{"charge_now", "4000000"}, {"voltage_now", "11000000"}});
    const Discovery discovery = discover_battery(tree.root());
    CHECK(read(discovery).raw == 0);
    tree.put("class/power_supply/BAT0/charge_now", "3999000\n");
    CHECK(read(discovery).raw == 11'000);
    // A voltage that sags is no energy that was used.
    tree.put("class/power_supply/BAT0/voltage_now", "10000000\n");
    CHECK(read(discovery).raw == 11'000);
}

TEST_CASE("battery: refused while it charges or rests, and lost when the mains come back") {
    TempTree tree;
    supply(tree, "BAT0", "Charging", {{"power_now", "30000000"}});
    CHECK(discover_battery(tree.root()).sources.empty());
    CHECK(discover_battery(tree.root()).refused.at(0).reason.find("charges") != std::string::npos);
    supply(tree, "BAT0", "Full", {{"power_now", "0"}});
    CHECK(discover_battery(tree.root()).refused.at(0).reason.find("is Full") != std::string::npos);
    supply(tree, "BAT0", "Discharging", {{"power_now", "9000000"}});
    const Discovery discovery = discover_battery(tree.root());
    CHECK(read(discovery).status == Status::ok);
    for (const char* state : {"Charging\n", "Not charging\n", "Full\n", "Unknown\n"}) {
        tree.put("class/power_supply/BAT0/status", state);
        CHECK(read(discovery).status == Status::lost);
    }
    tree.put("class/power_supply/BAT0/status", "Discharging\n");
    CHECK(discovery.sources[0]->reopen());
    CHECK(read(discovery).status == Status::ok);
}

TEST_CASE("battery: two batteries are one sensor, whichever of them is emptied") {
    TempTree tree;
    supply(tree, "BAT0", "Not charging", {{"power_now", "5"}});
    supply(tree, "BAT1", "Discharging", {{"power_now", "9000000"}});
    const Discovery discovery = discover_battery(tree.root());
    CHECK(read(discovery).raw == 9'000'000);
    tree.put("class/power_supply/BAT0/status", "Discharging\n");
    tree.put("class/power_supply/BAT0/power_now", "7000000\n");
    CHECK(read(discovery).raw == 16'000'000);
    tree.put("class/power_supply/BAT1/status", "Charging\n");
    CHECK(read(discovery).status == Status::lost);
}

TEST_CASE("battery: one that tells nothing is refused") {
    TempTree tree;
    supply(tree, "BAT0", "Discharging", {{"capacity", "80"}});
    const Discovery discovery = discover_battery(tree.root());
    CHECK(discovery.sources.empty());
    CHECK(discovery.refused.at(0).reason.find("neither") != std::string::npos);
}
