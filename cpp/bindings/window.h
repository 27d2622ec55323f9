#pragma once

#include <pybind11/pybind11.h>

#include <memory>

#include "microjoule/meter.h"

namespace microjoule {

/// A window or a request as Python holds it: the base class of `Measurement`, or of `Request`. It
/// is a plain heap type and not a pybind11 class because one is made on every `end()`, where
/// pybind11's instance registry alone would cost more than the measurement.
struct WindowObject {
    PyObject_HEAD std::shared_ptr<Meter> meter;
    Handle handle;
    std::uint64_t token;
    bool of_request;
};

/// The object of a window or a request, else a TypeError.
WindowObject& self_of(const pybind11::handle& object);

/// Makes an instance of `type`, a subclass of `_core.Window`, over a window of the meter.
pybind11::object make_window(PyTypeObject* type, std::shared_ptr<Meter> meter, Handle handle);
/// Makes a `Request` over a request.
pybind11::object make_request(std::shared_ptr<Meter> meter, Handle handle);

/// The class that `Meter.end()` makes: `_core.Window` until Python names another.
PyTypeObject* result_type() noexcept;

}  // namespace microjoule
