// adapter_config.json and adapter_model.safetensors, as PEFT 0.21 reads and writes them.
#include <cstring>
#include <set>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/strip.h"
#include "absl/types/span.h"
#include "common/base/files.h"
#include "common/base/json.h"
#include "common/base/status.h"
#include "common/lm/lora/adapter.h"
#include "common/lm/lora/adapter_layout.h"
#include "common/lm/weights/peft_config.h"
#include "common/lm/weights/safetensors.h"

namespace foundry::lm {
namespace {

constexpr char kConfig[] = "adapter_config.json";
constexpr char kTensors[] = "adapter_model.safetensors";

// The tensors of a module and how their names end.
struct Member {
  const char* name;
  at::Tensor AdapterModule::*tensor;
};
constexpr Member kMembers[] = {{"lora_A.weight", &AdapterModule::a},
                               {"lora_B.weight", &AdapterModule::b},
                               {"lora_magnitude_vector", &AdapterModule::magnitude}};

absl::Span<const Member> MembersOf(const LoraOptions& options) {
  return absl::MakeSpan(kMembers).first(options.dora ? 3 : 2);
}

// "base_model.model.model.layers.3.self_attn.q_proj.lora_A.weight", as PEFT names tensors.
std::string PeftTensorName(const AdapterModule& module, const Member& member) {
  bool attention = module.name == "qkv_proj" || module.name == "o_proj" ||
                   module.name == "q_proj" || module.name == "k_proj" || module.name == "v_proj";
  return absl::StrCat("base_model.model.model.layers.", module.layer,
                      attention ? ".self_attn." : ".mlp.", module.name, ".", member.name);
}

// "q_proj" of such a name; empty: it is none.
std::string ModuleNameOf(absl::string_view tensor) {
  for (const Member& member : kMembers) {
    if (!absl::ConsumeSuffix(&tensor, absl::StrCat(".", member.name))) continue;
    const size_t dot = tensor.rfind('.');
    return dot == absl::string_view::npos ? "" : std::string(tensor.substr(dot + 1));
  }
  return "";
}

// Members that change the computation in ways that are not supported: absent, null, false, empty
// or "none" is what they must be.
absl::Status CheckSupported(const Json& config) {
  FOUNDRY_RETURN_IF_ERROR(CheckPeftConfig(config));
  const auto some = config.find("layers_to_transform");
  if (some == config.end() || some->is_null() || (some->is_structured() && some->empty())) {
    return absl::OkStatus();
  }
  return absl::UnimplementedError(absl::StrCat("layers_to_transform = ", DumpJson(*some),
                                               " is not supported: adapters of all layers are"));
}

absl::StatusOr<LoraOptions> ReadConfig(const std::filesystem::path& path) {
  FOUNDRY_ASSIGN_OR_RETURN(Json config, ReadJsonFile(path));
  std::string file = path.string();
  FOUNDRY_ASSIGN_OR_RETURN(std::string type, JsonString(config, "peft_type"));
  if (type != "LORA") {
    return absl::UnimplementedError(
        absl::StrCat(file, ": peft_type '", type, "' is not supported: only LORA is"));
  }
  FOUNDRY_RETURN_IF_ERROR(Annotate(CheckSupported(config), file));
  LoraOptions options;
  FOUNDRY_ASSIGN_OR_RETURN(int64_t rank, JsonInt(config, "r", 8));
  options.rank = static_cast<int>(rank);
  FOUNDRY_ASSIGN_OR_RETURN(options.alpha, JsonDouble(config, "lora_alpha", 8));
  FOUNDRY_ASSIGN_OR_RETURN(options.dropout, JsonDouble(config, "lora_dropout", 0));
  FOUNDRY_ASSIGN_OR_RETURN(options.rslora, JsonBool(config, "use_rslora", false));
  FOUNDRY_ASSIGN_OR_RETURN(options.dora, JsonBool(config, "use_dora", false));
  return options;
}

Json ConfigJson(const Adapter& adapter, const std::string& base_model) {
  const LoraOptions& o = adapter.options;
  return {{"peft_type", "LORA"},
          {"task_type", "CAUSAL_LM"},
          {"base_model_name_or_path", base_model},
          {"bias", "none"},
          {"fan_in_fan_out", false},
          {"inference_mode", true},
          {"init_lora_weights", true},
          {"lora_alpha", o.alpha},
          {"lora_dropout", o.dropout},
          {"modules_to_save", nullptr},
          {"r", o.rank},
          {"target_modules", o.targets},
          {"use_dora", o.dora},
          {"use_rslora", o.rslora}};
}

}  // namespace

absl::StatusOr<Adapter> ReadAdapter(const std::filesystem::path& folder, const Decoder& decoder) {
  FOUNDRY_ASSIGN_OR_RETURN(LoraOptions options, ReadConfig(folder / kConfig));
  FOUNDRY_ASSIGN_OR_RETURN(auto file, Safetensors::Open(folder / kTensors));
  // target_modules may be a pattern; the tensors say which modules there are.
  std::set<std::string> modules;
  for (const TensorView& view : file->tensors()) {
    const std::string module = ModuleNameOf(view.name);
    if (module.empty()) {
      return absl::InvalidArgumentError(absl::StrCat((folder / kTensors).string(), ": tensor '",
                                                     view.name, "' is no LoRA tensor"));
    }
    modules.insert(module);
  }
  options.targets.assign(modules.begin(), modules.end());
  absl::StatusOr<Adapter> adapter = LayOutAdapter(decoder, options);
  if (!adapter.ok()) return Annotate(adapter.status(), (folder / kTensors).string());
  for (AdapterModule& module : adapter->modules) {
    for (const Member& member : MembersOf(options)) {
      at::Tensor& target = module.*member.tensor;
      std::string name = PeftTensorName(module, member);
      FOUNDRY_ASSIGN_OR_RETURN(std::vector<float> values, file->Float32(name));
      const TensorView* view = file->Find(name);
      if (at::IntArrayRef(view->shape) != target.sizes()) {
        return absl::InvalidArgumentError(absl::StrCat(
            (folder / kTensors).string(), ": ", name, " has shape ", ShapeText(view->shape),
            ", this model and rank need [", absl::StrJoin(target.sizes(), ", "), "]"));
      }
      std::memcpy(target.data_ptr<float>(), values.data(), values.size() * sizeof(float));
    }
  }
  const size_t expected = adapter->modules.size() * MembersOf(options).size();
  if (file->tensors().size() != expected) {
    return absl::InvalidArgumentError(absl::StrCat(
        (folder / kTensors).string(), " holds ", file->tensors().size(),
        " tensors, this model has ", expected, " for it: the adapter is another model's, or ",
        kConfig, " of another adapter"));
  }
  return adapter;
}

absl::Status WriteAdapter(const Adapter& adapter, const std::filesystem::path& folder,
                          const std::string& base_model) {
  Json header = {{"__metadata__", {{"format", "pt"}}}};
  std::string data;
  data.reserve(static_cast<size_t>(adapter.flat.numel()) * sizeof(float));
  for (const AdapterModule& module : adapter.modules) {
    for (const Member& member : MembersOf(adapter.options)) {
      const at::Tensor& t = module.*member.tensor;
      size_t begin = data.size(), bytes = static_cast<size_t>(t.numel()) * sizeof(float);
      data.append(static_cast<const char*>(t.const_data_ptr()), bytes);
      header[PeftTensorName(module, member)] = {
          {"dtype", "F32"}, {"shape", t.sizes().vec()}, {"data_offsets", {begin, begin + bytes}}};
    }
  }
  std::string head = DumpJson(header);
  head.resize((head.size() + 7) / 8 * 8, ' ');
  uint64_t length = head.size();  // little-endian, as are all supported processors
  std::string content(reinterpret_cast<const char*>(&length), sizeof(length));
  content += head;
  content += data;
  FOUNDRY_RETURN_IF_ERROR(WriteFileAtomic(folder / kTensors, content));
  return WriteJsonFile(folder / kConfig, ConfigJson(adapter, base_model));
}

}  // namespace foundry::lm
