#include "services/trainer/soft_teacher.h"

#include <algorithm>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "common/base/status.h"
#include "common/lm/model_path.h"
#include "common/lm/soft_targets.h"
#include "services/evaluator/metrics/qa.h"

namespace foundry::trainer {
namespace {

constexpr int kTopK = 64;
constexpr size_t kProbeQuestions = 12;
constexpr int kProbeTokens = 40;        // of an answer
constexpr double kLeastContains = 0.5;  // below it a teacher that reads is no teacher

absl::StatusOr<std::vector<int32_t>> Prompt(const lm::LanguageModel& model,
                                            const dataset::Pair& pair, bool with_passage) {
  std::string question = pair.input;
  if (with_passage) question = absl::StrCat(pair.source.passage, "\n\n", question);
  return model.ChatPrompt({{"user", question}});
}

// Share of greedy answers that hold the target.
absl::StatusOr<double> Contains(const lm::LanguageModel& model,
                                const std::vector<const dataset::Pair*>& pairs, bool with_passage,
                                const CancelToken& cancel) {
  std::vector<lm::GenerateRequest> requests;
  for (const dataset::Pair* pair : pairs) {
    lm::GenerateRequest request;
    FOUNDRY_ASSIGN_OR_RETURN(request.prompt, Prompt(model, *pair, with_passage));
    request.max_new_tokens = kProbeTokens;
    requests.push_back(std::move(request));
  }
  lm::GenerateOptions options;
  options.cancel = cancel;
  FOUNDRY_ASSIGN_OR_RETURN(auto answers, model.Generate(requests, options));
  double sum = 0;
  for (size_t i = 0; i < pairs.size(); ++i) {
    sum += evaluator::Contains(answers[i].text, pairs[i]->target);
  }
  return sum / static_cast<double>(pairs.size());
}

// Every k-th pair with a passage and a short answer: long ones are never repeated word for word.
// Passages that the student's positions do not hold are no reading for it.
absl::StatusOr<std::vector<const dataset::Pair*>> ProbePairs(
    const lm::LanguageModel& student, const std::vector<dataset::Pair>& pairs) {
  std::vector<const dataset::Pair*> usable, chosen;
  for (const dataset::Pair& pair : pairs) {
    if (!pair.source.passage.empty() && pair.target.size() <= 60) usable.push_back(&pair);
  }
  const size_t count = std::min(usable.size(), kProbeQuestions);
  const int64_t room = student.config().max_positions - kProbeTokens;
  for (size_t i = 0; i < count; ++i) {
    const dataset::Pair* pair = usable[i * usable.size() / count];
    FOUNDRY_ASSIGN_OR_RETURN(const std::vector<int32_t> prompt, Prompt(student, *pair, true));
    if (static_cast<int64_t>(prompt.size()) <= room) chosen.push_back(pair);
  }
  return chosen;
}

absl::StatusOr<bool> Probe(const lm::LanguageModel& student,
                           const std::vector<dataset::Pair>& pairs,
                           const std::vector<dataset::Pair>& held_out, const CancelToken& cancel,
                           SoftTeacherReport& report) {
  FOUNDRY_ASSIGN_OR_RETURN(std::vector<const dataset::Pair*> probe, ProbePairs(student, held_out));
  if (probe.empty()) {
    FOUNDRY_ASSIGN_OR_RETURN(probe, ProbePairs(student, pairs));
  }
  if (probe.empty()) {
    report.message =
        "soft teacher auto: off, no pair with a short answer carries a passage that fits the "
        "student's context";
    return false;
  }
  FOUNDRY_ASSIGN_OR_RETURN(report.with_passage, Contains(student, probe, true, cancel));
  FOUNDRY_ASSIGN_OR_RETURN(report.closed_book, Contains(student, probe, false, cancel));
  report.probed = true;
  const bool good =
      report.with_passage >= kLeastContains && report.with_passage > report.closed_book;
  report.message = absl::StrFormat(
      "soft teacher auto: %s, the student answers %.0f %% of %d questions with the passage and "
      "%.0f %% without (at least %.0f %% is asked for)",
      good ? "on" : "off", 100 * report.with_passage, probe.size(), 100 * report.closed_book,
      100 * kLeastContains);
  return good;
}

absl::StatusOr<std::shared_ptr<lm::LanguageModel>> LoadTeacher(const std::string& which,
                                                               const lm::LanguageModel& student) {
  FOUNDRY_ASSIGN_OR_RETURN(auto path, lm::ResolveModel(which));
  lm::LoadOptions load;
  load.device = student.device();
  FOUNDRY_ASSIGN_OR_RETURN(auto teacher, lm::LanguageModel::Load(path, load));
  if (teacher->tokenizer().fingerprint() != student.tokenizer().fingerprint()) {
    return absl::InvalidArgumentError(
        absl::StrCat("soft_teacher ", path.string(), " has another tokenizer than the student ",
                     student.path().string(), ": name a model of the same family, auto or none"));
  }
  return teacher;
}

absl::StatusOr<std::vector<lm::SoftTargets>> Targets(
    const lm::LanguageModel& teacher, const std::vector<lm::ScoreRequest>& requests,
    double temperature, const std::vector<std::filesystem::path>& caches, const CancelToken& cancel,
    size_t* reused) {
  for (const std::filesystem::path& cache : caches) {
    auto targets =
        lm::CachedTeacherTargets(teacher, requests, kTopK, temperature, cache, cancel, reused);
    if (!absl::IsUnavailable(targets.status())) return targets;
  }
  return lm::TeacherTargets(teacher, requests, kTopK, temperature, cancel);
}

}  // namespace

absl::StatusOr<SoftTeacherReport> AddSoftTargets(const std::string& which,
                                                 const std::shared_ptr<lm::LanguageModel>& student,
                                                 const std::vector<dataset::Pair>& pairs,
                                                 const std::vector<dataset::Pair>& probe,
                                                 double temperature, const CancelToken& cancel,
                                                 BuiltExamples& built,
                                                 const std::vector<std::filesystem::path>& caches) {
  SoftTeacherReport report;
  if (which.empty() || which == "none") return report;
  std::shared_ptr<lm::LanguageModel> teacher = student;
  if (which == "auto") {
    FOUNDRY_ASSIGN_OR_RETURN(bool use, Probe(*student, pairs, probe, cancel, report));
    if (!use) return report;
  } else {
    FOUNDRY_ASSIGN_OR_RETURN(teacher, LoadTeacher(which, *student));
  }
  const std::string& end = student->chat_template()->end_of_turn();
  std::vector<lm::ScoreRequest> requests;
  std::vector<size_t> examples;
  for (size_t i = 0; i < built.examples.size(); ++i) {
    const dataset::Pair& pair = pairs[built.pair_of[i]];
    if (pair.source.passage.empty() || pair.weight <= 0) continue;
    lm::ScoreRequest request;
    FOUNDRY_ASSIGN_OR_RETURN(request.context, Prompt(*teacher, pair, true));
    request.target = student->tokenizer().Encode(absl::StrCat(pair.target, end));
    const lm::Example& example = built.examples[i];
    const bool whole =
        example.ids.size() > request.target.size() &&
        std::equal(request.target.rbegin(), request.target.rend(), example.ids.rbegin());
    if (!whole || request.context.size() + request.target.size() >
                      static_cast<size_t>(teacher->config().max_positions)) {
      continue;
    }
    requests.push_back(std::move(request));
    examples.push_back(i);
  }
  size_t reused = 0;
  FOUNDRY_ASSIGN_OR_RETURN(std::vector<lm::SoftTargets> targets,
                           Targets(*teacher, requests, temperature, caches, cancel, &reused));
  report.reused = static_cast<int64_t>(reused);
  for (size_t t = 0; t < targets.size(); ++t) {
    lm::Example& example = built.examples[examples[t]];
    // Scored positions before the answer are the question's: they keep cross-entropy alone.
    const auto scored = std::count_if(example.loss_weights.begin(), example.loss_weights.end(),
                                      [](float weight) { return weight > 0; });
    const size_t before = static_cast<size_t>(scored) - requests[t].target.size();
    auto soft = std::make_shared<lm::SoftTargets>(std::move(targets[t]));
    soft->ids.insert(soft->ids.begin(), before * soft->k, -1);
    soft->logprobs.insert(soft->logprobs.begin(), before * soft->k, 0.0f);
    example.soft = std::move(soft);
  }
  report.targets = static_cast<int64_t>(targets.size());
  if (report.message.empty()) {
    report.message = absl::StrCat("soft teacher ", teacher->path().filename().string(), ": ",
                                  report.targets, " pairs");
  }
  if (report.reused > 0) {
    absl::StrAppend(&report.message, "; ", report.reused, " of ", report.targets,
                    " soft targets were there from an earlier run");
  }
  return report;
}

}  // namespace foundry::trainer
