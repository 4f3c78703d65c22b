#include "tools/foundry/coordinator_address.h"

#include <cstdlib>

#include "tools/foundry/local/state_folder.h"

namespace foundry::cli {

std::string CoordinatorAddress(const std::string& flag) {
  if (!flag.empty()) return flag;
  const char* variable = std::getenv("FOUNDRY_COORDINATOR");
  if (variable != nullptr && *variable != '\0') return variable;
  const auto state = OpenStateFolder();
  return state.ok() ? state->coordinator() : "";
}

}  // namespace foundry::cli
