#include "microjoule/msr.h"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <climits>
#include <cmath>
#include <cstdio>
#include <cstring>
#include <optional>
#include <string_view>
#include <utility>

#include "microjoule/files.h"
#include "microjoule/rapl.h"
#include "microjoule/topology.h"
#include "parse.h"

namespace microjoule {
namespace {

struct Register {
    std::string_view domain;
    std::uint32_t address;
};

constexpr std::uint32_t kIntelUnit = 0x606;
constexpr Register kIntel[] = {
    {"package", 0x611}, {"dram", 0x619}, {"core", 0x639}, {"uncore", 0x641}, {"psys", 0x64D}};
constexpr std::uint32_t kAmdUnit = 0xC0010299;
constexpr std::uint32_t kAmdCore = 0xC001029A;
constexpr Register kAmd[] = {{"package", 0xC001029B}};
// IA32_MISC_PACKAGE_CTLS; bit 0, ENERGY_FILTERING_ENABLE.
constexpr std::uint32_t kIntelPackageControls = 0xBC;
// The energy counters have 32 bits; some processors show something else above them.
constexpr std::uint64_t kMask = 0xFFFFFFFF;

int open_cpu(const char* devfs, std::size_t cpu) noexcept {
    char path[PATH_MAX];
    const int length = std::snprintf(path, sizeof path, "%s/cpu/%zu/msr", devfs, cpu);
    if (length < 0 || static_cast<std::size_t>(length) >= sizeof path) {
        return -ENAMETOOLONG;
    }
    const int fd = ::open(path, O_RDONLY | O_CLOEXEC);
    return fd >= 0 ? fd : -errno;
}

/// 0, or the errno that says why not.
int read_register(int fd, std::uint32_t address, std::uint64_t& value) noexcept {
    while (true) {
        const ssize_t got = ::pread(fd, &value, sizeof value, static_cast<off_t>(address));
        if (got == sizeof value) {
            return 0;
        }
        if (got >= 0) {
            return EBADMSG;
        }
        if (errno != EINTR) {
            return errno;
        }
    }
}

/// One energy register of one package or die.
class MsrCounter final : public Source {
public:
    MsrCounter(SensorInfo info, std::string devfs, std::string sysfs, const Processor& processor,
               Place place, std::size_t cpu, std::uint32_t address)
        : devfs_(std::move(devfs)),
          sysfs_(std::move(sysfs)),
          online_(sysfs_ + "/devices/system/cpu/online"),
          processor_(processor),
          place_(place),
          cpu_(cpu),
          address_(address) {
        sensors_.push_back(std::move(info));
    }
    ~MsrCounter() override { close(); }
    MsrCounter(const MsrCounter&) = delete;
    MsrCounter& operator=(const MsrCounter&) = delete;

    /// 0, or the errno that says why not.
    int open() noexcept { return open_on(cpu_); }

    const std::vector<SensorInfo>& sensors() const noexcept override { return sensors_; }

    void read(Reading* readings) noexcept override {
        Reading& reading = readings[0];
        std::uint64_t value = 0;
        reading.error = fd_ < 0 ? ENODEV : read_register(fd_, address_, value);
        reading.raw = value & kMask;
        // ENXIO: the CPU is offline (msr_read() in arch/x86/kernel/msr.c).
        const bool gone =
            reading.error == ENXIO || reading.error == ENODEV || reading.error == ENOENT;
        reading.status = reading.error == 0 ? Status::ok : gone ? Status::lost : Status::retry;
    }

    /// Any CPU of the place shows the same counter.
    bool reopen() noexcept override {
        close();
        if (open_on(cpu_) == 0) {
            return true;
        }
        const auto online = read_cpu_list(online_.c_str());
        for (std::size_t cpu = 0; online && cpu < kMaxCpus; ++cpu) {
            const auto place = online->test(cpu) ? place_of_cpu(sysfs_.c_str(), cpu) : std::nullopt;
            if (place && rapl_place(processor_, *place) == place_ && open_on(cpu) == 0) {
                cpu_ = cpu;
                return true;
            }
        }
        return false;
    }

private:
    void close() noexcept {
        if (fd_ >= 0) {
            ::close(fd_);
            fd_ = -1;
        }
    }

    int open_on(std::size_t cpu) noexcept {
        fd_ = open_cpu(devfs_.c_str(), cpu);
        if (fd_ < 0) {
            return -std::exchange(fd_, -1);
        }
        // The file of a CPU that went offline may still be there.
        std::uint64_t value = 0;
        const int error = read_register(fd_, address_, value);
        if (error != 0) {
            close();
        }
        return error;
    }

    std::string devfs_;
    std::string sysfs_;
    std::string online_;
    Processor processor_;
    Place place_;
    std::size_t cpu_;
    std::uint32_t address_;
    std::vector<SensorInfo> sensors_;
    int fd_ = -1;
};

/// The CPUs that have an msr device, in their order.
CpuSet cpus_of(const std::string& devfs) {
    CpuSet cpus;
    for (const std::string& entry : entries_of(devfs + "/cpu")) {
        const auto cpu = parse_u64(entry);
        const std::string file = devfs + "/cpu/" + entry + "/msr";
        if (cpu && *cpu < kMaxCpus && ::access(file.c_str(), F_OK) == 0) {
            cpus.set(*cpu);
        }
    }
    return cpus;
}

std::string hex(std::uint32_t address) {
    char text[16];
    std::snprintf(text, sizeof text, "0x%X", address);
    return text;
}

SensorInfo describe(const Place& place, const Register& which) {
    SensorInfo info = describe_rapl(place, which.domain);
    info.source = "msr";
    info.method = "RAPL energy register MSR " + hex(which.address);
    info.modulus = kMask + 1;
    return info;
}

/// Looks at the registers of one package through one of its CPUs.
class Look {
public:
    Look(const std::string& devfs, const std::string& sysfs, const Processor& processor)
        : devfs_(devfs), sysfs_(sysfs), processor_(processor) {}

    void at(const Place& place, std::size_t cpu, Discovery& found) {
        const int fd = open_cpu(devfs_.c_str(), cpu);
        if (fd < 0) {
            found.refuse(describe(place, registers()[0]), why_refused(cpu, -fd));
            return;
        }
        std::uint64_t word = 0;
        const int error = read_register(fd, processor_.is_amd() ? kAmdUnit : kIntelUnit, word);
        if (error == EACCES || error == EPERM) {
            found.refuse(describe(place, registers()[0]), why_refused(cpu, error));
        } else if (error == 0) {
            take(place, cpu, fd, parse::msr_unit_j(processor_, word), found);
        }
        ::close(fd);
    }

private:
    [[nodiscard]] const Register* registers() const noexcept {
        return processor_.is_amd() ? kAmd : kIntel;
    }

    [[nodiscard]] std::size_t count() const noexcept {
        return processor_.is_amd() ? std::size(kAmd) : std::size(kIntel);
    }

    [[nodiscard]] std::string why_refused(std::size_t cpu, int error) const {
        std::string why = devfs_ + "/cpu/" + std::to_string(cpu) + "/msr: " + std::strerror(error);
        if (error == EACCES || error == EPERM) {
            why += "; for root with CAP_SYS_RAWIO only";
        }
        return why;
    }

    void take(const Place& place, std::size_t cpu, int fd, double usual_unit_j, Discovery& found) {
        std::uint64_t value = 0;
        const bool filtered = processor_.vendor == Vendor::intel &&
                              read_register(fd, kIntelPackageControls, value) == 0 && (value & 1);
        for (std::size_t i = 0; i < count(); ++i) {
            const Register& which = registers()[i];
            // A domain that the processor lacks gives EIO, or stands at zero for ever.
            if (read_register(fd, which.address, value) != 0 || (value & kMask) == 0) {
                continue;
            }
            SensorInfo info = describe(place, which);
            const double fixed = fixed_rapl_unit_j(processor_, which.domain);
            info.unit = info.quantum = fixed > 0 ? fixed : usual_unit_j;
            if (filtered) {
                info.reason += (info.reason.empty() ? "" : "; ");
                info.reason +=
                    "the processor filters its energy counters (MSR 0xBC, against side "
                    "channels): short windows are less exact";
            }
            if (info.kind == "psys" && std::exchange(platform_, true)) {
                found.refuse(std::move(info), "CPU " + std::to_string(cpu) +
                                                  " shows the same counter a second time");
                continue;
            }
            auto counter = std::make_unique<MsrCounter>(info, devfs_, sysfs_, processor_, place,
                                                        cpu, which.address);
            if (const int error = counter->open(); error != 0) {
                found.refuse(std::move(info), why_refused(cpu, error));
            } else {
                found.sources.push_back(std::move(counter));
            }
        }
        if (processor_.is_amd() && read_register(fd, kAmdCore, value) == 0 && (value & kMask)) {
            found.refuse(describe(place, {"core", kAmdCore}),
                         "one register for each core, all part of " + place.prefix() +
                             ".package: not read, since each read would interrupt every core");
        }
    }

    const std::string& devfs_;
    const std::string& sysfs_;
    const Processor& processor_;
    bool platform_ = false;
};

}  // namespace

namespace parse {

double msr_unit_j(const Processor& processor, std::uint64_t word) noexcept {
    const int exponent = static_cast<int>(word >> 8 & 0x1F);
    // Silvermont and Airmont count 2^ESU microjoules (rapl_check_unit_atom() in
    // drivers/powercap/intel_rapl_common.c): Bay Trail, Merrifield, Cherry Trail, Moorefield.
    constexpr unsigned kMicrojoules[] = {0x37, 0x4A, 0x4C, 0x5A};
    if (processor.vendor == Vendor::intel && processor.family == 6 &&
        std::find(std::begin(kMicrojoules), std::end(kMicrojoules), processor.model) !=
            std::end(kMicrojoules)) {
        return std::ldexp(1e-6, exponent);
    }
    return std::ldexp(1.0, -exponent);
}

}  // namespace parse

Discovery discover_msr(const std::string& devfs, const std::string& procfs,
                       const std::string& sysfs) {
    Discovery found;
    const CpuSet cpus = cpus_of(devfs);
    const Processor processor = processor_of_procfs(procfs);
    if (cpus.none() || processor.vendor == Vendor::unknown) {
        return found;
    }
    Look look(devfs, sysfs, processor);
    std::vector<Place> places;
    for (std::size_t cpu = 0; cpu < kMaxCpus; ++cpu) {
        if (!cpus.test(cpu)) {
            continue;
        }
        const auto known = place_of_cpu(sysfs.c_str(), cpu);
        if (!known && !places.empty()) {
            continue;  // offline, or no topology at all: then the first CPU stands for package 0
        }
        const Place place = rapl_place(processor, known.value_or(Place{}));
        if (std::find(places.begin(), places.end(), place) == places.end()) {
            places.push_back(place);
            look.at(place, cpu, found);
        }
    }
    return found;
}

}  // namespace microjoule
