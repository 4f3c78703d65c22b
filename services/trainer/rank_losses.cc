#include "services/trainer/rank_losses.h"

#include <algorithm>

#include "common/base/json.h"

namespace foundry::trainer {
namespace {

constexpr int64_t kLeast = 16;
constexpr int64_t kFirst = 512;  // half of the engine's own choice

}  // namespace

RankLosses::RankLosses(std::filesystem::path file) : file_(std::move(file)) {
  if (file_.empty()) return;
  const absl::StatusOr<Json> json = ReadJsonFile(file_);
  if (!json.ok() || !json->is_object()) return;
  in_a_row_ = static_cast<int>(JsonInt(*json, "in_a_row").value_or(0));
  furthest_ = JsonInt(*json, "furthest").value_or(0);
  pack_tokens_ = JsonInt(*json, "pack_tokens").value_or(0);
}

void RankLosses::Lost(int64_t last_step) {
  in_a_row_ = last_step > furthest_ ? 1 : in_a_row_ + 1;
  furthest_ = std::max(furthest_, last_step);
}

bool RankLosses::Shrink(int64_t tokens) {
  if (tokens > 0 && tokens <= kLeast) return false;
  pack_tokens_ = tokens > 0 ? std::max(kLeast, tokens / 2) : kFirst;
  return true;
}

absl::Status RankLosses::Save() const {
  return WriteJsonFile(
      file_, {{"in_a_row", in_a_row_}, {"furthest", furthest_}, {"pack_tokens", pack_tokens_}});
}

}  // namespace foundry::trainer
