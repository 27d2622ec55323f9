#include "microjoule/recorder.h"

#include <fcntl.h>
#include <pthread.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <charconv>
#include <chrono>
#include <csignal>
#include <cstring>
#include <new>
#include <stdexcept>

#include "microjoule/clock.h"

namespace microjoule {
namespace {

constexpr std::size_t kMostBuffered = std::size_t{4} << 20;
constexpr auto kBetweenWrites = std::chrono::milliseconds(100);

/// One line of a recording, without allocating.
class Line {
public:
    Line& word(std::string_view text) noexcept {
        if (size_ > 0) {
            text_[size_++] = ' ';
        }
        size_ += text.copy(text_.data() + size_, text_.size() - size_ - 32);
        return *this;
    }
    template <class Number>
    Line& number(Number value) noexcept {
        std::array<char, 24> digits;
        const char* const end = std::to_chars(digits.data(), digits.data() + 24, value).ptr;
        return word({digits.data(), static_cast<std::size_t>(end - digits.data())});
    }
    [[nodiscard]] std::string_view end() noexcept {
        text_[size_++] = '\n';
        return {text_.data(), size_};
    }

private:
    std::array<char, 192> text_;
    std::size_t size_ = 0;
};

std::string text_of(const std::string& value) {
    return value;
}
std::string text_of(bool value) {
    return value ? "yes" : "no";
}
std::string text_of(Shape value) {
    return std::string(recording::kShapes[static_cast<std::size_t>(value)]);
}
template <class Number>
std::string text_of(Number value) {
    std::array<char, 40> digits;
    return {digits.data(), std::to_chars(digits.data(), digits.data() + 40, value).ptr};
}

/// A number that belongs to one device in the world and to nobody else is not written down.
std::string without_serials(std::string text) {
    constexpr std::string_view kOfSerials = "0123456789abcdefABCDEF-";
    constexpr std::size_t kShortest = 20;
    std::size_t from = 0;
    while ((from = text.find_first_of(kOfSerials, from)) != std::string::npos) {
        const std::size_t end = std::min(text.find_first_not_of(kOfSerials, from), text.size());
        if (end - from >= kShortest) {
            text.erase(from, end - from);
        } else {
            from = end;
        }
    }
    return text;
}

void add_line(std::string& out, std::string_view key, std::string value) {
    value = without_serials(std::move(value));
    if (value.empty()) {
        return;
    }
    std::replace_if(value.begin(), value.end(), [](char c) { return c == '\n' || c == '\r'; }, ' ');
    out.append(key).append(" ").append(value).append("\n");
}

std::string header(const std::vector<std::pair<std::string, std::string>>& facts,
                   const std::vector<std::unique_ptr<Source>>& sources) {
    std::string out = std::string(recording::kFirstLine) + "\n";
    for (const auto& [key, value] : facts) {
        add_line(out, key, value);
    }
    std::uint32_t group = 0;
    for (const auto& source : sources) {
        for (const SensorInfo& info : source->sensors()) {
            RecordedSensor sensor{info, group};
            add_line(out, "sensor", info.id);
            recording::each_field(sensor, [&](std::string_view name, const auto& field) {
                add_line(out, name, text_of(field));
            });
        }
        ++group;
    }
    return out.append(recording::kLastOfHeader).append("\n");
}

}  // namespace

Recorder::Recorder(const std::string& path,
                   const std::vector<std::pair<std::string, std::string>>& facts,
                   const std::vector<std::unique_ptr<Source>>& sources)
    : path_(path), writing_(header(facts, sources)) {
    std::size_t sensors = 0;
    for (const auto& source : sources) {
        sensors += source->sensors().size();
    }
    last_raw_.resize(sensors);
    buffer_.reserve(std::size_t{64} << 10);
    fd_ = ::open(path.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_APPEND | O_CLOEXEC, 0600);
    if (fd_ < 0) {
        throw std::invalid_argument("the recording " + path + " cannot be made: " +
                                    (errno == EEXIST
                                         ? "there is such a file already; name a new one"
                                         : std::strerror(errno)));
    }
    size_ = writing_.size();
    write_out();
    if (failed_ != 0) {
        ::close(fd_);
        throw std::invalid_argument("the recording " + path +
                                    " cannot be written: " + std::strerror(failed_));
    }
}

Recorder::~Recorder() {
    pause();
    if (fd_ >= 0) {
        ::close(fd_);
    }
}

void Recorder::resume() {
    const std::lock_guard<std::mutex> lock(mutex_);
    if (!thread_.joinable() && !forked_) {
        stopping_ = false;
        thread_ = std::thread([this] { run(); });
    }
}

void Recorder::pause() noexcept {
    {
        const std::lock_guard<std::mutex> lock(mutex_);
        stopping_ = true;
    }
    wake_.notify_all();
    if (thread_.joinable()) {
        thread_.join();
    }
    const std::lock_guard<std::mutex> lock(mutex_);
    if (!forked_) {
        writing_.swap(buffer_);
        write_out();
    }
}

void Recorder::after_fork_in_child() noexcept {
    // The file is the parent's, and so is the thread, whose handle must not be joined.
    new (&thread_) std::thread();
    new (&wake_) std::condition_variable();
    ::close(fd_);
    fd_ = -1;
    forked_ = true;
    mutex_.unlock();
}

void Recorder::run() noexcept {
    pthread_setname_np(pthread_self(), "microjoule-rec");
    std::unique_lock<std::mutex> lock(mutex_);
    while (!stopping_) {
        wake_.wait_for(lock, kBetweenWrites, [this] { return stopping_; });
        writing_.swap(buffer_);
        lock.unlock();
        write_out();
        lock.lock();
    }
}

/// Whole lines only. Of `this` it touches what notes do not.
void Recorder::write_out() noexcept {
    std::string_view rest = writing_;
    while (!rest.empty() && failed_ == 0) {
        const ssize_t done = ::write(fd_, rest.data(), rest.size());
        if (done >= 0) {
            rest.remove_prefix(static_cast<std::size_t>(done));
        } else if (errno != EINTR) {
            failed_ = errno;
        }
    }
    writing_.clear();
}

void Recorder::note(const Entry& entry) noexcept {
    const std::lock_guard<std::mutex> lock(mutex_);
    if (forked_ || full_) {
        return;
    }
    try {
        if (!append(entry)) {
            ++dropped_;
            ++dropped_unsaid_;
        }
    } catch (const std::bad_alloc&) {
        ++dropped_;
        ++dropped_unsaid_;
    }
}

/// False if there is no room. What is not written moves none of the values that steps start from.
bool Recorder::append(const Entry& entry) {
    if (buffer_.size() >= kMostBuffered) {
        return false;
    }
    using Kind = Entry::Kind;
    Line line;
    bool based = based_;
    std::int64_t base = base_ns_;
    std::int64_t last = last_ns_;
    const auto step = [&](std::int64_t t_ns) {
        if (!based) {
            // A driver may say that a value is a little older than the meter itself. Marks on the
            // grid of whole seconds stay where they are.
            base = (t_ns / kSecond - 2) * kSecond;
            based = true;
        }
        const std::int64_t by = t_ns - base - last;
        last += by;
        return by;
    };
    switch (entry.kind) {
        case Kind::reading:
            line.number(entry.index).number(step(entry.t_ns)).number(entry.until_ns - entry.t_ns);
            if (entry.status == Status::ok) {
                line.number(static_cast<std::int64_t>(entry.raw - last_raw_[entry.index]));
            } else {
                line.word(recording::kStatuses[static_cast<std::size_t>(entry.status)])
                    .number(entry.error);
            }
            break;
        case Kind::begin:
            line.word("begin").number(step(entry.t_ns)).number(entry.index);
            if (entry.step_ns > 0) {
                line.number(entry.step_ns);
            }
            break;
        case Kind::end:
            line.word("end").number(step(entry.t_ns)).number(entry.index);
            break;
        case Kind::lap:
            line.word("lap").number(step(entry.t_ns)).number(entry.index).number(entry.other);
            break;
        case Kind::request:
            line.word(recording::kOfRequests[static_cast<std::size_t>(entry.what) -
                                             recording::kFirstOfRequests])
                .number(step(entry.t_ns))
                .number(entry.index)
                .number(entry.generation)
                .number(entry.other);
            break;
        case Kind::border:
            line.word("border").number(step(entry.t_ns));
            break;
        case Kind::now:
            line.word("now").number(step(entry.t_ns));
            break;
        case Kind::settle:
            line.word("settle").number(entry.index).number(entry.changes).number(entry.count);
            break;
        case Kind::flat:
            line.word("flat").number(entry.index);
            break;
        case Kind::lost:
            line.word("lost").number(entry.index);
            break;
        case Kind::interrupted:
            line.word("interrupted");
            break;
        case Kind::lagged:
            line.word("lagged");
            break;
        case Kind::suspended:
            line.word("suspended").number(entry.t_ns);
            break;
    }
    if (last < 0) {
        return false;  // the format knows no time so long before the start
    }
    const std::string_view text = line.end();
    if (size_ + text.size() + 64 > kLargestRecording) {
        full_ = true;
        return true;
    }
    if (dropped_unsaid_ > 0) {
        Line gap;
        const std::string_view said = gap.word("dropped").number(dropped_unsaid_).end();
        buffer_.append(said);
        size_ += said.size();
        dropped_unsaid_ = 0;
    }
    buffer_.append(text);
    size_ += text.size();
    based_ = based;
    base_ns_ = base;
    last_ns_ = last;
    if (entry.kind == Kind::reading && entry.status == Status::ok) {
        last_raw_[entry.index] = entry.raw;
    }
    return true;
}

std::string Recorder::problem() {
    const std::lock_guard<std::mutex> lock(mutex_);
    if (failed_ != 0) {
        return "the recording " + path_ + " ends early: " + std::strerror(failed_);
    }
    if (full_) {
        return "the recording " + path_ + " ends early: it has reached 64 MiB";
    }
    if (dropped_ > 0) {
        return "the recording " + path_ + " lacks " + std::to_string(dropped_) +
               " entries: the disk was too slow for it";
    }
    return "";
}

}  // namespace microjoule
