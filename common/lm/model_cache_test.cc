#include "common/lm/model_cache.h"

#include <atomic>
#include <thread>
#include <vector>

#include "common/lm/bounded_cache.h"
#include "common/lm/export/test_models.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace foundry::lm {
namespace {

TEST(BoundedCacheTest, OneMakerPerKeyWhileOthersWait) {
  BoundedCache<int> cache(2);
  std::atomic<int> made{0};
  std::vector<std::thread> threads;
  for (int i = 0; i < 8; ++i) {
    threads.emplace_back([&] {
      auto value = cache.Get("a", [&]() -> absl::StatusOr<std::shared_ptr<int>> {
        ++made;
        return std::make_shared<int>(7);
      });
      EXPECT_TRUE(value.ok() && **value == 7);
    });
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(made, 1);
}

TEST(BoundedCacheTest, LeastRecentlyUsedGoesFirstAndLivesOn) {
  BoundedCache<int> cache(2);
  const auto get = [&](const std::string& key, int value) {
    return *cache.Get(key, [value]() -> absl::StatusOr<std::shared_ptr<int>> {
      return std::make_shared<int>(value);
    });
  };
  const std::shared_ptr<int> a = get("a", 1);
  get("b", 2);
  get("a", 0);
  get("c", 3);  // b falls out
  EXPECT_EQ(cache.size(), 2u);
  EXPECT_EQ(*get("a", 0), 1);
  EXPECT_EQ(*get("b", 20), 20);
  EXPECT_EQ(*a, 1);
}

TEST(BoundedCacheTest, FailuresAreNotKept) {
  BoundedCache<int> cache(2);
  const auto failed = cache.Get("a", []() -> absl::StatusOr<std::shared_ptr<int>> {
    return absl::UnavailableError("not yet");
  });
  EXPECT_FALSE(failed.ok());
  EXPECT_EQ(cache.size(), 0u);
}

TEST(ModelCacheTest, SharesAModelByItsFiles) {
  if (!std::filesystem::exists(testing::ModelsDir() / "all-minilm-l6-v2")) {
    GTEST_SKIP() << "no model at " << testing::ModelsDir() << "; run tools/setup.sh";
  }
  ModelCache cache;
  const std::string path = (testing::ModelsDir() / "all-minilm-l6-v2").string();
  auto first = cache.Embedder(path);
  ASSERT_TRUE(first.ok()) << first.status();
  auto again = cache.Embedder(path + "/../all-minilm-l6-v2");
  ASSERT_TRUE(again.ok()) << again.status();
  EXPECT_EQ(*first, *again);
  EXPECT_EQ(cache.LanguageModel("no-such-model").status().code(), absl::StatusCode::kNotFound);
}

}  // namespace
}  // namespace foundry::lm
