#include "services/teacher/parse_reply.h"

#include <cstdlib>
#include <filesystem>
#include <map>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "common/dataset/io.h"
#include "gtest/gtest.h"

namespace foundry::teacher {
namespace {

void ExpectPairs(const std::string& reply,
                 const std::vector<std::pair<std::string, std::string>>& wanted) {
  const std::vector<ParsedPair> pairs = ParseReply(reply);
  ASSERT_EQ(pairs.size(), wanted.size()) << reply;
  for (size_t i = 0; i < pairs.size(); ++i) {
    EXPECT_EQ(pairs[i].question, wanted[i].first);
    EXPECT_EQ(pairs[i].answer, wanted[i].second);
  }
}

TEST(ParseReply, LeavesOutWhatTheLimitBrokeOff) {
  const std::string cut = "Q: What is it?\nA: A tower.\nQ: Who built it?\nA: The famous engineer";
  EXPECT_EQ(ParseReply(cut).size(), 2u);
  ASSERT_EQ(ParseReply(cut, true).size(), 1u);
  EXPECT_EQ(ParseReply(cut, true)[0].answer, "A tower.");
  // The answer was whole; what ran on after it was cut.
  EXPECT_EQ(ParseReply(cut + " Smeaton.\n\nThese questions are abo", true).size(), 2u);
  EXPECT_EQ(ParseReply("Q: What is it?\nA: A tower.\nReasoning: The te", true).size(), 1u);
  EXPECT_EQ(ParseReply("[{\"question\": \"Q?\", \"answer\": \"A.\"}, {\"quest", true).size(), 1u);
  EXPECT_EQ(ParseAnswer("It is a tower. It was built by the"),
            "It is a tower. It was built by the");
  EXPECT_EQ(ParseAnswer("It is a tower. It was built by the", true), "It is a tower.");
  EXPECT_EQ(ParseAnswer("It was built by the", true), "");
}

TEST(ParseReply, ReadsTheUsualForms) {
  const std::vector<std::pair<std::string, std::string>> two = {{"What is it?", "A tower."},
                                                                {"Who built it?", "Smeaton."}};
  ExpectPairs(
      "Question 1: What is it?\nAnswer 1: A tower.\n\nQuestion 2:  Who built it?\nAnswer 2: "
      "Smeaton.",
      two);
  ExpectPairs("Q: What is it?\nA: A tower.\nQ: Who built it?\nA: Smeaton.", two);
  ExpectPairs(
      "**Question 1:** What is it?\n**Answer:** A tower.\n\n**Question 2:** Who built it?\n"
      "**Answer:** Smeaton.",
      two);
  ExpectPairs(
      "1. Question: What is it?\n   Answer: A tower.\n2. Question: Who built it?\n   Answer: "
      "Smeaton.",
      two);
  ExpectPairs("Q1) What is it?\nA1) A tower.\nQ2) Who built it?\nA2) Smeaton.", two);
  ExpectPairs(
      "Question 1: What is it?\nQuestion 2: Who built it?\nAnswer 1: A tower.\nAnswer 2: Smeaton.",
      two);
  ExpectPairs(R"(Here they are: [{"question": "What is it?", "answer": "A tower."},
              {"question": "Who built it?", "answer": "Smeaton."}])",
              two);
  ExpectPairs(
      "```json\n{\"pairs\": [{\"q\": \"What is it?\", \"a\": \"A tower.\"}, "
      "{\"input\": \"Who built it?\", \"output\": \"Smeaton.\"}]}\n```",
      two);
  // Cut off by the token limit.
  ExpectPairs(R"([{"question": "What is it?", "answer": "A tower."}, {"question": "Who bu)",
              {two[0]});
}

TEST(ParseReply, KeepsReasoningAndCutsRunOnText) {
  const std::vector<ParsedPair> pairs = ParseReply(
      "Question 1: What is it?\nAnswer 1: A tower.\nReasoning 1: The text calls it one.\n"
      "Question 2: Who built it?\nAnswer 2: Smeaton.\nYou are an AI assistant. You will be given a "
      "task.");
  ASSERT_EQ(pairs.size(), 2);
  EXPECT_EQ(pairs[0].reasoning, "The text calls it one.");
  EXPECT_EQ(pairs[1].answer, "Smeaton.");
}

TEST(ParseReply, GarbageIsEmpty) {
  EXPECT_TRUE(ParseReply("").empty());
  EXPECT_TRUE(ParseReply("I am sorry, I cannot do that.").empty());
  EXPECT_TRUE(ParseReply("Question 1: What is it?\nQuestion 2: And that?").empty());
  EXPECT_TRUE(ParseReply("{\"question\": [[[[").empty());
}

TEST(ParseAnswer, DropsTheLabel) {
  EXPECT_EQ(ParseAnswer("Answer: A tower.\n\nQuestion: Next?"), "A tower.");
  EXPECT_EQ(ParseAnswer("  A tower\nof stone. \n\nAnything else?"), "A tower of stone.");
}

// Replies of a real 7B model, against the pairs that a line-based script read from them. The script
// keeps what small models append ("You are an AI assistant …"): there our answer is its beginning.
TEST(ParseReply, AgreesWithReferenceOnRealReplies) {
  const char* shared = std::getenv("FOUNDRY_SHARED_DIR");
  const char* source = std::getenv("FOUNDRY_SOURCE_DIR");
  const std::filesystem::path data =
      std::filesystem::path(shared != nullptr   ? shared
                            : source != nullptr ? absl::StrCat(source, "/../shared")
                                                : "../shared") /
      "data/knowledge";
  if (!std::filesystem::exists(data)) GTEST_SKIP() << data << " is not there";
  std::map<std::pair<std::string, int64_t>, std::vector<ParsedPair>> ours;
  ASSERT_TRUE(
      dataset::ForEachJson(data / "teacher_replies.jsonl", [&](const Json& json,
                                                               const std::string&) {
        ours[{json["passage"], json["reply"]}] = ParseReply(json["text"].get<std::string>());
        return absl::OkStatus();
      }).ok());
  int total = 0, found = 0;
  ASSERT_TRUE(
      dataset::ForEachJson(data / "teacher_pairs.json", [&](const Json& json, const std::string&) {
        ++total;
        const std::string target = json["target"], question = json["input"];
        for (const ParsedPair& pair : ours[{json["source"], json["reply"]}]) {
          if (pair.question.substr(0, 20) == question.substr(0, 20) &&
              pair.answer.substr(0, 30) == target.substr(0, 30)) {
            ++found;
            break;
          }
        }
        return absl::OkStatus();
      }).ok());
  EXPECT_EQ(total, 3137);
  RecordProperty("found", found);
  EXPECT_GT(found, total * 0.97) << found << " of " << total;
  for (const auto& [key, pairs] : ours) {
    for (const ParsedPair& pair : pairs) {
      EXPECT_FALSE(absl::StrContains(pair.answer, "You are an AI assistant")) << pair.answer;
    }
  }
}

}  // namespace
}  // namespace foundry::teacher
