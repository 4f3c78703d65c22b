// The families' chat templates, and the constructs that templates are made of, rendered by
// transformers (jinja2) and by Foundry: many conversations, the same text or an error from both.
#include <cstdlib>
#include <filesystem>
#include <map>
#include <string>
#include <vector>

#include "absl/strings/match.h"
#include "common/base/files.h"
#include "common/base/json.h"
#include "common/base/subprocess.h"
#include "common/tokenizer/chat_template.h"
#include "common/tokenizer/jinja/template_cases.h"
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

constexpr char kNoTransformers[] = "transformers is not installed; run tools/setup.sh --tests";

fs::path Python() { return SourceDir() / ".deps/venv/bin/python"; }

Json AskTransformers(const Json& requests) {
  const TempFolder folder = TempFolder::Make().value();
  EXPECT_TRUE(WriteJsonFile(folder.path() / "requests.json", requests).ok());
  SubprocessOptions options;
  options.argv = {Python().string(),
                  (SourceDir() / "tests/integration/peers/render_templates.py").string(),
                  (folder.path() / "requests.json").string()};
  options.environment = {"HF_HUB_OFFLINE=1"};
  options.timeout = absl::Seconds(200);
  const auto result = RunSubprocess(options);
  EXPECT_TRUE(result.ok()) << result.status();
  if (!result.ok()) return Json::array();
  EXPECT_TRUE(result->ok()) << result->errors;
  return result->ok() ? Json::parse(result->output) : Json::array();
}

TEST(ChatTemplatesPeerTest, Jinja2UnderstandsTheConstructsTheSame) {
  if (!fs::exists(Python())) GTEST_SKIP() << kNoTransformers;
  Json messages = Json::array();
  for (const auto& [role, content] : jinja::kCaseMessages) {
    messages.push_back({{"role", role}, {"content", content}});
  }
  Json requests = Json::array();
  for (const jinja::TemplateCase& one : jinja::kTemplateCases) {
    requests.push_back({{"template", one.source},
                        {"bos", jinja::kCaseName},
                        {"eos", ""},
                        {"messages", messages},
                        {"generation", false}});
  }
  const Json answers = AskTransformers(requests);
  ASSERT_EQ(answers.size(), std::size(jinja::kTemplateCases));
  for (size_t i = 0; i < answers.size(); ++i) {
    EXPECT_EQ(answers[i].value("text", answers[i].dump()), jinja::kTemplateCases[i].text)
        << jinja::kTemplateCases[i].source;
  }
}

TEST(ChatTemplatesPeerTest, TransformersRendersTheSame) {
  if (!fs::exists(Python())) GTEST_SKIP() << kNoTransformers;
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
    auto chat =
        ChatTemplate::FromSource(*source, {{"bos_token", family.bos}, {"eos_token", family.eos}});
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
  const Json answers = AskTransformers(requests);
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
    if (absl::StrContains(ours.status().message(), "leaves out message")) {
      // transformers says nothing of it.
      EXPECT_EQ(theirs["text"].get<std::string>().find(c.messages[0].content), std::string::npos);
      continue;
    }
    ASSERT_TRUE(ours.ok()) << where << ": " << ours.status();
    EXPECT_EQ(*ours, theirs["text"].get<std::string>()) << where;
  }
  EXPECT_GT(texts, cases.size() * 2 / 3);
}

}  // namespace
}  // namespace foundry::tokenizer
