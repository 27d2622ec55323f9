#include "microjoule/process.h"

#include <ctime>

#include "microjoule/clock.h"

namespace microjoule {
namespace {

class ProcessCpu final : public Source {
public:
    ProcessCpu() {
        SensorInfo info;
        info.id = "process.cpu";
        info.kind = "process";
        info.source = "process";
        info.method = "CLOCK_PROCESS_CPUTIME_ID";
        info.shape = Shape::stepped;
        info.unit = info.quantum = 1e-9;
        info.event_interval_ns = 100 * kMicrosecond;
        info.energy = false;
        sensors_.push_back(std::move(info));
    }

    const std::vector<SensorInfo>& sensors() const noexcept override { return sensors_; }

    void read(Reading* readings) noexcept override {
        timespec used{};
        clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &used);
        readings[0].status = Status::ok;
        readings[0].raw = static_cast<std::uint64_t>(used.tv_sec * kSecond + used.tv_nsec);
    }

private:
    std::vector<SensorInfo> sensors_;
};

}  // namespace

std::unique_ptr<Source> make_process_cpu() {
    return std::make_unique<ProcessCpu>();
}

}  // namespace microjoule
