// A machine whose sysfs, procfs and devfs say anything: what is found there is described in full,
// nothing is counted twice, and reading it never gives less energy than before.
//
// The files are those of a small tree in memory (or wherever TMPDIR is). perf is left out: its
// numbers would open events of the real kernel.

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <set>
#include <vector>

#include "fuzz.h"
#include "microjoule/clock.h"
#include "microjoule/discover.h"
#include "microjoule/timeline.h"

using namespace microjoule;

namespace {

// Every kind of file that is looked at; `%` is a name out of the fuzzer's own words.
constexpr const char* kFiles[] = {
    "sys/class/powercap/intel-rapl:0/name",
    "sys/class/powercap/intel-rapl:0/energy_uj",
    "sys/class/powercap/intel-rapl:0/max_energy_range_uj",
    "sys/class/powercap/intel-rapl:0/constraint_0_max_power_uw",
    "sys/class/powercap/intel-rapl:0:0/name",
    "sys/class/powercap/intel-rapl:0:0/energy_uj",
    "sys/class/powercap/intel-rapl:0:0/max_energy_range_uj",
    "sys/class/powercap/intel-rapl:1/name",
    "sys/class/powercap/intel-rapl:1/energy_uj",
    "sys/class/powercap/intel-rapl-mmio:0/name",
    "sys/class/powercap/intel-rapl-mmio:0/energy_uj",
    "sys/class/powercap/%/name",
    "sys/class/powercap/%/energy_uj",
    "sys/devices/system/cpu/modalias",
    "sys/devices/system/cpu/online",
    "sys/devices/system/cpu/cpu0/topology/physical_package_id",
    "sys/devices/system/cpu/cpu0/topology/die_id",
    "sys/devices/system/cpu/cpu1/topology/physical_package_id",
    "sys/class/hwmon/hwmon0/name",
    "sys/class/hwmon/hwmon0/energy1_input",
    "sys/class/hwmon/hwmon0/energy1_label",
    "sys/class/hwmon/hwmon0/energy2_input",
    "sys/class/hwmon/hwmon0/energy2_label",
    "sys/class/hwmon/hwmon0/power1_average",
    "sys/class/hwmon/hwmon0/power1_input",
    "sys/class/hwmon/hwmon0/power1_average_interval",
    "sys/class/hwmon/hwmon0/power1_oem_info",
    "sys/class/hwmon/hwmon0/power1_is_battery",
    "sys/class/hwmon/hwmon0/update_interval",
    "sys/class/hwmon/hwmon0/in1_input",
    "sys/class/hwmon/hwmon0/in1_label",
    "sys/class/hwmon/hwmon0/curr1_input",
    "sys/class/hwmon/hwmon0/in2_input",
    "sys/class/hwmon/hwmon0/in2_label",
    "sys/class/hwmon/hwmon0/curr2_input",
    "sys/class/hwmon/hwmon0/%",
    "sys/class/hwmon/hwmon1/name",
    "sys/class/hwmon/hwmon1/power1_average",
    "sys/class/hwmon/hwmon1/power1_oem_info",
    "sys/class/hwmon/hwmon1/energy1_input",
    "sys/class/power_supply/BAT0/type",
    "sys/class/power_supply/BAT0/scope",
    "sys/class/power_supply/BAT0/present",
    "sys/class/power_supply/BAT0/status",
    "sys/class/power_supply/BAT0/power_now",
    "sys/class/power_supply/BAT0/energy_now",
    "sys/class/power_supply/BAT0/charge_now",
    "sys/class/power_supply/BAT0/current_now",
    "sys/class/power_supply/BAT0/voltage_now",
    "sys/class/power_supply/AC/type",
    "sys/class/power_supply/AC/online",
    "proc/cpuinfo",
};
// Offset and content of these come from the fuzzer.
constexpr const char* kRegisters[] = {"dev/cpu/0/msr", "dev/cpu/1/msr"};
constexpr std::uint32_t kAddresses[] = {0xBC,  0x606, 0x611,      0x619,      0x639,
                                        0x641, 0x64D, 0xC0010299, 0xC001029A, 0xC001029B};

class Tree {
public:
    Tree() {
        const char* const memory = ::access("/dev/shm", W_OK) == 0 ? "/dev/shm" : "/tmp";
        const char* const chosen = std::getenv("TMPDIR");
        std::string name = std::string(chosen ? chosen : memory) + "/microjoule-fuzz-XXXXXX";
        MUST(::mkdtemp(name.data()) != nullptr);
        root_ = name;
    }
    ~Tree() {
        clear();
        for (auto made = folders_.rbegin(); made != folders_.rend(); ++made) {
            ::rmdir(made->c_str());
        }
        ::rmdir(root_.c_str());
    }
    Tree(const Tree&) = delete;
    Tree& operator=(const Tree&) = delete;

    void put(const std::string& name, std::string_view content, long offset = 0) {
        const std::string path = root_ + "/" + name;
        for (std::size_t at = path.find('/', root_.size() + 1); at != std::string::npos;
             at = path.find('/', at + 1)) {
            const std::string folder = path.substr(0, at);
            if (::mkdir(folder.c_str(), 0700) == 0) {
                folders_.push_back(folder);
            }
        }
        const int fd = ::open(path.c_str(), O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
        if (fd >= 0) {
            files_.insert(path);
            MUST(::pwrite(fd, content.data(), content.size(), offset) >= 0);
            ::close(fd);
        }
    }

    void clear() {
        for (const std::string& path : files_) {
            ::unlink(path.c_str());
        }
        files_.clear();
    }

    [[nodiscard]] Roots roots() const {
        Roots roots;
        roots.sysfs = root_ + "/sys";
        roots.procfs = root_ + "/proc";
        roots.devfs = root_ + "/dev";
        return roots;
    }

private:
    std::string root_;
    std::set<std::string> files_;
    std::vector<std::string> folders_;
};

void fill(Tree& tree, fuzz::Input& input, int most) {
    for (int i = 0; i < most && !input.empty(); ++i) {
        const auto which = input.take<std::uint8_t>();
        if (which >= 224) {
            const auto word = input.take<std::uint64_t>();
            tree.put(kRegisters[which % std::size(kRegisters)],
                     {reinterpret_cast<const char*>(&word), sizeof word},
                     static_cast<long>(kAddresses[which / 2 % std::size(kAddresses)]));
            continue;
        }
        std::string name = kFiles[which % std::size(kFiles)];
        if (const std::size_t mark = name.find('%'); mark != std::string::npos) {
            std::string word(input.until('\n').substr(0, 40));
            word = word.substr(0, word.find('\0'));
            std::replace(word.begin(), word.end(), '/', ':');
            if (word.empty() || word == "." || word == "..") {
                continue;
            }
            name.replace(mark, 1, word);
        }
        std::string content(input.until('\n'));
        std::replace(content.begin(), content.end(), ';', '\n');  // several lines
        tree.put(name, content + "\n");
    }
}

void check(const SensorInfo& info) {
    MUST(!info.id.empty() && !info.kind.empty() && !info.source.empty());
    MUST(info.unit > 0 && info.quantum >= info.unit && info.quantum < 1e6);
    MUST(info.max_power_w > 0 && info.period_hint_ns > 0 && info.open_interval_ns > 0);
    MUST(info.event_interval_ns >= 0 && info.gain_rel >= 0 && info.gain_rel < 1);
}

}  // namespace

int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    static Tree tree;
    tree.clear();
    fuzz::Input input(data, size);
    fill(tree, input, 64);
    const Roots roots = tree.roots();
    Discovery found = discover({"powercap", "msr", "model", "replay"}, roots);
    add_hwmon(found, roots.sysfs);
    add_battery(found, roots.sysfs);

    std::set<std::string> ids;
    std::vector<Timeline> timelines;
    for (const auto& source : found.sources) {
        MUST(!source->sensors().empty());
        for (const SensorInfo& info : source->sensors()) {
            check(info);
            MUST(info.readable);
            MUST(ids.insert(info.id).second);  // no device twice
            timelines.emplace_back(info);
        }
    }
    for (const SensorInfo& info : found.refused) {
        MUST(!info.readable && !info.counted && !info.reason.empty());
    }
    std::vector<std::int64_t> last(timelines.size(), 0);
    std::vector<Reading> readings(timelines.size());
    for (int round = 0; round < 4; ++round) {
        fill(tree, input, 16);  // the values change; files appear, and may be longer than before
        std::size_t next = 0;
        for (const auto& source : found.sources) {
            const std::int64_t before = monotonic_clock().now_ns();
            std::fill(readings.begin(), readings.end(), Reading{});
            source->read(readings.data());
            const std::int64_t after = monotonic_clock().now_ns();
            bool lost = false;
            for (std::size_t i = 0; i < source->sensors().size(); ++i, ++next) {
                Reading& reading = readings[i];
                reading.before_ns = reading.before_ns == 0 ? before : reading.before_ns;
                reading.after_ns = reading.after_ns == 0 ? after : reading.after_ns;
                MUST(reading.before_ns <= reading.after_ns);
                MUST((reading.status == Status::ok) == (reading.error == 0));
                lost = lost || reading.status == Status::lost;
                timelines[next].feed(reading, before);
                const EnergyAt at = timelines[next].at(after);
                MUST(at.units >= last[next]);
                last[next] = at.units;
            }
            if (lost) {
                source->reopen();
            }
        }
    }
    return 0;
}
