#include "bindings.h"

// No mutable static is touched without a lock of the core's own, so the GIL is not needed.
PYBIND11_MODULE(_core, m, pybind11::mod_gil_not_used()) {
    m.doc() = "The native core of microjoule: sources, sampler and windows.";
    m.attr("__version__") = MICROJOULE_VERSION;
    microjoule::register_sources(m);
    microjoule::register_results(m);
    microjoule::register_meter(m);
    microjoule::register_recording(m);
}
