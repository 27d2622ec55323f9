#include <pybind11/numpy.h>
#include <pybind11/stl.h>

#include <algorithm>
#include <new>

#include "bindings.h"
#include "gil.h"
#include "microjoule/meter.h"
#include "window.h"

namespace py = pybind11;

namespace microjoule {
namespace {

// Set once, when microjoule.measurement is imported; read with the GIL or never changed again.
PyTypeObject* g_window_type = nullptr;
PyTypeObject* g_result_type = nullptr;
PyTypeObject* g_request_type = nullptr;

void release(const WindowObject& window) noexcept {
    if (window.of_request) {
        window.meter->release_request(window.handle);
    } else {
        window.meter->release(window.handle);
    }
}

void dealloc(PyObject* object) {
    auto* window = reinterpret_cast<WindowObject*>(object);
    if (window->meter) {
        release(*window);
    }
    window->meter.~shared_ptr<Meter>();
    PyTypeObject* type = Py_TYPE(object);
    type->tp_free(object);
    Py_DECREF(reinterpret_cast<PyObject*>(type));
}

PyObject* create(PyTypeObject* type, PyObject*, PyObject*) {
    PyObject* object = type->tp_alloc(type, 0);
    if (object != nullptr) {
        auto* window = reinterpret_cast<WindowObject*>(object);
        new (&window->meter) std::shared_ptr<Meter>();
    }
    return object;
}

void make_type(py::module_& m) {
    static PyType_Slot slots[] = {
        {Py_tp_dealloc, reinterpret_cast<void*>(dealloc)},
        {Py_tp_new, reinterpret_cast<void*>(create)},
        {Py_tp_doc, const_cast<char*>("A window or a request; the base class of results.")},
        {0, nullptr},
    };
    static PyType_Spec spec{"microjoule._core.Window", sizeof(WindowObject), 0,
                            Py_TPFLAGS_DEFAULT | Py_TPFLAGS_BASETYPE, slots};
    PyObject* type = PyType_FromSpec(&spec);
    if (type == nullptr) {
        throw py::error_already_set();
    }
    g_window_type = g_result_type = g_request_type = reinterpret_cast<PyTypeObject*>(type);
    m.attr("Window") = py::reinterpret_steal<py::object>(type);
}

py::object make(PyTypeObject* type, std::shared_ptr<Meter> meter, Handle handle, bool of_request) {
    PyObject* object = type->tp_alloc(type, 0);
    if (object == nullptr) {
        throw py::error_already_set();
    }
    auto* window = reinterpret_cast<WindowObject*>(object);
    new (&window->meter) std::shared_ptr<Meter>(std::move(meter));
    window->handle = handle;
    window->token = Windows::token(handle);
    window->of_request = of_request;
    return py::reinterpret_steal<py::object>(object);
}

// Names the class of which results are made, instead of the base.
void set_type(PyTypeObject*& of, const py::type& type) {
    if (!PyType_IsSubtype(reinterpret_cast<PyTypeObject*>(type.ptr()), g_window_type)) {
        throw py::type_error("the result type must be a subclass of Window");
    }
    of = reinterpret_cast<PyTypeObject*>(type.inc_ref().ptr());
}

std::int64_t timeout_ns(double timeout_s) {
    return static_cast<std::int64_t>(std::clamp(timeout_s, 0.0, 1e9) * 1e9);
}

py::object trace_of(const py::handle& object) {
    WindowObject& window = self_of(object);
    const std::unique_ptr<Trace> trace = window.meter->take_trace(window.handle);
    if (!trace) {
        return py::none();
    }
    const auto points = static_cast<py::ssize_t>(trace->t_ns.size());
    const auto columns = static_cast<py::ssize_t>(window.meter->sensors().size());
    py::array_t<std::int64_t> t_ns(points, trace->t_ns.data());
    py::array_t<double> energy({points, columns}, trace->energy.data());
    return py::make_tuple(t_ns, energy);
}

}  // namespace

WindowObject& self_of(const py::handle& object) {
    if (!PyObject_TypeCheck(object.ptr(), g_window_type)) {
        throw py::type_error("expected a window or a request of microjoule");
    }
    WindowObject& window = *reinterpret_cast<WindowObject*>(object.ptr());
    if (!window.meter) {
        throw py::value_error(
            "a result comes from measure(), end(), request() or end_request(), it is not made by "
            "hand");
    }
    return window;
}

py::object make_window(PyTypeObject* type, std::shared_ptr<Meter> meter, Handle handle) {
    return make(type, std::move(meter), handle, false);
}

py::object make_request(std::shared_ptr<Meter> meter, Handle handle) {
    return make(g_request_type, std::move(meter), handle, true);
}

PyTypeObject* result_type() noexcept {
    return g_result_type;
}

void register_results(py::module_& m) {
    make_type(m);
    m.def(
        "set_result_type", [](const py::type& type) { set_type(g_result_type, type); },
        py::arg("type"), "Names the class that Meter.end() makes.");
    m.def(
        "set_request_type", [](const py::type& type) { set_type(g_request_type, type); },
        py::arg("type"), "Names the class that Meter.end_request() makes.");

    py::class_<SensorFigures>(m, "SensorFigures", "The figures of one sensor over one window.")
        .def_readonly("energy", &SensorFigures::energy)
        .def_readonly("timing", &SensorFigures::timing)
        .def_readonly("quantisation", &SensorFigures::quantisation)
        .def_readonly("gain", &SensorFigures::gain)
        .def_readonly("model", &SensorFigures::model)
        .def_readonly("low", &SensorFigures::low)
        .def_readonly("high", &SensorFigures::high)
        .def_readonly("gap_s", &SensorFigures::gap_s)
        .def_readonly("ambiguous", &SensorFigures::ambiguous)
        .def_readonly("resets", &SensorFigures::resets);

    py::class_<Figures>(m, "Figures", "Everything that is known of one window.")
        .def_readonly("start_ns", &Figures::start_ns)
        .def_readonly("end_ns", &Figures::end_ns)
        .def_readonly("sensors", &Figures::sensors)
        .def_readonly("peak_w", &Figures::peak_w)
        .def_readonly("overhead_cpu_s", &Figures::overhead_cpu_s)
        .def_readonly("late_s", &Figures::late_s)
        .def_readonly("suspended_s", &Figures::suspended_s)
        .def_readonly("stretch", &Figures::stretch)
        .def_readonly("thread_error", &Figures::thread_error)
        .def_readonly("lagged", &Figures::lagged)
        .def_readonly("settled", &Figures::settled)
        .def_readonly("border_ns", &Figures::border_ns)
        .def_readonly("border_energy", &Figures::border_energy);

    py::class_<Books>(m, "Books", "What flowed since the meter began.")
        .def_readonly("sensors", &Books::sensors)
        .def_readonly("accounts", &Books::accounts)
        .def_readonly("duration_s", &Books::duration_s);

    // The methods of Window take it as an argument: Measurement and Request put names to them.
    m.def(
        "figures",
        [](const py::handle& object) {
            WindowObject& window = self_of(object);
            const ReleaseGil unlocked;  // the sampler may hold the lock
            return window.meter->figures(window.handle);
        },
        py::arg("window"), "The figures as they are now.");
    m.def(
        "wait",
        [](const py::handle& object, double timeout_s) {
            WindowObject& window = self_of(object);
            const ReleaseGil unlocked;  // blocks until the sampler has settled it
            return window.of_request
                       ? window.meter->wait_request(window.handle, timeout_ns(timeout_s))
                       : window.meter->wait(window.handle, timeout_ns(timeout_s));
        },
        py::arg("window"), py::arg("timeout_s"), "Waits for the window to settle.");
    m.def(
        "settled",
        [](const py::handle& object) {
            WindowObject& window = self_of(object);
            return window.of_request ? window.meter->request_settled(window.handle)
                                     : window.meter->settled(window.handle);
        },
        py::arg("window"), "Whether the figures are final.");
    m.def(
        "stamps",
        [](const py::handle& object) {
            WindowObject& window = self_of(object);
            return window.of_request ? window.meter->request_stamps(window.handle)
                                     : std::make_pair(window.meter->start_ns(window.handle),
                                                      window.meter->end_ns(window.handle));
        },
        py::arg("window"),
        "Start and end in nanoseconds of CLOCK_MONOTONIC; end 0 while it is open.");
    m.def(
        "close",
        [](const py::handle& object) {
            WindowObject& window = self_of(object);
            if (window.of_request) {
                window.meter->leave(window.token);
            } else {
                window.meter->end(window.token);
            }
        },
        py::arg("window"), "Ends an open window.");
    m.def(
        "release", [](const py::handle& object) { release(self_of(object)); }, py::arg("window"),
        "Gives the record of a window back; its figures cannot be read again.");
    m.def("take_trace", &trace_of, py::arg("window"),
          "The trace of a settled window as (times, energies), once; None if there is none.");
    m.def(
        "sensors_of", [](const py::handle& object) { return self_of(object).meter->sensors(); },
        py::arg("window"), "The sensors of the window's meter.");
}

}  // namespace microjoule
