#include "bindings.h"

// No mutable static is touched without a lock of the core's own, so the GIL is not needed.
PYBIND11_MODULE(_core_of_main, m, pybind11::mod_gil_not_used()) {
    m.doc() = "The native core of microjoule: sources, sampler and windows.";
    m.attr("__version__") = MICROJOULE_VERSION;
    microjoule::register_sources(m);
    microjoule::register_results(m);
    microjoule::register_meter(m);
    microjoule::register_requests(m);
    microjoule::register_recording(m);
}

/// Before 3.12 pybind11 waits for ever for the GIL of the main interpreter when it is loaded in
/// another one.
extern "C" PYBIND11_EXPORT PyObject* PyInit__core() {
    if (PyInterpreterState_Get() != PyInterpreterState_Main()) {
        PyErr_SetString(PyExc_ImportError,
                        "microjoule measures from the main interpreter only, and this is another "
                        "one: begin and end there, around what the others do");
        return nullptr;
    }
    return PyInit__core_of_main();
}
