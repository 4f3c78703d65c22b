#include "common/lm/train/rank_work.h"

#include <algorithm>

#include "absl/strings/str_cat.h"
#include "common/base/status.h"

namespace foundry::lm {
namespace {

absl::Span<float> Values(at::Tensor& tensor) {
  return {tensor.data_ptr<float>(), static_cast<size_t>(tensor.numel())};
}

}  // namespace

std::vector<const Example*> RankPart(std::vector<const Example*> examples, int rank, int size) {
  std::stable_sort(examples.begin(), examples.end(),
                   [](const Example* a, const Example* b) { return a->ids < b->ids; });
  size_t total = 0, before = 0;
  for (const Example* e : examples) total += e->ids.size();
  std::vector<const Example*> part;
  for (const Example* e : examples) {
    const size_t middle = before + e->ids.size() / 2;
    if (middle * size / total == static_cast<size_t>(rank)) part.push_back(e);
    before += e->ids.size();
  }
  return part;
}

absl::Status SumOverRanks(RankGroup* group, absl::Status mine, absl::Span<double> values) {
  if (group == nullptr) return mine;
  std::vector<double> sums(values.begin(), values.end());
  const bool cancelled = absl::IsCancelled(mine);
  sums.push_back(cancelled);
  sums.push_back(!mine.ok() && !cancelled);
  const absl::Status exchanged = group->Sum(absl::MakeSpan(sums));
  if (!mine.ok()) return mine;
  FOUNDRY_RETURN_IF_ERROR(exchanged);
  const bool failed_elsewhere = sums.back() > 0;
  sums.pop_back();
  if (failed_elsewhere) return absl::AbortedError("another rank failed");
  if (sums.back() > 0) return absl::CancelledError("another rank was cancelled");
  std::copy_n(sums.begin(), values.size(), values.begin());
  return absl::OkStatus();
}

absl::Status LeastOverRanks(RankGroup& group, int64_t& value) {
  std::vector<double> values(static_cast<size_t>(group.size()));
  values[static_cast<size_t>(group.rank())] = static_cast<double>(value);
  FOUNDRY_RETURN_IF_ERROR(group.Sum(absl::MakeSpan(values)));
  value = static_cast<int64_t>(*std::min_element(values.begin(), values.end()));
  return absl::OkStatus();
}

absl::Status ShareNumber(RankGroup& group, int64_t& value) {
  double number = static_cast<double>(value);
  FOUNDRY_RETURN_IF_ERROR(group.Broadcast(absl::MakeSpan(&number, 1)));
  value = static_cast<int64_t>(number);
  return absl::OkStatus();
}

absl::Status ShareCompute(RankGroup& group, at::ScalarType& compute) {
  int64_t value = static_cast<int64_t>(compute);
  FOUNDRY_RETURN_IF_ERROR(ShareNumber(group, value));
  compute = static_cast<at::ScalarType>(value);
  return absl::OkStatus();
}

absl::Status CheckSameRun(RankGroup& group, const std::string& fingerprint) {
  std::vector<float> letters(fingerprint.begin(), fingerprint.end());
  const std::vector<float> mine = letters;
  FOUNDRY_RETURN_IF_ERROR(group.Broadcast(absl::MakeSpan(letters)));
  if (letters == mine) return absl::OkStatus();
  return absl::FailedPreconditionError(absl::StrCat(
      "rank ", group.rank(), " has another base model, other examples or settings than rank 0"));
}

absl::Status ShareState(RankGroup& group, RunState& s, Adapter& adapter, AdamW& optimizer) {
  double numbers[] = {static_cast<double>(s.step),
                      static_cast<double>(s.validation_pending),
                      s.rate_scale,
                      static_cast<double>(s.failed_step),
                      static_cast<double>(s.rewinds),
                      s.last_loss,
                      static_cast<double>(s.has_best),
                      s.best_score,
                      static_cast<double>(s.best_step),
                      static_cast<double>(s.stale),
                      static_cast<double>(s.pack_tokens),
                      static_cast<double>(s.tokens),
                      s.seconds};
  FOUNDRY_RETURN_IF_ERROR(group.Broadcast(absl::MakeSpan(numbers)));
  const double* next = numbers;
  s.step = static_cast<int64_t>(*next++);
  s.validation_pending = *next++ != 0;
  s.rate_scale = *next++;
  s.failed_step = static_cast<int64_t>(*next++);
  s.rewinds = static_cast<int64_t>(*next++);
  s.last_loss = *next++;
  s.has_best = *next++ != 0;
  s.best_score = *next++;
  s.best_step = static_cast<int64_t>(*next++);
  s.stale = static_cast<int64_t>(*next++);
  s.pack_tokens = static_cast<int64_t>(*next++);
  s.tokens = static_cast<int64_t>(*next++);
  s.seconds = *next++;
  for (at::Tensor* tensor : {&adapter.flat, &optimizer.mean(), &optimizer.square()}) {
    FOUNDRY_RETURN_IF_ERROR(group.Broadcast(Values(*tensor)));
  }
  return absl::OkStatus();
}

}  // namespace foundry::lm
