#include "common/lm/soft_target_cache.h"

#include <cmath>
#include <fstream>

#include "common/base/files.h"
#include "common/lm/language_model_impl.h"
#include "common/lm/model/test_support.h"
#include "common/lm/soft_targets.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace foundry::lm {
namespace {

namespace fs = std::filesystem;
using ::testing::HasSubstr;

class SoftTargetCacheTest : public ::testing::Test {
 protected:
  void SetUp() override { folder_ = std::make_unique<TempFolder>(TempFolder::Make().value()); }
  fs::path file() const { return folder_->path() / "below/teacher.targets"; }
  std::unique_ptr<SoftTargetCache> Open(const TeacherKey& key = Key()) {
    auto cache = SoftTargetCache::Open(file(), key);
    EXPECT_TRUE(cache.ok()) << cache.status();
    return cache.ok() ? *std::move(cache) : nullptr;
  }
  static TeacherKey Key() { return {"t", "c", "w", 2, 2.0}; }
  static ScoreRequest Request(int32_t first) { return {{first, 8}, {9, 10, 11}}; }
  static SoftTargets Targets(int32_t id) {
    return {2, {id, 1, 2, 3, 4, 5}, {-0.1f, -2.3f, -0.7f, -0.8f, -1e9f, -3.33333f}};
  }
  std::unique_ptr<TempFolder> folder_;
};

TEST_F(SoftTargetCacheTest, WhatIsAddedIsThereInTheNextRunAsItWasGivenBack) {
  SoftTargets small = Targets(7), large = Targets(100'000);
  {
    auto cache = Open();
    EXPECT_FALSE(cache->Find(Request(1))->has_value());
    ASSERT_TRUE(cache->Add(Request(1), &small).ok());
    ASSERT_TRUE(cache->Add(Request(2), &large).ok());
    EXPECT_NEAR(small.logprobs[5], -3.33333f, 2e-3);
    EXPECT_EQ(std::exp(small.logprobs[4]), 0);
  }
  auto cache = Open();
  EXPECT_EQ(cache->size(), 2u);
  for (const auto& [first, targets] : {std::pair(1, small), std::pair(2, large)}) {
    const auto found = cache->Find(Request(first)).value();
    ASSERT_TRUE(found.has_value());
    EXPECT_EQ(found->ids, targets.ids);
    EXPECT_EQ(found->logprobs, targets.logprobs);  // to the bit: no difference to the first run
  }
  // The border between context and target matters.
  EXPECT_FALSE(cache->Find({{1}, {8, 9, 10, 11}})->has_value());
}

TEST_F(SoftTargetCacheTest, AnotherTeacherIsRefusedAndSaysInWhat) {
  Open();
  for (const auto& [name, key] : {std::pair("weights", TeacherKey{"t", "c", "x", 2, 2.0}),
                                  {"tokenizer", {"x", "c", "w", 2, 2.0}},
                                  {"chat_template", {"t", "x", "w", 2, 2.0}},
                                  {"temperature", {"t", "c", "w", 2, 1.0}},
                                  {"k", {"t", "c", "w", 3, 2.0}}}) {
    const auto refused = SoftTargetCache::Open(file(), key);
    ASSERT_TRUE(absl::IsFailedPrecondition(refused.status())) << name;
    EXPECT_THAT(std::string(refused.status().message()), HasSubstr(name));
  }
}

// Killed while it wrote: whole records stay, the cut one is computed again.
TEST_F(SoftTargetCacheTest, ACutRecordIsDropped) {
  SoftTargets first = Targets(7), second = Targets(8);
  uintmax_t one = 0;
  {
    auto cache = Open();
    ASSERT_TRUE(cache->Add(Request(1), &first).ok());
    one = fs::file_size(file());
    ASSERT_TRUE(cache->Add(Request(2), &second).ok());
  }
  const uintmax_t both = fs::file_size(file());
  for (uintmax_t size = one; size < both; ++size) {
    fs::resize_file(file(), size);
    auto cache = Open();
    EXPECT_EQ(cache->size(), 1u) << size;
    EXPECT_TRUE(cache->Find(Request(1))->has_value());
    ASSERT_TRUE(cache->Add(Request(2), &second).ok());
    EXPECT_EQ(cache->Find(Request(2))->value().ids, second.ids);
  }
}

// A power cut may leave the length of a record without its bytes.
TEST_F(SoftTargetCacheTest, AChangedRecordIsNotUsed) {
  SoftTargets first = Targets(7), second = Targets(8);
  uintmax_t one = 0;
  {
    auto cache = Open();
    ASSERT_TRUE(cache->Add(Request(1), &first).ok());
    one = fs::file_size(file());
    ASSERT_TRUE(cache->Add(Request(2), &second).ok());
  }
  const std::string whole = ReadFile(file()).value();
  for (size_t at : {one + 70, one + 80, whole.size() - 1}) {
    std::string changed = whole;
    changed[at] = static_cast<char>(changed[at] ^ 0x11);
    std::ofstream(file(), std::ios::binary | std::ios::trunc) << changed;
    auto cache = Open();
    EXPECT_TRUE(cache->Find(Request(1)).value().has_value()) << at;
    EXPECT_FALSE(cache->Find(Request(2)).value().has_value()) << at;
    ASSERT_TRUE(cache->Add(Request(2), &second).ok());
    EXPECT_EQ(cache->Find(Request(2)).value()->ids, second.ids) << at;
  }
  // Nothing but zeros behind the first record.
  std::ofstream(file(), std::ios::binary | std::ios::trunc)
      << whole.substr(0, one) << std::string(whole.size() - one, '\0');
  EXPECT_EQ(Open()->size(), 1u);
}

// Two runs of one teacher, then the teacher with an adapter.
TEST_F(SoftTargetCacheTest, ASecondRunComputesNothingAndGetsTheSame) {
  const fs::path model = testing::Golden("tiny/llama");
  ASSERT_FALSE(model.empty());
  const auto teacher = LanguageModel::Load(model).value();
  std::vector<ScoreRequest> requests;
  for (int32_t i = 0; i < 70; ++i) requests.push_back({{3, i, 5}, {6 + i, 7, 8, i}});
  const auto run = [&](size_t count, size_t* reused) {
    return CachedTeacherTargets(*teacher, {requests.data(), count}, 8, 2.0, folder_->path(),
                                CancelToken(), reused);
  };
  size_t reused = 0;
  const auto part = run(30, &reused);
  ASSERT_TRUE(part.ok()) << part.status();
  EXPECT_EQ(reused, 0u);
  const auto first = run(70, &reused);
  ASSERT_TRUE(first.ok()) << first.status();
  EXPECT_EQ(reused, 30u);
  const auto second = run(70, &reused);
  ASSERT_TRUE(second.ok()) << second.status();
  EXPECT_EQ(reused, 70u);
  const auto exact = TeacherTargets(*teacher, requests, 8, 2.0, CancelToken()).value();
  for (size_t i = 0; i < requests.size(); ++i) {
    EXPECT_EQ((*second)[i].ids, (*first)[i].ids);
    EXPECT_EQ((*second)[i].logprobs, (*first)[i].logprobs);
    EXPECT_EQ((*first)[i].ids, exact[i].ids);
    for (size_t j = 0; j < exact[i].logprobs.size(); ++j) {
      EXPECT_NEAR((*first)[i].logprobs[j], exact[i].logprobs[j], 5e-3);
    }
  }
  teacher->impl().decoder->layers()[1].down.weight.mul_(1.01);
  ASSERT_TRUE(run(70, &reused).ok());
  EXPECT_EQ(reused, 0u) << "other weights, the same targets";
}

TEST_F(SoftTargetCacheTest, OneProcessAtATimeAndNoOtherFiles) {
  auto cache = Open();
  EXPECT_TRUE(absl::IsUnavailable(SoftTargetCache::Open(file(), Key()).status()));
  const fs::path other = folder_->path() / "pairs.json";
  std::ofstream(other) << "[{\"input\": \"a long enough file of something else\"}]";
  EXPECT_TRUE(absl::IsDataLoss(SoftTargetCache::Open(other, Key()).status()));
  EXPECT_EQ(fs::file_size(other), 51u);
}

}  // namespace
}  // namespace foundry::lm
