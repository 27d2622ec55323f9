#include <doctest/doctest.h>
#include <fcntl.h>
#include <unistd.h>

#include <cstdint>
#include <filesystem>
#include <map>
#include <string>

#include "as_nobody.h"
#include "microjoule/msr.h"
#include "temp_tree.h"

using namespace microjoule;

namespace {

constexpr const char* kIceLakeServer =
    "processor\t: 0\nvendor_id\t: GenuineIntel\ncpu family\t: 6\nmodel\t\t: 106\n";
constexpr const char* kSapphireRapids =
    "processor\t: 0\nvendor_id\t: GenuineIntel\ncpu family\t: 6\nmodel\t\t: 143\n";
constexpr const char* kBayTrail =
    "processor\t: 0\nvendor_id\t: GenuineIntel\ncpu family\t: 6\nmodel\t\t: 55\n";
constexpr const char* kZen3 =
    "processor\t: 0\nvendor_id\t: AuthenticAMD\ncpu family\t: 25\nmodel\t\t: 1\n";

/// A machine whose registers are sparse files: a register lies at its address, 8 bytes long.
struct Machine : TempTree {
    explicit Machine(const std::string& cpuinfo) { put("proc/cpuinfo", cpuinfo); }

    void cpu(int number, int socket, int die) const {
        const std::string path =
            "sys/devices/system/cpu/cpu" + std::to_string(number) + "/topology/";
        put(path + "physical_package_id", std::to_string(socket) + "\n");
        put(path + "die_id", std::to_string(die) + "\n");
        put(device(number), "");
    }

    static std::string device(int cpu) { return "dev/cpu/" + std::to_string(cpu) + "/msr"; }

    void set(int cpu, std::uint32_t address, std::uint64_t value) const {
        const int fd = ::open((root() + "/" + device(cpu)).c_str(), O_WRONLY);
        REQUIRE(::pwrite(fd, &value, sizeof value, static_cast<off_t>(address)) == sizeof value);
        ::close(fd);
    }

    [[nodiscard]] Discovery discover() const {
        return discover_msr(root() + "/dev", root() + "/proc", root() + "/sys");
    }
};

std::map<std::string, SensorInfo> found(const Discovery& discovery) {
    std::map<std::string, SensorInfo> all;
    for (const auto& source : discovery.sources) {
        CHECK(all.count(source->sensors().front().id) == 0);
        all[source->sensors().front().id] = source->sensors().front();
    }
    return all;
}

}  // namespace

TEST_CASE("Intel: every domain, with its own unit") {
    Machine machine(kIceLakeServer);
    machine.cpu(0, 0, 0);
    machine.cpu(1, 0, 0);
    machine.set(0, 0x606, 0xA0E03);  // ESU 14
    machine.set(0, 0x611, 0xFFFFFFFF00000010);
    machine.set(0, 0x619, 20);
    machine.set(0, 0x639, 30);
    machine.set(0, 0x64D, 40);
    const Discovery discovery = machine.discover();
    CHECK(discovery.refused.empty());
    const auto sensors = found(discovery);
    REQUIRE(sensors.size() == 4);  // 0x641 stands at zero: there is no such domain
    CHECK(sensors.at("cpu0.package").unit == 0x1p-14);
    CHECK(sensors.at("cpu0.package").modulus == std::uint64_t{1} << 32);
    CHECK(sensors.at("cpu0.package").counted);
    CHECK(sensors.at("cpu0.package").reason.empty());
    CHECK(sensors.at("cpu0.dram").unit == 0x1p-16);
    CHECK(sensors.at("cpu0.dram").counted);
    CHECK_FALSE(sensors.at("cpu0.core").counted);
    CHECK_FALSE(sensors.at("psys").counted);
    CHECK(sensors.at("psys").unit == 0x1p-14);
    for (const auto& source : discovery.sources) {
        if (source->sensors()[0].id == "cpu0.package") {
            Reading reading;
            source->read(&reading);
            CHECK(reading.status == Status::ok);
            CHECK(reading.raw == 0x10);  // 32 bits, whatever stands above them
        }
    }
}

TEST_CASE("Sapphire Rapids: DRAM by the unit register, psys in joules") {
    Machine machine(kSapphireRapids);
    machine.cpu(0, 0, 0);
    machine.set(0, 0x606, 0xE00);
    machine.set(0, 0x619, 1);
    machine.set(0, 0x64D, 1);
    const auto sensors = found(machine.discover());
    CHECK(sensors.at("cpu0.dram").unit == 0x1p-14);
    CHECK(sensors.at("psys").unit == 1);
}

TEST_CASE("Bay Trail counts microjoules") {
    Machine machine(kBayTrail);
    machine.cpu(0, 0, 0);
    machine.set(0, 0x606, 0x500);
    machine.set(0, 0x611, 1);
    CHECK(found(machine.discover()).at("cpu0.package").unit == doctest::Approx(32e-6));
}

TEST_CASE("AMD: the package once, its cores mentioned") {
    Machine machine(kZen3);
    machine.cpu(0, 0, 0);
    machine.cpu(1, 0, 1);
    machine.cpu(2, 1, 0);
    for (const int cpu : {0, 1, 2}) {
        // 299, 29A and 29B overlap in a file; the unit has its bits in the first two bytes.
        machine.set(cpu, 0xC0010299, 0x1000);  // ESU 16
        machine.set(cpu, 0xC001029B, 77);
    }
    const Discovery discovery = machine.discover();
    const auto sensors = found(discovery);
    REQUIRE(sensors.size() == 2);
    CHECK(sensors.at("cpu0.package").unit == 0x1p-16);
    CHECK(sensors.at("cpu1.package").counted);
    REQUIRE(discovery.refused.size() == 2);
    CHECK(discovery.refused[0].id == "cpu0.core");
    CHECK_FALSE(discovery.refused[0].readable);
}

TEST_CASE("Intel dies have counters of their own; psys is there once") {
    Machine machine(kIceLakeServer);
    machine.cpu(0, 0, 0);
    machine.cpu(1, 0, 1);
    for (const int cpu : {0, 1}) {
        machine.set(cpu, 0x606, 0xE00);
        machine.set(cpu, 0x611, 1);
        machine.set(cpu, 0x64D, 1);
    }
    const Discovery discovery = machine.discover();
    CHECK(found(discovery).count("cpu0.die1.package") == 1);
    REQUIRE(discovery.refused.size() == 1);
    CHECK(discovery.refused[0].id == "psys");
}

TEST_CASE("filtered energy is said") {
    Machine machine(kIceLakeServer);
    machine.cpu(0, 0, 0);
    machine.set(0, 0x606, 0xE00);
    machine.set(0, 0x611, 1);
    machine.set(0, 0xBC, 1);
    CHECK(found(machine.discover()).at("cpu0.package").reason.find("filters") != std::string::npos);
}

TEST_CASE("without a topology the first CPU stands for the first package") {
    Machine machine(kIceLakeServer);
    for (const int cpu : {0, 1}) {
        machine.put(Machine::device(cpu), "");
        machine.set(cpu, 0x606, 0xE00);
        machine.set(cpu, 0x611, 1);
    }
    CHECK(found(machine.discover()).size() == 1);
}

TEST_CASE("a CPU that goes away is replaced by another of its package") {
    Machine machine(kIceLakeServer);
    for (const int cpu : {0, 1, 2}) {
        machine.cpu(cpu, cpu == 1 ? 1 : 0, 0);
        machine.set(cpu, 0x606, 0xE00);
        machine.set(cpu, 0x611, static_cast<std::uint64_t>(cpu) + 100);
    }
    machine.put("sys/devices/system/cpu/online", "0-2\n");
    const Discovery discovery = machine.discover();
    Source& package = *discovery.sources.at(0);
    std::filesystem::remove(machine.root() + "/" + Machine::device(0));
    Reading reading;
    REQUIRE(package.reopen());
    package.read(&reading);
    CHECK(reading.raw == 102);
    std::filesystem::remove(machine.root() + "/" + Machine::device(2));
    CHECK_FALSE(package.reopen());
    package.read(&reading);
    CHECK(reading.status == Status::lost);
}

TEST_CASE("machines without registers, or with others, have nothing") {
    Machine machine("processor\t: 0\nvendor_id\t: CentaurHauls\n");
    CHECK(machine.discover().sources.empty());
    machine.cpu(0, 0, 0);
    CHECK(machine.discover().sources.empty());
    CHECK(machine.discover().refused.empty());
    // A virtual machine: the device is there, the registers stand at zero or are not there.
    machine.put("proc/cpuinfo", kIceLakeServer);
    CHECK(machine.discover().sources.empty());
    machine.set(0, 0x1000, 0);
    CHECK(machine.discover().sources.empty());
}

TEST_CASE("a device that may not be opened is refused with the reason") {
    Machine machine(kIceLakeServer);
    machine.cpu(0, 0, 0);
    std::filesystem::permissions(machine.root(), std::filesystem::perms::all);
    std::filesystem::permissions(machine.root() + "/" + Machine::device(0),
                                 std::filesystem::perms::none);
    CHECK(as_nobody([&] {
        const Discovery discovery = machine.discover();
        return discovery.sources.empty() && discovery.refused.size() == 1 &&
               discovery.refused[0].id == "cpu0.package" && !discovery.refused[0].readable &&
               discovery.refused[0].reason.find("CAP_SYS_RAWIO") != std::string::npos;
    }));
}
