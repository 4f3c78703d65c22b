// Where the shared reference data lies, for tests that use it when it is there. Header only.
#pragma once

#include <cstdlib>
#include <filesystem>

namespace foundry::extraction {

// <FOUNDRY_SHARED_DIR, or the folder "shared" beside the repository>/data/`part`; may not exist.
inline std::filesystem::path SharedData(const std::string& part) {
  const char* shared = std::getenv("FOUNDRY_SHARED_DIR");
  const char* source = std::getenv("FOUNDRY_SOURCE_DIR");
  const std::filesystem::path root =
      shared != nullptr ? std::filesystem::path(shared)
                        : std::filesystem::path(source != nullptr ? source : ".") / ".." / "shared";
  return root / "data" / part;
}

}  // namespace foundry::extraction
