#pragma once

#include <pybind11/pybind11.h>

namespace microjoule {

void register_sources(pybind11::module_& m);
void register_results(pybind11::module_& m);
void register_meter(pybind11::module_& m);
void register_requests(pybind11::module_& m);
void register_recording(pybind11::module_& m);

}  // namespace microjoule
