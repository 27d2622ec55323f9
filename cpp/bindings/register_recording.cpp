#include <pybind11/stl.h>

#include <array>
#include <optional>

#include "bindings.h"
#include "gil.h"
#include "microjoule/recording.h"
#include "microjoule/rerun.h"

namespace py = pybind11;

namespace microjoule {
namespace {

/// The columns of one sensor's readings, as lists: (before_ns, after_ns, status, errno, raw).
py::tuple columns(const Recording& recording, std::size_t sensor) {
    std::array<py::list, 5> out;
    for (const Entry& entry : recording.entries) {
        if (entry.kind != Entry::Kind::reading || entry.index != sensor) {
            continue;
        }
        out[0].append(entry.t_ns);
        out[1].append(entry.until_ns);
        out[2].append(recording::kStatuses[static_cast<std::size_t>(entry.status)]);
        out[3].append(entry.error);
        out[4].append(entry.raw);
    }
    return py::make_tuple(out[0], out[1], out[2], out[3], out[4]);
}

}  // namespace

void register_recording(py::module_& m) {
    py::class_<Recording>(m, "Recording", "What a meter did, reading by reading.")
        .def_readonly("facts", &Recording::facts)
        .def_readonly("dropped", &Recording::dropped)
        .def("sensors", &Recording::infos)
        .def("readings", &columns, py::arg("sensor"),
             "(before_ns, after_ns, status, errno, raw) of the sensor of that number, as lists.")
        .def(
            "rerun",
            [](const Recording& self,
               const std::optional<std::vector<std::pair<std::int64_t, std::int64_t>>>& windows) {
                return windows ? rerun(self, *windows) : rerun(self);
            },
            py::arg("windows") = py::none(), py::call_guard<ReleaseGil>(),
            "The figures of the recorded windows, or of others, in virtual time.");

    m.def("read_recording", &read_recording, py::arg("path"), py::call_guard<ReleaseGil>(),
          "Reads a recording; ValueError with a sentence that names the line.");
}

}  // namespace microjoule
