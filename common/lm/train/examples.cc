#include "common/lm/train/examples.h"

#include <algorithm>
#include <cmath>
#include <filesystem>
#include <numeric>
#include <random>

#include "absl/strings/str_cat.h"
#include "common/base/files.h"
#include "common/base/hash.h"
#include "common/base/status.h"
#include "common/lm/train/schedule.h"

namespace foundry::lm {
namespace {

absl::Status CheckExample(const Example& e, const ModelConfig& config) {
  if (e.ids.size() < 2) return absl::InvalidArgumentError("fewer than two tokens");
  if (e.loss_weights.size() != e.ids.size()) {
    return absl::InvalidArgumentError(
        absl::StrCat(e.ids.size(), " tokens but ", e.loss_weights.size(), " loss weights"));
  }
  if (static_cast<int64_t>(e.ids.size()) > config.max_positions) {
    return absl::InvalidArgumentError(absl::StrCat(e.ids.size(), " tokens exceed the model's ",
                                                   config.max_positions,
                                                   " positions: lower max_length to that"));
  }
  for (int32_t id : e.ids) {
    if (id < 0 || id >= config.vocab_size) {
      return absl::InvalidArgumentError(
          absl::StrCat("token id ", id, " is outside the vocabulary"));
    }
  }
  int64_t scored = 0;
  for (float weight : e.loss_weights) {
    if (!(weight >= 0) || std::isinf(weight)) {
      return absl::InvalidArgumentError(absl::StrCat("loss weight ", weight));
    }
    scored += weight > 0;
  }
  if (e.loss_weights[0] != 0) {
    return absl::InvalidArgumentError("the first token has a loss weight, but nothing predicts it");
  }
  if (scored == 0) {
    return absl::InvalidArgumentError("no position has a loss: everything is masked");
  }
  if (e.soft) {
    size_t values = static_cast<size_t>(scored) * e.soft->k;
    if (e.soft->k <= 0 || e.soft->ids.size() != values || e.soft->logprobs.size() != values) {
      return absl::InvalidArgumentError(
          absl::StrCat("soft targets of k = ", e.soft->k, " for ", scored, " scored positions"));
    }
  }
  return absl::OkStatus();
}

void Hash(Sha256& hash, const void* data, size_t bytes) {
  hash.Update(absl::string_view(static_cast<const char*>(data), bytes));
}

void HashExamples(Sha256& hash, const std::vector<Example>& examples) {
  uint64_t count = examples.size();
  Hash(hash, &count, sizeof(count));
  for (const Example& e : examples) {
    uint64_t sizes[2] = {e.ids.size(), e.soft ? e.soft->ids.size() : 0};
    Hash(hash, sizes, sizeof(sizes));
    Hash(hash, e.ids.data(), e.ids.size() * sizeof(e.ids[0]));
    Hash(hash, e.loss_weights.data(), e.loss_weights.size() * sizeof(float));
    if (!e.soft) continue;
    Hash(hash, e.soft->ids.data(), e.soft->ids.size() * sizeof(int32_t));
    Hash(hash, e.soft->logprobs.data(), e.soft->logprobs.size() * sizeof(float));
  }
}

// The adapter wherever it lies: ranks and later attempts may run on other machines.
std::string AdapterIdentity(const std::string& folder) {
  if (folder.empty()) return "";
  const auto tensors = ReadFile(std::filesystem::path(folder) / "adapter_model.safetensors");
  return tensors.ok() ? Sha256Hex(*tensors) : folder;
}

}  // namespace

absl::Status CheckExamples(const std::vector<Example>& examples, const ModelConfig& config,
                           const std::string& what) {
  for (size_t i = 0; i < examples.size(); ++i) {
    FOUNDRY_RETURN_IF_ERROR(
        Annotate(CheckExample(examples[i], config), absl::StrCat(what, " example ", i)));
  }
  return absl::OkStatus();
}

absl::Status CheckOptions(const TrainOptions& o) {
  auto refuse = [](absl::string_view name, auto value, absl::string_view range) {
    return absl::InvalidArgumentError(absl::StrCat(name, " = ", value, ": must be ", range));
  };
  if (!(o.learning_rate > 0)) return refuse("learning_rate", o.learning_rate, "above 0");
  if (!(o.epochs > 0)) return refuse("epochs", o.epochs, "above 0");
  if (o.batch_size < 1) return refuse("batch_size", o.batch_size, "at least 1");
  if (o.gradient_accumulation < 1) {
    return refuse("gradient_accumulation", o.gradient_accumulation, "at least 1");
  }
  if (o.early_stopping < 0) return refuse("early_stopping", o.early_stopping, "at least 0");
  if (!(o.warmup_ratio >= 0 && o.warmup_ratio < 1)) {
    return refuse("warmup_ratio", o.warmup_ratio, "in [0, 1)");
  }
  if (!(o.lora.dropout >= 0 && o.lora.dropout < 1)) {
    return refuse("lora dropout", o.lora.dropout, "in [0, 1)");
  }
  if (o.lora.dora && o.lora.dropout > 0) {
    return absl::InvalidArgumentError(
        absl::StrCat("lora dropout = ", o.lora.dropout,
                     " with dora: DoRA trains without dropout, set one of both"));
  }
  if (!(o.soft_weight >= 0 && o.soft_weight <= 1)) {
    return refuse("soft_weight", o.soft_weight, "in [0, 1]");
  }
  if (!(o.label_smoothing >= 0 && o.label_smoothing < 1)) {
    return refuse("label_smoothing", o.label_smoothing, "in [0, 1)");
  }
  if (!(o.soft_temperature > 0)) return refuse("soft_temperature", o.soft_temperature, "above 0");
  return CheckSchedule(o.schedule);
}

std::string RunFingerprint(const std::vector<Example>& train,
                           const std::vector<Example>& validation, const TrainOptions& o,
                           const std::string& model, const std::string& compute) {
  Sha256 hash;
  hash.Update(absl::StrCat(model, "|", compute, "|", AdapterIdentity(o.init_adapter), "|",
                           o.schedule, "|"));
  for (const std::string& target : o.lora.targets) hash.Update(target + ",");
  const double numbers[] = {static_cast<double>(o.lora.rank),
                            o.lora.alpha,
                            o.lora.dropout,
                            static_cast<double>(o.lora.rslora),
                            static_cast<double>(o.lora.dora),
                            o.learning_rate,
                            o.warmup_ratio,
                            o.epochs,
                            static_cast<double>(o.batch_size),
                            static_cast<double>(o.gradient_accumulation),
                            o.max_grad_norm,
                            o.weight_decay,
                            o.adam_beta1,
                            o.adam_beta2,
                            o.adam_epsilon,
                            o.soft_weight,
                            o.soft_temperature,
                            static_cast<double>(o.soft_divergence),
                            o.label_smoothing,
                            static_cast<double>(o.early_stopping),
                            static_cast<double>(o.seed)};
  Hash(hash, numbers, sizeof(numbers));
  HashExamples(hash, train);
  HashExamples(hash, validation);
  return hash.FinishHex();
}

StepOrder::StepOrder(const std::vector<Example>& examples, const TrainOptions& options)
    : examples_(examples),
      seed_(options.seed),
      step_size_(static_cast<int64_t>(options.batch_size) * options.gradient_accumulation) {
  int64_t count = static_cast<int64_t>(examples.size());
  steps_per_epoch_ = (count + step_size_ - 1) / step_size_;
  total_steps_ =
      std::max<int64_t>(1, std::llround(options.epochs * static_cast<double>(steps_per_epoch_)));
}

std::vector<const Example*> StepOrder::Step(int64_t step) {
  if (int64_t epoch = step / steps_per_epoch_; epoch != epoch_) {
    epoch_ = epoch;
    order_.resize(examples_.size());
    std::iota(order_.begin(), order_.end(), 0);
    // Drawn by hand: the standard leaves std::shuffle's choices to the library.
    std::mt19937_64 random(static_cast<uint64_t>(seed_) * 1000003 + static_cast<uint64_t>(epoch));
    for (size_t i = order_.size(); i > 1; --i) std::swap(order_[i - 1], order_[random() % i]);
  }
  std::vector<const Example*> chosen;
  size_t begin = static_cast<size_t>(step % steps_per_epoch_ * step_size_);
  size_t end = std::min(order_.size(), begin + static_cast<size_t>(step_size_));
  for (size_t i = begin; i < end; ++i) chosen.push_back(&examples_[order_[i]]);
  return chosen;
}

}  // namespace foundry::lm
