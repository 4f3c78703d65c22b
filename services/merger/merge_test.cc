#include "services/merger/merge.h"

#include <filesystem>
#include <memory>

#include "common/base/files.h"
#include "common/base/json.h"
#include "common/lm/export/test_models.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "services/merger/merger_service.h"

namespace foundry::merger {
namespace {

namespace fs = std::filesystem;
using ::testing::HasSubstr;

class LocalContext : public worker::TaskContext {
 public:
  explicit LocalContext(const fs::path& folder) : output_(folder / "out"), scratch_(folder) {
    fs::create_directories(output_);
  }
  const CancelToken& cancel() const override { return cancel_; }
  absl::StatusOr<fs::path> Fetch(const worker::InputRef& input) override {
    const fs::path path = fs::path(input.path) / input.name;
    if (!fs::exists(path)) return absl::NotFoundError(path.string() + ": no such file or folder");
    return path;
  }
  const fs::path& output() const override { return output_; }
  const fs::path& scratch() const override { return scratch_; }
  void Progress(const worker::TaskProgress& progress) override { last = progress; }
  void Metric(const std::string&, int64_t, double) override {}
  void Message(const std::string& text) override { messages.push_back(text); }

  worker::TaskProgress last;
  std::vector<std::string> messages;

 private:
  fs::path output_, scratch_;
  CancelToken cancel_;
};

class MergeStageTest : public ::testing::Test {
 protected:
  void SetUp() override {
    auto folder = TempFolder::Make();
    ASSERT_TRUE(folder.ok()) << folder.status();
    folder_ = std::make_unique<TempFolder>(*std::move(folder));
    if (!lm::testing::CopyTinyModel("llama", folder_->path() / "base")) {
      GTEST_SKIP() << "no reference data at " << lm::testing::SharedDir();
    }
    std::vector<lm::testing::TestModule> modules;
    for (int layer = 0; layer < 3; ++layer) {
      modules.push_back({absl::StrCat("model.layers.", layer, ".self_attn.q_proj"), 64, 64});
    }
    lm::testing::WriteAdapter(folder_->path() / "trained/best_checkpoint", modules, 0.3f);
    lm::testing::WriteAdapter(folder_->path() / "untrained", modules, 0);
    context_ = std::make_unique<LocalContext>(folder_->path());
  }
  std::unique_ptr<TempFolder> folder_;
  std::unique_ptr<LocalContext> context_;
};

TEST_F(MergeStageTest, WritesTheMergedFolderAndItsParity) {
  worker::StageRequest request;
  auto* merge = request.mutable_merge();
  merge->mutable_model()->set_name((folder_->path() / "base").string());
  merge->mutable_model()->mutable_adapter()->set_path((folder_->path() / "trained").string());
  merge->mutable_model()->mutable_adapter()->set_name("best_checkpoint");
  merge->mutable_settings()->add_formats("huggingface");
  merge->mutable_settings()->add_formats("gguf");
  merge->mutable_settings()->add_quantization("f16");
  const worker::Stage stage = MakeMergerStage();
  auto output = stage.handlers.at(worker::StageRequest::kMerge)(request, *context_);
  ASSERT_TRUE(output.ok()) << output.status();
  EXPECT_EQ(output->counts.at("files"), 2);
  EXPECT_LT(output->figures.at("max_abs_logit_model.safetensors"), 1e-4);
  EXPECT_GT(output->figures.at("adapter_mean_kl"), 0);
  EXPECT_EQ(context_->last.done, context_->last.total);
  EXPECT_EQ(context_->messages.size(), 2u);
  std::vector<std::string> files;
  for (const auto& entry : fs::recursive_directory_iterator(context_->output())) {
    if (entry.is_regular_file()) {
      files.push_back(fs::relative(entry.path(), context_->output()).string());
    }
  }
  EXPECT_THAT(
      files, ::testing::UnorderedElementsAre(
                 "parity.json", "merged/parity.json", "merged/config.json",
                 "merged/generation_config.json", "merged/model.safetensors",
                 "merged/model-f16.gguf", "merged/tokenizer.json", "merged/tokenizer_config.json"));
}

TEST_F(MergeStageTest, AnUntrainedAdapterFailsTheStep) {
  MergeJob job;
  job.base = (folder_->path() / "base").string();
  job.adapter.path = (folder_->path() / "untrained").string();
  auto output = RunMerge(job, *context_);
  EXPECT_EQ(output.status().code(), absl::StatusCode::kFailedPrecondition) << output.status();
  EXPECT_TRUE(fs::is_empty(context_->output()));
}

TEST_F(MergeStageTest, WrongInputsAreNamed) {
  MergeJob job;
  job.base = (folder_->path() / "base").string();
  job.adapter.path = (folder_->path() / "nowhere").string();
  EXPECT_THAT(RunMerge(job, *context_).status().message(), HasSubstr("nowhere"));
  job.formats = {"onnx"};
  EXPECT_THAT(RunMerge(job, *context_).status().message(), HasSubstr("'onnx'"));
}

}  // namespace
}  // namespace foundry::merger
