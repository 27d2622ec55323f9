#include "tree.h"

#include <sstream>
#include <stdexcept>

namespace simfs {
namespace {

std::vector<std::string> parts_of(const std::string& path) {
    std::vector<std::string> parts;
    std::istringstream stream(path);
    for (std::string part; std::getline(stream, part, '/');) {
        if (!part.empty()) parts.push_back(part);
    }
    return parts;
}

void write_stats(const Node& node, const std::string& path, std::ostream& out) {
    if (node.opens > 0) out << node.reads << ' ' << node.opens << ' ' << path << '\n';
    for (const auto& [name, child] : node.children) {
        write_stats(*child, path.empty() ? name : path + '/' + name, out);
    }
}

void start_generation(Node& node) {
    ++node.generation;
    for (const auto& [name, child] : node.children)
        start_generation(*child);
}

}  // namespace

Node* Tree::find(const std::string& path, bool hidden_too) {
    Node* node = &root_;
    for (const std::string& part : parts_of(path)) {
        const auto found = node->children.find(part);
        if (found == node->children.end()) return nullptr;
        node = found->second.get();
        if (node->hidden && !hidden_too) return nullptr;
    }
    return node;
}

Node& Tree::add(const std::string& path, Node::Kind kind, unsigned mode) {
    const std::vector<std::string> parts = parts_of(path);
    if (parts.empty()) throw std::invalid_argument("a path needs at least one name");
    Node* node = &root_;
    for (std::size_t i = 0; i < parts.size(); ++i) {
        if (node->kind != Node::Kind::directory) {
            throw std::invalid_argument("'" + path + "' lies below something that is no directory");
        }
        const bool last = i + 1 == parts.size();
        std::unique_ptr<Node>& child = node->children[parts[i]];
        if (last && child) throw std::invalid_argument("'" + path + "' is there already");
        if (!child) child = std::make_unique<Node>();
        node = child.get();
    }
    node->kind = kind;
    node->mode = mode;
    return *node;
}

void Tree::hide(Node& node) {
    if (node.hidden) return;
    node.hidden = true;
    start_generation(node);
}

void Tree::show(Node& node) {
    node.hidden = false;
}

std::string Tree::stats() const {
    std::ostringstream out;
    write_stats(root_, "", out);
    return out.str();
}

}  // namespace simfs
