#include "services/self_study/mix.h"

#include <algorithm>
#include <set>

#include "common/base/status.h"
#include "common/dataset/io.h"

namespace foundry::self_study {
namespace {

// Sums of the parts' statistics.json; means are weighted by questions.
absl::StatusOr<Json> SumStatistics(const std::vector<std::filesystem::path>& parts, int round) {
  int64_t documents = 0, questions = 0, passed = 0;
  double similarity = 0, quality = 0;
  Json by_document = Json::object(), by_difficulty = Json::object();
  for (const auto& part : parts) {
    if (!std::filesystem::exists(part / "statistics.json")) continue;
    FOUNDRY_ASSIGN_OR_RETURN(const Json json, ReadJsonFile(part / "statistics.json"));
    FOUNDRY_ASSIGN_OR_RETURN(const int64_t n, JsonInt(json, "questions"));
    FOUNDRY_ASSIGN_OR_RETURN(const int64_t part_documents, JsonInt(json, "documents"));
    FOUNDRY_ASSIGN_OR_RETURN(const int64_t part_passed, JsonInt(json, "passed"));
    FOUNDRY_ASSIGN_OR_RETURN(const double mean_similarity, JsonDouble(json, "mean_similarity"));
    FOUNDRY_ASSIGN_OR_RETURN(const double mean_quality, JsonDouble(json, "mean_quality"));
    documents += part_documents;
    questions += n;
    passed += part_passed;
    similarity += mean_similarity * n;
    quality += mean_quality * n;
    by_document.update(json.value("by_document", Json::object()));
    const Json difficulties = json.value("by_difficulty", Json::object());
    for (const auto& [name, counts] : difficulties.items()) {
      Json& sum = by_difficulty[name];
      if (sum.is_null()) sum = {{"questions", 0}, {"passed", 0}};
      for (const char* count : {"questions", "passed"}) {
        sum[count] = sum[count].get<int64_t>() + counts.value(count, int64_t{0});
      }
    }
  }
  const double n = static_cast<double>(std::max<int64_t>(1, questions));
  return Json{{"round", round},
              {"documents", documents},
              {"questions", questions},
              {"passed", passed},
              {"pass_share", passed / n},
              {"mean_similarity", similarity / n},
              {"mean_quality", quality / n},
              {"by_difficulty", by_difficulty},
              {"by_document", by_document}};
}

}  // namespace

MixResult Mix(const std::vector<dataset::Pair>& so_far,
              const std::vector<dataset::Pair>& corrections) {
  MixResult result;
  std::set<std::string> held_out;
  std::map<std::string, size_t> place;  // (question, answer) → index in the mix
  const auto key = [](const dataset::Pair& pair) { return pair.input + "\n" + pair.target; };
  for (const dataset::Pair& pair : so_far) {
    if (pair.split == "dev" || pair.split == "test") held_out.insert(dataset::QuestionKey(pair));
    if (pair.split == "test") {
      ++result.counts["test_pairs_left_out"];
      continue;
    }
    if (!place.emplace(key(pair), result.pairs.size()).second) continue;
    result.pairs.push_back(pair);
  }
  result.counts["pairs_before"] = static_cast<int64_t>(result.pairs.size());
  for (const dataset::Pair& correction : corrections) {
    if (correction.split != "train" || held_out.count(dataset::QuestionKey(correction)) > 0) {
      ++result.counts["corrections_held_out"];
      continue;
    }
    const auto [found, is_new] = place.emplace(key(correction), result.pairs.size());
    if (is_new) {
      result.pairs.push_back(correction);
      ++result.counts["corrections_added"];
    } else {
      dataset::Pair& known = result.pairs[found->second];
      known.weight = std::max(known.weight, correction.weight);
      ++result.counts["pairs_reweighted"];
    }
  }
  dataset::AssignIds(result.pairs);
  result.counts["pairs"] = static_cast<int64_t>(result.pairs.size());
  return result;
}

absl::StatusOr<MixResult> MixFiles(const std::vector<std::filesystem::path>& parts,
                                   const std::vector<std::filesystem::path>& pairs, int round,
                                   const std::filesystem::path& output) {
  std::vector<dataset::Pair> so_far, corrections;
  for (const auto& path : pairs) {
    FOUNDRY_ASSIGN_OR_RETURN(std::vector<dataset::Pair> more, dataset::ReadPairs(path));
    std::move(more.begin(), more.end(), std::back_inserter(so_far));
  }
  for (const auto& part : parts) {
    FOUNDRY_ASSIGN_OR_RETURN(std::vector<dataset::Pair> more,
                             dataset::ReadPairs(part / "failed.jsonl"));
    std::move(more.begin(), more.end(), std::back_inserter(corrections));
  }
  MixResult result = Mix(so_far, corrections);
  FOUNDRY_ASSIGN_OR_RETURN(Json statistics, SumStatistics(parts, round));
  statistics["mix"] = result.counts;
  std::vector<Json> rows;
  for (const dataset::Pair& pair : result.pairs) rows.push_back(dataset::ToJson(pair));
  FOUNDRY_RETURN_IF_ERROR(dataset::WriteJsonLines(output / "pairs.jsonl", rows));
  FOUNDRY_RETURN_IF_ERROR(WriteJsonFile(output / "statistics.json", statistics));
  return result;
}

}  // namespace foundry::self_study
