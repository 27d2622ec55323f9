#include <pybind11/stl.h>

#include <iterator>

#include "bindings.h"
#include "gil.h"
#include "microjoule/discover.h"
#include "microjoule/nvml.h"
#include "microjoule/process.h"
#include "microjoule/replay.h"
#include "microjoule/source.h"

namespace py = pybind11;

namespace microjoule {

void register_sources(py::module_& m) {
    py::class_<SensorInfo>(m, "SensorInfo", "What a sensor is; fixed for the life of a meter.")
        .def_readonly("id", &SensorInfo::id)
        .def_readonly("kind", &SensorInfo::kind)
        .def_readonly("source", &SensorInfo::source)
        .def_readonly("method", &SensorInfo::method)
        .def_readonly("reason", &SensorInfo::reason)
        .def_readonly("unit", &SensorInfo::unit)
        .def_readonly("quantum", &SensorInfo::quantum)
        .def_readonly("counted", &SensorInfo::counted)
        .def_readonly("estimated", &SensorInfo::estimated)
        .def_readonly("readable", &SensorInfo::readable)
        .def_readonly("energy", &SensorInfo::energy);

    py::class_<Discovery>(m, "Discovery", "Sources that were found, and sensors that were refused.")
        .def(
            "add_amdsmi",
            [](Discovery& self, const std::string& library, const std::string& sysfs) {
                // With the GIL: Python may be setting a variable in another thread.
                AmdsmiFilter filter = AmdsmiFilter::from_environment();
                const ReleaseGil release;
                add_amdsmi(self, library, std::move(filter), sysfs);
            },
            py::arg("library"), py::arg("sysfs"),
            "Adds the GPUs that AMD's library shows; before hwmon, which sees the same cards.")
        .def("add_hwmon", &add_hwmon, py::arg("sysfs"), py::call_guard<ReleaseGil>(),
             "Adds what hwmon tells of devices that nobody else reads; after the other meters.")
        .def("add_battery", &add_battery, py::arg("sysfs"), py::call_guard<ReleaseGil>(),
             "Adds what a battery gives away; after the other meters.")
        .def(
            "add_model",
            [](Discovery& self, std::string procfs, double tdp_w, double tdp_rel,
               std::string tdp_method, double dram_w, double dram_rel, std::string dram_method) {
                auto model = make_model({std::move(procfs), tdp_w, tdp_rel, std::move(tdp_method),
                                         dram_w, dram_rel, std::move(dram_method)});
                if (!model) {
                    return false;
                }
                self.sources.push_back(std::move(model));
                return true;
            },
            py::kw_only(), py::arg("procfs"), py::arg("tdp_w"), py::arg("tdp_rel"),
            py::arg("tdp_method"), py::arg("dram_w"), py::arg("dram_rel"), py::arg("dram_method"),
            "Adds the power models; False if the machine shows nothing to model from.")
        .def(
            "add_nvml",
            [](Discovery& self, const std::string& library) {
                // With the GIL: Python may be setting a variable in another thread.
                const NvmlFilter filter = NvmlFilter::from_environment();
                const ReleaseGil release;
                Discovery gpus = discover_nvml(library, filter);
                std::move(gpus.sources.begin(), gpus.sources.end(),
                          std::back_inserter(self.sources));
                std::move(gpus.refused.begin(), gpus.refused.end(),
                          std::back_inserter(self.refused));
            },
            py::arg("library"), "Adds the GPUs that NVIDIA's library shows.")
        .def(
            "add_replay",
            [](Discovery& self, const std::string& path, bool loop) {
                // By its name only: a recording of a replay must not hold a user's folders.
                const std::string name = path.substr(path.rfind('/') + 1);
                Discovery more = discover_replay(read_recording(path), name, loop);
                std::move(more.sources.begin(), more.sources.end(),
                          std::back_inserter(self.sources));
            },
            py::arg("path"), py::arg("loop"), py::call_guard<ReleaseGil>(),
            "Adds the sensors of a recording, whose energy flows once more.")
        .def(
            "add_process", [](Discovery& self) { self.sources.push_back(make_process_cpu()); },
            "Adds the CPU time of this process, which rides along.")
        .def_property_readonly("measured", &any_meter, "Whether any meter was found.")
        .def_readonly("refused", &Discovery::refused)
        .def_property_readonly("found", [](const Discovery& self) {
            std::vector<SensorInfo> all;
            for (const auto& source : self.sources) {
                all.insert(all.end(), source->sensors().begin(), source->sensors().end());
            }
            return all;
        });

    m.def(
        "discover",
        [](const std::vector<std::string>& names, std::string sysfs, std::string procfs,
           std::string devfs) {
            return discover(names, {std::move(sysfs), std::move(procfs), std::move(devfs)});
        },
        py::arg("names"), py::arg("sysfs"), py::arg("procfs"), py::arg("devfs"),
        py::call_guard<ReleaseGil>(),
        "Looks for the named sources; each device is read in the best way that is open.");
}

}  // namespace microjoule
