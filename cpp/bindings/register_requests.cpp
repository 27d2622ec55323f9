#include <pybind11/stl.h>

#include <optional>
#include <sstream>
#include <stdexcept>
#include <string>

#include "bindings.h"
#include "gil.h"
#include "microjoule/meter.h"
#include "window.h"

namespace py = pybind11;

namespace microjoule {
namespace {

float checked_weight(double weight) {
    if (weight != 0 && !(weight >= Weight::kLeast && weight <= Weight::kMost)) {
        std::ostringstream text;
        text << "weight is " << weight << ": pass 0 (it waits), or a number from 1e-6 to 1e6";
        throw std::invalid_argument(text.str());
    }
    return static_cast<float>(weight);
}

using Factors = std::optional<std::vector<float>>;

std::uint64_t begin(Meter& meter, double weight, const Factors& factors) {
    const float checked = checked_weight(weight);
    if (factors && factors->size() != meter.sensors().size()) {
        throw std::invalid_argument("factors are one number for each sensor of the meter");
    }
    return meter.join(checked, factors ? &*factors : nullptr);
}

// A token, or the object of an open request.
Handle request_of(Meter& meter, const py::handle& request) {
    if (PyLong_Check(request.ptr())) {
        return meter.checked_request(request.cast<std::uint64_t>());
    }
    const WindowObject& window = self_of(request);
    if (!window.of_request || window.meter.get() != &meter) {
        throw std::invalid_argument("step() takes requests of this meter, or their tokens");
    }
    return window.handle;
}

}  // namespace

void register_requests(py::module_& m) {
    py::class_<PortionFigures, SensorFigures>(m, "PortionFigures",
                                              "One sensor's part of a request's figures.")
        .def_readonly("counted_in", &PortionFigures::counted_in)
        .def_readonly("share", &PortionFigures::share)
        .def_readonly("by_phase", &PortionFigures::by_phase);

    py::class_<RequestFigures>(m, "RequestFigures", "Everything that is known of one request.")
        .def_readonly("start_ns", &RequestFigures::start_ns)
        .def_readonly("end_ns", &RequestFigures::end_ns)
        .def_readonly("sensors", &RequestFigures::sensors)
        .def_readonly("late_s", &RequestFigures::late_s)
        .def_readonly("lagged", &RequestFigures::lagged)
        .def_readonly("settled", &RequestFigures::settled)
        .def_readonly("forsaken", &RequestFigures::forsaken);

    py::class_<AccountBooks>(m, "AccountBooks", "One sensor's books, in joules.")
        .def_readonly("total", &AccountBooks::total)
        .def_readonly("attributed", &AccountBooks::attributed)
        .def_readonly("unattributed", &AccountBooks::unattributed)
        .def_readonly("idle_w", &AccountBooks::idle_w);

    // These belong to Meter, whose class is there already.
    auto meter = py::reinterpret_borrow<py::class_<Meter, std::shared_ptr<Meter>>>(m.attr("Meter"));
    meter
        .def("begin_request", &begin, py::arg("weight") = 1.0, py::arg("factors") = py::none(),
             "Opens a request and returns its token. `factors`: by sensor, 0: takes no part.")
        .def(
            "open_request",
            [](const std::shared_ptr<Meter>& self, double weight, const Factors& factors) {
                return make_request(self, Requests::handle(begin(*self, weight, factors)));
            },
            py::arg("weight") = 1.0, py::arg("factors") = py::none(),
            "Opens a request and returns its Request at once.")
        .def(
            "end_request",
            [](const std::shared_ptr<Meter>& self, std::uint64_t token) {
                return make_request(self, self->leave(token));
            },
            py::arg("token"), "Closes a request and returns its Request.")
        .def(
            "step",
            [](Meter& self, const py::sequence& requests, const std::vector<double>& weights) {
                if (requests.size() != weights.size()) {
                    throw std::invalid_argument("step() takes one weight for each request");
                }
                std::vector<Handle> handles;
                std::vector<float> checked;
                for (std::size_t i = 0; i < weights.size(); ++i) {
                    handles.push_back(request_of(self, requests[i]));
                    checked.push_back(checked_weight(weights[i]));
                }
                self.step(handles, checked);
            },
            py::arg("requests"), py::arg("weights"), "Weights of many requests at one stamp.");

    m.def(
        "request_figures",
        [](const py::handle& object) {
            const WindowObject& request = self_of(object);
            const ReleaseGil unlocked;  // the sampler may hold the lock
            return request.meter->request_figures(request.handle);
        },
        py::arg("window"), "The figures of a request as they are now.");
    m.attr("PHASES") = Portion::kPhases;
    m.def(
        "weigh",
        [](const py::handle& object, double weight) {
            const WindowObject& request = self_of(object);
            return request.meter->weigh(request.handle, checked_weight(weight));
        },
        py::arg("request"), py::arg("weight"), "Another weight; False if it has ended.");
    m.def(
        "enter_phase",
        [](const py::handle& object, std::uint32_t phase) {
            const WindowObject& request = self_of(object);
            return request.meter->phase(request.handle, phase);
        },
        py::arg("request"), py::arg("phase"), "Another phase, by number; False if it has ended.");
    m.def(
        "set_idle",
        [](const py::handle& object, bool idle) {
            const WindowObject& request = self_of(object);
            return request.meter->set_idle(request.handle, idle);
        },
        py::arg("request"), py::arg("idle"), "Takes part or not; False if it has ended.");
}

}  // namespace microjoule
