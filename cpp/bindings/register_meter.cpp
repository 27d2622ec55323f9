#include <pybind11/stl.h>

#include <optional>

#include "bindings.h"
#include "gil.h"
#include "microjoule/discover.h"
#include "microjoule/meter.h"
#include "microjoule/recorder.h"
#include "window.h"

namespace py = pybind11;

namespace microjoule {
namespace {

int call(void* function) {
    PyObject* const result = PyObject_CallNoArgs(static_cast<PyObject*>(function));
    Py_DECREF(static_cast<PyObject*>(function));
    if (result == nullptr) {
        PyErr_WriteUnraisable(nullptr);  // it must not surface between two lines of a program
    }
    Py_XDECREF(result);
    return 0;
}

}  // namespace

void register_meter(py::module_& m) {
    m.def(
        "soon",
        [](const py::function& function) {
            PyObject* const kept = function.inc_ref().ptr();
            if (Py_AddPendingCall(call, kept) != 0) {
                Py_DECREF(kept);
            }
        },
        py::arg("function"), "Lets the main thread call it between two of its next instructions.");

    py::class_<SamplerStats>(m, "SamplerStats", "What the sampler has cost and met so far.")
        .def_readonly("reads", &SamplerStats::reads)
        .def_readonly("failed_reads", &SamplerStats::failed_reads)
        .def_readonly("wakeups", &SamplerStats::wakeups)
        .def_readonly("late_wakeups", &SamplerStats::late_wakeups)
        .def_readonly("worst_lateness_ns", &SamplerStats::worst_lateness_ns)
        .def_readonly("cpu_ns", &SamplerStats::cpu_ns)
        .def_readonly("late_events", &SamplerStats::late_events)
        .def_readonly("stretch", &SamplerStats::stretch)
        .def_readonly("helped", &SamplerStats::helped)
        .def_readonly("out_of_memory", &SamplerStats::out_of_memory);

    py::class_<Meter, std::shared_ptr<Meter>>(m, "Meter", "Windows over the timelines of sensors.")
        .def(py::init([](Discovery& found, bool fixed, std::int64_t period_ns,
                         double overhead_limit, const std::optional<std::string>& record,
                         const std::vector<std::pair<std::string, std::string>>& facts,
                         bool marginal, const std::vector<double>& idle_w) {
                 SamplerOptions options;
                 options.mode = fixed ? PaceMode::fixed : PaceMode::events;
                 options.period_ns = period_ns;
                 options.overhead_limit = overhead_limit;
                 options.split.split = marginal ? Split::marginal : Split::fair;
                 options.split.idle_w = idle_w;
                 std::unique_ptr<Journal> journal;
                 if (record) {
                     journal = std::make_unique<Recorder>(*record, facts, found.sources);
                 }
                 return std::make_shared<Meter>(std::move(found.sources), options,
                                                monotonic_clock(), std::move(journal));
             }),
             py::arg("found"), py::kw_only(), py::arg("fixed"), py::arg("period_ns"),
             py::arg("overhead_limit"), py::arg("record") = py::none(),
             py::arg("facts") = std::vector<std::pair<std::string, std::string>>(),
             py::arg("marginal") = false, py::arg("idle_w") = std::vector<double>(),
             "Takes the sources out of `found`. `record`: a file for what the sampler does. "
             "`idle_w`: by sensor, for the marginal split; NaN: learnt.")
        .def("start", &Meter::start, py::call_guard<ReleaseGil>(),
             "Reads every sensor once and starts the sampler.")
        .def("close", &Meter::close, py::call_guard<ReleaseGil>(), "Stops the sampler; idempotent.")
        .def(
            "pause",
            [](Meter& self, double patience_s) {
                const ReleaseGil release;
                return self.pause(static_cast<std::int64_t>(patience_s * 1e9));
            },
            py::arg("patience_s") = Sampler::kStuck * 1e-9,
            "Ends the sampler's threads for the moment; gives how many are left in a long call.")
        .def("resume", &Meter::resume, py::call_guard<ReleaseGil>(),
             "Starts the threads again after a pause.")
        .def_property_readonly("running", &Meter::running)
        // begin, end and lap take some tens of nanoseconds: releasing the GIL would cost as much.
        .def(
            "begin", [](Meter& self) { return self.begin(); },
            "Opens a window and returns its token.")
        .def(
            "begin_calm", [](Meter& self) { return self.begin(true); },
            "Opens the window of a long run, content with a read a second; returns its token.")
        .def(
            "end",
            [](const std::shared_ptr<Meter>& self, std::uint64_t token) {
                const Handle handle = self->end(token);
                return make_window(result_type(), self, handle);
            },
            py::arg("token"), "Closes a window and returns its Measurement.")
        .def(
            "lap",
            [](const std::shared_ptr<Meter>& self, std::uint64_t token) {
                const Handle handle = self->lap(token);
                return make_window(result_type(), self, handle);
            },
            py::arg("token"), "Ends a window and begins the next under the same token.")
        .def(
            "open",
            [](const std::shared_ptr<Meter>& self, std::int64_t trace_step_ns, bool calm) {
                const std::uint64_t token =
                    trace_step_ns > 0 ? self->begin_traced(trace_step_ns) : self->begin(calm);
                return make_window(result_type(), self, Windows::handle(token));
            },
            py::arg("trace_step_ns") = 0, py::arg("calm") = false,
            "Opens a window and returns its Measurement at once; `calm`: see begin_calm.")
        .def("schedule", &Meter::schedule, py::arg("border_ns"), py::call_guard<ReleaseGil>(),
             "Instants at which E is settled as well while a window is open, in order.")
        .def("sensors", &Meter::sensors)
        .def("update_periods_ns", &Meter::update_periods_ns, py::call_guard<ReleaseGil>(),
             "The learnt update period of each sensor; 0 where none is known.")
        .def("recording_problem", &Meter::journal_problem, py::call_guard<ReleaseGil>(),
             "What the recording lacks, in a sentence; empty if it is whole or there is none.")
        .def("stats", &Meter::stats, py::call_guard<ReleaseGil>())
        .def("books", &Meter::books, py::call_guard<ReleaseGil>());
}

}  // namespace microjoule
