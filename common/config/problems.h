// Where settings came from, and what is wrong with them.
//
// Every check of a spec adds to one Problems, so that a user sees all mistakes at once, each with
// the line of the file (or the flag or variable) that it came from. Not thread-safe.
#pragma once

#include <filesystem>
#include <map>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"

namespace foundry::config {

// Where a value was written.
struct Origin {
  std::string text;  // "pipeline.yaml:12", "--set", "FOUNDRY_SEED"; empty: nowhere known
  int line = 0;      // for sorting; 0: not a file
  std::filesystem::path folder;  // relative paths in the value count from here
};

// Paths are written as users write them: distillation.lora.rank, sources[1].pdf.
class Problems {
 public:
  void SetOrigin(const std::string& path, Origin origin);
  // The origin of `path`, or of the nearest thing around it that has one.
  const Origin& OriginOf(absl::string_view path) const;

  void Add(absl::string_view path, absl::string_view message);
  void AddAt(const Origin& origin, absl::string_view path, absl::string_view message);

  bool empty() const { return problems_.empty(); }
  // OK, or InvalidArgument with one problem a line, in the order of the file:
  // "pipeline.yaml:12: distillation.epochs: must be between 0.01 and 1000, got -3".
  absl::Status ToStatus() const;

 private:
  struct Problem {
    int line;
    std::string text;
  };
  std::map<std::string, Origin, std::less<>> origins_;
  std::vector<Problem> problems_;
};

}  // namespace foundry::config
