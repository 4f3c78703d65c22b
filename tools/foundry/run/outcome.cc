#include "tools/foundry/run/outcome.h"

#include "absl/strings/str_cat.h"

namespace foundry::cli {
namespace fs = std::filesystem;

std::string OutcomeText(const fs::path& output_dir) {
  struct Row {
    const char* name;
    const char* what;
  };
  static constexpr Row kOutputs[] = {
      {"enriched_data.json", "documents, enriched"},
      {"teacher_pairs.json", "questions and answers"},
      {"best_checkpoint", "adapter (PEFT)"},
      {"merged", "model: Hugging Face folder and GGUF"},
      {"self_study_results", "what the student asked itself"},
      {"evaluation_results.json", "scores"},
      {"report.html", "report: open it in a browser"},
  };
  std::string text = "outputs\n";
  for (const Row& row : kOutputs) {
    std::error_code error;
    const fs::path path = output_dir / row.name;
    if (fs::exists(path, error)) absl::StrAppend(&text, "  ", path.string(), "  ", row.what, "\n");
  }
  return text;
}

}  // namespace foundry::cli
