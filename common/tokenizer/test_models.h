// Where tests find the models and goldens.
#pragma once

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <string>
#include <vector>

#include "common/base/json.h"

namespace foundry::tokenizer {

inline std::filesystem::path SourceDir() {
  const char* dir = std::getenv("FOUNDRY_SOURCE_DIR");
  return dir != nullptr ? dir : ".";
}

inline std::filesystem::path ModelDir(const char* name) {
  const char* models = std::getenv("FOUNDRY_MODELS");
  return (models != nullptr ? std::filesystem::path(models) : SourceDir() / "models") / name;
}

inline std::vector<Json> ReadGoldens(const std::string& name) {
  std::ifstream file(SourceDir() / "tests/data/goldens" / name);
  std::vector<Json> out;
  for (std::string line; std::getline(file, line);) {
    if (!line.empty()) out.push_back(Json::parse(line));
  }
  return out;
}

}  // namespace foundry::tokenizer

#define FOUNDRY_NEEDS_MODEL(name)                                          \
  if (!std::filesystem::exists(::foundry::tokenizer::ModelDir(name))) {    \
    GTEST_SKIP() << "no model at " << ::foundry::tokenizer::ModelDir(name) \
                 << ": tools/setup.sh brings it";                          \
  }
