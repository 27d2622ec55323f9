// The files of a PMU's event: format, number and scale, a line each.

#include <cmath>

#include "fuzz.h"
#include "parse.h"

using namespace microjoule;

int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    fuzz::Input input(data, size);
    const std::string_view format = input.until('\n');
    const std::string_view event = input.until('\n');
    const std::string_view scale = input.until('\n');

    const auto config = parse::event_config(format, event);
    if (config) {
        MUST(format.substr(0, 7) == "config:" && event.substr(0, 8) == "event=0x");
        char printed[32];
        std::snprintf(printed, sizeof printed, "event=0x%llx",
                      static_cast<unsigned long long>(*config));
        MUST(parse::event_config("config:0-63", printed) == config);
        // A field never reaches beyond its highest bit.
        const std::size_t dash = format.find('-');
        const int high = std::atoi(
            std::string(format.substr(dash == std::string_view::npos ? 7 : dash + 1)).c_str());
        MUST(high >= 63 || *config >> (high + 1) == 0);
    }

    const double value = parse::event_scale_j(scale);
    MUST(value == 0 || (value > 0 && std::isnormal(value)));
    if (value > 0) {
        char printed[64];
        std::snprintf(printed, sizeof printed, "%.17g", value);
        MUST(parse::event_scale_j(printed) == value);
        MUST(parse::event_scale_j(std::string("-") + printed) == 0);
        MUST(parse::event_scale_j(printed + std::string("J")) == 0);
    }
    return 0;
}
