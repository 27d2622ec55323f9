// Which processor this is: /proc/cpuinfo and sysfs's modalias.

#include "fuzz.h"
#include "microjoule/rapl.h"
#include "microjoule/topology.h"

using namespace microjoule;

namespace {

bool same(const Processor& a, const Processor& b) {
    return a.vendor == b.vendor && a.family == b.family && a.model == b.model;
}

void check(const Processor& processor) {
    for (const char* domain : {"package", "dram", "core", "uncore", "psys"}) {
        const double unit = fixed_rapl_unit_j(processor, domain);
        MUST(unit >= 0 && unit <= 1);
        MUST(unit == 0 || processor.vendor == Vendor::intel);
    }
    MUST(usual_rapl_unit_j(processor) > 0);
    MUST(rapl_place(processor, {3, 5}).socket == 3);
}

}  // namespace

int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    const std::string_view text = fuzz::text(data, size);
    const Processor told = parse_cpuinfo(text);
    check(told);
    const char* const vendor = told.vendor == Vendor::intel   ? "GenuineIntel"
                               : told.vendor == Vendor::amd   ? "AuthenticAMD"
                               : told.vendor == Vendor::hygon ? "HygonGenuine"
                                                              : "?";
    const std::string printed = std::string("processor\t: 0\nvendor_id\t: ") + vendor +
                                "\ncpu family\t: " + std::to_string(told.family) +
                                "\nmodel\t\t: " + std::to_string(told.model) +
                                "\nmodel name\t: x\n";
    MUST(same(parse_cpuinfo(printed), told));

    const Processor named = parse_modalias(text);
    check(named);
    MUST(named.family <= 0xFFFF && named.model <= 0xFFFF);
    if (named.vendor != Vendor::unknown) {
        const unsigned number = named.vendor == Vendor::intel ? 0
                                : named.vendor == Vendor::amd ? 2
                                                              : 9;
        char alias[64];
        std::snprintf(alias, sizeof alias, "cpu:type:x86,ven%04Xfam%04Xmod%04X:feature:", number,
                      named.family, named.model);
        MUST(same(parse_modalias(alias), named));
    }
    return 0;
}
