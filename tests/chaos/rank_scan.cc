#include "tests/chaos/rank_scan.h"

#include <string>
#include <system_error>

#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "common/base/files.h"

namespace foundry::chaos {

std::vector<RankProcess> FindRanks(const std::filesystem::path& folder) {
  std::vector<RankProcess> ranks;
  std::error_code error;
  for (const auto& entry : std::filesystem::directory_iterator("/proc", error)) {
    RankProcess rank;
    if (!absl::SimpleAtoi(entry.path().filename().string(), &rank.pid)) continue;
    // PROGRAM JOB RANK …, with a zero after each.
    const std::string command = ReadFile(entry.path() / "cmdline").value_or("");
    const std::vector<absl::string_view> words = absl::StrSplit(command, '\0');
    if (words.size() < 2 || !absl::EndsWith(words[0], "/foundry-train-rank") ||
        !absl::StartsWith(words[1], absl::StrCat(folder.string(), "/"))) {
      continue;
    }
    // "pid (name) state parent …"
    const std::string stat = ReadFile(entry.path() / "stat").value_or("");
    const std::vector<absl::string_view> fields =
        absl::StrSplit(absl::string_view(stat).substr(stat.rfind(')') + 1), ' ');
    if (fields.size() > 2 && absl::SimpleAtoi(fields[2], &rank.parent)) ranks.push_back(rank);
  }
  return ranks;
}

}  // namespace foundry::chaos
