#pragma once

#include <dlfcn.h>

#include <string>
#include <utility>

namespace microjoule {

/// A shared library that is loaded if it is there: nothing is linked to it.
class Dylib {
public:
    Dylib() = default;
    /// `path`: a path, or a name for the loader to look for.
    explicit Dylib(const std::string& path) : handle_(dlopen(path.c_str(), RTLD_NOW | RTLD_LOCAL)) {
        if (handle_ == nullptr) {
            const char* const why = dlerror();
            error_ = why != nullptr ? why : "cannot be loaded";
        }
    }
    ~Dylib() {
        if (handle_ != nullptr) {
            dlclose(handle_);
        }
    }
    Dylib(Dylib&& other) noexcept
        : handle_(std::exchange(other.handle_, nullptr)), error_(std::move(other.error_)) {}
    Dylib& operator=(Dylib&& other) noexcept {
        std::swap(handle_, other.handle_);
        std::swap(error_, other.error_);
        return *this;
    }

    [[nodiscard]] bool loaded() const noexcept { return handle_ != nullptr; }
    /// Why it is not loaded, in the loader's words.
    [[nodiscard]] const std::string& error() const noexcept { return error_; }

    /// Points `function` to the symbol; false if the library has none of this name.
    template <class Function>
    bool find(const char* name, Function*& function) const noexcept {
        function = reinterpret_cast<Function*>(dlsym(handle_, name));
        return function != nullptr;
    }

private:
    void* handle_ = nullptr;
    std::string error_;
};

}  // namespace microjoule
