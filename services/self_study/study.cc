#include "services/self_study/study.h"

#include <algorithm>

#include "absl/strings/ascii.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "common/base/files.h"
#include "common/base/hash.h"
#include "common/base/status.h"
#include "common/dataset/io.h"
#include "common/dataset/prompt.h"
#include "services/self_study/document_study.h"

namespace foundry::self_study {
namespace {

// By hash of the id, as extraction and the teacher cut their shards.
bool InShard(const std::string& id, int index, int count) {
  uint64_t hash = 0;
  (void)absl::SimpleHexAtoi(Sha256Hex(id).substr(0, 16), &hash);
  return count <= 1 || static_cast<int>(hash % count) == index;
}

std::string IdentityOf(const StudyOptions& options, const dataset::Document& document) {
  return Sha256Hex(DumpJson({{"round", options.round},
                             {"topics", options.topics},
                             {"difficulty", options.difficulty},
                             {"verify", options.verify_with_teacher},
                             {"questions", options.questions_per_document},
                             {"seed", options.seed},
                             {"models", options.identity},
                             {"text", Sha256Hex(document.text)}}));
}

// Pairs from elsewhere may name a document by its title or its file.
std::map<std::string, std::string> NamesOf(const std::vector<dataset::Document>& documents) {
  std::map<std::string, std::string> names;
  for (const dataset::Document& document : documents) names.emplace(document.id, document.id);
  for (const dataset::Document& document : documents) {
    for (const std::string& name :
         {document.title, document.url, dataset::TopicName(document.id)}) {
      if (!name.empty()) names.emplace(name, document.id);
    }
  }
  return names;
}

// The study of an earlier attempt, when it is whole and of the same inputs.
absl::StatusOr<DocumentStudy> Restore(const std::filesystem::path& file,
                                      const std::string& identity) {
  FOUNDRY_ASSIGN_OR_RETURN(const Json json, ReadJsonFile(file));
  if (!json.is_object() || json.value("identity", "") != identity) {
    return absl::NotFoundError("a checkpoint of other settings");
  }
  return DocumentStudyFromJson(json["study"]);
}

Json Statistics(const std::map<std::string, DocumentStudy>& studies, int round) {
  DocumentStudy sum;
  Json by_document = Json::object(), by_difficulty = Json::object();
  for (const auto& [id, study] : studies) {
    sum.questions += study.questions;
    sum.passed += study.passed;
    sum.similarity += study.similarity;
    sum.quality += study.quality;
    for (const auto& [name, counts] : study.by_difficulty) {
      sum.by_difficulty[name].first += counts.first;
      sum.by_difficulty[name].second += counts.second;
    }
    by_document[id] = {{"questions", study.questions},
                       {"passed", study.passed},
                       {"mean_quality", study.quality / std::max<int64_t>(1, study.questions)},
                       {"corrections", study.failed.size()}};
  }
  for (const auto& [name, counts] : sum.by_difficulty) {
    by_difficulty[name] = {{"questions", counts.first}, {"passed", counts.second}};
  }
  const double n = static_cast<double>(std::max<int64_t>(1, sum.questions));
  return {{"round", round},
          {"documents", studies.size()},
          {"questions", sum.questions},
          {"passed", sum.passed},
          {"pass_share", sum.passed / n},
          {"mean_similarity", sum.similarity / n},
          {"mean_quality", sum.quality / n},
          {"by_difficulty", by_difficulty},
          {"by_document", by_document}};
}

StudySummary SummaryOf(const std::map<std::string, DocumentStudy>& studies,
                       const Json& statistics) {
  StudySummary summary;
  auto& counts = summary.counts;
  counts["documents"] = static_cast<int64_t>(studies.size());
  for (const auto& [id, study] : studies) {
    counts["questions"] += study.questions;
    counts["passed"] += study.passed;
    counts["dev_probes"] += study.probes;
    counts["corrections"] += static_cast<int64_t>(study.failed.size());
    counts["unanswered"] += study.unanswered;
    counts["rewordings_refused"] += study.refused;
    counts["teacher_overruled_by_text"] += study.overruled;
    if (study.questions == 0) ++counts["documents_without_questions"];
  }
  for (const char* name : {"pass_share", "mean_similarity", "mean_quality"}) {
    summary.figures[name] = statistics[name];
  }
  if (counts["documents_without_questions"] > 0) {
    summary.warnings.push_back(
        absl::StrCat(counts["documents_without_questions"], " of ", studies.size(),
                     " documents gave no question (no text that the topics or the "
                     "teacher find something in)"));
  }
  return summary;
}

}  // namespace

std::string FileNameOf(const std::string& document_id) {
  std::string name;
  for (char c : document_id) {
    const bool plain =
        absl::ascii_isalnum(static_cast<unsigned char>(c)) || c == '.' || c == '-' || c == '_';
    name += plain ? c : '_';
  }
  name = name.substr(0, 100);
  // Ids that differ only in what was replaced must not share a file.
  if (name != document_id || name[0] == '.')
    absl::StrAppend(&name, "-", Sha256Hex(document_id).substr(0, 8));
  return name[0] == '.' ? absl::StrCat("_", name) : name;
}

absl::StatusOr<StudySummary> Study(const std::vector<dataset::Document>& documents,
                                   const std::vector<dataset::Pair>& pairs,
                                   const std::vector<dataset::Pair>& previous,
                                   const StudyModels& models, const StudyOptions& options,
                                   const std::filesystem::path& scratch,
                                   const std::filesystem::path& output) {
  const std::map<std::string, std::string> names = NamesOf(documents);
  std::map<std::string, std::vector<dataset::Pair>> pairs_of;
  std::map<std::string, std::set<std::string>> held_out_of;
  std::set<std::string> seen;
  for (const dataset::Pair& pair : pairs) {
    auto name = names.find(pair.source.document);
    if (name == names.end()) name = names.find(dataset::TopicName(pair.source.document));
    if (name == names.end()) continue;
    if (pair.split == "dev" || pair.split == "test") {
      dataset::Pair named = pair;
      named.source.document = name->second;
      held_out_of[name->second].insert(dataset::QuestionKey(named));
    }
    if (pair.split == "test") continue;
    // The mix of the round before and the pairs that it came from share most.
    if (!seen.insert(absl::StrCat(name->second, "\n", pair.input, "\n", pair.target)).second)
      continue;
    pairs_of[name->second].push_back(pair);
  }
  std::set<std::string> weak;
  for (const dataset::Pair& pair : previous) weak.insert(FactKey(pair));

  std::vector<const dataset::Document*> mine;
  for (const dataset::Document& document : documents) {
    if (InShard(document.id, options.shard_index, options.shard_count)) mine.push_back(&document);
  }
  FOUNDRY_RETURN_IF_ERROR(MakeFolders(scratch / "documents"));
  FOUNDRY_RETURN_IF_ERROR(MakeFolders(output / "self_study_results"));
  std::map<std::string, DocumentStudy> studies;
  int64_t restored = 0;
  for (const dataset::Document* document : mine) {
    FOUNDRY_RETURN_IF_ERROR(options.cancel.Check());
    const auto checkpoint = scratch / "documents" / (FileNameOf(document->id) + ".json");
    const std::string identity = IdentityOf(options, *document);
    absl::StatusOr<DocumentStudy> study = Restore(checkpoint, identity);
    if (study.ok()) {
      ++restored;
    } else {
      FOUNDRY_ASSIGN_OR_RETURN(
          study, StudyDocument(*document, pairs_of[document->id], held_out_of[document->id], weak,
                               models, options));
      FOUNDRY_RETURN_IF_ERROR(
          WriteJsonFile(checkpoint, {{"identity", identity}, {"study", ToJson(*study)}}));
    }
    studies[document->id] = *std::move(study);
    if (options.progress) {
      options.progress(static_cast<double>(studies.size()), static_cast<double>(mine.size()),
                       document->title);
    }
  }

  std::vector<Json> failed;
  for (const auto& [id, study] : studies) {
    FOUNDRY_RETURN_IF_ERROR(
        WriteJsonFile(output / "self_study_results" / (FileNameOf(id) + ".json"), study.results));
    for (const dataset::Pair& pair : study.failed) failed.push_back(dataset::ToJson(pair));
  }
  FOUNDRY_RETURN_IF_ERROR(dataset::WriteJsonLines(output / "failed.jsonl", failed));
  const Json statistics = Statistics(studies, options.round);
  FOUNDRY_RETURN_IF_ERROR(WriteJsonFile(output / "statistics.json", statistics));
  StudySummary summary = SummaryOf(studies, statistics);
  summary.counts["documents_resumed"] = restored;
  if (!mine.empty() && summary.counts["questions"] == 0 && options.shard_count <= 1) {
    return absl::FailedPreconditionError(
        options.topics.empty()
            ? "self-study found nothing to ask: the documents have no pairs and too little text"
            : "self-study found nothing to ask about self_study.topics: check their spelling");
  }
  return summary;
}

}  // namespace foundry::self_study
