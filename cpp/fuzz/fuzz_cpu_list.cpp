// Lists of CPUs: a PMU's cpumask, .../cpu/online.

#include "fuzz.h"
#include "microjoule/topology.h"

using namespace microjoule;

namespace {

std::string print(const CpuSet& cpus) {
    std::string text;
    for (std::size_t first = 0; first < kMaxCpus; ++first) {
        if (!cpus.test(first)) {
            continue;
        }
        std::size_t last = first;
        while (last + 1 < kMaxCpus && cpus.test(last + 1)) {
            ++last;
        }
        text += (text.empty() ? "" : ",") + std::to_string(first);
        text += last > first ? "-" + std::to_string(last) : "";
        first = last;
    }
    return text;
}

}  // namespace

int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    const std::string_view text = fuzz::text(data, size);
    const auto cpus = parse_cpu_list(text);
    if (!cpus) {
        return 0;
    }
    MUST(text.find_first_not_of(" \t\r\n0123456789,-") == std::string_view::npos);
    const bool digits = text.find_first_of("0123456789") != std::string_view::npos;
    MUST(cpus->any() == digits);
    const std::string printed = print(*cpus);
    MUST(parse_cpu_list(printed) == cpus);
    MUST(parse_cpu_list(printed + "\n") == cpus);
    MUST(!parse_cpu_list(printed + ","));
    return 0;
}
