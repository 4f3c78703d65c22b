#include "services/self_study/document_study.h"

#include <algorithm>
#include <iterator>

#include "common/base/status.h"
#include "common/dataset/io.h"
#include "common/dataset/prompt.h"
#include "common/dataset/topics.h"

namespace foundry::self_study {
namespace {

// Correcting pairs count double in the mix.
constexpr double kCorrectionWeight = 2.0;

// Doubles once: a fact that fails in every round does not drown the others.
double Doubled(double weight) { return std::max(weight, kCorrectionWeight); }

dataset::Pair Correction(const Asked& asked) {
  dataset::Pair pair = asked.candidate.pair;
  pair.split = "train";
  pair.teacher = "self_study";
  pair.weight = Doubled(pair.weight);
  pair.scores["quality"] = asked.quality;
  pair.scores["similarity"] = asked.similarity;
  if (asked.candidate.is_new) pair.id.clear();
  return pair;
}

// [{sentence, context, summary, questions}]: one entry a sentence, in the order of the text.
Json GroupBySentence(const dataset::Document& document, const std::vector<Asked>& asked) {
  std::map<std::pair<int64_t, std::string>, Json> groups;
  for (const Asked& one : asked) {
    const dataset::Pair& pair = one.candidate.pair;
    const std::string sentence = SentenceOf(document, pair);
    const size_t place = document.text.find(sentence);
    Json& group = groups[{place == std::string::npos ? -1 : static_cast<int64_t>(place), sentence}];
    if (group.is_null()) {
      group = {{"sentence", sentence},
               {"context", ContextOf(document, pair, 4000)},
               {"summary", document.summary},
               {"questions", Json::array()}};
    }
    group["questions"].push_back({{"question", one.candidate.prompt},
                                  {"student_answer", one.student_answer},
                                  {"teacher_answer", one.teacher_answer},
                                  {"similarity_score", one.similarity},
                                  {"quality_score", one.quality}});
  }
  Json list = Json::array();
  for (auto& [key, group] : groups) list.push_back(std::move(group));
  return list;
}

struct Pool {
  std::vector<Candidate> probes;      // the dev wordings that may be asked; never trained
  std::vector<Candidate> candidates;  // the others
};

Pool Gather(const dataset::Document& document, const std::vector<dataset::Pair>& pairs,
            const std::set<std::string>& held_out, const std::set<std::string>& weak,
            const StudyModels& models, const StudyOptions& options) {
  Pool pool;
  std::set<std::string> known = held_out;  // questions of the mix, and held-out ones
  const auto add = [&](const dataset::Pair& from, bool is_new) {
    if (from.target.empty() || !AboutTopics(document, from, options.topics)) return;
    if (from.split == "dev" && !dataset::MayBeProbed(from.input)) return;
    Candidate candidate;
    candidate.pair = from;
    candidate.prompt = dataset::ClosedBookPrompt(dataset::TopicOf(document), from.input);
    candidate.pair.source.document = document.id;
    candidate.difficulty = DifficultyOf(from);
    candidate.is_new = is_new;
    candidate.weakness = weak.count(FactKey(candidate.pair)) > 0 ? 2 : 0;
    (from.split == "dev" ? pool.probes : pool.candidates).push_back(std::move(candidate));
  };
  for (const dataset::Pair& pair : pairs) {
    dataset::Pair named = pair;
    named.source.document = document.id;
    known.insert(dataset::QuestionKey(named));
    add(pair, false);
  }
  if (models.write == nullptr) return pool;
  for (dataset::Pair& pair : models.write(document, options.seed + 1000003 * options.round)) {
    // A wording that may be held out elsewhere is never studied.
    if (known.count(dataset::QuestionKey(pair)) > 0 || dataset::MayBeHeldOut(pair.input)) continue;
    pair.split = "train";
    add(pair, true);
  }
  return pool;
}

void Count(const std::vector<Asked>& asked, DocumentStudy& study) {
  for (const Asked& one : asked) {
    ++study.questions;
    study.passed += one.passed;
    study.overruled += one.teacher_overruled;
    study.similarity += one.similarity;
    study.quality += one.quality;
    auto& [count, passed] = study.by_difficulty[DifficultyName(one.candidate.difficulty)];
    ++count;
    passed += one.passed;
  }
}

}  // namespace

absl::StatusOr<DocumentStudy> StudyDocument(const dataset::Document& document,
                                            const std::vector<dataset::Pair>& pairs,
                                            const std::set<std::string>& held_out,
                                            const std::set<std::string>& weak,
                                            const StudyModels& models,
                                            const StudyOptions& options) {
  DocumentStudy study;
  Pool pool = Gather(document, pairs, held_out, weak, models, options);
  SelectOptions select;
  FOUNDRY_ASSIGN_OR_RETURN(select.shares, SharesOf(options.difficulty, options.round));
  select.seed = options.seed;
  select.round = options.round;
  AskOptions ask;
  ask.verify_with_teacher = options.verify_with_teacher;
  ask.seed = options.seed;
  ask.cancel = options.cancel;

  // Up to a quarter of the questions are dev wordings: they tell which facts are weak.
  select.questions = std::max(1, options.questions_per_document / 4);
  FOUNDRY_ASSIGN_OR_RETURN(
      std::vector<Asked> probes,
      Ask(models, document, Select(std::move(pool.probes), select), ask, &study.unanswered));
  study.probes = static_cast<int64_t>(probes.size());
  std::set<std::string> failed_on_dev;
  for (const Asked& probe : probes) {
    if (!probe.passed) failed_on_dev.insert(FactKey(probe.candidate.pair));
  }
  for (Candidate& candidate : pool.candidates) {
    if (candidate.weakness == 0)
      candidate.weakness = failed_on_dev.count(FactKey(candidate.pair)) > 0 ? 1 : 0;
  }

  // Weak facts that have no new wording get one from the teacher.
  if (models.teacher != nullptr) {
    std::vector<Candidate> weak_candidates;
    for (const Candidate& candidate : pool.candidates) {
      if (candidate.weakness > 0 && !candidate.is_new) weak_candidates.push_back(candidate);
    }
    select.questions = options.questions_per_document / 3;
    FOUNDRY_ASSIGN_OR_RETURN(std::vector<Candidate> reworded,
                             Reword(*models.teacher, Select(std::move(weak_candidates), select),
                                    dataset::TopicOf(document), held_out, ask, &study.refused));
    std::move(reworded.begin(), reworded.end(), std::back_inserter(pool.candidates));
  }

  select.questions = std::max(0, options.questions_per_document - static_cast<int>(study.probes));
  const std::vector<Candidate> all = pool.candidates;
  FOUNDRY_ASSIGN_OR_RETURN(
      std::vector<Asked> asked,
      Ask(models, document, Select(std::move(pool.candidates), select), ask, &study.unanswered));
  std::set<std::string> corrected;
  for (const Asked& one : asked) {
    if (one.passed) continue;
    study.failed.push_back(Correction(one));
    corrected.insert(FactKey(one.candidate.pair));
  }
  // A fact that failed on dev only is repeated in its trained wordings.
  for (const Candidate& candidate : all) {
    const std::string fact = FactKey(candidate.pair);
    if (candidate.is_new || failed_on_dev.count(fact) == 0 || corrected.count(fact) > 0) continue;
    dataset::Pair pair = candidate.pair;
    pair.split = "train";
    pair.weight = Doubled(pair.weight);
    study.failed.push_back(std::move(pair));
  }
  Count(asked, study);
  Count(probes, study);
  asked.insert(asked.end(), probes.begin(), probes.end());
  study.results = GroupBySentence(document, asked);
  return study;
}

Json ToJson(const DocumentStudy& study) {
  Json failed = Json::array(), by_difficulty = Json::object();
  for (const dataset::Pair& pair : study.failed) failed.push_back(dataset::ToJson(pair));
  for (const auto& [name, counts] : study.by_difficulty) {
    by_difficulty[name] = {{"questions", counts.first}, {"passed", counts.second}};
  }
  return {{"results", study.results},       {"failed", failed},
          {"questions", study.questions},   {"passed", study.passed},
          {"probes", study.probes},         {"unanswered", study.unanswered},
          {"refused", study.refused},       {"overruled", study.overruled},
          {"similarity", study.similarity}, {"quality", study.quality},
          {"by_difficulty", by_difficulty}};
}

absl::StatusOr<DocumentStudy> DocumentStudyFromJson(const Json& json) {
  if (!json.is_object() || !json.contains("results") || !json.contains("failed")) {
    return absl::InvalidArgumentError("not the study of a document");
  }
  DocumentStudy study;
  study.results = json["results"];
  for (const Json& item : json["failed"]) {
    FOUNDRY_ASSIGN_OR_RETURN(dataset::Pair pair, dataset::PairFromJson(item));
    study.failed.push_back(std::move(pair));
  }
  FOUNDRY_ASSIGN_OR_RETURN(study.questions, JsonInt(json, "questions"));
  FOUNDRY_ASSIGN_OR_RETURN(study.passed, JsonInt(json, "passed"));
  FOUNDRY_ASSIGN_OR_RETURN(study.probes, JsonInt(json, "probes"));
  FOUNDRY_ASSIGN_OR_RETURN(study.unanswered, JsonInt(json, "unanswered"));
  FOUNDRY_ASSIGN_OR_RETURN(study.refused, JsonInt(json, "refused"));
  FOUNDRY_ASSIGN_OR_RETURN(study.overruled, JsonInt(json, "overruled"));
  FOUNDRY_ASSIGN_OR_RETURN(study.similarity, JsonDouble(json, "similarity"));
  FOUNDRY_ASSIGN_OR_RETURN(study.quality, JsonDouble(json, "quality"));
  const Json by_difficulty = json.value("by_difficulty", Json::object());
  for (const auto& [name, counts] : by_difficulty.items()) {
    study.by_difficulty[name] = {counts.value("questions", int64_t{0}),
                                 counts.value("passed", int64_t{0})};
  }
  return study;
}

}  // namespace foundry::self_study
