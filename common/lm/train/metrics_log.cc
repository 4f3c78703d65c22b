#include "common/lm/train/metrics_log.h"

#include <cerrno>
#include <cstring>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "common/base/files.h"
#include "common/base/json.h"
#include "common/base/status.h"

namespace foundry::lm {

absl::StatusOr<MetricsLog> MetricsLog::Open(const std::filesystem::path& path, int64_t step,
                                            bool validation_pending) {
  std::string kept;
  absl::StatusOr<std::string> old = step > 0 ? ReadFile(path) : std::string();
  if (!old.ok() && !absl::IsNotFound(old.status())) return old.status();
  for (absl::string_view line : absl::StrSplit(old.value_or(""), '\n', absl::SkipEmpty())) {
    absl::StatusOr<Json> json = ParseJson(line, path.string());
    if (!json.ok() || !json->is_object()) continue;
    FOUNDRY_ASSIGN_OR_RETURN(int64_t at, JsonInt(*json, "step"));
    bool again = at == step && validation_pending && json->contains("best");
    if (at <= step && !again) absl::StrAppend(&kept, line, "\n");
  }
  FOUNDRY_RETURN_IF_ERROR(WriteFileAtomic(path, kept));
  MetricsLog log;
  log.path_ = path;
  log.file_.reset(std::fopen(path.c_str(), "a"));
  if (!log.file_) {
    return absl::InternalError(absl::StrCat(path.string(), ": ", std::strerror(errno)));
  }
  return log;
}

absl::Status MetricsLog::Write(const std::string& line) {
  if (std::fputs((line + "\n").c_str(), file_.get()) < 0 || std::fflush(file_.get()) != 0) {
    return absl::InternalError(absl::StrCat(path_.string(), ": ", std::strerror(errno)));
  }
  return absl::OkStatus();
}

absl::Status MetricsLog::Add(const StepReport& r, double epoch) {
  return Write(DumpJson({{"step", r.step},
                         {"epoch", epoch},
                         {"loss", r.loss},
                         {"learning_rate", r.learning_rate},
                         {"grad_norm", r.grad_norm},
                         {"tokens_per_second", r.tokens_per_second},
                         {"examples_per_second", r.examples_per_second}}));
}

absl::Status MetricsLog::Add(const ValidationReport& r, bool scored, bool has_loss) {
  Json line = {{"step", r.step}, {"best", r.best}};
  if (has_loss) line["validation_loss"] = r.loss;
  if (scored) line["score"] = r.score;
  if (!r.figures.empty()) line["figures"] = r.figures;
  return Write(DumpJson(line));
}

}  // namespace foundry::lm
