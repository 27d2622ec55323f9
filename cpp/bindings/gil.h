#pragma once

#include <pybind11/pybind11.h>

namespace microjoule {

/// Releases the GIL for a call that may block.
///
/// pybind11's own guard does the same, but its destructor is noexcept, and a daemon thread that
/// asks for the GIL while the interpreter ends is unwound out of it (pthread_exit): the process
/// would abort. This one lets the unwinding pass; from 3.14 on such a thread sleeps for ever.
class ReleaseGil {
public:
    ReleaseGil() : state_(PyEval_SaveThread()) {}
    ~ReleaseGil() noexcept(false) { PyEval_RestoreThread(state_); }
    ReleaseGil(const ReleaseGil&) = delete;
    ReleaseGil& operator=(const ReleaseGil&) = delete;

private:
    PyThreadState* state_;
};

}  // namespace microjoule
