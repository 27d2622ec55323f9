// The first line of /proc/stat, and the power that two of them make.

#include "fuzz.h"
#include "microjoule/model.h"
#include "parse.h"

using namespace microjoule;

int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    const std::string_view text = fuzz::text(data, size);
    const auto times = parse::cpu_times(text);
    if (!times) {
        return 0;
    }
    MUST(times->busy <= times->total);
    const std::string idle = std::to_string(times->total - times->busy);
    const std::string printed = "cpu  " + std::to_string(times->busy) + " 0 0 " + idle + " 0 0 0 0";
    const auto again = parse::cpu_times(printed);
    // Eight columns may add up to what no single one may hold.
    if (times->busy >> 60 == 0 && (times->total - times->busy) >> 60 == 0) {
        MUST(again && again->busy == times->busy && again->total == times->total);
    }
    // What stands on the lines below is no part of it.
    if (text.find('\n') == std::string_view::npos) {
        const auto more = parse::cpu_times(std::string(text) + "\ncpu0 9 9 9 9\n");
        MUST(more && more->busy == times->busy && more->total == times->total);
    }
    if (times->total > 0) {
        const double watts = modelled_cpu_power_w(
            100, static_cast<double>(times->busy) / static_cast<double>(times->total));
        MUST(watts >= 5 && watts <= 75.0001);
    }
    return 0;
}
