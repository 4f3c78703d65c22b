#include "services/evaluator/evaluate.h"

#include <set>

#include "absl/strings/str_cat.h"
#include "common/base/files.h"
#include "common/base/status.h"
#include "common/dataset/io.h"
#include "services/evaluator/datasets.h"

namespace foundry::evaluator {
namespace {

absl::StatusOr<TestSet> ReadDataset(const DatasetChoice& choice, const EvaluateOptions& options,
                                    const std::vector<dataset::Document>& documents) {
  switch (choice.kind) {
    case TaskKind::kQa:
      return ReadQaSet(choice.path);
    case TaskKind::kCommand:
      return ReadCommandSet(choice.path);
    case TaskKind::kDomain:
      return ReadDomainSet(choice.path);
    case TaskKind::kHeldOut:
      break;
  }
  if (options.pairs.empty()) {
    return absl::InvalidArgumentError("the data set heldout_pairs needs the teacher's pairs");
  }
  FOUNDRY_ASSIGN_OR_RETURN(const std::vector<dataset::Pair> pairs,
                           dataset::ReadPairs(options.pairs));
  return HeldOutPairs(pairs, documents, options.split);
}

absl::StatusOr<std::vector<TestSet>> ReadDatasets(const EvaluateOptions& options,
                                                  const std::vector<dataset::Document>& documents) {
  if (options.datasets.empty()) {
    return absl::InvalidArgumentError(
        "there is no data set to ask: name one under evaluation.datasets");
  }
  std::vector<TestSet> sets;
  std::set<std::string> names;
  for (const DatasetChoice& choice : options.datasets) {
    FOUNDRY_ASSIGN_OR_RETURN(TestSet set, ReadDataset(choice, options, documents));
    if (!choice.name.empty()) set.name = choice.name;
    const std::string base = set.name;
    for (int i = 2; !names.insert(set.name).second; ++i)
      set.name = absl::StrCat(base, " (", i, ")");
    Sample(options.max_samples, set);
    sets.push_back(std::move(set));
  }
  return sets;
}

}  // namespace

absl::StatusOr<RunResult> Evaluate(const EvaluateOptions& options, const ModelAccess& models,
                                   const RunHooks& hooks, const std::filesystem::path& scratch,
                                   const std::filesystem::path& output) {
  std::vector<dataset::Document> documents;
  if (!options.documents.empty()) {
    FOUNDRY_ASSIGN_OR_RETURN(documents, dataset::ReadDocuments(options.documents));
  }
  FOUNDRY_ASSIGN_OR_RETURN(const std::vector<TestSet> sets, ReadDatasets(options, documents));

  RunOptions run;
  FOUNDRY_ASSIGN_OR_RETURN(run.judges, ParseJudges(options.judges));
  run.label = options.label;
  run.split = options.split;
  run.max_new_tokens = options.max_new_tokens;
  run.batch_size = options.model.batch_size;
  run.seed = options.seed;

  RunModels opened;
  if (options.teacher.has_value()) {
    run.open_book = true;
    run.model_name = options.teacher->model;
    FOUNDRY_ASSIGN_OR_RETURN(opened.model,
                             OpenChatTeachers({*options.teacher}, models, options.model));
  } else {
    run.model_name = options.model.adapter.empty()
                         ? options.model.model
                         : absl::StrCat(options.model.model, " + ", options.model.adapter);
    FOUNDRY_ASSIGN_OR_RETURN(OpenedModel model, models.open_model(options.model));
    opened.model = std::move(model.chat);
    opened.nll = std::move(model.nll);
  }
  if (run.judges.embedding) {
    if (options.embedder.model.empty()) {
      return absl::InvalidArgumentError("the judge \"embedding\" needs models.embedder");
    }
    FOUNDRY_ASSIGN_OR_RETURN(opened.embed, models.open_embedder(options.embedder));
  }
  if (run.judges.llm) {
    if (options.judge.has_value()) {
      FOUNDRY_ASSIGN_OR_RETURN(opened.judge,
                               OpenChatTeachers({*options.judge}, models, options.model));
    }
    if (opened.judge == nullptr) {
      return absl::InvalidArgumentError(
          "the judge \"llm\" needs a teacher that chats in models.teachers (extractive does not)");
    }
    FOUNDRY_RETURN_IF_ERROR(opened.judge->Check(hooks.cancel));
  }
  FOUNDRY_RETURN_IF_ERROR(MakeFolders(output));
  return RunEvaluation(sets, documents, opened, run, hooks, scratch, output);
}

}  // namespace foundry::evaluator
