// What is written is read again, what was measured is measured again, and what is no recording is
// refused in a sentence.

#include <doctest/doctest.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <csignal>
#include <memory>
#include <string>
#include <vector>

#include "microjoule/recorder.h"
#include "microjoule/recording.h"
#include "microjoule/rerun.h"
#include "simulation.h"
#include "temp_tree.h"

using namespace simulation;

namespace {

const std::string kHead =
    "microjoule recording 1\n"
    "recorded 2026-11-24T10:00:00+00:00\n"
    "sensor cpu0.package\n"
    "kind cpu\n"
    "unit 1e-06\n"
    "quantum 1e-06\n"
    "counted yes\n"
    "readings\n";

std::string error_of(const std::string& text) {
    try {
        (void)parse_recording(text);
    } catch (const std::invalid_argument& error) {
        return error.what();
    }
    return "";
}

std::vector<std::unique_ptr<Source>> one_counter(ManualClock& clock) {
    std::vector<std::unique_ptr<Source>> sources;
    CounterShape shape;
    shape.energy = constant(100);
    sources.push_back(std::make_unique<FakeCounter>(clock, shape));
    return sources;
}

void check_same(const Figures& a, const Figures& b) {
    CHECK(a.end_ns - a.start_ns == b.end_ns - b.start_ns);
    CHECK((a.end_ns - b.end_ns) % kSecond == 0);
    CHECK(a.settled == b.settled);
    CHECK(a.lagged == b.lagged);
    CHECK(a.peak_w == b.peak_w);
    CHECK(a.suspended_s == b.suspended_s);
    REQUIRE(a.sensors.size() == b.sensors.size());
    for (std::size_t s = 0; s < a.sensors.size(); ++s) {
        const SensorFigures& x = a.sensors[s];
        const SensorFigures& y = b.sensors[s];
        CHECK(x.energy == y.energy);
        CHECK(x.timing == y.timing);
        CHECK(x.quantisation == y.quantisation);
        CHECK(x.low == y.low);
        CHECK(x.high == y.high);
        CHECK(x.gap_s == y.gap_s);
        CHECK(x.resets == y.resets);
        CHECK(x.ambiguous == y.ambiguous);
    }
}

/// Windows that overlap, nest, lap and are traced, over counters that wrap, fail and are set back.
std::vector<Figures> eventful_run(World& world, std::uint64_t seed) {
    CounterShape wrapping;
    wrapping.energy = square(40, 160, 0.037);
    wrapping.modulus = 1U << 22;
    wrapping.start = (1U << 22) - 1000;
    wrapping.seed = seed;
    CounterShape slow;
    slow.energy = llm_like();
    slow.period_ns = 20 * kMillisecond;
    slow.hint_ns = 20 * kMillisecond;
    FakeCounter& first = world.add(wrapping);
    FakeCounter& second = world.add(slow, "gpu0");
    world.build();
    std::vector<std::int64_t> borders;
    for (std::int64_t i = 0; i < 40; ++i) {
        borders.push_back(world.clock.now_ns() + i * 97 * kMillisecond);
    }
    world.meter->schedule(borders);

    std::vector<Figures> all;
    const std::uint64_t outer = world.begin();
    const std::uint64_t traced = world.meter->begin_traced(10 * kMillisecond);
    for (std::uint64_t i = 0; i < 60; ++i) {
        const auto length =
            static_cast<std::int64_t>(static_cast<double>(40 * kMillisecond) * hash01(i, seed));
        const std::uint64_t token = world.begin();
        first.status = i % 13 == 7 ? Status::retry : i % 31 == 17 ? Status::lost : Status::ok;
        second.frozen = i % 17 == 11;
        second.frozen_raw = second.value(world.clock.now_ns());
        second.offset += i == 40 ? 1'000'000'000 : 0;
        world.run_for(length);
        if (i == 25) {
            world.clock.suspend(5 * kSecond);
        }
        const Handle part = world.meter->lap(token);
        world.woken();
        world.run_for(length / 3);
        const Handle end = world.end(token);
        first.status = Status::ok;
        all.push_back(world.settle(part));
        all.push_back(world.settle(end));
        world.run_for(i % 10 == 0 ? 300 * kMillisecond : 0);
    }
    all.push_back(world.settle(world.end(outer)));
    all.push_back(world.settle(world.end(traced)));
    return all;
}

}  // namespace

TEST_CASE("a recorded run measured again has the very same figures") {
    for (const PaceMode mode : {PaceMode::events, PaceMode::fixed}) {
        for (std::uint64_t seed = 1; seed <= 5; ++seed) {
            const TempTree tree;
            const std::string path = tree.root() + "/run.rec";
            std::vector<Figures> measured;
            {
                World world(mode);
                world.record = path;
                measured = eventful_run(world, seed);
                CHECK(world.meter->journal_problem().empty());
            }
            CHECK(measured.back().border_ns.size() > 10);
            const std::vector<Figures> again = rerun(read_recording(path));
            REQUIRE(again.size() == measured.size());
            for (std::size_t i = 0; i < again.size(); ++i) {
                check_same(measured[i], again[i]);
            }
        }
    }
}

TEST_CASE("windows that nobody measured then can be measured now") {
    const TempTree tree;
    World world;
    world.record = tree.root() + "/run.rec";
    CounterShape shape;
    shape.energy = constant(100);
    world.add(shape);
    world.build();
    const std::uint64_t token = world.begin();
    world.run_for(kSecond);
    const Figures whole = world.settle(world.end(token));
    world.meter.reset();

    const Recording recording = read_recording(tree.root() + "/run.rec");
    const Figures same = rerun(recording).at(0);
    const std::int64_t start = same.start_ns + 100 * kMillisecond;
    const std::int64_t middle = (start + same.end_ns) / 2;
    const std::vector<Figures> parts =
        rerun(recording, {{middle, same.end_ns}, {start, middle}, {start, same.end_ns}});
    REQUIRE(parts.size() == 3);
    CHECK(parts[0].start_ns == middle);
    CHECK(parts[1].end_ns == middle);
    CHECK(parts[0].sensors[0].energy + parts[1].sensors[0].energy ==
          doctest::Approx(parts[2].sensors[0].energy).epsilon(1e-12));
    CHECK(parts[2].sensors[0].energy ==
          doctest::Approx(whole.sensors[0].energy - 10).epsilon(1e-3));
    CHECK_THROWS_AS((void)rerun(recording, {{middle, middle}}), std::invalid_argument);
    CHECK_THROWS_AS((void)rerun(recording, {{0, middle}}), std::invalid_argument);
    CHECK_THROWS_AS((void)rerun(recording, {{middle, INT64_MAX}}), std::invalid_argument);
}

TEST_CASE("a recorder keeps every entry, for its owner alone") {
    const TempTree tree;
    const std::string path = tree.root() + "/run.rec";
    ManualClock clock;
    constexpr int kEntries = 20000;
    {
        Recorder recorder(path, {{"by", "a test\nof two lines"}}, one_counter(clock));
        recorder.resume();
        for (int i = 0; i < kEntries; ++i) {
            Entry entry;
            entry.t_ns = 5 * kSecond + i * kMicrosecond;
            entry.until_ns = entry.t_ns + 7;
            entry.raw = i % 2 == 0 ? UINT64_MAX - static_cast<std::uint64_t>(i) : 3;
            recorder.note(entry);
        }
        CHECK(recorder.problem().empty());
    }
    struct stat status{};
    REQUIRE(::stat(path.c_str(), &status) == 0);
    CHECK((status.st_mode & 0777) == 0600);
    const Recording recording = read_recording(path);
    CHECK(recording.fact("by") == "a test of two lines");
    CHECK(recording.dropped == 0);
    REQUIRE(recording.entries.size() == kEntries);
    for (int i = 0; i < kEntries; ++i) {
        const Entry& entry = recording.entries[static_cast<std::size_t>(i)];
        REQUIRE(entry.t_ns == 2 * kSecond + i * kMicrosecond);
        REQUIRE(entry.until_ns == entry.t_ns + 7);
        REQUIRE(entry.raw == (i % 2 == 0 ? UINT64_MAX - static_cast<std::uint64_t>(i) : 3));
    }
    CHECK_THROWS_WITH_AS(Recorder(path, {}, one_counter(clock)),
                         doctest::Contains("such a file already"), std::invalid_argument);
}

TEST_CASE("a full buffer drops and says how much, and what follows is right") {
    const TempTree tree;
    const std::string path = tree.root() + "/run.rec";
    ManualClock clock;
    {
        // No thread writes: nothing leaves the buffer before the end.
        Recorder recorder(path, {}, one_counter(clock));
        Entry entry;
        for (int i = 0; i < 300'000; ++i) {
            entry.t_ns = 5 * kSecond + i * kMillisecond;
            entry.until_ns = entry.t_ns + 1'000;
            entry.raw += 1'000'000'000'000;
            recorder.note(entry);
        }
        CHECK(recorder.problem().find("entries: the disk was too slow") != std::string::npos);
        recorder.pause();
        recorder.note(entry);
        recorder.pause();
        entry.t_ns += 5;
        recorder.note(entry);
    }
    const Recording recording = read_recording(path);
    CHECK(recording.dropped > 0);
    CHECK(recording.entries.size() + recording.dropped == 300'002);
    CHECK(recording.entries.back().t_ns == 2 * kSecond + 299'999'000'005);
    CHECK(recording.entries.back().raw == 300'000'000'000'000'000);
}

TEST_CASE("a disk that is full ends the recording and nothing else") {
    const TempTree tree;
    ManualClock clock;
    CHECK_THROWS_WITH_AS(Recorder("/no/such/folder/run.rec", {}, one_counter(clock)),
                         doctest::Contains("cannot be made"), std::invalid_argument);
    const pid_t child = ::fork();
    if (child == 0) {
        ::signal(SIGXFSZ, SIG_IGN);
        const rlimit small{8192, 8192};
        ::setrlimit(RLIMIT_FSIZE, &small);
        Recorder recorder(tree.root() + "/run.rec", {}, one_counter(clock));
        for (int i = 0; i < 2000; ++i) {
            recorder.note(Entry{});
        }
        recorder.pause();
        const bool said =
            recorder.problem().find("ends early: File too large") != std::string::npos;
        ::_exit(said ? 0 : 1);
    }
    int status = -1;
    REQUIRE(::waitpid(child, &status, 0) == child);
    CHECK(status == 0);
    CHECK(read_recording(tree.root() + "/run.rec").entries.size() > 100);
}

TEST_CASE("a forked child writes nothing into its parent's recording") {
    const TempTree tree;
    const std::string path = tree.root() + "/run.rec";
    ManualClock clock;
    auto recorder = std::make_unique<Recorder>(
        path, std::vector<std::pair<std::string, std::string>>{}, one_counter(clock));
    recorder->resume();
    Entry entry;
    entry.t_ns = entry.until_ns = 3 * kSecond;
    recorder->note(entry);
    recorder->before_fork();
    const pid_t child = ::fork();
    if (child == 0) {
        recorder->after_fork_in_child();
        recorder->note(entry);
        recorder->pause();
        recorder->resume();
        recorder.reset();
        ::_exit(0);
    }
    recorder->after_fork_in_parent();
    int status = -1;
    REQUIRE(::waitpid(child, &status, 0) == child);
    CHECK(status == 0);
    recorder.reset();
    CHECK(read_recording(path).entries.size() == 1);
}

TEST_CASE("numbers that name one device in the world are left out") {
    class Gpu final : public Source {
    public:
        Gpu() {
            SensorInfo info;
            info.id = "gpu0";
            info.method = "energy of H100, GPU-0123abcd-1234-abcd-9876-0123456789ab, by NVML";
            info.reason = "card 0x74a1, 1eff74a1-0000-1000-8041-5e2d2e6d05c1";
            sensors_.push_back(info);
        }
        const std::vector<SensorInfo>& sensors() const noexcept override { return sensors_; }
        void read(Reading*) noexcept override {}

    private:
        std::vector<SensorInfo> sensors_;
    };
    const TempTree tree;
    std::vector<std::unique_ptr<Source>> sources;
    sources.push_back(std::make_unique<Gpu>());
    {
        const Recorder recorder(tree.root() + "/run.rec", {}, sources);
    }
    const SensorInfo info = read_recording(tree.root() + "/run.rec").sensors.at(0).info;
    CHECK(info.method == "energy of H100, GPU, by NVML");
    CHECK(info.reason == "card 0x74a1, ");
}

TEST_CASE("a line that was cut off is left out") {
    CHECK(parse_recording(kHead + "0 2000000000 5 7\n0 10 5 7").entries.size() == 1);
    CHECK(parse_recording(kHead).entries.empty());
}

TEST_CASE("every kind of line is read") {
    const Recording recording = parse_recording(
        kHead +
        "0 2000000000 5 -1\n0 10 5 retry 5\n0 10 5 lost 19\nbegin 3 7\nbegin -1 8 1000000\n"
        "lap 5 7 9\nend 5 7\nnow 100\nborder 0\nsettle 0 2 3\nflat 0\nlost 0\ninterrupted\nlagged\n"
        "suspended 77\ndropped 12\n");
    REQUIRE(recording.entries.size() == 15);
    CHECK(recording.dropped == 12);
    CHECK(recording.entries[0].raw == UINT64_MAX);
    CHECK(recording.entries[1].error == 5);
    CHECK(recording.entries[2].status == Status::lost);
    CHECK(recording.entries[4].step_ns == 1'000'000);
    CHECK(recording.entries[4].t_ns == 2'000'000'022);
    CHECK(recording.entries[9].count == 3);
}

TEST_CASE("what is no recording is refused by line") {
    const auto refused = [](const std::string& text, const char* line, const char* what) {
        const std::string error = error_of(text);
        CHECK_MESSAGE(error.find(line) == 0, error);
        CHECK_MESSAGE(error.find(what) != std::string::npos, error);
        CHECK(error.find('\n') == std::string::npos);
    };
    refused("", "line 1: ", "no recording");
    refused("hello\n", "line 1: ", "no recording");
    refused("microjoule recording 2\n", "line 1: ", "another version");
    refused("microjoule recording 1\nreadings\n", "line 2: ", "no sensors");
    refused("microjoule recording 1\nsensor a\n", "line 3: ", "ends before its first reading");
    refused("microjoule recording 1\nsensor \n", "line 2: ", "needs a name");
    refused("microjoule recording 1\nsensor a\ncolour red\n", "line 3: ", "no 'colour'");
    refused("microjoule recording 1\nsensor a\nshape round\n", "line 3: ", "counter, a gauge");
    refused("microjoule recording 1\nsensor a\nunit -1\n", "line 3: ", "from 0");
    refused("microjoule recording 1\nsensor a\nunit nan\n", "line 3: ", "from 0");
    refused("microjoule recording 1\nsensor a\ncounted maybe\n", "line 3: ", "yes or no");
    refused("microjoule recording 1\nsensor a\nunit 0\nreadings\n", "line 4: ", "no sensor has");
    refused(kHead + "1 0 0 0\n", "line 9: ", "no sensor '1'");
    refused(kHead + "0 -1 0 0\n", "line 9: ", "before the recording");
    refused(kHead + "0 0 -1 0\n", "line 9: ", "whole number");
    refused(kHead + "0 0 0 99999999999999999999\n", "line 9: ", "whole number");
    refused(kHead + "0 999999999999999999 0 0\n", "line 9: ", "whole number");
    refused(kHead + "0 0 0 0 0\n", "line 9: ", "more on the line");
    refused(kHead + "0 0 0\n", "line 9: ", "whole number");
    refused(kHead + "now 1\nwhat 1\n", "line 10: ", "'what'");
    refused(kHead + std::string(5000, '1') + "\n", "line 9: ", "longer");
    CHECK_THROWS_WITH_AS((void)rerun(parse_recording(kHead + "end 1 3\n")),
                         doctest::Contains("has not begun"), std::invalid_argument);
    CHECK_THROWS_WITH_AS((void)rerun(parse_recording(kHead + "begin 1 3\nbegin 1 3\n")),
                         doctest::Contains("begins twice"), std::invalid_argument);
    std::string windows;
    for (int i = 0; i < 1'100'000; ++i) {
        windows += "lap 1 3 4\n";
    }
    CHECK_THROWS_WITH_AS((void)rerun(parse_recording(kHead + "begin 1 3\n" + windows)),
                         doctest::Contains("more windows than"), std::invalid_argument);
}
