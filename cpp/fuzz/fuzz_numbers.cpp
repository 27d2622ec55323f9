// The numbers of powercap, hwmon and topology files, and what a zone's range makes of one.

#include "fuzz.h"
#include "microjoule/files.h"
#include "parse.h"

using namespace microjoule;

int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    const std::string_view text = fuzz::text(data, size);
    const auto value = parse_u64(text);
    if (!value) {
        // Nothing that is all digits and fits is turned away.
        const bool digits = text.find_first_not_of("0123456789") == std::string_view::npos;
        MUST(text.empty() || !digits || text.size() >= 20);
        return 0;
    }
    MUST(text.find_first_not_of(" \t\r\n0123456789") == std::string_view::npos);
    const std::string printed = std::to_string(*value);
    MUST(parse_u64(printed) == value);
    MUST(parse_u64(" \t" + printed + "\r\n") == value);
    MUST(!parse_u64("-" + printed));
    MUST(!parse_u64(printed + "x"));

    const std::uint64_t modulus = parse::powercap_modulus(*value);
    MUST(modulus == 0 || modulus >= *value);
    MUST(modulus == 0 || modulus - *value <= *value / 4294967295U + 1);
    MUST((modulus == 0) == (*value == 0 || *value >= std::uint64_t{1} << 53));
    return 0;
}
