#include "microjoule/nvml_api.h"

namespace microjoule::nvml {

bool Api::load(const Dylib& library, std::string& missing) {
    const auto need = [&](const char* symbol, auto*& function) {
        if (!library.find(symbol, function) && missing.empty()) {
            missing = symbol;
        }
    };
    need("nvmlInit_v2", init);
    need("nvmlShutdown", shutdown);
    need("nvmlErrorString", error_string);
    need("nvmlDeviceGetCount_v2", count);
    need("nvmlDeviceGetHandleByIndex_v2", by_index);
    need("nvmlDeviceGetHandleByUUID", by_uuid);
    need("nvmlDeviceGetUUID", uuid);
    need("nvmlDeviceGetName", name);
    need("nvmlDeviceGetPowerUsage", power_usage);
    library.find("nvmlDeviceGetArchitecture", architecture);
    library.find("nvmlDeviceGetMigMode", mig_mode);
    library.find("nvmlDeviceGetDeviceHandleFromMigDeviceHandle", parent_of_slice);
    library.find("nvmlDeviceGetPowerManagementLimit", power_limit);
    library.find("nvmlDeviceGetTotalEnergyConsumption", total_energy);
    library.find("nvmlDeviceGetFieldValues", field_values);
    return missing.empty();
}

}  // namespace microjoule::nvml
