// Which coordinator a command speaks to.
#pragma once

#include <string>

namespace foundry::cli {

// The flag, else $FOUNDRY_COORDINATOR, else the socket of this machine's local cluster.
std::string CoordinatorAddress(const std::string& flag);

}  // namespace foundry::cli
