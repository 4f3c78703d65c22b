#include "common/lm/export/peft_adapter.h"

#include <algorithm>
#include <cmath>
#include <utility>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"
#include "common/base/json.h"
#include "common/base/status.h"
#include "common/lm/weights/peft_config.h"

namespace foundry::lm {
namespace fs = std::filesystem;
namespace {

absl::Status ReadConfig(const Json& config, int64_t* rank, bool* dora, PeftAdapter* out) {
  if (!config.is_object()) return absl::InvalidArgumentError("no JSON object");
  FOUNDRY_ASSIGN_OR_RETURN(const std::string type, JsonString(config, "peft_type"));
  if (type != "LORA") {
    return absl::UnimplementedError(
        absl::StrCat("peft_type '", type, "': only LORA can be merged"));
  }
  FOUNDRY_RETURN_IF_ERROR(CheckPeftConfig(config));
  FOUNDRY_ASSIGN_OR_RETURN(*rank, JsonInt(config, "r", 8));
  FOUNDRY_ASSIGN_OR_RETURN(const double alpha, JsonDouble(config, "lora_alpha", 8));
  FOUNDRY_ASSIGN_OR_RETURN(const bool rslora, JsonBool(config, "use_rslora", false));
  FOUNDRY_ASSIGN_OR_RETURN(*dora, JsonBool(config, "use_dora", false));
  FOUNDRY_ASSIGN_OR_RETURN(out->base_model, JsonString(config, "base_model_name_or_path"));
  if (*rank <= 0) return absl::InvalidArgumentError("\"r\" must be positive");
  out->scale = alpha / (rslora ? std::sqrt(static_cast<double>(*rank)) : *rank);
  return absl::OkStatus();
}

// "base_model.model.<module>.lora_A.weight" to the module's weight and 'A', 'B' or, of a magnitude
// vector, 'M'.
bool ParseName(absl::string_view name, std::string* weight, char* which) {
  if (!absl::ConsumePrefix(&name, "base_model.model.")) return false;
  if (absl::ConsumeSuffix(&name, ".lora_A.weight")) {
    *which = 'A';
  } else if (absl::ConsumeSuffix(&name, ".lora_B.weight")) {
    *which = 'B';
  } else if (absl::ConsumeSuffix(&name, ".lora_magnitude_vector")) {
    *which = 'M';
  } else {
    return false;
  }
  *weight = absl::StrCat(name, ".weight");
  return true;
}

absl::Status AddTensor(const Safetensors& file, const TensorView& view, int64_t rank,
                       PeftAdapter* out) {
  std::string weight;
  char which = 'A';
  if (!ParseName(view.name, &weight, &which)) {
    return absl::UnimplementedError("is no LoRA matrix of a linear");
  }
  if (which == 'M') {
    if (view.shape.size() != 1) {
      return absl::InvalidArgumentError(
          absl::StrCat("has the shape ", ShapeText(view.shape), ", not one length for each row"));
    }
  } else if (view.shape.size() != 2 || view.shape[which == 'A' ? 0 : 1] != rank) {
    return absl::InvalidArgumentError(
        absl::StrCat("has the shape ", ShapeText(view.shape), ", but the rank is ", rank));
  }
  LoraUpdate& update = out->updates[weight];
  update.rank = rank;
  FOUNDRY_ASSIGN_OR_RETURN(std::vector<float> values, file.Float32(view.name));
  for (const float value : values) {
    if (!std::isfinite(value))
      return absl::InvalidArgumentError("holds a value that is not finite");
  }
  if (which == 'A') update.in = view.shape[1];
  if (which == 'B') update.out = view.shape[0];
  (which == 'A' ? update.a : which == 'B' ? update.b : update.magnitude) = std::move(values);
  return absl::OkStatus();
}

bool AllZero(const std::vector<float>& values) {
  return std::all_of(values.begin(), values.end(), [](float value) { return value == 0; });
}

}  // namespace

absl::StatusOr<PeftAdapter> PeftAdapter::Read(const fs::path& folder) {
  PeftAdapter out;
  const fs::path config_file = folder / "adapter_config.json";
  const fs::path tensors_file = folder / "adapter_model.safetensors";
  FOUNDRY_ASSIGN_OR_RETURN(const Json config, ReadJsonFile(config_file));
  int64_t rank = 0;
  bool dora = false;
  FOUNDRY_RETURN_IF_ERROR(Annotate(ReadConfig(config, &rank, &dora, &out), config_file.string()));
  FOUNDRY_ASSIGN_OR_RETURN(const auto file, Safetensors::Open(tensors_file));
  for (const TensorView& view : file->tensors()) {
    FOUNDRY_RETURN_IF_ERROR(
        Annotate(AddTensor(*file, view, rank, &out),
                 absl::StrCat(tensors_file.string(), ": tensor '", view.name, "'")));
  }
  for (const auto& [name, update] : out.updates) {
    if (update.a.empty() || update.b.empty()) {
      return absl::InvalidArgumentError(
          absl::StrCat(tensors_file.string(), ": '", name, "' has only one of lora_A and lora_B"));
    }
    if (update.magnitude.size() != (dora ? update.b.size() / update.rank : 0)) {
      return absl::InvalidArgumentError(
          absl::StrCat(tensors_file.string(), ": '", name, "' has a lora_magnitude_vector of ",
                       update.magnitude.size(), " values, but use_dora is ",
                       dora ? "true" : "false", " for ", update.out, " rows"));
    }
  }
  if (out.updates.empty()) {
    return absl::InvalidArgumentError(absl::StrCat(tensors_file.string(), ": no LoRA matrices"));
  }
  return out;
}

bool PeftAdapter::IsZero() const {
  if (scale == 0) return true;
  return std::all_of(updates.begin(), updates.end(), [](const auto& item) {
    return AllZero(item.second.a) || AllZero(item.second.b);
  });
}

}  // namespace foundry::lm
