#include "services/evaluator/metrics/command.h"

#include <cstdlib>
#include <filesystem>
#include <fstream>

#include "common/base/json.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "services/evaluator/metrics/shell.h"

namespace foundry::evaluator {
namespace {

using ::testing::ElementsAre;

std::vector<std::string> Texts(absl::string_view command) {
  std::vector<std::string> texts;
  for (ShellToken& token : ShellTokens(command)) texts.push_back(token.text);
  return texts;
}

TEST(CommandTest, QuotingDoesNotMatterWhereTheShellSeesTheSame) {
  EXPECT_EQ(Texts("find . -name '*.txt'"), Texts("find  . -name \"*.txt\""));
  EXPECT_EQ(Texts("find . -name '*.txt'"), Texts("find . -name \\*.txt"));
  EXPECT_NE(Texts("find . -name '*.txt'"), Texts("find . -name *.txt"));
  EXPECT_NE(Texts("echo '$HOME'"), Texts("echo \"$HOME\""));
  EXPECT_THAT(Texts("a|b&&c 2>&1 >f;"),
              ElementsAre("a", "|", "b", "&&", "c", "2>&", "1", ">", "f"));
  EXPECT_THAT(Texts("echo ${x:-a b} # comment\nls"), ElementsAre("echo", "${x:-a b}", ";", "ls"));
  EXPECT_THAT(Texts("echo 'open"), ElementsAre("echo", "open"));
  EXPECT_THAT(Texts("\\"), ElementsAre());
}

TEST(CommandTest, Shape) {
  const CommandShape shape = ShapeOf(
      ShellTokens("X=1 sudo find /tmp -type f -exec grep -l foo {} + | xargs -n 1 wc -l >out"));
  EXPECT_THAT(shape.utilities, ElementsAre("sudo", "find", "grep", "xargs", "wc"));
  EXPECT_EQ(shape.shape,
            "ARG sudo find ARG -type ARG -exec grep -l ARG ARG ARG | xargs -n ARG wc -l > ARG");
}

TEST(CommandTest, Extraction) {
  EXPECT_EQ(ExtractCommand("ls -l"), "ls -l");
  EXPECT_EQ(ExtractCommand("Sure! Use this:\n```bash\n$ ls -l\n```\nIt lists."), "ls -l");
  EXPECT_EQ(ExtractCommand("```\n# list\nls -l"), "ls -l");
  EXPECT_EQ(ExtractCommand("You can use the `find` command: `find . -name x`."), "find . -name x");
  EXPECT_EQ(ExtractCommand("Command: `du -sh *`"), "du -sh *");
  EXPECT_EQ(ExtractCommand("To do so, run\n$ tar xf a.tar\nand wait."), "tar xf a.tar");
  EXPECT_EQ(ExtractCommand("user@host:~$ pwd"), "pwd");
  EXPECT_EQ(ExtractCommand("echo 'a' 'b'"), "echo 'a' 'b'");
  EXPECT_EQ(ExtractCommand("  \n"), "");
}

TEST(CommandTest, Scores) {
  const CommandScores same =
      ScoreCommand("```sh\nfind .  -name \"*.c\"\n```", "find . -name '*.c'");
  EXPECT_EQ(same.exact, 1);
  EXPECT_EQ(same.token_f1, 1);
  const CommandScores shape = ScoreCommand("find /tmp -name '*.h'", "find . -name '*.c'");
  EXPECT_EQ(shape.exact, 0);
  EXPECT_EQ(shape.shape, 1);
  EXPECT_EQ(shape.token_f1, 0.5);
  EXPECT_EQ(ScoreCommand("", "ls").utility, 0);
}

// Every reference command must be its own exact answer, bare or fenced.
TEST(CommandTest, EveryCommandOfNl2bashMatchesItself) {
  const char* set = std::getenv("FOUNDRY_SHARED_DIR");
  const std::filesystem::path shared =
      set != nullptr
          ? std::filesystem::path(set)
          : std::filesystem::path(std::getenv("FOUNDRY_SOURCE_DIR")).parent_path() / "shared";
  const auto file = shared / "data/code/nl2bash.jsonl";
  if (!std::filesystem::exists(file)) GTEST_SKIP() << "no " << file << " (set FOUNDRY_SHARED_DIR)";
  std::ifstream lines(file);
  std::string line;
  int bare = 0, fenced = 0, rows = 0, empty_shape = 0;
  while (std::getline(lines, line)) {
    auto row = ParseJson(line, file.string());
    ASSERT_TRUE(row.ok()) << row.status();
    const std::string command = (*row)["cmd"];
    ++rows;
    bare += ScoreCommand(command, command).exact == 1;
    fenced += ScoreCommand("Here:\n```bash\n" + command + "\n```\n", command).exact == 1;
    empty_shape += ShapeOf(ShellTokens(command)).utilities.empty();
  }
  EXPECT_EQ(rows, 7529);
  // A few start with a prompt or a comment, or are one command substitution.
  EXPECT_GT(bare, rows * 0.995);
  EXPECT_GT(fenced, rows * 0.995);
  EXPECT_LT(empty_shape, rows * 0.005);  // assignments of a quoted substitution
}

}  // namespace
}  // namespace foundry::evaluator
