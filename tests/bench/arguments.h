// --name value pairs of a measuring program.
#pragma once

#include <map>
#include <string>

namespace foundry {

class Arguments {
 public:
  Arguments(int argc, char** argv) {
    for (int i = 1; i + 1 < argc; i += 2) values_[std::string(argv[i]).substr(2)] = argv[i + 1];
  }
  std::string Get(const std::string& name, const std::string& otherwise = "") const {
    const auto it = values_.find(name);
    return it == values_.end() ? otherwise : it->second;
  }

 private:
  std::map<std::string, std::string> values_;
};

}  // namespace foundry
