// One line of the server's configuration or of its control file, read word by word and strictly.
#pragma once

#include <cerrno>
#include <charconv>
#include <cmath>
#include <cstdint>
#include <stdexcept>
#include <string>
#include <string_view>

namespace simfs {

class Words {
public:
    explicit Words(std::string_view line) : rest_(line) {}

    [[nodiscard]] bool done() const noexcept { return rest_.empty(); }

    std::string word(const char* what) {
        if (rest_.empty()) throw std::invalid_argument(std::string("missing: ") + what);
        const std::size_t space = rest_.find(' ');
        const std::string_view found = rest_.substr(0, space);
        rest_ = space == std::string_view::npos ? std::string_view{} : rest_.substr(space + 1);
        if (found.empty()) throw std::invalid_argument(std::string("two spaces before: ") + what);
        return std::string(found);
    }

    std::int64_t integer(const char* what, std::int64_t least = 0, int base = 10) {
        const std::string text = word(what);
        std::int64_t value = 0;
        const auto [end, error] =
            std::from_chars(text.data(), text.data() + text.size(), value, base);
        if (error != std::errc() || end != text.data() + text.size()) {
            throw std::invalid_argument(std::string(what) + " must be a whole number, not '" +
                                        text + "'");
        }
        if (value < least) {
            throw std::invalid_argument(std::string(what) + " must be at least " +
                                        std::to_string(least) + ", not " + text);
        }
        return value;
    }

    double number(const char* what) {
        const std::string text = word(what);
        std::size_t used = 0;
        double value = 0.0;
        try {
            value = std::stod(text, &used);
        } catch (const std::exception&) {
            used = 0;
        }
        if (used != text.size() || !std::isfinite(value)) {
            throw std::invalid_argument(std::string(what) + " must be a finite number, not '" +
                                        text + "'");
        }
        return value;
    }

    // What is left of the line, with \n, \r, \t, \\ and \xNN undone.
    std::string text() {
        std::string out;
        for (std::size_t i = 0; i < rest_.size(); ++i) {
            if (rest_[i] != '\\') {
                out += rest_[i];
                continue;
            }
            const char kind = ++i < rest_.size() ? rest_[i] : '\0';
            switch (kind) {
                case 'n':
                    out += '\n';
                    break;
                case 'r':
                    out += '\r';
                    break;
                case 't':
                    out += '\t';
                    break;
                case '\\':
                    out += '\\';
                    break;
                case 'x': {
                    unsigned value = 0;
                    const std::string_view digits = rest_.substr(i + 1, 2);
                    const auto [end, error] =
                        std::from_chars(digits.data(), digits.data() + digits.size(), value, 16);
                    if (error != std::errc() || end != digits.data() + 2) {
                        throw std::invalid_argument("\\x needs two hexadecimal digits");
                    }
                    out += static_cast<char>(value);
                    i += 2;
                    break;
                }
                default:
                    throw std::invalid_argument("unknown escape in a text");
            }
        }
        rest_ = {};
        return out;
    }

    void end() const {
        if (!rest_.empty()) {
            throw std::invalid_argument("nothing more expected, but there is '" +
                                        std::string(rest_) + "'");
        }
    }

private:
    std::string_view rest_;
};

}  // namespace simfs
