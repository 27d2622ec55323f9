#include "microjoule/topology.h"

#include <fcntl.h>
#include <unistd.h>

#include <charconv>
#include <cstdio>

#include "microjoule/files.h"

namespace microjoule {
namespace {

// A sysfs file is at most one page.
constexpr std::size_t kPage = 4096;

/// The start of a file; empty if it cannot be read.
std::string_view slurp(const char* path, char (&buffer)[kPage]) noexcept {
    const int fd = ::open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0) {
        return {};
    }
    const ssize_t got = ::pread(fd, buffer, sizeof buffer, 0);
    ::close(fd);
    return {buffer, got > 0 ? static_cast<std::size_t>(got) : 0};
}

std::string_view slurp_below(const std::string& root, const char* file,
                             char (&buffer)[kPage]) noexcept {
    char path[kPage];
    const int length = std::snprintf(path, sizeof path, "%s%s", root.c_str(), file);
    const bool fits = length >= 0 && static_cast<std::size_t>(length) < sizeof path;
    return fits ? slurp(path, buffer) : std::string_view();
}

std::string_view trimmed(std::string_view text) noexcept {
    constexpr std::string_view kBlank = " \t\r\n";
    const std::size_t first = text.find_first_not_of(kBlank);
    if (first == std::string_view::npos) {
        return {};
    }
    return text.substr(first, text.find_last_not_of(kBlank) - first + 1);
}

/// Takes a number off the front of a text.
template <class Number>
bool take(std::string_view& text, Number& value) noexcept {
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
    text.remove_prefix(static_cast<std::size_t>(end - text.data()));
    return error == std::errc();
}

std::optional<int> topology_number(const char* sysfs, std::size_t cpu, const char* file) noexcept {
    char path[kPage];
    const int length = std::snprintf(path, sizeof path, "%s/devices/system/cpu/cpu%zu/topology/%s",
                                     sysfs, cpu, file);
    if (length < 0 || static_cast<std::size_t>(length) >= sizeof path) {
        return std::nullopt;
    }
    char buffer[kPage];
    const auto value = parse_u64(slurp(path, buffer));
    // The kernel shows -1 or 65535 for what the hardware does not tell.
    if (!value || *value >= 65535) {
        return std::nullopt;
    }
    return static_cast<int>(*value);
}

/// The four hexadecimal digits behind a mark.
std::optional<unsigned> hex_after(std::string_view text, std::string_view mark) noexcept {
    const std::size_t at = text.find(mark);
    if (at == std::string_view::npos || text.size() < at + mark.size() + 4) {
        return std::nullopt;
    }
    const char* const first = text.data() + at + mark.size();
    unsigned value = 0;
    const auto [end, error] = std::from_chars(first, first + 4, value, 16);
    return error == std::errc() && end == first + 4 ? std::optional(value) : std::nullopt;
}

}  // namespace

std::optional<CpuSet> parse_cpu_list(std::string_view text) noexcept {
    std::optional<CpuSet> cpus(std::in_place);
    text = trimmed(text);
    while (!text.empty()) {
        std::size_t first = 0;
        if (!take(text, first)) {
            return std::nullopt;
        }
        std::size_t last = first;
        if (!text.empty() && text.front() == '-') {
            text.remove_prefix(1);
            if (!take(text, last)) {
                return std::nullopt;
            }
        }
        if (last < first || last >= kMaxCpus) {
            return std::nullopt;
        }
        for (std::size_t cpu = first; cpu <= last; ++cpu) {
            cpus->set(cpu);
        }
        if (!text.empty()) {
            if (text.front() != ',' || text.size() == 1) {
                return std::nullopt;
            }
            text.remove_prefix(1);
        }
    }
    return cpus;
}

std::optional<CpuSet> read_cpu_list(const char* path) noexcept {
    char buffer[kPage];
    const std::string_view text = slurp(path, buffer);
    return text.empty() ? std::nullopt : parse_cpu_list(text);
}

std::optional<Place> place_of_cpu(const char* sysfs, std::size_t cpu) noexcept {
    const auto socket = topology_number(sysfs, cpu, "physical_package_id");
    if (!socket) {
        return std::nullopt;
    }
    // Kernels before 5.2 know no dies.
    return Place{*socket, topology_number(sysfs, cpu, "die_id").value_or(0)};
}

Processor parse_cpuinfo(std::string_view text) noexcept {
    Processor processor;
    while (!text.empty()) {
        const std::size_t end = text.find('\n');
        const std::string_view line = text.substr(0, end);
        text.remove_prefix(end == std::string_view::npos ? text.size() : end + 1);
        const std::size_t colon = line.find(':');
        if (colon == std::string_view::npos) {
            continue;
        }
        const std::string_view name = trimmed(line.substr(0, colon));
        std::string_view value = trimmed(line.substr(colon + 1));
        unsigned number = 0;
        if (name == "vendor_id") {
            processor.vendor = value == "GenuineIntel"   ? Vendor::intel
                               : value == "AuthenticAMD" ? Vendor::amd
                               : value == "HygonGenuine" ? Vendor::hygon
                                                         : Vendor::unknown;
        } else if (name == "cpu family" && take(value, number) && value.empty()) {
            processor.family = number;
        } else if (name == "model" && take(value, number) && value.empty()) {
            processor.model = number;
            break;  // the last of the three (arch/x86/kernel/cpu/proc.c)
        }
    }
    return processor;
}

Processor parse_modalias(std::string_view text) noexcept {
    Processor processor;
    const auto vendor = hex_after(text, ",ven");
    const auto family = hex_after(text, "fam");
    const auto model = hex_after(text, "mod");
    if (!vendor || !family || !model) {
        return processor;
    }
    // X86_VENDOR_* of arch/x86/include/asm/processor.h.
    processor.vendor = *vendor == 0   ? Vendor::intel
                       : *vendor == 2 ? Vendor::amd
                       : *vendor == 9 ? Vendor::hygon
                                      : Vendor::unknown;
    processor.family = *family;
    processor.model = *model;
    return processor;
}

Processor processor_of_procfs(const std::string& procfs) noexcept {
    char buffer[kPage];  // the first processor comes first
    return parse_cpuinfo(slurp_below(procfs, "/cpuinfo", buffer));
}

Processor processor_of_sysfs(const std::string& sysfs) noexcept {
    char buffer[kPage];
    return parse_modalias(slurp_below(sysfs, "/devices/system/cpu/modalias", buffer));
}

}  // namespace microjoule
