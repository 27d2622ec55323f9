#pragma once

#include <pybind11/pybind11.h>

#include <memory>

#include "microjoule/meter.h"

namespace microjoule {

/// A window as Python holds it: the base class of `Measurement`. It is a plain heap type and not a
/// pybind11 class because one is made on every `end()`, where pybind11's instance registry alone
/// would cost more than the measurement.
struct WindowObject {
    PyObject_HEAD std::shared_ptr<Meter> meter;
    Handle handle;
    std::uint64_t token;
};

/// Makes an instance of `type`, a subclass of `_core.Window`, over a window of the meter.
pybind11::object make_window(PyTypeObject* type, std::shared_ptr<Meter> meter, Handle handle);

/// The class that `Meter.end()` makes: `_core.Window` until Python names another.
PyTypeObject* result_type() noexcept;

}  // namespace microjoule
