#include "microjoule/recording.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <charconv>
#include <cmath>
#include <cstring>
#include <iterator>
#include <optional>
#include <stdexcept>

namespace microjoule {
namespace {

using Kind = Entry::Kind;

// Bounds of what a recording can say: three years, and more sensors than a machine has.
constexpr std::int64_t kLatest = 100'000'000'000'000'000;
constexpr std::size_t kMostSensors = 1024;
constexpr std::size_t kMostFacts = 64;
constexpr std::size_t kLongestLine = 4096;
constexpr std::uint32_t kMostRecords = 1U << 22;
constexpr std::int64_t kShortestStep = 100'000;

template <class Number>
std::optional<Number> number(std::string_view text) noexcept {
    Number value{};
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
    if (error != std::errc() || end != text.data() + text.size()) {
        return std::nullopt;
    }
    return value;
}

std::string_view take_word(std::string_view& rest) noexcept {
    const std::size_t end = std::min(rest.find(' '), rest.size());
    const std::string_view word = rest.substr(0, end);
    rest.remove_prefix(std::min(end + 1, rest.size()));
    return word;
}

template <std::size_t N>
std::optional<std::size_t> place(const std::string_view (&words)[N], std::string_view word) {
    const auto* const found = std::find(std::begin(words), std::end(words), word);
    return found == std::end(words) ? std::nullopt : std::optional<std::size_t>(found - words);
}

class Reader {
public:
    explicit Reader(std::string_view text) : text_(text) {}

    Recording read() {
        if (!next_line() || line_ != recording::kFirstLine) {
            constexpr std::string_view kAny = "microjoule recording ";
            refuse(line_.substr(0, kAny.size()) == kAny
                       ? "this is a recording of another version: this microjoule reads version 1"
                       : "this is no recording of microjoule");
        }
        while (true) {
            if (!next_line()) {
                refuse("the recording ends before its first reading");
            }
            if (line_ == recording::kLastOfHeader) {
                break;
            }
            header_line();
        }
        check_sensors();
        raw_.assign(out_.sensors.size(), 0);
        while (next_line()) {
            entry_line();
        }
        return std::move(out_);
    }

private:
    [[noreturn]] void refuse(const std::string& why) const {
        throw std::invalid_argument("line " + std::to_string(number_) + ": " + why);
    }

    /// False at the end: what has no line end was being written when the process died.
    bool next_line() {
        ++number_;
        const std::size_t end = text_.find('\n');
        if (end == std::string_view::npos) {
            line_ = {};
            return false;
        }
        line_ = text_.substr(0, end);
        text_.remove_prefix(end + 1);
        if (line_.size() > kLongestLine) {
            refuse("the line is longer than any line of a recording");
        }
        return true;
    }

    void header_line() {
        std::string_view value = line_;
        const std::string_view key = take_word(value);
        if (key == "sensor") {
            if (value.empty() || out_.sensors.size() >= kMostSensors) {
                refuse("a sensor needs a name, and there are at most 1024");
            }
            out_.sensors.emplace_back().info.id = value;
        } else if (out_.sensors.empty()) {
            if (out_.facts.size() >= kMostFacts) {
                refuse("there are more than 64 facts before the first sensor");
            }
            out_.facts.emplace_back(key, value);
        } else {
            bool known = false;
            recording::each_field(out_.sensors.back(), [&](std::string_view name, auto& field) {
                if (name == key) {
                    known = true;
                    set(field, value);
                }
            });
            if (!known) {
                refuse("a sensor has no '" + std::string(key) + "'");
            }
        }
    }

    static void set(std::string& field, std::string_view value) { field = value; }

    void set(bool& field, std::string_view value) const {
        field = value == "yes";
        if (!field && value != "no") {
            refuse("yes or no is expected");
        }
    }

    void set(Shape& field, std::string_view value) const {
        const auto found = place(recording::kShapes, value);
        if (!found) {
            refuse("a sensor is a counter, a gauge or stepped");
        }
        field = static_cast<Shape>(*found);
    }

    void set(double& field, std::string_view value) const {
        const auto found = number<double>(value);
        if (!found || !(*found >= 0 && *found <= 1e12)) {
            refuse("a number from 0 to 1e12 is expected");
        }
        field = *found;
    }

    void set(std::int64_t& field, std::string_view value) const {
        field = whole<std::int64_t>(value, 0, kLatest);
    }

    void set(std::uint64_t& field, std::string_view value) const {
        field = whole<std::uint64_t>(value, 0, UINT64_MAX);
    }

    void set(std::uint32_t& field, std::string_view value) const {
        field = whole<std::uint32_t>(value, 0, kMostSensors);
    }

    template <class Number>
    Number whole(std::string_view word, Number least, Number most) const {
        const auto found = number<Number>(word);
        if (!found || *found < least || *found > most) {
            refuse("a whole number from " + std::to_string(least) + " to " + std::to_string(most) +
                   " is expected, not '" + std::string(word.substr(0, 32)) + "'");
        }
        return *found;
    }

    void check_sensors() const {
        if (out_.sensors.empty()) {
            refuse("the recording has no sensors");
        }
        for (const RecordedSensor& sensor : out_.sensors) {
            const SensorInfo& info = sensor.info;
            if (info.unit < 1e-15 || info.quantum < info.unit || info.max_power_w > 1e9 ||
                info.power_span_w > 1e9 || info.period_hint_ns < 1) {
                refuse(info.id + " has a unit, a power or an update period that no sensor has");
            }
        }
    }

    std::int64_t time(std::string_view word) {
        last_ns_ += whole<std::int64_t>(word, -kLatest, kLatest);
        if (last_ns_ < 0 || last_ns_ > kLatest) {
            refuse("that is a time before the recording began, or years after it");
        }
        return last_ns_;
    }

    std::uint32_t sensor(std::string_view word) const {
        const auto found = number<std::uint32_t>(word);
        if (!found || *found >= out_.sensors.size()) {
            refuse("there is no sensor '" + std::string(word.substr(0, 32)) + "'");
        }
        return *found;
    }

    void reading(std::string_view word, std::string_view rest) {
        Entry entry;
        entry.index = sensor(word);
        entry.t_ns = time(take_word(rest));
        entry.until_ns = entry.t_ns + whole<std::int64_t>(take_word(rest), 0, kLatest);
        const std::string_view value = take_word(rest);
        if (const auto failed = place(recording::kStatuses, value); failed && *failed > 0) {
            entry.status = static_cast<Status>(*failed);
            entry.error = whole<int>(take_word(rest), 0, 4096);
        } else {
            raw_[entry.index] +=
                static_cast<std::uint64_t>(whole<std::int64_t>(value, INT64_MIN, INT64_MAX));
            entry.raw = raw_[entry.index];
        }
        add(entry, rest);
    }

    void entry_line() {
        std::string_view rest = line_;
        const std::string_view word = take_word(rest);
        if (!word.empty() && word.front() >= '0' && word.front() <= '9') {
            reading(word, rest);
            return;
        }
        Entry entry;
        const auto record = [&] {
            return whole<std::uint32_t>(take_word(rest), 0, kMostRecords - 1);
        };
        if (word == "now" || word == "border") {
            entry.kind = word == "now" ? Kind::now : Kind::border;
            entry.t_ns = time(take_word(rest));
        } else if (word == "settle") {
            entry.kind = Kind::settle;
            entry.index = sensor(take_word(rest));
            entry.changes = whole<int>(take_word(rest), 1, 64);
            entry.count = whole<std::uint64_t>(take_word(rest), 1, 1U << 20);
        } else if (word == "begin") {
            entry.kind = Kind::begin;
            entry.t_ns = time(take_word(rest));
            entry.index = record();
            entry.step_ns =
                rest.empty() ? 0 : whole<std::int64_t>(take_word(rest), kShortestStep, kLatest);
        } else if (word == "end") {
            entry.kind = Kind::end;
            entry.t_ns = time(take_word(rest));
            entry.index = record();
        } else if (word == "lap") {
            entry.kind = Kind::lap;
            entry.t_ns = time(take_word(rest));
            entry.index = record();
            entry.other = record();
        } else if (const auto what = place(recording::kOfRequests, word); what) {
            entry.kind = Kind::request;
            entry.what = static_cast<Event::Kind>(recording::kFirstOfRequests + *what);
            entry.t_ns = time(take_word(rest));
            entry.index = record();
            entry.generation = whole<std::uint32_t>(take_word(rest), 0, UINT32_MAX);
            entry.other = whole<std::uint32_t>(take_word(rest), 0, UINT32_MAX);
        } else if (word == "flat" || word == "lost") {
            entry.kind = word == "flat" ? Kind::flat : Kind::lost;
            entry.index = sensor(take_word(rest));
        } else if (word == "suspended") {
            entry.kind = Kind::suspended;
            entry.t_ns = whole<std::int64_t>(take_word(rest), 0, kLatest);
        } else if (word == "interrupted" || word == "lagged") {
            entry.kind = word == "lagged" ? Kind::lagged : Kind::interrupted;
        } else if (word == "dropped") {
            out_.dropped += whole<std::uint64_t>(take_word(rest), 1, 1ULL << 40);
            return;
        } else {
            refuse("'" + std::string(word.substr(0, 32)) + "' is nothing that a recording says");
        }
        add(entry, rest);
    }

    void add(const Entry& entry, std::string_view rest) {
        if (!rest.empty()) {
            refuse("there is more on the line than belongs there");
        }
        out_.entries.push_back(entry);
    }

    std::string_view text_;
    std::string_view line_;
    std::size_t number_ = 0;
    Recording out_;
    std::vector<std::uint64_t> raw_;
    std::int64_t last_ns_ = 0;
};

}  // namespace

std::string_view Recording::fact(std::string_view name) const noexcept {
    for (const auto& [key, value] : facts) {
        if (key == name) {
            return value;
        }
    }
    return {};
}

std::vector<SensorInfo> Recording::infos() const {
    std::vector<SensorInfo> all;
    for (const RecordedSensor& sensor : sensors) {
        all.push_back(sensor.info);
    }
    return all;
}

Recording parse_recording(std::string_view text) {
    return Reader(text).read();
}

Recording read_recording(const std::string& path) {
    const auto refuse = [&](const std::string& why) {
        throw std::invalid_argument(path + ": " + why);
    };
    // O_NONBLOCK: a FIFO of this name would be waited for.
    const int fd = ::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    if (fd < 0) {
        refuse(std::strerror(errno));
    }
    std::string text;
    struct stat status{};
    const bool regular = ::fstat(fd, &status) == 0 && S_ISREG(status.st_mode);
    std::array<char, 65536> chunk;
    ssize_t got = regular ? 1 : 0;
    while (got > 0 && text.size() <= kLargestRecording) {
        got = ::read(fd, chunk.data(), chunk.size());
        text.append(chunk.data(), static_cast<std::size_t>(std::max<ssize_t>(got, 0)));
    }
    ::close(fd);
    if (!regular || got < 0) {
        refuse("that is no file that can be read: pass what was recorded with record=");
    }
    if (text.size() > kLargestRecording) {
        refuse("the file is larger than 64 MiB, which no recording is");
    }
    try {
        return parse_recording(text);
    } catch (const std::invalid_argument& error) {
        refuse(error.what());
    }
    return {};
}

}  // namespace microjoule
