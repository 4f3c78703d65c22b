#include "common/lm/weights/peft_config.h"

#include <algorithm>
#include <iterator>

#include "absl/strings/str_cat.h"

namespace foundry::lm {
namespace {

// Of init_lora_weights: those that leave the base alone.
bool LeavesTheBase(const Json& how) {
  static constexpr const char* kPlain[] = {"gaussian", "eva", "orthogonal", "mica"};
  if (how.is_null() || how.is_boolean()) return true;
  return std::any_of(std::begin(kPlain), std::end(kPlain),
                     [&how](const char* plain) { return how == plain; });
}

}  // namespace

absl::Status CheckPeftConfig(const Json& config) {
  for (const char* key :
       {"lora_bias", "use_qalora", "use_bdlora", "rank_pattern", "alpha_pattern",
        "layer_replication", "modules_to_save", "trainable_token_indices", "target_parameters",
        "alora_invocation_tokens", "fan_in_fan_out", "bias"}) {
    const auto member = config.find(key);
    if (member == config.end() || member->is_null() || *member == false || *member == "none" ||
        (member->is_structured() && member->empty())) {
      continue;
    }
    return absl::UnimplementedError(
        absl::StrCat(key, " = ", DumpJson(*member),
                     " is not supported: only LoRA and DoRA on the decoder's linears are"));
  }
  const auto how = config.find("init_lora_weights");
  if (how == config.end() || LeavesTheBase(*how)) return absl::OkStatus();
  return absl::UnimplementedError(
      absl::StrCat("init_lora_weights = ", DumpJson(*how),
                   " changed the base when the adapter was made: convert it to plain LoRA first "
                   "(save_pretrained with path_initial_model_for_weight_conversion)"));
}

}  // namespace foundry::lm
