// `foundry model …` through the built program, as scripts call it.
#include <sys/wait.h>

#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <fstream>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "common/base/files.h"
#include "common/base/json.h"
#include "common/lm/weights/safetensors.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace foundry::cli {
namespace {

namespace fs = std::filesystem;
using testing::HasSubstr;

fs::path FromEnv(const char* name, const fs::path& fallback) {
  const char* value = std::getenv(name);
  return value != nullptr ? fs::path(value) : fallback;
}
fs::path Source() { return FromEnv("FOUNDRY_SOURCE_DIR", "."); }
fs::path Smol() { return FromEnv("FOUNDRY_MODELS", Source() / "models") / "smollm2-135m-instruct"; }
fs::path MiniLm() { return FromEnv("FOUNDRY_MODELS", Source() / "models") / "all-minilm-l6-v2"; }
fs::path Tiny() { return Source() / "tests/data/goldens/tiny/llama"; }

struct Outcome {
  int code = -1;
  std::string out, err;
  std::vector<Json> lines;  // of stdout
};

class ModelCliTest : public testing::Test {
 protected:
  void SetUp() override {
    program_ = FromEnv("FOUNDRY_BIN_DIR", "build/dev/bin") / "foundry";
    if (!fs::exists(program_)) GTEST_SKIP() << "no program at " << program_ << ": build it";
    auto folder = TempFolder::Make();
    ASSERT_TRUE(folder.ok()) << folder.status();
    folder_ = std::make_unique<TempFolder>(*std::move(folder));
  }

  std::string Write(const std::string& name, const std::string& content) {
    const fs::path path = folder_->path() / name;
    EXPECT_TRUE(WriteFileAtomic(path, content).ok());
    return path.string();
  }

  // Arguments are quoted; stdin is `input`.
  Outcome Run(const std::vector<std::string>& arguments, const std::string& input = "",
              const std::string& root = "model") {
    std::string command = absl::StrCat("'", program_.string(), "' ", root);
    for (std::string argument : arguments) {
      for (size_t at = 0; (at = argument.find('\'', at)) != std::string::npos; at += 4) {
        argument.replace(at, 1, "'\\''");
      }
      absl::StrAppend(&command, " '", argument, "'");
    }
    const std::string in = Write("stdin", input), out = Write("stdout", ""),
                      err = Write("stderr", "");
    absl::StrAppend(&command, " <'", in, "' >'", out, "' 2>'", err, "'");
    const int status = std::system(command.c_str());
    Outcome outcome;
    outcome.code = WIFEXITED(status) ? WEXITSTATUS(status) : -1;
    outcome.out = ReadFile(out).value();
    outcome.err = ReadFile(err).value();
    for (const absl::string_view line : absl::StrSplit(outcome.out, '\n', absl::SkipEmpty())) {
      outcome.lines.push_back(ParseJson(line, "stdout").value());
    }
    return outcome;
  }

  fs::path program_;
  std::unique_ptr<TempFolder> folder_;
};

#define NEEDS(path) \
  if (!fs::exists(path)) GTEST_SKIP() << path << " is missing: run tools/setup.sh"

std::vector<Json> Goldens(const std::string& name) {
  std::ifstream file(Source() / "tests/data/goldens" / name);
  std::vector<Json> out;
  for (std::string line; std::getline(file, line);) out.push_back(Json::parse(line));
  return out;
}

TEST_F(ModelCliTest, TokenizeGoldensAsJsonLines) {
  NEEDS(Smol());
  const auto goldens = Goldens("smollm2/tokenizer.jsonl");
  std::string lines;
  for (const Json& golden : goldens)
    absl::StrAppend(&lines, Json{{"text", golden["text"]}}.dump(), "\n");
  const Outcome run = Run({"tokenize", "--model", Smol(), "--jsonl", "-"}, lines);
  ASSERT_EQ(run.code, 0) << run.err;
  ASSERT_EQ(run.lines.size(), goldens.size());
  for (size_t i = 0; i < goldens.size(); ++i) {
    EXPECT_EQ(run.lines[i]["ids"], goldens[i]["ids"]);
    EXPECT_EQ(run.lines[i]["decoded"], goldens[i]["decoded"]);
    EXPECT_EQ(run.lines[i]["tokens"].size(), goldens[i]["ids"].size());
  }
}

TEST_F(ModelCliTest, TokenizeTakesArgumentsFilesStdinAndIds) {
  NEEDS(Smol());
  const std::string file = Write("text", "Hello, world!");
  const Json ids = {19556, 28, 905, 17};
  const Outcome run = Run({"tokenize", "--model", Smol(), "Hello, world!", "--text",
                           "Hello, world!", "--file", file, "--ids", "19556 28,905,17"});
  ASSERT_EQ(run.code, 0) << run.err;
  ASSERT_EQ(run.lines.size(), 4u);
  for (const Json& line : run.lines) {
    EXPECT_EQ(line["ids"], ids);
    EXPECT_EQ(line["decoded"], "Hello, world!");
  }
  const Outcome piped = Run({"tokenize", "--model", Smol()}, "Hello, world!");
  ASSERT_EQ(piped.lines.size(), 1u) << piped.err;
  EXPECT_EQ(piped.lines[0]["ids"], ids);
}

TEST_F(ModelCliTest, TokenizeAddsWhatTheModelWasTrainedWith) {
  NEEDS(MiniLm());
  const Outcome run = Run({"tokenize", "--model", MiniLm(), "Hello, world!"});
  ASSERT_EQ(run.code, 0) << run.err;
  EXPECT_EQ(run.lines[0]["ids"], (Json{101, 7592, 1010, 2088, 999, 102}));
  const Outcome bare = Run({"tokenize", "--model", MiniLm(), "--no-special", "Hello, world!"});
  EXPECT_EQ(bare.lines[0]["ids"], (Json{7592, 1010, 2088, 999}));
}

TEST_F(ModelCliTest, ChatRendersGoldens) {
  NEEDS(Smol());
  for (const Json& golden : Goldens("smollm2/chat.jsonl")) {
    const std::string messages = golden["messages"].dump();
    for (const Outcome& run : {Run({"chat", "--model", Smol(), "--messages", messages}),
                               Run({"chat", "--model", Smol()}, messages)}) {
      ASSERT_EQ(run.code, 0) << run.err;
      EXPECT_EQ(run.lines[0]["text"], golden["text"]);
      EXPECT_EQ(run.lines[0]["ids"], golden["ids"]);
    }
  }
}

TEST_F(ModelCliTest, GenerateGivesTransformersGreedyText) {
  NEEDS(Smol());
  const Json golden = Goldens("smollm2/greedy.jsonl")[2];
  const Outcome run =
      Run({"generate", "--model", Smol(), "--max-new-tokens", "16", "--ids", golden["ids"].dump()});
  ASSERT_EQ(run.code, 0) << run.err;
  EXPECT_EQ(run.lines[0]["text"], "A prime > 10 is 11.");
  EXPECT_EQ(run.lines[0]["finish"], "end_of_turn");
  EXPECT_EQ(run.lines[0]["prompt_ids"], golden["ids"]);
}

TEST_F(ModelCliTest, LogitsOfAModelWithoutATokenizer) {
  const auto expected = lm::Safetensors::Open(Tiny() / "expected.safetensors");
  ASSERT_TRUE(expected.ok()) << expected.status();
  std::string ids;
  const auto* tensor = (*expected)->Find("ids");
  ASSERT_NE(tensor, nullptr);
  const auto want = (*expected)->Float32("logits").value();
  const std::string out = (folder_->path() / "logits.safetensors").string();
  // The golden's ids are int64.
  const auto* values = reinterpret_cast<const int64_t*>(tensor->bytes.data());
  for (int64_t i = 0; i < tensor->shape[0]; ++i) absl::StrAppend(&ids, values[i], " ");
  const Outcome run = Run({"logits", "--model", Tiny(), "--ids", ids, "--out", out});
  ASSERT_EQ(run.code, 0) << run.err;
  EXPECT_EQ(run.lines[0]["shape"], (Json{48, 384}));
  const auto file = lm::Safetensors::Open(out);
  ASSERT_TRUE(file.ok()) << file.status();
  const auto got = (*file)->Float32("logits").value();
  ASSERT_EQ(got.size(), want.size());
  for (size_t i = 0; i < got.size(); ++i) ASSERT_NEAR(got[i], want[i], 2e-4) << i;

  const Outcome text = Run({"logits", "--model", Tiny(), "some text"});
  EXPECT_NE(text.code, 0);
  EXPECT_THAT(text.err, HasSubstr("no tokenizer"));
}

TEST_F(ModelCliTest, PerplexityOfTheGoldenText) {
  NEEDS(Smol());
  const Json golden =
      Json::parse(ReadFile(Source() / "tests/data/goldens/smollm2/perplexity.json").value());
  const std::string text = golden["text"].get<std::string>();
  const Outcome run = Run({"perplexity", "--model", Smol(), text});
  ASSERT_EQ(run.code, 0) << run.err;
  EXPECT_NEAR(run.lines[0]["mean_nll"].get<double>(), golden["mean_nll"].get<double>(), 1e-3);
  // In windows, tokens see less.
  const Outcome windows = Run({"perplexity", "--model", Smol(), "--window", "16", text});
  EXPECT_GT(windows.lines[0]["mean_nll"].get<double>(), run.lines[0]["mean_nll"].get<double>());
  EXPECT_EQ(windows.lines[0]["scored"], run.lines[0]["scored"]);
}

TEST_F(ModelCliTest, EmbedGivesUnitVectors) {
  NEEDS(MiniLm());
  const Outcome run = Run({"embed", "--model", MiniLm(), "A cat.", "A kitten.", "Tax law."});
  ASSERT_EQ(run.code, 0) << run.err;
  ASSERT_EQ(run.lines.size(), 3u);
  std::vector<std::vector<double>> v;
  for (const Json& line : run.lines) v.push_back(line["embedding"].get<std::vector<double>>());
  const auto dot = [&](int a, int b) {
    double sum = 0;
    for (size_t i = 0; i < v[a].size(); ++i) sum += v[a][i] * v[b][i];
    return sum;
  };
  EXPECT_EQ(v[0].size(), 384u);
  EXPECT_NEAR(dot(0, 0), 1, 1e-5);
  EXPECT_GT(dot(0, 1), dot(0, 2));
}

TEST_F(ModelCliTest, AskPutsTheBaseBeside) {
  NEEDS(Smol());
  const Outcome run =
      Run({Smol(), "Name a prime > 10.", "--base", Smol(), "-n", "16", "-o", "json"}, "", "ask");
  ASSERT_EQ(run.code, 0) << run.err;
  ASSERT_EQ(run.lines.size(), 1u);
  EXPECT_EQ(run.lines[0]["question"], "Name a prime > 10.");
  EXPECT_NE(run.lines[0]["answer"], "");
  EXPECT_EQ(run.lines[0]["answer"], run.lines[0]["base_answer"]);
  EXPECT_EQ(Run({Smol(), "x", "--base", "no-such-model"}, "", "ask").code, 4);
}

TEST_F(ModelCliTest, ErrorsAreOnStderrWithTheirExitCodes) {
  const Outcome model = Run({"tokenize", "--model", "no-such-model", "x"});
  EXPECT_EQ(model.code, 4);
  EXPECT_THAT(model.err, HasSubstr("no-such-model"));
  EXPECT_EQ(model.out, "");
  EXPECT_EQ(Run({"tokenize", "x"}).code, 2);  // --model is missing
  const Outcome line = Run({"generate", "--model", Tiny(), "--jsonl", "-"}, "{\"ids\":[1]}\n{]\n");
  EXPECT_EQ(line.code, 2);
  EXPECT_THAT(line.err, HasSubstr("stdin:2"));
  const Outcome ids = Run({"generate", "--model", Tiny(), "--ids", "1,x"});
  EXPECT_EQ(ids.code, 2);
  EXPECT_THAT(ids.err, HasSubstr("'x'"));
  const Outcome range = Run({"logits", "--model", Tiny(), "--ids", "100000"});
  EXPECT_EQ(range.code, 2);
  EXPECT_THAT(range.err, HasSubstr("100000"));
}

}  // namespace
}  // namespace foundry::cli
