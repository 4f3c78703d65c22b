// A TaskContext without a job: single-part commands run a stage's handler in this process.
#pragma once

#include <filesystem>
#include <memory>
#include <optional>
#include <string>

#include "common/base/cancel.h"
#include "common/base/files.h"
#include "common/worker/stage.h"
#include "common/worker/task_context.h"
#include "tools/foundry/local/state_folder.h"

namespace foundry::cli {

// Inputs must be paths; progress and messages go to stderr. Ctrl-C cancels. Output is made beside
// its final place and shows up there only on success, each file or folder by a rename; whatever
// else lies there stays. Thread-safe as TaskContext asks.
class LocalTask : public worker::TaskContext {
 public:
  // `output`: the folder that will hold the results. `scratch` keeps an interrupted run's state:
  // <output>.work, removed on success. FailedPrecondition while another command makes `output`.
  static absl::StatusOr<std::unique_ptr<LocalTask>> Make(const std::filesystem::path& output);

  // Runs the handler that takes `request`, then makes the output visible.
  absl::StatusOr<worker::StageOutput> Run(const worker::Stage& stage,
                                          const worker::StageRequest& request);

  const CancelToken& cancel() const override { return cancel_; }
  absl::StatusOr<std::filesystem::path> Fetch(const worker::InputRef& input) override;
  const std::filesystem::path& output() const override { return made_; }
  const std::filesystem::path& scratch() const override { return scratch_; }
  // That of local mode's jobs.
  std::filesystem::path cache() const override;
  void Progress(const worker::TaskProgress& progress) override;
  void Metric(const std::string& name, int64_t step, double value) override {}
  void Message(const std::string& text) override;

 private:
  explicit LocalTask(std::filesystem::path output);

  CancelToken cancel_;
  std::filesystem::path final_, work_, made_, scratch_;
  std::optional<FileLock> lock_;  // on work_
  bool terminal_;
};

}  // namespace foundry::cli
