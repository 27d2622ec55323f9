// Tokens of windows, true, old and invented, against a model of the pool.

#include <map>
#include <vector>

#include "fuzz.h"
#include "microjoule/windows.h"

using namespace microjoule;

int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    fuzz::Input input(data, size);
    Windows windows(1);
    enum class Phase { open, closing, done, abandoned, free };
    std::vector<std::uint64_t> tokens;
    std::map<std::uint64_t, Phase> phase;         // of every token that was ever given out
    std::map<std::uint32_t, std::uint64_t> user;  // of a record that is not free
    while (!input.empty()) {
        const auto step = input.take<std::uint8_t>();
        if (step % 4 == 0) {
            const Handle handle = windows.acquire(Record::open);
            const std::uint64_t token = Windows::token(handle);
            MUST(windows.exists(handle) && windows.is_open(handle));
            MUST(user.emplace(handle.record, token).second);  // nobody else has the record
            MUST(phase.emplace(token, Phase::open).second);   // a token never comes again
            tokens.push_back(token);
            continue;
        }
        const bool known = (step & 0x80) != 0 && !tokens.empty();
        const std::uint64_t token =
            known ? tokens[input.take<std::uint8_t>() % tokens.size()] : input.any();
        const Handle handle = Windows::handle(token);
        MUST(Windows::token(handle) == token);
        if (!windows.exists(handle)) {
            MUST(phase.count(token) == 0);
            continue;
        }
        const auto found = phase.find(token);
        const Phase is = found == phase.end() ? Phase::free : found->second;
        MUST(windows.is_open(handle) == (is == Phase::open));
        MUST(windows.is_done(handle) == (is == Phase::done));
        const auto become = [&](Phase next) {
            found->second = next;
            if (next == Phase::free) {
                user.erase(handle.record);
            }
        };
        if (step % 4 == 1) {
            MUST(windows.close(handle) == (is == Phase::open));
            if (is == Phase::open) {
                become(Phase::closing);
            }
        } else if (step % 4 == 2) {
            // The sampler only finishes what was closed, and knows its record.
            if (is == Phase::closing || is == Phase::abandoned) {
                windows.finish(handle.record);
                become(is == Phase::closing ? Phase::done : Phase::free);
            }
        } else {
            windows.release(handle);
            if (is == Phase::closing) {
                become(Phase::abandoned);
            } else if (is == Phase::done) {
                become(Phase::free);
            }
        }
    }
    return 0;
}
