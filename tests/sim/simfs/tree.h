// The tree that is served: directories, links, and files whose content is made at the read.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "counter.h"

namespace simfs {

// Something that is wrong with a file for a while.
struct Fault {
    enum class Kind { error, text, delay };
    Kind kind = Kind::error;
    int error = 0;
    std::string text;
    std::int64_t delay_ns = 0;
    std::int64_t from_ns = 0;
    std::int64_t until_ns = kForever;
    std::int64_t reads = -1;  // how many reads it still spoils; -1: any number

    [[nodiscard]] bool active(std::int64_t now_ns) const noexcept {
        return now_ns >= from_ns && now_ns < until_ns && reads != 0;
    }
};

struct Node {
    enum class Kind { directory, link, text, registers, control, stats };
    Kind kind = Kind::directory;
    unsigned mode = 0555;
    std::map<std::string, std::unique_ptr<Node>> children;   // directory
    std::string target;                                      // link
    std::function<std::string(std::int64_t now_ns)> render;  // text
    // registers: an MSR device, where the offset of a read is the register's address
    std::map<std::uint64_t, std::function<std::uint64_t(std::int64_t now_ns)>> registers;
    std::vector<Counter*> counters;  // behind the content

    bool hidden = false;           // vanished: not found, and what is open of it is dead
    std::uint64_t generation = 0;  // an open file of an older one stays dead after a return
    std::vector<Fault> faults;
    std::uint64_t opens = 0;
    std::uint64_t reads = 0;

    // What is wrong with a read now. Uses up one read of every fault that applies.
    struct Spoiled {
        std::int64_t delay_ns = 0;
        int error = 0;
        std::optional<std::string> text;
    };
    [[nodiscard]] Spoiled spoil(std::int64_t now_ns) {
        Spoiled spoiled;
        for (Fault& fault : faults) {
            if (!fault.active(now_ns)) continue;
            if (fault.reads > 0) --fault.reads;
            switch (fault.kind) {
                case Fault::Kind::error:
                    spoiled.error = fault.error;
                    break;
                case Fault::Kind::text:
                    spoiled.text = fault.text;
                    break;
                case Fault::Kind::delay:
                    spoiled.delay_ns += fault.delay_ns;
                    break;
            }
        }
        return spoiled;
    }

    [[nodiscard]] bool fails_with(int error, std::int64_t now_ns) const noexcept {
        for (const Fault& fault : faults) {
            const bool same = fault.kind == Fault::Kind::error && fault.error == error;
            if (same && fault.active(now_ns)) return true;
        }
        return false;
    }
};

class Tree {
public:
    [[nodiscard]] Node& root() noexcept { return root_; }

    // The node of a path ("class/powercap", "/class/powercap"); null where there is none.
    // `hidden_too` finds what has vanished as well.
    [[nodiscard]] Node* find(const std::string& path, bool hidden_too = false);

    // A new node at the path, its directories made as needed. Throws where something is there.
    Node& add(const std::string& path, Node::Kind kind, unsigned mode);

    // Takes a node and what is below it away, or brings it back.
    static void hide(Node& node);
    static void show(Node& node);

    // One line a file that was opened: reads, opens, path.
    [[nodiscard]] std::string stats() const;

private:
    Node root_;
};

}  // namespace simfs
