// Everything the server serves: the loads, the meters on them, and the tree of files.
#pragma once

#include <istream>
#include <map>
#include <memory>
#include <string>

#include "counter.h"
#include "tree.h"
#include "words.h"

namespace simfs {

class World {
public:
    // Builds the tree from a configuration; see read_config in world.cpp for its lines.
    // Throws std::invalid_argument with one sentence that names the line.
    explicit World(std::istream& config);

    // Obeys one line written to `.control`. Throws std::invalid_argument with what is wrong.
    void control(const std::string& line);

    [[nodiscard]] Tree& tree() noexcept { return tree_; }

private:
    void read_line(Words& words, std::istream& config, int& line_number);
    void read_load(Words& words, std::istream& config, int& line_number);
    void read_registers(Words& words, std::istream& config, int& line_number);
    Node& add_text(Words& words);
    Node& controlled(Words& words);

    std::int64_t epoch_ns_ = 0;
    std::map<std::string, std::unique_ptr<Load>> loads_;
    std::map<std::string, std::unique_ptr<Publisher>> publishers_;
    std::map<std::string, std::unique_ptr<Counter>> counters_;
    Tree tree_;
};

}  // namespace simfs
