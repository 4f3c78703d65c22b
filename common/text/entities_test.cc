#include "common/text/entities.h"

#include <gtest/gtest.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <map>

#include "common/base/json.h"
#include "common/text/entity_tokens.h"
#include "common/text/sentences.h"

namespace foundry::text {
namespace {

std::map<std::string, std::string> Find(const std::string& text) {
  std::map<std::string, std::string> out;
  for (const dataset::Entity& entity : FindEntities(text, SplitSentences(text)))
    out[entity.text] = entity.type;
  return out;
}

TEST(EntitiesTest, FindsPeopleOrganisationsLocations) {
  const auto found = Find(
      "Dr. Miriam Okonkwo joined Brightwater Technologies Inc. in Toronto after she left the "
      "University of Leeds. "
      "Okonkwo said that NASA and the Ministry of Transport would meet near the Danube River in "
      "Hungary. "
      "The meeting was short.");
  EXPECT_EQ(found.at("Miriam Okonkwo"), "person");
  EXPECT_EQ(found.at("Okonkwo"), "person");
  EXPECT_EQ(found.at("Brightwater Technologies Inc."), "organization");
  EXPECT_EQ(found.at("University of Leeds"), "organization");
  EXPECT_EQ(found.at("Ministry of Transport"), "organization");
  EXPECT_EQ(found.at("NASA"), "organization");
  EXPECT_EQ(found.at("Toronto"), "location");
  EXPECT_EQ(found.at("Danube River"), "location");
  EXPECT_EQ(found.at("Hungary"), "location");
  EXPECT_EQ(found.count("The"), 0u);
  EXPECT_EQ(found.size(), 9u);
}

TEST(EntitiesTest, CountsMentionsMostFrequentFirst) {
  const std::string text = "Paris is old. Many visit Paris. Berlin is larger, but Paris is known.";
  const std::vector<dataset::Entity> found = FindEntities(text, SplitSentences(text));
  ASSERT_GE(found.size(), 2u);
  EXPECT_EQ(found[0].text, "Paris");
  EXPECT_EQ(found[0].count, 3);
}

TEST(EntitiesTest, PlainWordsAreNoEntities) {
  EXPECT_TRUE(
      Find("The file is read. However, nothing happens. When it ends, the loop stops.").empty());
}

TEST(EntitiesTest, BelievesWhatTheDocumentSaysOfItsNames) {
  const auto found = Find(
      "Aisgarth is a village in the north. Many walk to Aisgarth. Belka (founded in 1970) was a "
      "Danish chain of shops. The owners sold Belka. Tavares Varella (born 1984) plays football. "
      "They heard the band Crystal Ember. He lived in the town of Brigthon and knew The Wuttons.");
  EXPECT_EQ(found.at("Aisgarth"), "location");
  EXPECT_EQ(found.at("Belka"), "organization");
  EXPECT_EQ(found.at("Tavares Varella"), "person");
  EXPECT_EQ(found.at("Crystal Ember"), "organization");
  EXPECT_EQ(found.at("Brigthon"), "location");
  EXPECT_EQ(found.at("The Wuttons"), "organization");
  EXPECT_EQ(found.size(), 6u);
}

TEST(EntitiesTest, NeighboursInAListAreOfOneKind) {
  const auto found = Find(
      "They met Robert Smith, Ewerist Kowalik and Teofil Lenar in France, Gaskonia and Spain, but "
      "no Gaskonia in Robert Smith, Velbar and Italy.");
  EXPECT_EQ(found.at("Ewerist Kowalik"), "person");
  EXPECT_EQ(found.at("Teofil Lenar"), "person");
  EXPECT_EQ(found.at("Gaskonia"), "location");
  EXPECT_EQ(found.count("Velbar"), 0u);
}

TEST(EntitiesTest, DefinitionsOfThingsNameNobody) {
  EXPECT_TRUE(Find("Grubbel is a boot loader for machines. They install Grubbel. Vimmo, an editor, "
                   "reads files. Playmo is a media player with a window. It is set in The "
                   "Build-Depends of a package.")
                  .empty());
}

TEST(EntityTokensTest, CutsLikeTheDataSets) {
  const std::string text = "J. Smith's dog (U.S.) cost $3.50, right?";
  std::vector<std::string> tokens;
  for (const Span& span : EntityTokens(text)) tokens.emplace_back(Slice(text, span));
  const std::vector<std::string> wanted = {"J.",   "Smith", "'s",   "dog", "(",     "U.S.", ")",
                                           "cost", "$",     "3.50", ",",   "right", "?"};
  EXPECT_EQ(tokens, wanted);
}

// ---- measured against people's annotations

struct Scores {
  int64_t gold = 0, predicted = 0, correct = 0;
  double f1() const { return 2.0 * correct / std::max<int64_t>(1, gold + predicted); }
};

std::string TypeOfTag(std::string tag) {
  tag = tag.substr(2);
  if (tag == "PER" || tag == "Person" || tag == "person") return "person";
  if (tag == "ORG" || tag == "Organisation" || tag == "corporation" || tag == "group")
    return "organization";
  if (tag == "LOC" || tag == "Location" || tag == "location") return "location";
  return "";
}

std::vector<TaggedEntity> GoldSpans(const std::vector<std::string>& tags) {
  std::vector<TaggedEntity> out;
  for (size_t i = 0; i < tags.size(); ++i) {
    if (tags[i][0] != 'B') continue;
    size_t end = i + 1;
    while (end < tags.size() && tags[end][0] == 'I') ++end;
    const std::string type = TypeOfTag(tags[i]);
    if (!type.empty()) out.push_back({static_cast<int>(i), static_cast<int>(end), type});
  }
  return out;
}

// Exact spans and types over a file of {tokens, tags}, read in pieces of ten sentences: a stretch
// of text, not the whole corpus, is what the tagger may remember. The first `skip` are left out.
std::map<std::string, Scores> Score(const std::filesystem::path& path, int skip) {
  std::map<std::string, Scores> scores;
  std::vector<std::vector<std::string>> tokens, tags;
  std::ifstream in(path);
  const auto flush = [&] {
    const auto tagged = TagEntities(tokens);
    for (size_t s = 0; s < tokens.size(); ++s) {
      const std::vector<TaggedEntity> gold = GoldSpans(tags[s]);
      for (const auto& g : gold) ++scores[g.type].gold, ++scores["all"].gold;
      for (const auto& t : tagged[s]) {
        const bool hit = std::any_of(gold.begin(), gold.end(), [&](const auto& g) {
          return g.begin == t.begin && g.end == t.end && g.type == t.type;
        });
        for (const std::string& key : {t.type, std::string("all")}) {
          ++scores[key].predicted;
          scores[key].correct += hit;
        }
        if (!hit && std::getenv("FOUNDRY_SHOW_ERRORS") != nullptr) {
          std::string name, around;
          for (int i = t.begin; i < t.end; ++i) name += tokens[s][i] + " ";
          for (int i = std::max(0, t.begin - 3); i < std::min<int>(tokens[s].size(), t.end + 3);
               ++i)
            around += tokens[s][i] + " ";
          std::printf("WRONG %s %s| %s\n", t.type.c_str(), name.c_str(), around.c_str());
        }
      }
      for (const auto& g : gold) {
        const bool hit = std::any_of(tagged[s].begin(), tagged[s].end(), [&](const auto& t) {
          return g.begin == t.begin && g.end == t.end && g.type == t.type;
        });
        if (!hit && std::getenv("FOUNDRY_SHOW_ERRORS") != nullptr) {
          std::string name, around;
          for (int i = g.begin; i < g.end; ++i) name += tokens[s][i] + " ";
          for (int i = std::max(0, g.begin - 3); i < std::min<int>(tokens[s].size(), g.end + 3);
               ++i)
            around += tokens[s][i] + " ";
          std::printf("MISSED %s %s| %s\n", g.type.c_str(), name.c_str(), around.c_str());
        }
      }
    }
    tokens.clear();
    tags.clear();
  };
  for (std::string line; std::getline(in, line);) {
    if (skip-- > 0) continue;
    const auto row = ParseJson(line, "row");
    tokens.push_back((*row)["tokens"].get<std::vector<std::string>>());
    tags.push_back((*row)["tags"].get<std::vector<std::string>>());
    if (tokens.size() == 10) flush();
  }
  flush();
  return scores;
}

TEST(EntitiesTest, AgreesWithAnnotators) {
  const char* shared = std::getenv("FOUNDRY_SHARED_DIR");
  const std::filesystem::path folder =
      (shared != nullptr ? std::filesystem::path(shared)
                         : std::filesystem::path(std::getenv("FOUNDRY_SOURCE_DIR") != nullptr
                                                     ? std::getenv("FOUNDRY_SOURCE_DIR")
                                                     : ".") /
                               ".." / "shared") /
      "data/ner";
  if (!std::filesystem::exists(folder / "wikigold.jsonl"))
    GTEST_SKIP() << "no annotated data in " << folder;
  // Of WikiGold only the second half: the first is what rules may be made by.
  std::map<std::string, double> f1;
  for (const auto& [file, skip] : {std::pair<std::string, int>{"wikigold.jsonl", 476},
                                   {"re3d.US_State_Department.jsonl", 0},
                                   {"btc.g.jsonl", 0}}) {
    for (const auto& [type, s] : Score(folder / file, skip)) {
      std::printf("%-32s %-13s P %.3f R %.3f F1 %.3f\n", file.c_str(), type.c_str(),
                  static_cast<double>(s.correct) / std::max<int64_t>(1, s.predicted),
                  static_cast<double>(s.correct) / std::max<int64_t>(1, s.gold), s.f1());
      f1[file + type] = s.f1();
    }
  }
  EXPECT_GT(f1["wikigold.jsonlall"], 0.65);
  EXPECT_GT(f1["wikigold.jsonlorganization"], 0.45);
}

}  // namespace
}  // namespace foundry::text
