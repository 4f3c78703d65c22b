#include "common/lm/export/merged_weights.h"

#include <cmath>
#include <set>
#include <utility>

#include "absl/strings/str_cat.h"
#include "common/base/status.h"
#include "common/lm/weights/dtype.h"

namespace foundry::lm {
namespace {

absl::Status CheckFit(const PeftAdapter& adapter, const Checkpoint& base,
                      const std::vector<TensorSpec>& tensors) {
  std::set<std::string> names;
  for (const TensorSpec& tensor : tensors) {
    names.insert(tensor.name);
    const auto it = adapter.updates.find(tensor.name);
    if (it == adapter.updates.end()) continue;
    const LoraUpdate& update = it->second;
    if (tensor.shape != std::vector<int64_t>{update.out, update.in}) {
      return absl::InvalidArgumentError(
          absl::StrCat("the adapter updates '", tensor.name, "' as ",
                       ShapeText({update.out, update.in}), ", but ", base.path().string(), " has ",
                       ShapeText(tensor.shape), ": it is another model's adapter"));
    }
  }
  for (const auto& [name, update] : adapter.updates) {
    if (!names.contains(name)) {
      return absl::InvalidArgumentError(absl::StrCat("the adapter updates '", name, "', which ",
                                                     base.path().string(),
                                                     " lacks: it is another model's adapter"));
    }
  }
  return absl::OkStatus();
}

double RowNorm(absl::Span<const float> row) {
  double sum = 0;
  for (const float value : row) sum += static_cast<double>(value) * value;
  return std::sqrt(sum);
}

// Of an adapter whose updates are all zero: whether it has magnitudes of its own.
absl::StatusOr<bool> ChangesLengths(const PeftAdapter& adapter, const Checkpoint& base) {
  constexpr double kRounding = 1e-3;  // of a base that was held in half precision
  for (const auto& [name, update] : adapter.updates) {
    if (update.magnitude.empty()) continue;
    FOUNDRY_ASSIGN_OR_RETURN(const std::vector<float> values, base.Float32(name));
    for (int64_t o = 0; o < update.out; ++o) {
      const double norm = RowNorm({values.data() + o * update.in, static_cast<size_t>(update.in)});
      if (std::fabs(update.magnitude[o] - norm) > kRounding * norm) return true;
    }
  }
  return false;
}

}  // namespace

absl::StatusOr<MergedWeights> MergedWeights::Make(std::shared_ptr<const Checkpoint> base,
                                                  std::optional<PeftAdapter> adapter) {
  MergedWeights out;
  out.tensors_ = DecoderTensors(base->config());
  if (adapter.has_value()) {
    FOUNDRY_RETURN_IF_ERROR(CheckFit(*adapter, *base, out.tensors_));
    bool changes = !adapter->IsZero();
    if (!changes) {
      FOUNDRY_ASSIGN_OR_RETURN(changes, ChangesLengths(*adapter, *base));
    }
    if (!changes) {
      return absl::FailedPreconditionError(
          "merging would change nothing: every update of the adapter is zero (was it trained?)");
    }
  }
  out.base_ = std::move(base);
  out.adapter_ = std::move(adapter);
  return out;
}

int64_t MergedWeights::parameter_count() const {
  int64_t sum = 0;
  for (const TensorSpec& tensor : tensors_) sum += ElementCount(tensor.shape).value_or(0);
  return sum;
}

absl::StatusOr<std::vector<float>> MergedWeights::Float32(const TensorSpec& tensor) const {
  FOUNDRY_ASSIGN_OR_RETURN(std::vector<float> values, base_->Float32(tensor.name));
  if (adapter_.has_value()) {
    const auto it = adapter_->updates.find(tensor.name);
    if (it != adapter_->updates.end()) {
      AddLowRank(it->second, adapter_->scale, absl::MakeSpan(values));
      if (!it->second.magnitude.empty()) ScaleRows(it->second, absl::MakeSpan(values));
    }
  }
  return values;
}

void ScaleRows(const LoraUpdate& update, absl::Span<float> values) {
  for (int64_t o = 0; o < update.out; ++o) {
    absl::Span<float> row = values.subspan(o * update.in, update.in);
    const double norm = RowNorm(row);
    if (norm == 0) continue;
    const auto scale = static_cast<float>(update.magnitude[o] / norm);
    for (float& value : row) value *= scale;
  }
}

void AddLowRank(const LoraUpdate& update, double scale, absl::Span<float> values) {
  std::vector<float> row(update.in);
  const float s = static_cast<float>(scale);
  for (int64_t o = 0; o < update.out; ++o) {
    std::fill(row.begin(), row.end(), 0.0f);
    const float* b = update.b.data() + o * update.rank;
    int64_t r = 0;
    // Four rows of A at a time: a quarter of the passes over `row`.
    for (; r + 4 <= update.rank; r += 4) {
      const float* a = update.a.data() + r * update.in;
      const float *a1 = a + update.in, *a2 = a1 + update.in, *a3 = a2 + update.in;
      for (int64_t i = 0; i < update.in; ++i) {
        row[i] += b[r] * a[i] + b[r + 1] * a1[i] + b[r + 2] * a2[i] + b[r + 3] * a3[i];
      }
    }
    for (; r < update.rank; ++r) {
      const float* a = update.a.data() + r * update.in;
      for (int64_t i = 0; i < update.in; ++i) row[i] += b[r] * a[i];
    }
    float* target = values.data() + o * update.in;
    for (int64_t i = 0; i < update.in; ++i) target[i] += s * row[i];
  }
}

}  // namespace foundry::lm
