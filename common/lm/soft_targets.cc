#include "common/lm/soft_targets.h"

#include <algorithm>
#include <optional>

#include "absl/strings/str_cat.h"
#include "common/base/hash.h"
#include "common/base/status.h"
#include "common/lm/language_model_impl.h"
#include "common/lm/loss/score_packs.h"
#include "common/lm/model/weights_hash.h"
#include "common/lm/soft_target_cache.h"
#include "common/lm/torch_guard.h"

namespace foundry::lm {
namespace {

constexpr int64_t kChunkRows = 128;  // rows of logits made at once
constexpr size_t kAtOnce = 64;       // targets that are computed before they are stored

void Append(const Decoder& decoder, const at::Tensor& hidden, int64_t k, double temperature,
            SoftTargets& out) {
  at::Tensor logprobs = (decoder.Logits(hidden) / temperature).log_softmax(-1);
  auto [values, ids] = logprobs.topk(k);
  values = values.cpu().contiguous();
  ids = ids.to(at::kCPU, at::kInt).contiguous();
  out.ids.insert(out.ids.end(), ids.const_data_ptr<int32_t>(),
                 ids.const_data_ptr<int32_t>() + ids.numel());
  out.logprobs.insert(out.logprobs.end(), values.const_data_ptr<float>(),
                      values.const_data_ptr<float>() + values.numel());
}

TeacherKey KeyOf(const LanguageModel& teacher, int k, double temperature) {
  const tokenizer::ChatTemplate* chat = teacher.chat_template();
  return {teacher.tokenizer().fingerprint(), chat == nullptr ? "" : Sha256Hex(chat->source()),
          WeightsHash(*teacher.impl().decoder), k, temperature};
}

}  // namespace

absl::StatusOr<std::vector<SoftTargets>> CachedTeacherTargets(
    const LanguageModel& teacher, absl::Span<const ScoreRequest> requests, int k,
    double temperature, const std::filesystem::path& folder, const CancelToken& cancel,
    size_t* reused) {
  TeacherKey key;
  FOUNDRY_RETURN_IF_ERROR(GuardTorch([&] {
    key = KeyOf(teacher, k, temperature);
    return absl::OkStatus();
  }));
  const std::string name =
      Sha256Hex(absl::StrCat(key.tokenizer, key.chat_template, key.weights, k, ":", temperature));
  FOUNDRY_ASSIGN_OR_RETURN(
      const auto cache,
      SoftTargetCache::Open(folder / absl::StrCat(name.substr(0, 16), ".targets"), key));
  std::vector<SoftTargets> out(requests.size());
  std::vector<size_t> missing;
  for (size_t i = 0; i < requests.size(); ++i) {
    FOUNDRY_ASSIGN_OR_RETURN(std::optional<SoftTargets> found, cache->Find(requests[i]));
    if (found.has_value()) {
      out[i] = *std::move(found);
    } else {
      missing.push_back(i);
    }
  }
  *reused = requests.size() - missing.size();
  for (size_t begin = 0; begin < missing.size(); begin += kAtOnce) {
    const size_t count = std::min(kAtOnce, missing.size() - begin);
    std::vector<ScoreRequest> part;
    for (size_t i = 0; i < count; ++i) part.push_back(requests[missing[begin + i]]);
    FOUNDRY_ASSIGN_OR_RETURN(std::vector<SoftTargets> computed,
                             TeacherTargets(teacher, part, k, temperature, cancel));
    for (size_t i = 0; i < count; ++i) {
      FOUNDRY_RETURN_IF_ERROR(cache->Add(part[i], &computed[i]));
      out[missing[begin + i]] = std::move(computed[i]);
    }
  }
  return out;
}

absl::StatusOr<std::vector<SoftTargets>> TeacherTargets(const LanguageModel& teacher,
                                                        absl::Span<const ScoreRequest> requests,
                                                        int k, double temperature,
                                                        const CancelToken& cancel) {
  for (const ScoreRequest& request : requests) {
    const size_t tokens = request.context.size() + request.target.size();
    if (request.context.empty() || request.target.empty() ||
        tokens > static_cast<size_t>(teacher.config().max_positions)) {
      return absl::InvalidArgumentError(absl::StrCat(
          "a soft target of ", request.target.size(), " tokens after ", request.context.size(),
          ": both must be there, and fit ", teacher.config().max_positions, " positions"));
    }
  }
  std::vector<SoftTargets> targets(requests.size());
  LanguageModel::Impl& impl = teacher.impl();
  std::lock_guard lock(impl.mutex);
  FOUNDRY_RETURN_IF_ERROR(GuardTorch([&] {
    return ForScorePacks(requests, [&](const ScorePack& pack) -> absl::Status {
      FOUNDRY_RETURN_IF_ERROR(cancel.Check());
      at::Tensor hidden = impl.decoder->Forward(pack.pack);
      size_t row = 0;
      for (size_t r : pack.requests) {
        const int64_t n = static_cast<int64_t>(requests[r].target.size());
        targets[r].k = k;
        for (int64_t from = 0; from < n; from += kChunkRows) {
          const int64_t count = std::min(kChunkRows, n - from);
          at::Tensor index = at::empty({count}, at::kLong);
          for (int64_t i = 0; i < count; ++i) {
            index.data_ptr<int64_t>()[i] = pack.rows[row + from + i].row;
          }
          Append(*impl.decoder, hidden.index_select(0, index.to(hidden.device())), k, temperature,
                 targets[r]);
        }
        row += n;
      }
      return absl::OkStatus();
    });
  }));
  return targets;
}

}  // namespace foundry::lm
