#include "services/self_study/mix.h"

#include "common/base/files.h"
#include "common/dataset/io.h"
#include "gtest/gtest.h"

namespace foundry::self_study {
namespace {

dataset::Pair MakePair(const std::string& input, const std::string& split, double weight = 1) {
  dataset::Pair pair;
  pair.input = input;
  pair.target = "t";
  pair.split = split;
  pair.weight = weight;
  return pair;
}

TEST(MixTest, CumulativeWithDoubleWeightAndNothingHeldOut) {
  const MixResult mix =
      Mix({MakePair("a?", "train"), MakePair("b?", "dev"), MakePair("c?", "test")},
          {MakePair("a?", "train", 2), MakePair("new?", "train", 2), MakePair("B", "train", 2),
           MakePair("The C?", "train", 2)});
  ASSERT_EQ(mix.pairs.size(), 3u);
  EXPECT_EQ(mix.pairs[0].weight, 2);
  EXPECT_EQ(mix.pairs[1].split, "dev");
  EXPECT_EQ(mix.pairs[2].input, "new?");
  EXPECT_FALSE(mix.pairs[2].id.empty());
  EXPECT_EQ(mix.counts.at("corrections_held_out"), 2);
  EXPECT_EQ(mix.counts.at("test_pairs_left_out"), 1);
}

TEST(MixTest, HeldOutInAnyFormAndRoundIsNeverAdded) {
  dataset::Pair held_out = MakePair("Who seized Otrar?", "test");
  dataset::Pair correction = MakePair("Topic: Genghis Khan. Who seized Otrar?", "train", 2);
  held_out.source.document = correction.source.document = "Genghis Khan";
  // In a second round: the mix of the first one, then the pairs that it came from.
  const MixResult mix =
      Mix({MakePair("a?", "train", 2), MakePair("a?", "train"), held_out}, {correction});
  ASSERT_EQ(mix.pairs.size(), 1u);
  EXPECT_EQ(mix.pairs[0].weight, 2);
  EXPECT_EQ(mix.counts.at("corrections_held_out"), 1);
}

TEST(MixTest, FilesOfTwoParts) {
  TempFolder folder = *TempFolder::Make();
  const auto write = [&](const std::string& name, const std::vector<dataset::Pair>& pairs) {
    std::vector<Json> rows;
    for (const dataset::Pair& pair : pairs) rows.push_back(dataset::ToJson(pair));
    ASSERT_TRUE(MakeFolders((folder.path() / name).parent_path()).ok());
    ASSERT_TRUE(dataset::WriteJsonLines(folder.path() / name, rows).ok());
  };
  write("pairs.jsonl", {MakePair("a?", "train")});
  write("p0/failed.jsonl", {MakePair("x?", "train", 2)});
  write("p1/failed.jsonl", {});
  ASSERT_TRUE(WriteJsonFile(folder.path() / "p0/statistics.json",
                            {{"documents", 2},
                             {"questions", 10},
                             {"passed", 4},
                             {"mean_quality", 0.5},
                             {"by_difficulty", {{"easy", {{"questions", 10}, {"passed", 4}}}}}})
                  .ok());
  ASSERT_TRUE(
      WriteJsonFile(folder.path() / "p1/statistics.json",
                    {{"documents", 1}, {"questions", 30}, {"passed", 6}, {"mean_quality", 0.1}})
          .ok());
  auto mix = MixFiles({folder.path() / "p0", folder.path() / "p1"}, {folder.path() / "pairs.jsonl"},
                      1, folder.path() / "out");
  ASSERT_TRUE(mix.ok()) << mix.status();
  const Json statistics = *ReadJsonFile(folder.path() / "out/statistics.json");
  EXPECT_EQ(statistics["questions"], 40);
  EXPECT_EQ(statistics["by_difficulty"]["easy"]["passed"], 4);
  EXPECT_EQ(statistics["pass_share"], 0.25);
  EXPECT_NEAR(statistics["mean_quality"].get<double>(), 0.2, 1e-9);
  EXPECT_EQ(dataset::ReadPairs(folder.path() / "out/pairs.jsonl")->size(), 2u);
}

}  // namespace
}  // namespace foundry::self_study
