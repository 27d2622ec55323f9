#include "microjoule/rapl.h"

#include <algorithm>
#include <iterator>

namespace microjoule {
namespace {

// Sensor gain of RAPL, package and DRAM: 3 to 5 % against external meters (Khan et al., "RAPL in
// Action", TOMPECS 3(2) 2018; Desrochers et al., MEMSYS 2016).
constexpr double kRaplGain = 0.04;
// A platform may hold several packages and all that hangs on them.
constexpr double kPlatformPower = 10'000;

}  // namespace

SensorInfo describe_rapl(const Place& place, std::string_view domain) {
    SensorInfo info;
    info.gain_rel = kRaplGain;
    const std::string prefix = place.prefix();
    if (domain == "psys") {
        info.id = info.kind = "psys";
        info.max_power_w = kPlatformPower;
        info.reason = "the whole platform, as its maker wired it: added only where it stands alone";
        return info;
    }
    info.id = prefix + "." + std::string(domain);
    info.kind = domain == "dram" ? "dram" : "cpu";
    info.counted = domain == "package" || domain == "dram";
    if (!info.counted) {
        info.reason = "part of " + prefix + ".package: shown, not added";
    }
    return info;
}

Place rapl_place(const Processor& processor, const Place& place) noexcept {
    // rapl_pkg_pmu_is_pkg_scope() in arch/x86/events/rapl.c. Some kernels count AMD's core
    // complexes as dies, and show the package's counter once for each.
    return processor.is_amd() ? Place{place.socket, 0} : place;
}

double fixed_rapl_unit_j(const Processor& processor, std::string_view domain) noexcept {
    if (processor.vendor != Vendor::intel || processor.family != 6) {
        return 0;
    }
    const auto is_one_of = [&](std::initializer_list<unsigned> models) {
        return std::find(models.begin(), models.end(), processor.model) != models.end();
    };
    // RAPL_UNIT_QUIRK_INTEL_HSW and _SPR in arch/x86/events/rapl.c; the models are those of
    // arch/x86/include/asm/intel-family.h: Haswell X, Broadwell X and D, Skylake X (and its
    // successors of that number), Ice Lake X and D, Knights Landing and Mill.
    if (domain == "dram" && is_one_of({0x3F, 0x4F, 0x56, 0x55, 0x6A, 0x6C, 0x57, 0x85})) {
        return 0x1p-16;
    }
    // Sapphire and Emerald Rapids.
    if (domain == "psys" && is_one_of({0x8F, 0xCF})) {
        return 1;
    }
    return 0;
}

double usual_rapl_unit_j(const Processor& processor) noexcept {
    return processor.is_amd() ? 0x1p-16 : 0x1p-14;
}

}  // namespace microjoule
