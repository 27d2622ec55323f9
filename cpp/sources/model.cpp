#include "microjoule/model.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>
#include <cstring>
#include <optional>
#include <string_view>

#include "microjoule/clock.h"
#include "microjoule/files.h"
#include "parse.h"

namespace microjoule {
namespace {

constexpr double kNanojoule = 1e-9;
constexpr double kIdleShare = 0.05;
constexpr double kFullShare = 0.75;

class Model final : public Source {
public:
    explicit Model(const ModelSetup& setup) : setup_(setup), stat_(setup.procfs + "/stat") {
        if (setup.tdp_w > 0 && stat_.open() == 0) {
            SensorInfo info = common("model.cpu", "cpu", setup.tdp_method, setup.tdp_rel);
            info.power_span_w = (kFullShare - kIdleShare) * setup.tdp_w;
            sensors_.push_back(std::move(info));
            has_cpu_ = true;
        }
        if (setup.dram_w > 0) {
            sensors_.push_back(common("model.dram", "dram", setup.dram_method, setup.dram_rel));
        }
    }

    const std::vector<SensorInfo>& sensors() const noexcept override { return sensors_; }

    void read(Reading* readings) noexcept override {
        const std::int64_t now = monotonic_clock().now_ns();
        const double elapsed = last_ns_ == 0 ? 0 : static_cast<double>(now - last_ns_);
        last_ns_ = now;
        std::size_t next = 0;
        if (has_cpu_) {
            readings[next++] = read_cpu(elapsed);
        }
        if (next < sensors_.size()) {
            dram_nj_ += setup_.dram_w * elapsed;
            readings[next].status = Status::ok;
            readings[next].raw = static_cast<std::uint64_t>(dram_nj_);
        }
    }

    bool reopen() noexcept override { return stat_.open() == 0; }

private:
    static SensorInfo common(const char* id, const char* kind, const std::string& method,
                             double rel) {
        SensorInfo info;
        info.id = id;
        info.kind = kind;
        info.source = "model";
        info.method = method;
        info.shape = Shape::stepped;
        info.unit = info.quantum = kNanojoule;
        info.open_interval_ns = 100 * kMillisecond;
        info.event_interval_ns = 50 * kMillisecond;
        info.model_rel = rel;
        info.counted = true;
        info.estimated = true;
        return info;
    }

    Reading read_cpu(double elapsed_ns) noexcept {
        Reading reading;
        char buffer[256];
        const long got = stat_.read(buffer, sizeof buffer);
        if (got < 0) {
            reading.status = Status::lost;
            reading.error = static_cast<int>(-got);
            return reading;
        }
        const auto times = parse::cpu_times({buffer, static_cast<std::size_t>(got)});
        if (!times) {
            reading.status = Status::retry;
            return reading;
        }
        if (times->total > last_.total && times->busy >= last_.busy && last_.total > 0) {
            utilisation_ = static_cast<double>(times->busy - last_.busy) /
                           static_cast<double>(times->total - last_.total);
        }
        last_ = *times;
        cpu_nj_ += modelled_cpu_power_w(setup_.tdp_w, utilisation_) * elapsed_ns;
        reading.status = Status::ok;
        reading.raw = static_cast<std::uint64_t>(cpu_nj_);
        return reading;
    }

    ModelSetup setup_;
    PreadFile stat_;
    std::vector<SensorInfo> sensors_;
    bool has_cpu_ = false;
    parse::CpuTimes last_;
    double utilisation_ = 0;
    std::int64_t last_ns_ = 0;
    double cpu_nj_ = 0;
    double dram_nj_ = 0;
};

}  // namespace

namespace parse {

// "cpu  user nice system idle iowait irq softirq steal guest guest_nice": guest is part of user,
// and stolen time was spent by somebody else (proc(5)).
std::optional<CpuTimes> cpu_times(std::string_view text) noexcept {
    if (text.substr(0, 4) != "cpu ") {
        return std::nullopt;
    }
    std::array<std::uint64_t, 8> field{};
    const char* at = text.data() + 4;
    const char* const end = text.data() + text.size();
    for (std::size_t i = 0; i < field.size(); ++i) {
        while (at != end && *at == ' ') {
            ++at;
        }
        if (i >= 4 && (at == end || *at == '\n')) {
            break;  // an old kernel with fewer columns
        }
        const auto [next, error] = std::from_chars(at, end, field[i]);
        // Ticks of a hundredth of a second: no machine has run long enough for 2^60 of them, and
        // eight of less than that add up without a wrap.
        if (error != std::errc() || field[i] >> 60 != 0) {
            return std::nullopt;
        }
        at = next;
    }
    CpuTimes times;
    const std::uint64_t idle = field[3] + field[4];
    times.busy = field[0] + field[1] + field[2] + field[5] + field[6];
    times.total = times.busy + idle + field[7];
    return times;
}

}  // namespace parse

double modelled_cpu_power_w(double tdp_w, double utilisation) noexcept {
    const double u = std::clamp(utilisation, 0.0, 1.0);
    return tdp_w * std::max(kIdleShare, kFullShare * std::pow(u, 0.7));
}

std::unique_ptr<Source> make_model(const ModelSetup& setup) {
    auto model = std::make_unique<Model>(setup);
    if (model->sensors().empty()) {
        return nullptr;
    }
    return model;
}

}  // namespace microjoule
