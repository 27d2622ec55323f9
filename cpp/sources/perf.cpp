#include "microjoule/perf.h"

#include <linux/perf_event.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <charconv>
#include <cmath>
#include <cstring>
#include <locale>
#include <optional>
#include <sstream>
#include <string_view>
#include <utility>

#include "microjoule/files.h"
#include "microjoule/rapl.h"
#include "microjoule/topology.h"
#include "parse.h"

namespace microjoule {
namespace {

// The PMU has five events; a kernel that shows more than this shows something else.
constexpr std::size_t kMaxEvents = 16;
// Counts of the RAPL PMU are 2^-32 J whatever the hardware's own unit is.
constexpr double kApiUnit = 0x1p-32;
// Of 63 bits of such steps E(t) would be full after 2.1 GJ, 25 days of a kilowatt. Shown in steps
// of 2^-22 J (0.24 uJ, a sixtieth of the finest hardware step) it holds 2.2 TJ: 69 years.
constexpr unsigned kCoarser = 10;

/// An event as sysfs describes it.
struct Event {
    std::string name;    // "energy-pkg"
    std::string domain;  // "package"
    std::uint64_t config = 0;
    double scale_j = 0;  // joules of one count
};

int open_event(std::uint32_t type, std::uint64_t config, int cpu, int leader) noexcept {
    perf_event_attr attr{};
    attr.size = sizeof attr;
    attr.type = type;
    attr.config = config;
    attr.read_format =
        PERF_FORMAT_GROUP | PERF_FORMAT_TOTAL_TIME_ENABLED | PERF_FORMAT_TOTAL_TIME_RUNNING;
    const long fd = syscall(SYS_perf_event_open, &attr, -1, cpu, leader, PERF_FLAG_FD_CLOEXEC);
    return fd >= 0 ? static_cast<int>(fd) : -errno;
}

/// Where the n-th CPU of the cpumask stands: by its topology, else by its order.
Place place_in_mask(const std::string& sysfs, const Processor& processor, std::size_t cpu,
                    std::size_t order) noexcept {
    const auto place = place_of_cpu(sysfs.c_str(), cpu);
    return rapl_place(processor, place.value_or(Place{static_cast<int>(order), 0}));
}

/// The group of one package or die.
class PerfGroup final : public Source {
public:
    PerfGroup(std::string sysfs, std::string cpumask, std::uint32_t type,
              const Processor& processor, Place place)
        : sysfs_(std::move(sysfs)),
          cpumask_(std::move(cpumask)),
          type_(type),
          processor_(processor),
          place_(place) {}
    ~PerfGroup() override { close(); }
    PerfGroup(const PerfGroup&) = delete;
    PerfGroup& operator=(const PerfGroup&) = delete;

    /// Adds an event on a CPU: 0, or the errno that says why the kernel does not take it.
    int add(SensorInfo info, std::uint64_t config, int cpu) {
        const int fd = open_event(type_, config, cpu, fds_.front());
        if (fd < 0) {
            return -fd;
        }
        fds_[sensors_.size()] = fd;
        configs_[sensors_.size()] = config;
        if (info.unit == kApiUnit) {
            coarser_[sensors_.size()] = kCoarser;
            info.unit = std::ldexp(info.unit, kCoarser);
        }
        sensors_.push_back(std::move(info));
        return 0;
    }

    const std::vector<SensorInfo>& sensors() const noexcept override { return sensors_; }

    void read(Reading* readings) noexcept override {
        // The order of PERF_FORMAT_GROUP: the leader, then the others as they were opened.
        struct {
            std::uint64_t count, enabled_ns, running_ns;
            std::array<std::uint64_t, kMaxEvents> value;
        } group{};
        const std::size_t size = sizeof(std::uint64_t) * (3 + sensors_.size());
        ssize_t got = 0;
        do {
            got = ::read(fds_.front(), &group, size);
        } while (got < 0 && errno == EINTR);
        const int error = got < 0 ? errno : 0;
        if (static_cast<std::size_t>(got) != size || group.count != sensors_.size() ||
            group.enabled_ns == enabled_ns_) {
            // Nothing to read, and time that stands still: the CPU went away, and the event with
            // it.
            const bool gone = error == 0 || error == ENODEV || error == ENXIO || error == EBADF;
            for (std::size_t i = 0; i < sensors_.size(); ++i) {
                readings[i].status = gone ? Status::lost : Status::retry;
                readings[i].error = error == 0 ? ENODEV : error;
            }
            return;
        }
        enabled_ns_ = group.enabled_ns;
        for (std::size_t i = 0; i < sensors_.size(); ++i) {
            if (reopened_) {
                // A new event counts from zero. What is shown goes one step back, so that it is
                // taken for the reset that it is, however little had been counted before.
                offset_[i] = last_[i] - (std::uint64_t{1} << coarser_[i]) - group.value[i];
            }
            last_[i] = offset_[i] + group.value[i];
            readings[i].status = Status::ok;
            readings[i].error = 0;
            readings[i].raw = last_[i] >> coarser_[i];
        }
        reopened_ = false;
    }

    /// The kernel may have moved the events of the package to another CPU of it, or may do so with
    /// those that are opened now.
    bool reopen() noexcept override {
        close();
        const auto cpus = read_cpu_list(cpumask_.c_str());
        for (std::size_t cpu = 0, order = 0; cpus && cpu < kMaxCpus; ++cpu) {
            if (!cpus->test(cpu)) {
                continue;
            }
            const Place place = place_in_mask(sysfs_, processor_, cpu, order++);
            if (place == place_ && open_on(static_cast<int>(cpu))) {
                reopened_ = true;
                enabled_ns_ = 0;
                return true;
            }
        }
        return false;
    }

private:
    void close() noexcept {
        // The leader last: a group whose leader is gone falls apart into single events.
        for (std::size_t i = sensors_.size(); i-- > 0;) {
            if (fds_[i] >= 0) {
                ::close(fds_[i]);
                fds_[i] = -1;
            }
        }
    }

    bool open_on(int cpu) noexcept {
        for (std::size_t i = 0; i < sensors_.size(); ++i) {
            const int fd = open_event(type_, configs_[i], cpu, fds_.front());
            if (fd < 0) {
                close();
                return false;
            }
            fds_[i] = fd;
        }
        return true;
    }

    static constexpr std::array<int, kMaxEvents> closed() {
        std::array<int, kMaxEvents> fds{};
        for (int& fd : fds) {
            fd = -1;
        }
        return fds;
    }
    // Counts are signed: rapl_event_update() sign-extends what a counter has moved since the last
    // look, and takes 2^31 units or more for a step back. Shown from the middle of the unsigned
    // range on, a step back is smaller than what was there before, also below zero.
    static constexpr std::array<std::uint64_t, kMaxEvents> middle() {
        std::array<std::uint64_t, kMaxEvents> offset{};
        for (std::uint64_t& one : offset) {
            one = std::uint64_t{1} << 63;
        }
        return offset;
    }

    std::string sysfs_;
    std::string cpumask_;  // path
    std::uint32_t type_;
    Processor processor_;
    Place place_;
    std::vector<SensorInfo> sensors_;
    std::array<int, kMaxEvents> fds_ = closed();
    std::array<std::uint64_t, kMaxEvents> configs_{};
    std::array<unsigned, kMaxEvents> coarser_{};  ///< bits that are left out of what is shown
    std::array<std::uint64_t, kMaxEvents> offset_ = middle();
    std::array<std::uint64_t, kMaxEvents> last_ = middle();
    std::uint64_t enabled_ns_ = 0;
    bool reopened_ = false;
};

std::string domain_of(const std::string& event) {
    constexpr std::pair<std::string_view, std::string_view> kDomains[] = {
        {"energy-pkg", "package"}, {"energy-ram", "dram"},  {"energy-cores", "core"},
        {"energy-gpu", "uncore"},  {"energy-psys", "psys"},
    };
    for (const auto& [name, domain] : kDomains) {
        if (event == name) {
            return std::string(domain);
        }
    }
    return event.substr(std::strlen("energy-"));
}

/// The events of a PMU that count joules, what is added to the total first.
std::vector<Event> find_events(const std::string& pmu) {
    const std::string format = read_line(pmu + "/format/event").value_or("config:0-63");
    std::vector<Event> events;
    for (const std::string& entry : entries_of(pmu + "/events")) {
        Event event;
        event.name = entry;
        if (event.name.compare(0, 7, "energy-") != 0 || event.name.find('.') != std::string::npos) {
            continue;
        }
        const std::string path = pmu + "/events/" + event.name;
        const auto config = parse::event_config(format, read_line(path).value_or(""));
        event.scale_j = parse::event_scale_j(read_line(path + ".scale").value_or(""));
        event.domain = domain_of(event.name);
        if (config && event.scale_j > 0 &&
            read_line(path + ".unit").value_or("Joules") == "Joules") {
            event.config = *config;
            events.push_back(std::move(event));
        }
    }
    const auto rank = [](const Event& e) {
        return e.domain == "package" ? 0 : e.domain == "dram" ? 1 : 2;
    };
    std::sort(events.begin(), events.end(), [&](const Event& a, const Event& b) {
        return std::pair(rank(a), a.name) < std::pair(rank(b), b.name);
    });
    events.resize(std::min(events.size(), kMaxEvents));
    return events;
}

SensorInfo describe(const Event& event, const Place& place, const Processor& processor) {
    SensorInfo info = describe_rapl(place, event.domain);
    info.source = "perf";
    info.method = "RAPL energy counter through the perf event power/" + event.name + "/";
    info.unit = info.quantum = event.scale_j;
    if (event.scale_j == kApiUnit) {
        // The hardware's unit is not shown: the usual one, unless the domain has its own.
        const double fixed = fixed_rapl_unit_j(processor, event.domain);
        info.quantum = fixed > 0 ? fixed : usual_rapl_unit_j(processor);
    }
    return info;
}

std::string why_refused(int error, const Event& event) {
    std::string why = "perf event power/" + event.name + "/: " + std::strerror(error);
    if (error == EACCES || error == EPERM) {
        why +=
            "; needs kernel.perf_event_paranoid of 0 or less, or CAP_PERFMON (in a container,"
            " also a seccomp profile that allows perf_event_open)";
    } else if (error == EINVAL || error == ENOENT || error == EOPNOTSUPP) {
        why += "; the kernel lists it and does not count it";
    }
    return why;
}

/// The counters of single cores (AMD): said to be there, and not read. There is one for each core,
/// all of them are in the package's, and each would cost an interrupt of its core at each read.
void mention_cores(const std::string& devices, const std::string& sysfs, const Processor& processor,
                   Discovery& found) {
    const auto cpus = read_cpu_list((devices + "/power_core/cpumask").c_str());
    std::vector<Place> places;
    for (std::size_t cpu = 0; cpus && cpu < kMaxCpus; ++cpu) {
        const auto place = cpus->test(cpu) ? place_of_cpu(sysfs.c_str(), cpu) : std::nullopt;
        if (!place) {
            continue;
        }
        const Place package = rapl_place(processor, *place);
        if (std::find(places.begin(), places.end(), package) != places.end()) {
            continue;
        }
        places.push_back(package);
        SensorInfo info = describe_rapl(package, "core");
        info.source = "perf";
        info.method = "RAPL energy counters of single cores through the PMU power_core";
        found.refuse(std::move(info),
                     "one counter for each core, all part of " + package.prefix() +
                         ".package: not read, since each read would interrupt every core");
    }
}

/// Takes a number off the front of a text.
template <class Number>
bool take(std::string_view& text, Number& value, int base) noexcept {
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value, base);
    text.remove_prefix(static_cast<std::size_t>(end - text.data()));
    return error == std::errc();
}

bool skip(std::string_view& text, std::string_view word) noexcept {
    const bool there = text.substr(0, word.size()) == word;
    text.remove_prefix(there ? word.size() : 0);
    return there;
}

}  // namespace

namespace parse {

std::optional<std::uint64_t> event_config(std::string_view format,
                                          std::string_view event) noexcept {
    unsigned low = 0;
    if (!skip(format, "config:") || !take(format, low, 10)) {
        return std::nullopt;
    }
    unsigned high = low;
    if (!format.empty() && !(skip(format, "-") && take(format, high, 10))) {
        return std::nullopt;
    }
    std::uint64_t code = 0;
    if (!format.empty() || high < low || high > 63 || !skip(event, "event=0x") ||
        !take(event, code, 16) || !event.empty()) {
        return std::nullopt;
    }
    const std::uint64_t most = ~std::uint64_t{0} >> (63 - (high - low));
    return code <= most ? std::optional(code << low) : std::nullopt;
}

double event_scale_j(std::string_view text) {
    std::istringstream stream{std::string(text)};
    stream.imbue(std::locale::classic());
    double value = 0;
    if (!(stream >> value)) {
        return 0;
    }
    const bool whole = stream.eof() || (stream >> std::ws).eof();
    return whole && std::isnormal(value) && value > 0 ? value : 0;
}

}  // namespace parse

Discovery discover_perf(const std::string& sysfs) {
    Discovery found;
    const std::string devices = sysfs + "/bus/event_source/devices";
    const std::string pmu = devices + "/power";
    const auto type = read_u64(pmu + "/type");
    if (!type || *type > UINT32_MAX) {
        return found;
    }
    const std::vector<Event> events = find_events(pmu);
    const std::string cpumask = pmu + "/cpumask";
    const Processor processor = processor_of_sysfs(sysfs);
    std::vector<Place> places;
    bool platform = false;
    const auto cpus = read_cpu_list(cpumask.c_str());
    for (std::size_t cpu = 0, order = 0; cpus && cpu < kMaxCpus; ++cpu) {
        if (!cpus->test(cpu)) {
            continue;
        }
        Place place = place_of_cpu(sysfs.c_str(), cpu).value_or(Place{static_cast<int>(order), 0});
        ++order;
        place = rapl_place(processor, place);
        const bool again = std::find(places.begin(), places.end(), place) != places.end();
        places.push_back(place);
        auto group = std::make_unique<PerfGroup>(sysfs, cpumask, static_cast<std::uint32_t>(*type),
                                                 processor, place);
        for (const Event& event : events) {
            SensorInfo info = describe(event, place, processor);
            if (again || (platform && info.kind == "psys")) {
                found.refuse(std::move(info), "CPU " + std::to_string(cpu) +
                                                  " shows the same counter a second time");
                continue;
            }
            const int error = group->add(info, event.config, static_cast<int>(cpu));
            if (error != 0) {
                found.refuse(std::move(info), why_refused(error, event));
            } else {
                platform = platform || info.kind == "psys";
            }
        }
        if (!group->sensors().empty()) {
            found.sources.push_back(std::move(group));
        }
    }
    mention_cores(devices, sysfs, processor, found);
    return found;
}

}  // namespace microjoule
