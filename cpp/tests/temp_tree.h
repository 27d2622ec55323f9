#pragma once

#include <sys/stat.h>
#include <unistd.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <string>

/// A directory of small files that plays a kernel tree, gone with the object.
class TempTree {
public:
    TempTree() {
        char path[] = "/tmp/microjoule-XXXXXX";
        root_ = mkdtemp(path);
    }
    ~TempTree() { std::filesystem::remove_all(root_); }
    TempTree(const TempTree&) = delete;
    TempTree& operator=(const TempTree&) = delete;

    void put(const std::string& path, const std::string& text) const {
        const std::filesystem::path full = std::filesystem::path(root_) / path;
        std::filesystem::create_directories(full.parent_path());
        std::ofstream(full) << text;
    }

    [[nodiscard]] const std::string& root() const { return root_; }

private:
    std::string root_;
};
