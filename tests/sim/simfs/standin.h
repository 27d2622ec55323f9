#pragma once

// What the stand-ins for GPU makers' libraries have in common: a configuration and a block of
// memory beside the library, and calls that take as long as the tests say.

#include <dlfcn.h>
#include <fcntl.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <cerrno>
#include <cstdint>
#include <fstream>
#include <map>
#include <memory>
#include <stdexcept>
#include <string>
#include <vector>

#include "counter.h"
#include "load.h"
#include "words.h"

namespace simfs {

// One a GPU, 128 bytes apart, behind a first block for the whole library. sim/standin.py writes it.
struct alignas(128) Control {
    std::atomic<std::int32_t> error;   // what every call on the GPU returns; 0: works
    std::atomic<std::uint32_t> zeros;  // power reads as 0
    std::atomic<std::int64_t> delay_ns;
    std::atomic<std::int64_t> hang_until_ns;  // no call returns before
    std::atomic<std::int64_t> frozen_from_ns;
    std::atomic<std::int64_t> frozen_until_ns;  // 0: nothing is frozen
    std::atomic<std::uint32_t> missing;
    std::atomic<std::int32_t> init_error;     // first block only
    std::atomic<std::uint64_t> driver;        // first block only: how often the driver was loaded
    std::atomic<std::int64_t> driver_ns;      // first block only: when it was, 0: before the epoch
    std::atomic<std::uint64_t> energy_calls;  // written by the library
    std::atomic<std::uint64_t> power_calls;
    std::atomic<std::uint64_t> inits;  // first block only
};
static_assert(sizeof(Control) == 128, "sim/standin.py knows the layout");

/// What every stand-in's GPU has.
struct GpuBase {
    Publisher energy;
    Publisher power;
    std::int64_t window_ns = 0;  ///< power is the mean over this long
    Control* control = nullptr;
};

/// One life of the library: from its start in a process with a driver on.
template <class Gpu>
struct GpuWorld {
    std::map<std::string, std::unique_ptr<Load>> loads;
    std::map<std::string, Publisher> publishers;
    std::vector<std::unique_ptr<Gpu>> gpus;
    Control* control = nullptr;
    std::uint64_t driver = 0;
    pid_t process = 0;
    std::atomic<int> users{0};

    /// Whether it is alive, in this process and with this driver.
    [[nodiscard]] bool current() const {
        return users > 0 && process == getpid() && driver == control->driver.load();
    }
};

inline std::int64_t clock_ns(clockid_t id) {
    timespec t{};
    clock_gettime(id, &t);
    return std::int64_t{t.tv_sec} * 1'000'000'000 + t.tv_nsec;
}

inline void sleep_until(std::int64_t t_ns) {
    timespec t{};
    t.tv_sec = t_ns / 1'000'000'000;
    t.tv_nsec = t_ns % 1'000'000'000;
    while (clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &t, nullptr) == EINTR) {
    }
}

/// The folder of the library that holds this symbol, with a slash behind it.
inline std::string folder_of(void* symbol) {
    Dl_info info{};
    dladdr(symbol, &info);
    const std::string path = info.dli_fname == nullptr ? "" : info.dli_fname;
    return path.substr(0, path.rfind('/') + 1);
}

inline Segment read_segment(const std::string& line) {
    Words words(line);
    Segment segment;
    segment.duration_ns = words.integer("the duration of a segment in ns", 1);
    segment.watts = words.number("the power of a segment in W");
    if (!words.done()) {
        segment.ripple_w = words.number("the ripple of a segment in W");
        segment.ripple_ns = words.integer("the period of a ripple in ns", 1);
    }
    words.end();
    return segment;
}

/// Reads `config` in the folder and maps `control`. The lines are those of the simfs server
/// (simfs/world.cpp), `epoch NS`, `load …` and `publisher …`, and `gpu …`, which read_gpu(words,
/// world, missing) makes a GPU of; `missing` becomes what the GPU cannot do.
template <class Gpu, class Read>
void read_world(const std::string& folder, GpuWorld<Gpu>& world, Read&& read_gpu) {
    std::ifstream config(folder + "config");
    std::int64_t epoch_ns = 0;
    std::vector<std::uint32_t> missing;
    for (std::string line; std::getline(config, line);) {
        Words words(line);
        const std::string verb = words.word("the kind of the line");
        if (verb == "epoch") {
            epoch_ns = words.integer("the epoch");
        } else if (verb == "load") {
            const std::string id = words.word("the load");
            const bool repeats = words.word("repeat or hold") == "repeat";
            std::vector<Segment> segments;
            for (std::int64_t left = words.integer("the number of segments"); left > 0; --left) {
                std::getline(config, line);
                segments.push_back(read_segment(line));
            }
            world.loads[id] = std::make_unique<Load>(std::move(segments), repeats);
        } else if (verb == "publisher") {
            Publisher& publisher = world.publishers[words.word("the publisher")];
            publisher.load = world.loads.at(words.word("the load")).get();
            publisher.epoch_ns = epoch_ns;
            publisher.period_ns = words.integer("the period");
            publisher.phase_ns = words.integer("the phase");
            publisher.jitter_ns = words.integer("the jitter");
            publisher.seed = static_cast<std::uint64_t>(words.integer("the seed"));
            publisher.lost = words.number("the share of lost updates");
        } else if (verb == "gpu") {
            world.gpus.push_back(read_gpu(words, world, missing.emplace_back()));
        } else {
            throw std::invalid_argument("unknown line '" + verb + "'");
        }
    }
    const int fd = open((folder + "control").c_str(), O_RDWR | O_CLOEXEC);
    const std::size_t size = sizeof(Control) * (world.gpus.size() + 1);
    void* const mapped =
        fd < 0 ? MAP_FAILED : mmap(nullptr, size, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    if (fd >= 0) close(fd);
    if (mapped == MAP_FAILED) throw std::invalid_argument("there is no control file");
    world.control = static_cast<Control*>(mapped);
    for (std::size_t i = 0; i < world.gpus.size(); ++i) {
        world.gpus[i]->control = world.control + i + 1;
        world.gpus[i]->control->missing.fetch_or(missing[i]);
    }
}

/// A call on a GPU: waits as long as it is told to, and takes the value half way. Whatever went
/// wrong while it hung shows at the end, by `look`.
template <class Gpu, class Take, class Look>
int timed(Gpu& gpu, std::atomic<std::uint64_t> Control::* count, Take&& take, Look&& look) {
    Control& control = *gpu.control;
    (control.*count).fetch_add(1);
    const std::int64_t start_ns = clock_ns(CLOCK_MONOTONIC);
    const std::int64_t delay_ns = control.delay_ns.load();
    if (delay_ns > 0) sleep_until(start_ns + delay_ns / 2);
    std::int64_t at_ns = clock_ns(CLOCK_MONOTONIC);
    const std::int64_t from_ns = control.frozen_from_ns.load();
    if (at_ns >= from_ns && at_ns < control.frozen_until_ns.load()) at_ns = from_ns;
    const int result = take(gpu, at_ns);
    const std::int64_t hang_ns = control.hang_until_ns.load();
    const std::int64_t until_ns = std::max(start_ns + delay_ns, hang_ns);
    if (until_ns > clock_ns(CLOCK_MONOTONIC)) sleep_until(until_ns);
    if (hang_ns > start_ns) {
        if (const int error = look()) return error;
    }
    return result;
}

/// Energy by the last update before an instant, since the driver was loaded.
inline double energy_j(const GpuBase& gpu, const Control& library, std::int64_t at_ns) {
    const std::int64_t driver_ns = library.driver_ns.load();
    const double joules = gpu.energy.energy_j(gpu.energy.last_update(at_ns));
    return driver_ns == 0 ? joules : std::max(0.0, joules - gpu.energy.energy_j(driver_ns));
}

}  // namespace simfs
