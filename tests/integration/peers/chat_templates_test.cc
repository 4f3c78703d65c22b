// The families' chat templates, rendered by transformers (jinja2) and by Foundry: many
// conversations, the same text or an error from both.
#include <cstdlib>
#include <filesystem>
#include <map>
#include <string>
#include <vector>

#include "common/base/files.h"
#include "common/base/json.h"
#include "common/base/subprocess.h"
#include "common/tokenizer/chat_template.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace foundry::tokenizer {
namespace {

namespace fs = std::filesystem;
using Messages = std::vector<ChatMessage>;

fs::path SourceDir() {
  const char* folder = std::getenv("FOUNDRY_SOURCE_DIR");
  return folder == nullptr ? "." : folder;
}

struct Family {
  const char* file;
  const char *bos, *eos;
};
constexpr Family kFamilies[] = {
    {"chatml", "", "<|im_end|>"},
    {"qwen2", "", "<|im_end|>"},
    {"qwen2.5", "", "<|im_end|>"},
    {"qwen3", "", "<|im_end|>"},
    {"llama3", "<|begin_of_text|>", "<|eot_id|>"},
    {"mistral-v0.1", "<s>", "</s>"},
    {"mistral-v0.2", "<s>", "</s>"},
    {"mistral-system", "<s>", "</s>"},
    {"mistral-system-last", "<s>", "</s>"},
    {"phi3", "<s>", "<|endoftext|>"},
    {"phi3.5", "<s>", "<|endoftext|>"},
};

// Turns in every order that people use, some that templates refuse, and contents that trimming,
// quoting and thoughts change.
std::vector<Messages> Conversations() {
  const std::string odd = " \n two words \t\n\n";
  const std::string thought = "<think>\n\nwell, {{ 7 }}\n</think>\n\nSeven.";
  return {
      {{"user", "Hi"}},
      {{"system", "Be brief."}, {"user", "Hi"}},
      {{"system", ""}, {"user", "Hi"}},
      {{"user", "Hi"}, {"assistant", "Yo"}},
      {{"user", "Hi"}, {"assistant", "Yo"}, {"user", "So?"}},
      {{"system", "Be brief."}, {"user", "Hi"}, {"assistant", "Yo"}, {"user", "So?"}},
      {{"user", odd}, {"assistant", odd}, {"user", odd}},
      {{"system", odd}, {"user", odd}, {"assistant", odd}},
      {{"user", "{{ bos_token }} 'a' \"b\" \\n {% x %} \u00e9\u4e2d\U0001f600"}},
      {{"user", "3+4"}, {"assistant", thought}},
      {{"user", "3+4"}, {"assistant", thought}, {"user", "5+5"}, {"assistant", thought}},
      {{"user", "3+4"}, {"assistant", thought}, {"assistant", thought}, {"assistant", "so"}},
      {{"user", "<tool_response>1</tool_response>"}, {"assistant", thought}},
      {{"user", "a"}, {"user", "<tool_response>1</tool_response>"}, {"assistant", thought}},
      {{"user", "a"}, {"assistant", "x</think>y</think>\nz"}},
      {{"user", ""}, {"assistant", ""}, {"user", ""}},
      {{"assistant", "Yo"}, {"user", "Hi"}},
      {{"user", "a"}, {"user", "b"}},
      {{"user", "a"}, {"system", "late"}, {"user", "b"}},
      {{"system", "one"}, {"system", "two"}, {"user", "b"}},
      {{"system", "alone"}},
  };
}

TEST(ChatTemplatesPeerTest, TransformersRendersTheSame) {
  const fs::path python = SourceDir() / ".deps/venv/bin/python";
  if (!fs::exists(python)) {
    GTEST_SKIP() << "transformers is not installed; run tools/setup.sh --tests";
  }
  std::vector<ChatTemplate> templates;
  Json requests = Json::array();
  struct Case {
    size_t family;
    Messages messages;
    bool generation;
  };
  std::vector<Case> cases;
  for (size_t f = 0; f < std::size(kFamilies); ++f) {
    const Family& family = kFamilies[f];
    const auto source =
        ReadFile(SourceDir() / "tests/data/templates" / (std::string(family.file) + ".jinja"));
    ASSERT_TRUE(source.ok()) << source.status();
    auto chat = ChatTemplate::FromSource(*source, family.bos, family.eos);
    ASSERT_TRUE(chat.ok()) << family.file << ": " << chat.status();
    templates.push_back(*std::move(chat));
    for (const Messages& messages : Conversations()) {
      for (const bool generation : {true, false}) {
        Json list = Json::array();
        for (const ChatMessage& message : messages) {
          list.push_back({{"role", message.role}, {"content", message.content}});
        }
        requests.push_back({{"template", *source},
                            {"bos", family.bos},
                            {"eos", family.eos},
                            {"messages", list},
                            {"generation", generation}});
        cases.push_back({f, messages, generation});
      }
    }
  }
  const TempFolder folder = TempFolder::Make().value();
  ASSERT_TRUE(WriteJsonFile(folder.path() / "requests.json", requests).ok());
  SubprocessOptions options;
  options.argv = {python.string(),
                  (SourceDir() / "tests/integration/peers/render_templates.py").string(),
                  (folder.path() / "requests.json").string()};
  options.environment = {"HF_HUB_OFFLINE=1"};
  options.timeout = absl::Seconds(200);
  const auto result = RunSubprocess(options);
  ASSERT_TRUE(result.ok()) << result.status();
  ASSERT_TRUE(result->ok()) << result->errors;
  const Json answers = Json::parse(result->output);
  ASSERT_EQ(answers.size(), cases.size());
  size_t texts = 0;
  for (size_t i = 0; i < cases.size(); ++i) {
    const Case& c = cases[i];
    const auto ours = templates[c.family].Render(c.messages, c.generation);
    const Json& theirs = answers[i];
    const std::string where =
        std::string(kFamilies[c.family].file) + ": " + requests[i]["messages"].dump();
    if (theirs.contains("error")) {
      EXPECT_FALSE(ours.ok()) << where << " is refused by transformers: " << theirs["error"];
      continue;
    }
    ++texts;
    ASSERT_TRUE(ours.ok()) << where << ": " << ours.status();
    EXPECT_EQ(*ours, theirs["text"].get<std::string>()) << where;
  }
  EXPECT_GT(texts, cases.size() * 2 / 3);
}

}  // namespace
}  // namespace foundry::tokenizer
