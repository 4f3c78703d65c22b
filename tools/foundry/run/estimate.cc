#include "tools/foundry/run/estimate.h"

#include <algorithm>
#include <cstdio>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "common/base/status.h"
#include "common/dataset/io.h"
#include "common/lm/model_path.h"
#include "common/lm/probe/matmul_rate.h"
#include "common/lm/weights/checkpoint.h"
#include "tools/foundry/run/input_files.h"
#include "tools/foundry/view/progress_view.h"
#include "tools/foundry/view/table.h"

namespace foundry::cli {
namespace {

using pipeline::v1::PipelineSpec;

// Rules of thumb for SmolLM2-135M on two cores; tokens per pair and the training's efficiency are
// those of the demo (49 tokens an example) and of handed-in pairs with items (61).
constexpr double kTextShareOfPdf = 0.25;         // bytes of text per byte of PDF
constexpr double kBytesPerToken = 4.0;           // English prose, byte-level BPE
constexpr double kBytesPerDocumentSecond = 2e5;  // extraction and enrichment of text
constexpr double kTokensPerPair = 55;            // question and answer; the chat prefix counts once
constexpr double kPairsWithItems = 4;            // a chat pair and the items about its passage
constexpr double kTokensPerAnswer = 24;          // generated
constexpr double kTrainingEfficiency =
    0.5;  // share of the machine's matrix rate that training reaches
constexpr double kGenerationEfficiency = 0.12;  // decoding is bound by memory
constexpr double kChatPairSeconds = 4;          // of an endpoint or local chat teacher

struct StepEstimate {
  std::string name;
  std::string tasks;
  double seconds = 0;
  double memory_mib = 0;
  double tokens = 0;
  std::string detail;
};

struct Amounts {
  double documents = 0, text_bytes = 0, pairs = 0;
  double parameters = 0;  // of the student
  double flops_per_second = 0;
};

// pairs_per_document: 0: about 16 pairs for a sentence of 120 bytes, at most 2000 a document.
constexpr double kTextBytesPerPair = 120.0 / 16;
constexpr double kMostPairsOfDocument = 2000;

double Parameters(const lm::ModelConfig& c) {
  const double attention = c.hidden_size * c.head_dim * (2.0 * c.num_heads + 2.0 * c.num_kv_heads);
  const double mlp = 3.0 * c.hidden_size * c.intermediate_size;
  return c.num_layers * (attention + mlp) + static_cast<double>(c.vocab_size) * c.hidden_size;
}

absl::StatusOr<Amounts> Measure(const PipelineSpec& spec) {
  Amounts amounts;
  for (const InputFile& file : SourceFiles(spec)) {
    ++amounts.documents;
    amounts.text_bytes += file.size * (file.path.extension() == ".pdf" ? kTextShareOfPdf : 1.0);
  }
  if (spec.max_samples() > 0) {
    const double share = std::min(1.0, spec.max_samples() / std::max(1.0, amounts.documents));
    amounts.documents *= share;
    amounts.text_bytes *= share;
  }
  if (!spec.inputs().enriched_data().empty()) {
    FOUNDRY_ASSIGN_OR_RETURN(const auto documents,
                             dataset::ReadDocuments(spec.inputs().enriched_data()));
    amounts.documents = static_cast<double>(documents.size());
    for (const auto& document : documents) amounts.text_bytes += document.text.size();
  }
  amounts.pairs = amounts.documents * spec.teacher().pairs_per_document();
  if (spec.teacher().pairs_per_document() == 0) {
    // As many as the documents' length asks for: see the setting's help.
    amounts.pairs =
        std::min(amounts.text_bytes / kTextBytesPerPair, amounts.documents * kMostPairsOfDocument);
  }
  if (!spec.inputs().teacher_pairs().empty()) {
    FOUNDRY_ASSIGN_OR_RETURN(const auto pairs, dataset::ReadPairs(spec.inputs().teacher_pairs()));
    amounts.pairs = static_cast<double>(pairs.size());
  }
  const int most = spec.teacher().max_samples();
  if (most > 0) amounts.pairs = std::min<double>(amounts.pairs, most);
  FOUNDRY_ASSIGN_OR_RETURN(const auto path, lm::ResolveModel(spec.models().student()));
  FOUNDRY_ASSIGN_OR_RETURN(const auto checkpoint, lm::Checkpoint::Open(path));
  amounts.parameters = Parameters(checkpoint->config());
  amounts.flops_per_second = lm::MeasureMatmulRate();
  return amounts;
}

// LoRA training: forward, and backward to the inputs of the frozen weights (2 + 2 FLOP a weight).
double TrainingSeconds(const Amounts& a, double tokens) {
  return tokens * 4 * a.parameters / (a.flops_per_second * kTrainingEfficiency);
}

double GenerationSeconds(const Amounts& a, double tokens) {
  return tokens * 2 * a.parameters / (a.flops_per_second * kGenerationEfficiency);
}

bool Chats(const PipelineSpec& spec) {
  return std::any_of(spec.models().teachers().begin(), spec.models().teachers().end(),
                     [](const auto& teacher) { return teacher.model() != "extractive"; });
}

bool Wanted(const PipelineSpec& spec, const std::string& step) {
  const auto& steps = spec.steps();
  if (!steps.empty() && std::find(steps.begin(), steps.end(), step) == steps.end()) return false;
  const auto& inputs = spec.inputs();
  const bool trained = !inputs.adapter().empty() || !inputs.merged_model().empty();
  if (step == "extraction" || step == "enrichment") {
    return spec.sources_size() > 0 && inputs.enriched_data().empty();
  }
  if (step == "teacher") return inputs.teacher_pairs().empty() && !trained;
  if (step == "distillation") return !trained;
  if (step == "merge") return inputs.merged_model().empty();
  if (step == "self_study") return spec.self_study().iterations() > 0;
  return true;
}

std::vector<StepEstimate> Estimate(const PipelineSpec& spec, const Amounts& a) {
  const double weights_mib = a.parameters * 6 / (1 << 20);  // fp32, and bf16 for the products
  const bool items = spec.distillation().passage_items() &&
                     (!spec.inputs().teacher_pairs().empty() || Chats(spec));
  const double epoch_tokens = a.pairs * kTokensPerPair *
                              (spec.distillation().passages() ? 1.4 : 1.0) *
                              (items ? kPairsWithItems : 1.0);
  const double train_tokens = epoch_tokens * spec.distillation().epochs();
  const double rounds = spec.self_study().iterations();
  const double asked = rounds * a.documents * spec.self_study().questions_per_document();
  const double study_tokens = rounds * epoch_tokens * spec.self_study().epochs();
  const double models = spec.evaluation().compare_size() + (rounds > 0 ? 1 : 0);
  double questions = a.pairs / 16;
  if (spec.evaluation().max_samples() > 0) {
    questions = std::min<double>(questions, spec.evaluation().max_samples());
  }
  const double answer_tokens = models * questions * kTokensPerAnswer;
  const double activations = 2500;  // MiB, of a micro-batch of 16 at this size

  std::vector<StepEstimate> steps = {
      {"extraction", absl::StrCat(spec.extraction().shards(), " + join"),
       a.text_bytes / kBytesPerDocumentSecond + 1, 300, 0,
       absl::StrFormat("%.0f documents, about %.0f kB of text", a.documents, a.text_bytes / 1e3)},
      {"enrichment", "1", a.text_bytes / kBytesPerDocumentSecond + 3, 600,
       a.text_bytes / kBytesPerToken, "entities, keywords, summaries"},
      {"teacher", absl::StrCat(spec.teacher().shards(), " + join"),
       2 + (Chats(spec) ? a.pairs * kChatPairSeconds : a.pairs * 0.005), 600,
       Chats(spec) ? a.pairs * kTokensPerPair : 0, absl::StrFormat("about %.0f pairs", a.pairs)},
      {"distillation", absl::StrCat(spec.distillation().devices()),
       TrainingSeconds(a, train_tokens) + 10,
       spec.distillation().devices() *
           (weights_mib / std::max(1, spec.distillation().tensor_parallel()) + activations),
       train_tokens,
       absl::StrFormat("%.4g epochs, LoRA rank %d", spec.distillation().epochs(),
                       spec.distillation().lora().rank())},
      {"merge", "1", 20, weights_mib * 2, 0, "merged folder, GGUF, parity"},
      {"self_study", absl::StrFormat("%.0f × (%d + 3)", rounds, spec.self_study().shards()),
       TrainingSeconds(a, study_tokens) + GenerationSeconds(a, asked * kTokensPerAnswer) +
           10 * rounds,
       weights_mib + activations, study_tokens + asked * kTokensPerAnswer,
       absl::StrFormat("%.0f questions in %.0f rounds", asked, rounds)},
      {"evaluation", absl::StrFormat("%.0f + report", models),
       GenerationSeconds(a, answer_tokens) + 10, weights_mib * 2, answer_tokens,
       absl::StrFormat("%.0f models, %.0f questions each", models, questions)},
  };
  steps.erase(std::remove_if(steps.begin(), steps.end(),
                             [&](const StepEstimate& step) { return !Wanted(spec, step.name); }),
              steps.end());
  return steps;
}

Json PlanJson(const std::vector<StepEstimate>& steps, const Amounts& a) {
  Json list = Json::array();
  for (const StepEstimate& step : steps) {
    list.push_back({{"step", step.name},
                    {"tasks", step.tasks},
                    {"seconds", step.seconds},
                    {"memory_mib", step.memory_mib},
                    {"tokens", step.tokens},
                    {"detail", step.detail}});
  }
  return {{"steps", list}, {"matmul_gflops", a.flops_per_second / 1e9}};
}

}  // namespace

absl::StatusOr<int> PrintPlan(const PipelineSpec& spec, Output output) {
  FOUNDRY_ASSIGN_OR_RETURN(const Amounts amounts, Measure(spec));
  const std::vector<StepEstimate> steps = Estimate(spec, amounts);
  if (output == Output::kJson) {
    PrintJson(PlanJson(steps, amounts));
    return kOk;
  }
  std::vector<std::vector<std::string>> rows = {{"STEP", "TASKS", "TIME", "MEMORY", "TOKENS", ""}};
  double total = 0, memory = 0, tokens = 0;
  for (const StepEstimate& step : steps) {
    total += step.seconds;
    tokens += step.tokens;
    memory = std::max(memory, step.memory_mib);
    rows.push_back({step.name, step.tasks, HumanDuration(step.seconds),
                    absl::StrFormat("%.1f GiB", step.memory_mib / 1024),
                    absl::StrFormat("%.0f k", step.tokens / 1e3), step.detail});
  }
  rows.push_back({"total", "", HumanDuration(total), absl::StrFormat("%.1f GiB", memory / 1024),
                  absl::StrFormat("%.0f k", tokens / 1e3),
                  absl::StrFormat("at the %.0f GFLOP/s measured here; a rough figure",
                                  amounts.flops_per_second / 1e9)});
  std::fputs(FormatTable(rows).c_str(), stdout);
  return kOk;
}

}  // namespace foundry::cli
