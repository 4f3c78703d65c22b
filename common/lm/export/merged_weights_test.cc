#include "common/lm/export/merged_weights.h"

#include <cmath>

#include "absl/strings/str_cat.h"
#include "common/base/files.h"
#include "common/lm/export/test_models.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace foundry::lm {
namespace {

using ::testing::HasSubstr;
using testing::TestModule;
using testing::WriteAdapter;

const TestModule kQuery = {"model.layers.1.self_attn.q_proj", 64, 64};
const TestModule kDown = {"model.layers.0.mlp.down_proj", 112, 64};

class MergedWeightsTest : public ::testing::Test {
 protected:
  void SetUp() override {
    auto folder = TempFolder::Make();
    ASSERT_TRUE(folder.ok()) << folder.status();
    folder_ = std::make_unique<TempFolder>(*std::move(folder));
    if (!testing::CopyTinyModel("llama", folder_->path() / "base")) {
      GTEST_SKIP() << "no reference data at " << testing::SharedDir();
    }
    base_ = *Checkpoint::Open(folder_->path() / "base");
  }
  absl::StatusOr<MergedWeights> Merge(const std::vector<TestModule>& modules, float b) {
    WriteAdapter(folder_->path() / "adapter", modules, b);
    auto adapter = PeftAdapter::Read(folder_->path() / "adapter");
    if (!adapter.ok()) return adapter.status();
    return MergedWeights::Make(base_, *adapter);
  }
  std::unique_ptr<TempFolder> folder_;
  std::shared_ptr<const Checkpoint> base_;
};

TEST_F(MergedWeightsTest, AddsTheScaledProduct) {
  auto merged = Merge({kQuery, kDown}, 0.5f);
  ASSERT_TRUE(merged.ok()) << merged.status();
  auto adapter = PeftAdapter::Read(folder_->path() / "adapter");
  ASSERT_TRUE(adapter.ok());
  EXPECT_EQ(adapter->scale, 2);  // alpha 4, rank 2
  for (const TensorSpec& tensor : merged->tensors()) {
    const std::vector<float> before = *base_->Float32(tensor.name);
    const std::vector<float> after = *merged->Float32(tensor);
    const auto it = adapter->updates.find(tensor.name);
    if (it == adapter->updates.end()) {
      EXPECT_EQ(after, before) << tensor.name;
      continue;
    }
    const LoraUpdate& update = it->second;
    for (int64_t o = 0; o < update.out; ++o) {
      for (int64_t i = 0; i < update.in; ++i) {
        double delta = 0;
        for (int64_t r = 0; r < 2; ++r) {
          delta += static_cast<double>(update.b[o * 2 + r]) * update.a[r * update.in + i];
        }
        ASSERT_NEAR(after[o * update.in + i], before[o * update.in + i] + 2 * delta, 1e-6);
      }
    }
  }
}

// The magnitudes of a DoRA adapter: `lengths` times the norms of the base's rows.
class DoraMergeTest : public MergedWeightsTest {
 protected:
  absl::StatusOr<MergedWeights> MergeDora(float b, float lengths) {
    const auto folder = folder_->path() / "adapter";
    WriteAdapter(folder, {kQuery}, b);
    const auto plain = Safetensors::Open(folder / "adapter_model.safetensors").value();
    const std::string prefix = absl::StrCat("base_model.model.", kQuery.name, ".");
    const std::vector<std::string> names = {"lora_A.weight", "lora_B.weight",
                                            "lora_magnitude_vector"};
    std::vector<StoredTensor> stored;
    std::vector<std::vector<float>> values;
    for (const std::string& name : names) {
      if (const TensorView* view = plain->Find(prefix + name)) {
        stored.push_back({prefix + name, DType::kF32, view->shape});
        values.push_back(plain->Float32(prefix + name).value());
        continue;
      }
      stored.push_back({prefix + name, DType::kF32, {kQuery.out}});
      const std::vector<float> base = *base_->Float32(kQuery.name + ".weight");
      for (int64_t o = 0; o < kQuery.out; ++o) {
        double sum = 0;
        for (int64_t i = 0; i < kQuery.in; ++i) sum += std::pow(base[o * kQuery.in + i], 2);
        magnitude_.push_back(static_cast<float>(lengths * std::sqrt(sum)));
      }
      values.push_back(magnitude_);
    }
    auto writer = TensorFileWriter::Safetensors(folder / "dora", {{"format", "pt"}}, stored);
    for (size_t i = 0; i < stored.size(); ++i) {
      EXPECT_TRUE((*writer)->Write(stored[i].name, values[i]).ok());
    }
    EXPECT_TRUE((*writer)->Finish().ok());
    std::filesystem::rename(folder / "dora", folder / "adapter_model.safetensors");
    Json config = *ReadJsonFile(folder / "adapter_config.json");
    config["use_dora"] = true;
    EXPECT_TRUE(WriteJsonFile(folder / "adapter_config.json", config).ok());
    auto adapter = PeftAdapter::Read(folder);
    if (!adapter.ok()) return adapter.status();
    return MergedWeights::Make(base_, *adapter);
  }
  std::vector<float> magnitude_;
};

TEST_F(DoraMergeTest, RowsGetTheirMagnitudesInTheUpdatedDirection) {
  const TensorSpec tensor = {kQuery.name + ".weight", {kQuery.out, kQuery.in}};
  auto plain = Merge({kQuery}, 0.5f);
  ASSERT_TRUE(plain.ok()) << plain.status();
  const std::vector<float> direction = *plain->Float32(tensor);
  auto merged = MergeDora(0.5f, 1.25f);
  ASSERT_TRUE(merged.ok()) << merged.status();
  const std::vector<float> rows = *merged->Float32(tensor);
  for (int64_t o = 0; o < kQuery.out; ++o) {
    double norm = 0;
    for (int64_t i = 0; i < kQuery.in; ++i) norm += std::pow(direction[o * kQuery.in + i], 2);
    const double scale = magnitude_[o] / std::sqrt(norm);
    for (int64_t i = 0; i < kQuery.in; ++i) {
      const int64_t at = o * kQuery.in + i;
      ASSERT_NEAR(rows[at], scale * direction[at], 1e-6) << at;
    }
  }
}

TEST_F(DoraMergeTest, LengthsAloneAreAChange) {
  EXPECT_TRUE(MergeDora(0, 1.25f).ok());
  magnitude_.clear();
  EXPECT_THAT(MergeDora(0, 1).status().message(), HasSubstr("would change nothing"));
}

TEST_F(MergedWeightsTest, AnAdapterThatChangesNothingIsRefused) {
  auto merged = Merge({kQuery}, 0);
  EXPECT_EQ(merged.status().code(), absl::StatusCode::kFailedPrecondition);
  EXPECT_THAT(merged.status().message(), HasSubstr("would change nothing"));
}

TEST_F(MergedWeightsTest, AnotherModelsAdapterIsRefused) {
  EXPECT_THAT(Merge({{"model.layers.7.self_attn.q_proj", 64, 64}}, 1).status().message(),
              HasSubstr("model.layers.7.self_attn.q_proj.weight', which"));
  EXPECT_THAT(Merge({{"model.layers.0.self_attn.q_proj", 32, 64}}, 1).status().message(),
              HasSubstr("as [64, 32], but"));
}

TEST_F(MergedWeightsTest, WhatCannotBeMergedIsNamed) {
  const auto error = [&](const Json& changes) {
    WriteAdapter(folder_->path() / "adapter", {kQuery}, 1);
    const auto file = folder_->path() / "adapter/adapter_config.json";
    Json config = *ReadJsonFile(file);
    config.update(changes);
    EXPECT_TRUE(WriteJsonFile(file, config).ok());
    return std::string(PeftAdapter::Read(folder_->path() / "adapter").status().message());
  };
  EXPECT_EQ(error(Json::object()), "");
  EXPECT_THAT(error({{"use_dora", true}}), HasSubstr("lora_magnitude_vector of 0 values"));
  EXPECT_THAT(error({{"lora_bias", true}}), HasSubstr("adapter_config.json: lora_bias"));
  EXPECT_THAT(error({{"rank_pattern", {{"q_proj", 4}}}}), HasSubstr("rank_pattern"));
  EXPECT_THAT(error({{"peft_type", "LOHA"}}), HasSubstr("'LOHA'"));
  EXPECT_THAT(error({{"r", 3}}),
              HasSubstr("lora_A.weight': has the shape [2, 64], but the rank is 3"));
  EXPECT_THAT(PeftAdapter::Read(folder_->path() / "none").status().message(),
              HasSubstr("adapter_config.json"));
}

}  // namespace
}  // namespace foundry::lm
