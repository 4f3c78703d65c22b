// A decoder language model: load, score, generate.
//
// Families are described by data (ModelConfig), not by classes. Reference implementation:
// transformers' modeling_llama.py and its siblings; logits agree within 1e-3 in fp32.
// Thread-safe for const methods; calls that compute take turns inside.
#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/types/span.h"
#include "common/base/cancel.h"
#include "common/lm/model/model_config.h"
#include "common/lm/types.h"
#include "common/tokenizer/chat_template.h"
#include "common/tokenizer/tokenizer.h"

namespace foundry::lm {

struct GenerateRequest {
  std::vector<int32_t> prompt;  // not empty
  int max_new_tokens = 64;
  int min_new_tokens = 0;  // the end of the turn isn't chosen before, as in transformers
  double temperature = 0;  // 0: greedy
  double top_p = 1.0;
  int top_k = 0;                    // 0: all
  double repetition_penalty = 1.0;  // as in transformers; 1: none
  uint64_t seed = 0;                // results depend on it, never on the batch
  std::vector<std::string> stop;    // ends before the first of these strings
};

struct GenerateResult {
  enum class Finish { kEndOfTurn, kLength, kStop };
  std::vector<int32_t> ids;  // without the end token
  std::string text;
  Finish finish = Finish::kLength;
  double mean_logprob = 0;  // of the chosen tokens
};

struct GenerateStats {
  int64_t prompt_tokens = 0;  // computed: a shared prefix counts once
  int64_t generated_tokens = 0;
  double seconds = 0;
};

struct GenerateOptions {
  int batch_size = 32;  // sequences under way at once
  CancelToken cancel;
  std::function<void(size_t finished)> on_progress;
  GenerateStats* stats = nullptr;  // filled when set
};

// Negative log-likelihood of `target` after `context`.
struct ScoreRequest {
  std::vector<int32_t> context;  // not empty
  std::vector<int32_t> target;   // not empty
};
struct ScoreResult {
  double nll = 0;       // summed over the target, in nats
  bool greedy = false;  // every target token was the most likely one
};

class LanguageModel {
 public:
  // `path`: a Hugging Face folder, a GGUF file, or a folder holding one model.gguf.
  static absl::StatusOr<std::shared_ptr<LanguageModel>> Load(const std::filesystem::path& path,
                                                             const LoadOptions& options = {});
  ~LanguageModel();

  const ModelConfig& config() const;
  const tokenizer::Tokenizer& tokenizer() const;  // NoTokenizer() when the model came without one
  const tokenizer::ChatTemplate* chat_template() const;  // null: the model has none
  const std::filesystem::path& path() const;
  std::string device() const;

  // [ids.size(), vocab_size]: row i predicts the token after ids[0..i]. `ids` not empty.
  absl::StatusOr<FloatMatrix> Logits(absl::Span<const int32_t> ids) const;

  // Mean negative log-likelihood in nats of ids[1..]. At least two ids.
  absl::StatusOr<double> MeanNll(absl::Span<const int32_t> ids) const;

  absl::StatusOr<std::vector<ScoreResult>> Score(absl::Span<const ScoreRequest> requests) const;

  // Results in the order of `requests`; prefixes that requests share are computed once.
  absl::StatusOr<std::vector<GenerateResult>> Generate(absl::Span<const GenerateRequest> requests,
                                                       const GenerateOptions& options = {}) const;

  // Prompt ids of a chat: the template's text, encoded with special tokens recognised.
  absl::StatusOr<std::vector<int32_t>> ChatPrompt(
      const std::vector<tokenizer::ChatMessage>& messages) const;

  // Implementation; complete only inside common/lm.
  struct Impl;
  Impl& impl() const { return *impl_; }

 private:
  explicit LanguageModel(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

}  // namespace foundry::lm
