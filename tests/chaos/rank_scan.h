// The rank processes that trainers have started, found among the machine's processes. Thread-safe
// (no state).
#pragma once

#include <sys/types.h>

#include <filesystem>
#include <vector>

namespace foundry::chaos {

struct RankProcess {
  pid_t pid = 0;
  pid_t parent = 0;
};

// Those whose job lies under `folder`; what has ended and was not waited for is none.
std::vector<RankProcess> FindRanks(const std::filesystem::path& folder);

}  // namespace foundry::chaos
