#include "common/lm/export/parity.h"

#include <algorithm>
#include <cmath>

#include "common/base/status.h"

namespace foundry::lm {
namespace {

// Prose, code, names and numbers, another script: what adapters and quantisation touch differently.
constexpr const char* kTexts[] = {
    "The library opened in 1902 beside the harbour and was rebuilt after the fire of 1931.",
    "def area(width, height):\n    return width * height\n\nprint(area(3, 4))",
    "Dr. Maria Okafor, who was born in Lagos in 1968, received the prize for chemistry.",
    "Die Brücke über den Fluss wurde im Jahr 1889 eröffnet. 橋は川に架かっている。"};
constexpr const char* kQuestion = "What does the file system hierarchy say about temporary files?";

double LogSumExp(const float* row, int64_t n) {
  const float greatest = *std::max_element(row, row + n);
  double sum = 0;
  for (int64_t i = 0; i < n; ++i) sum += std::exp(static_cast<double>(row[i]) - greatest);
  return greatest + std::log(sum);
}

double Kl(const float* p, const float* q, int64_t n) {
  const double log_p = LogSumExp(p, n), log_q = LogSumExp(q, n);
  double sum = 0;
  for (int64_t i = 0; i < n; ++i) {
    const double lp = p[i] - log_p;
    sum += std::exp(lp) * (lp - (q[i] - log_q));
  }
  return std::max(sum, 0.0);
}

}  // namespace

absl::StatusOr<std::vector<std::vector<int32_t>>> ProbePrompts(const LanguageModel& model) {
  std::vector<std::vector<int32_t>> out;
  for (const char* text : kTexts) {
    out.push_back(model.tokenizer().Encode(text, {.add_special = true}));
  }
  if (model.chat_template() != nullptr) {
    FOUNDRY_ASSIGN_OR_RETURN(std::vector<int32_t> chat, model.ChatPrompt({{"user", kQuestion}}));
    out.push_back(std::move(chat));
  }
  // As far as every export computes: the context of a GGUF ends with the sliding window.
  const ModelConfig& config = model.config();
  const int64_t limit =
      std::min(config.max_positions, config.sliding_window.value_or(config.max_positions));
  for (std::vector<int32_t>& prompt : out) {
    if (static_cast<int64_t>(prompt.size()) > limit) prompt.resize(limit);
  }
  return out;
}

absl::StatusOr<ProbeLogits> Probe(const LanguageModel& model,
                                  const std::vector<std::vector<int32_t>>& prompts) {
  ProbeLogits out;
  for (const std::vector<int32_t>& prompt : prompts) {
    FOUNDRY_ASSIGN_OR_RETURN(FloatMatrix logits, model.Logits(prompt));
    out.logits.push_back(std::move(logits));
  }
  return out;
}

absl::StatusOr<LogitDifference> Compare(const ProbeLogits& reference, const ProbeLogits& other) {
  LogitDifference out;
  if (reference.logits.size() != other.logits.size()) {
    return absl::InvalidArgumentError("the models answered different numbers of prompts");
  }
  int64_t same = 0;
  for (size_t i = 0; i < reference.logits.size(); ++i) {
    const FloatMatrix &a = reference.logits[i], &b = other.logits[i];
    if (a.rows != b.rows || a.cols != b.cols) {
      return absl::InvalidArgumentError("the models' logits differ in shape");
    }
    for (int64_t row = 0; row < a.rows; ++row) {
      const float *p = a.row(row), *q = b.row(row);
      for (int64_t j = 0; j < a.cols; ++j) {
        const double difference = std::abs(static_cast<double>(p[j]) - q[j]);
        // A NaN counts as infinitely far.
        if (!(difference <= out.max_abs_logit)) {
          out.max_abs_logit = std::isnan(difference) ? INFINITY : difference;
        }
      }
      const double kl = Kl(p, q, a.cols);
      out.mean_kl += std::isnan(kl) ? INFINITY : kl;
      out.max_kl = std::max(out.max_kl, std::isnan(kl) ? INFINITY : kl);
      same += std::max_element(p, p + a.cols) - p == std::max_element(q, q + b.cols) - q;
      ++out.positions;
    }
  }
  if (out.positions > 0) {
    out.mean_kl /= out.positions;
    out.same_top1 = static_cast<double>(same) / out.positions;
  }
  return out;
}

}  // namespace foundry::lm
