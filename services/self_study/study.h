// One shard of a round: questions about each document, answered closed-book, verified.
//
// Writes self_study_results/<document>.json, failed.jsonl (pairs that correct the mistakes) and
// statistics.json. Each document is finished in the scratch folder before the next one begins, so
// that a killed attempt goes on where it stopped.
#pragma once

#include <filesystem>
#include <functional>
#include <map>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "services/self_study/ask.h"

namespace foundry::self_study {

struct StudyOptions {
  int round = 1;
  std::vector<std::string> topics;  // empty: all
  std::string difficulty = "progressive";
  bool verify_with_teacher = true;
  int questions_per_document = 24;
  uint64_t seed = 7;
  int shard_index = 0, shard_count = 1;
  std::string identity;  // what the answers depend on besides: model, teachers
  CancelToken cancel;
  std::function<void(double done, double total, const std::string& message)> progress;
};

struct StudySummary {
  std::map<std::string, int64_t> counts;
  std::map<std::string, double> figures;  // mean_quality, mean_similarity, pass_share
  std::vector<std::string> warnings;
};

// `pairs`: the mix so far and, for what is held out, the pairs that it came from; pairs of the test
// split are never asked. `previous`: failed pairs of the
// round before. Errors: FailedPrecondition when no question could be asked of any document.
absl::StatusOr<StudySummary> Study(const std::vector<dataset::Document>& documents,
                                   const std::vector<dataset::Pair>& pairs,
                                   const std::vector<dataset::Pair>& previous,
                                   const StudyModels& models, const StudyOptions& options,
                                   const std::filesystem::path& scratch,
                                   const std::filesystem::path& output);

// A file name of a document's id: letters, digits, '.', '-' and '_'; other ids get a hash.
std::string FileNameOf(const std::string& document_id);

}  // namespace foundry::self_study
