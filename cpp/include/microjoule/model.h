#pragma once

#include <memory>
#include <string>

#include "microjoule/source.h"

namespace microjoule {

/// What the power model needs to know of a machine without a meter.
struct ModelSetup {
    std::string procfs = "/proc";
    double tdp_w = 0;        ///< of all that /proc/stat counts; 0: no CPU model
    double tdp_rel = 0.4;    ///< relative standard uncertainty of the modelled power
    std::string tdp_method;  ///< how the TDP was found
    double dram_w = 0;       ///< constant; 0: no DRAM model
    double dram_rel = 0.6;
    std::string dram_method;
};

/// P = TDP x max(0.05, 0.75 u^0.7), u the utilisation of all CPUs in [0, 1].
///
/// Concave because half of the logical CPUs are all of the cores under SMT; fitted to published
/// RAPL profiles of four machines with an rms error of 0.39 in ln P.
double modelled_cpu_power_w(double tdp_w, double utilisation) noexcept;

/// The sensors `model.cpu` (from /proc/stat) and `model.dram` (a constant power): what is known
/// where no meter can be read. Marked estimated for ever after. nullptr if neither can be had.
std::unique_ptr<Source> make_model(const ModelSetup& setup);

}  // namespace microjoule
