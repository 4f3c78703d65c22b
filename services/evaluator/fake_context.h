// A TaskContext on a temporary folder, for tests of stages: inputs are local paths.
#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "common/base/files.h"
#include "common/worker/task_context.h"

namespace foundry::evaluator {

class FakeContext : public worker::TaskContext {
 public:
  // Makes `folder`/out and `folder`/scratch.
  explicit FakeContext(const std::filesystem::path& folder)
      : output_(folder / "out"), scratch_(folder / "scratch") {
    std::filesystem::create_directories(output_);
    std::filesystem::create_directories(scratch_);
  }
  const CancelToken& cancel() const override { return cancel_; }
  absl::StatusOr<std::filesystem::path> Fetch(const worker::InputRef& input) override {
    if (!std::filesystem::exists(input.path)) {
      return absl::NotFoundError(absl::StrCat(input.path, ": no such file or folder"));
    }
    const std::filesystem::path path = input.path;
    return input.name.empty() ? path : path / input.name;
  }
  const std::filesystem::path& output() const override { return output_; }
  const std::filesystem::path& scratch() const override { return scratch_; }
  void Progress(const worker::TaskProgress& progress) override { progresses.push_back(progress); }
  void Metric(const std::string&, int64_t, double) override {}
  void Message(const std::string&) override {}

  std::vector<worker::TaskProgress> progresses;

 private:
  std::filesystem::path output_, scratch_;
  CancelToken cancel_;
};

}  // namespace foundry::evaluator
