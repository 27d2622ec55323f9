#include <doctest/doctest.h>

#include <chrono>
#include <thread>

#include "../sources/parse.h"
#include "microjoule/model.h"
#include "temp_tree.h"

using namespace microjoule;

TEST_CASE("the power model is concave, with a floor") {
    CHECK(modelled_cpu_power_w(100, 0) == doctest::Approx(5));
    CHECK(modelled_cpu_power_w(100, 0.01) == doctest::Approx(5));
    CHECK(modelled_cpu_power_w(100, 0.5) == doctest::Approx(46.17).epsilon(0.001));
    CHECK(modelled_cpu_power_w(100, 1) == doctest::Approx(75));
    CHECK(modelled_cpu_power_w(100, 7) == doctest::Approx(75));
}

TEST_CASE("utilisation comes from /proc/stat; guest and stolen time are not counted twice") {
    TempTree tree;
    tree.put("stat", "cpu  1000 0 0 1000 0 0 0 500 900 0\ncpu0 1 2 3 4\n");
    ModelSetup setup;
    setup.procfs = tree.root();
    setup.tdp_w = 100;
    setup.dram_w = 10;
    const auto model = make_model(setup);
    REQUIRE(model);
    REQUIRE(model->sensors().size() == 2);
    CHECK(model->sensors()[0].estimated);
    Reading first[2];
    Reading second[2];
    model->read(first);
    tree.put("stat", "cpu  1100 0 0 1100 0 0 0 500 900 0\n");  // half busy
    std::this_thread::sleep_for(std::chrono::milliseconds(20));
    model->read(second);
    const double cpu_j = static_cast<double>(second[0].raw - first[0].raw) * 1e-9;
    const double dram_j = static_cast<double>(second[1].raw - first[1].raw) * 1e-9;
    CHECK(cpu_j / dram_j == doctest::Approx(46.17 / 10).epsilon(0.001));
}

TEST_CASE("a broken or missing /proc/stat is a failed read, or no model at all") {
    TempTree tree;
    tree.put("stat", "cpu  1 2 3 4\n");
    ModelSetup setup;
    setup.procfs = tree.root();
    setup.tdp_w = 100;
    const auto model = make_model(setup);
    Reading reading;
    model->read(&reading);
    CHECK(reading.status == Status::ok);
    for (const char* bad : {"", "cpu  1 2\n", "intr 5\n", "cpu  a b c d\n"}) {
        tree.put("stat", bad);
        model->read(&reading);
        CHECK(reading.status == Status::retry);
    }
    setup.procfs = tree.root() + "/nowhere";
    CHECK_FALSE(make_model(setup));
}

TEST_CASE("the line of /proc/stat, whole or not at all") {
    const auto times = parse::cpu_times("cpu  10 1 5 100 3 2 1 7 4 0\ncpu0 1 1 1 1\n");
    REQUIRE(times);
    CHECK(times->busy == 19);
    CHECK(times->total == 129);
    CHECK(parse::cpu_times("cpu 1 2 3 4\n")->total == 10);  // before Linux 2.5.41
    for (const char* bad : {"", "cpu", "cpu0 1 2 3 4", "cpu 1 2 3", "cpu 1 2 3 -4", "cpu 1 2 3 4 x",
                            "cpu 1 2 3 4 18446744073709551615", "cpu 1 2 3 4 5.5"}) {
        CAPTURE(bad);
        CHECK_FALSE(parse::cpu_times(bad));
    }
}
