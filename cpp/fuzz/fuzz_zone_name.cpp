// The names of powercap zones: anything but the kernel's own spelling is no place.

#include "fuzz.h"
#include "microjoule/rapl.h"
#include "parse.h"

using namespace microjoule;

int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    const std::string_view name = fuzz::text(data, size);
    const auto place = parse::zone_place(name);
    const SensorInfo info = describe_rapl(place.value_or(Place{}), name);
    MUST(!info.id.empty() && !info.kind.empty());
    MUST(info.counted == (name == "package" || name == "dram"));
    if (!place) {
        return 0;
    }
    MUST(place->socket >= 0 && place->die >= 0);
    MUST(name.find_first_not_of("package-die0123456789") == std::string_view::npos);
    const std::string package = "package-" + std::to_string(place->socket);
    const std::string die = package + "-die-" + std::to_string(place->die);
    MUST(*parse::zone_place(die) == *place);
    MUST(*parse::zone_place(package) == (Place{place->socket, 0}));
    MUST(!parse::zone_place(die + "-"));
    MUST(!parse::zone_place(" " + package));
    MUST(place->prefix().substr(0, 3) == "cpu");
    return 0;
}
