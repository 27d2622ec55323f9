#include <doctest/doctest.h>

#include "microjoule/rapl.h"
#include "microjoule/topology.h"
#include "temp_tree.h"

using namespace microjoule;

TEST_CASE("lists of CPUs") {
    CHECK(parse_cpu_list("0\n")->count() == 1);
    CHECK(parse_cpu_list("\n")->none());
    const CpuSet cpus = *parse_cpu_list("0-3,8,10-11\n");
    CHECK(cpus.count() == 7);
    CHECK(cpus.test(3));
    CHECK_FALSE(cpus.test(9));
    CHECK(parse_cpu_list("8191")->test(8191));
    for (const char* bad : {"8192", "3-1", "0-", "-1", "0,", "0,,1", "0 1", "a", "0-4000000000",
                            "99999999999999999999999", "0x1"}) {
        CAPTURE(bad);
        CHECK_FALSE(parse_cpu_list(bad));
    }
}

TEST_CASE("a CPU stands where its topology says") {
    TempTree tree;
    const std::string cpu = "devices/system/cpu/cpu12/topology/";
    tree.put(cpu + "physical_package_id", "1\n");
    CHECK(*place_of_cpu(tree.root().c_str(), 12) == Place{1, 0});
    tree.put(cpu + "die_id", "2\n");
    CHECK(place_of_cpu(tree.root().c_str(), 12)->prefix() == "cpu1.die2");
    tree.put(cpu + "die_id", "65535\n");
    CHECK(place_of_cpu(tree.root().c_str(), 12)->prefix() == "cpu1");
    tree.put(cpu + "physical_package_id", "-1\n");
    CHECK_FALSE(place_of_cpu(tree.root().c_str(), 12));
    CHECK_FALSE(place_of_cpu(tree.root().c_str(), 13));
}

TEST_CASE("processors are told by cpuinfo and by modalias") {
    const Processor intel = parse_cpuinfo(
        "processor\t: 0\nvendor_id\t: GenuineIntel\ncpu family\t: 6\nmodel\t\t: 106\n"
        "model name\t: Intel(R) Xeon(R)\nprocessor\t: 1\nmodel\t\t: 1\n");
    CHECK(intel.vendor == Vendor::intel);
    CHECK(intel.family == 6);
    CHECK(intel.model == 106);
    const Processor amd = parse_modalias("cpu:type:x86,ven0002fam001Amod0011:feature:,0000,0001\n");
    CHECK(amd.vendor == Vendor::amd);
    CHECK(amd.family == 0x1A);
    CHECK(amd.model == 0x11);
    for (const char* bad : {"", "cpu:type:aarch64:feature:,0000", "cpu:type:x86,ven00", "model"}) {
        CHECK(parse_modalias(bad).vendor == Vendor::unknown);
        CHECK(parse_cpuinfo(bad).vendor == Vendor::unknown);
    }
}

TEST_CASE("domains whose unit is not the processor's") {
    const Processor ice_lake{Vendor::intel, 6, 0x6A};
    const Processor sapphire{Vendor::intel, 6, 0x8F};
    CHECK(fixed_rapl_unit_j(ice_lake, "dram") == 0x1p-16);
    CHECK(fixed_rapl_unit_j(ice_lake, "package") == 0);
    CHECK(fixed_rapl_unit_j(sapphire, "dram") == 0);
    CHECK(fixed_rapl_unit_j(sapphire, "psys") == 1);
    CHECK(fixed_rapl_unit_j(Processor{Vendor::amd, 25, 0x6A}, "dram") == 0);
    CHECK(usual_rapl_unit_j(Processor{Vendor::amd, 25, 1}) == 0x1p-16);
    CHECK(rapl_place(Processor{Vendor::amd, 25, 1}, Place{1, 3}) == Place{1, 0});
    CHECK(rapl_place(sapphire, Place{1, 3}) == Place{1, 3});
}

TEST_CASE("a number that is too large for a family or model is none") {
    const Processor odd = parse_cpuinfo(
        "vendor_id : GenuineIntel\ncpu family : 4294967302\nmodel : 4294967402\nmodel : 7x\n");
    CHECK(odd.family == 0);
    CHECK(odd.model == 0);
}
