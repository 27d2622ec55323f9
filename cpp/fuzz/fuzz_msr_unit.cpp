// A processor's unit register, whatever it holds and whatever processor it is.

#include <cmath>

#include "fuzz.h"
#include "microjoule/rapl.h"
#include "parse.h"

using namespace microjoule;

int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    fuzz::Input input(data, size);
    Processor processor;
    processor.vendor = static_cast<Vendor>(input.take<std::uint8_t>() % 4);
    processor.family = input.take<std::uint16_t>();
    processor.model = input.take<std::uint16_t>();
    const auto word = input.take<std::uint64_t>();
    const double unit = parse::msr_unit_j(processor, word);
    MUST(unit > 0 && std::isnormal(unit));
    // 2^-31 J to 1 J, or 1 uJ to 2^31 uJ.
    MUST(unit >= 0x1p-31 && unit <= 0x1p31 * 1e-6);
    // Nothing but the five bits of the energy unit has a say.
    MUST(parse::msr_unit_j(processor, word & 0x1F00) == unit);
    MUST(parse::msr_unit_j(processor, word | ~std::uint64_t{0x1F00}) == unit);
    if (processor.is_amd()) {
        MUST(std::ldexp(unit, static_cast<int>(word >> 8 & 0x1F)) == 1);
    }
    return 0;
}
