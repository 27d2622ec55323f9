#pragma once

#include <string>

#include "temp_tree.h"

/// A `power` PMU whose events are the kernel's own CPU clock (type 1, config 0), which counts the
/// nanoseconds of its CPU: with a scale of W x 1e-9 it is the energy of W watts.
struct SoftwarePmu : TempTree {
    explicit SoftwarePmu(const std::string& cpumask = "0\n") {
        pmu("type", "1\n");
        pmu("cpumask", cpumask);
        pmu("format/event", "config:0-7\n");
    }

    void pmu(const std::string& file, const std::string& text) const {
        put("bus/event_source/devices/power/" + file, text);
    }

    void event(const std::string& name, const std::string& scale,
               const std::string& code = "event=0x00\n") const {
        pmu("events/" + name, code);
        pmu("events/" + name + ".scale", scale);
        pmu("events/" + name + ".unit", "Joules\n");
    }

    void topology(int cpu, int socket, int die) const {
        const std::string path = "devices/system/cpu/cpu" + std::to_string(cpu) + "/topology/";
        put(path + "physical_package_id", std::to_string(socket) + "\n");
        put(path + "die_id", std::to_string(die) + "\n");
    }
};
