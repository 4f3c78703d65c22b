// A tiny model and facts that it learns, for tests of lm::Train.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include <ATen/Parallel.h>

#include "absl/strings/str_split.h"
#include "common/base/files.h"
#include "common/base/json.h"
#include "common/lm/language_model_impl.h"
#include "common/lm/model/test_support.h"
#include "common/lm/trainer.h"
#include "gtest/gtest.h"

namespace foundry::lm::testing {

// Facts to learn: after a random question comes its own answer.
inline std::vector<Example> Facts(int count) {
  std::vector<Example> examples(count);
  for (int i = 0; i < count; ++i) {
    examples[i].ids = {1, 5, 6, 7, 8, 20 + i, 60 + 2 * i, 61 + 2 * i, 2};
    examples[i].loss_weights = {0, 0, 0, 0, 0, 0, 1, 1, 1};
  }
  return examples;
}

class TrainTest : public ::testing::Test {
 protected:
  void SetUp() override {
    at::set_num_threads(1);  // the model is tiny: threads would wait for each other
    LanguageModel::Impl like;
    like.path = "tiny-llama";
    model_ = LanguageModel::Impl::Wrap(like, LoadDecoder(Golden("tiny/llama")));
    folder_ = TempFolder::Make().value();
    options_.lora = {.rank = 8, .alpha = 16};
    options_.learning_rate = 1e-2;
    options_.epochs = 10;
    options_.batch_size = 4;
    options_.compute = ComputeType::kFloat32;
    options_.checkpoint_every = 7;
  }
  absl::StatusOr<TrainSummary> Run(const std::string& name, const CancelToken& cancel = {}) {
    return Train(*model_, train_, validation_, options_, folder_->path() / name, hooks_, cancel);
  }
  std::string File(const std::string& name) {
    return ReadFile(folder_->path() / name).value_or("");
  }
  // Steps of the training lines of metrics.jsonl.
  std::vector<int64_t> LoggedSteps(const std::string& name) {
    std::vector<int64_t> steps;
    const std::string text = File(name + "/metrics.jsonl");
    for (absl::string_view line : absl::StrSplit(text, '\n', absl::SkipEmpty())) {
      Json json = ParseJson(line, name).value();
      if (json.contains("loss")) steps.push_back(json["step"]);
    }
    return steps;
  }

  std::unique_ptr<LanguageModel> model_;
  std::optional<TempFolder> folder_;
  std::vector<Example> train_ = Facts(18), validation_ = Facts(4);
  TrainOptions options_;
  TrainHooks hooks_;
};

}  // namespace foundry::lm::testing
