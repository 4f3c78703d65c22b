// metrics.jsonl: one line for each step and each validation, none twice after a resume.
// Not thread-safe.
#pragma once

#include <cstdint>
#include <cstdio>
#include <filesystem>
#include <memory>

#include "absl/status/statusor.h"
#include "common/lm/trainer.h"

namespace foundry::lm {

class MetricsLog {
 public:
  // Keeps the lines of steps up to `step`, without that step's validation when it is to be made
  // again; a line cut short by a crash goes too.
  static absl::StatusOr<MetricsLog> Open(const std::filesystem::path& path, int64_t step,
                                         bool validation_pending);

  absl::Status Add(const StepReport& report, double epoch);
  absl::Status Add(const ValidationReport& report, bool scored, bool has_loss);

 private:
  absl::Status Write(const std::string& line);

  struct Close {
    void operator()(std::FILE* file) const { std::fclose(file); }
  };
  std::filesystem::path path_;
  std::unique_ptr<std::FILE, Close> file_;
};

}  // namespace foundry::lm
