// model inspect: what a model's files say, without loading the weights.
#include <algorithm>
#include <filesystem>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "common/base/json.h"
#include "common/base/status.h"
#include "common/lm/weights/checkpoint.h"
#include "common/tokenizer/chat_template.h"
#include "common/tokenizer/tokenizer.h"
#include "tools/foundry/model/commands.h"
#include "tools/foundry/model/options.h"

namespace foundry::cli {
namespace {

namespace fs = std::filesystem;

struct Options {
  ModelOptions model;
  bool tensors = false, metadata = false;
};

Json ConfigJson(const lm::ModelConfig& c) {
  constexpr const char* kScaling[] = {"none", "llama3", "longrope", "linear"};
  return {
      {"family", c.family},
      {"vocab_size", c.vocab_size},
      {"hidden_size", c.hidden_size},
      {"intermediate_size", c.intermediate_size},
      {"layers", c.num_layers},
      {"heads", c.num_heads},
      {"kv_heads", c.num_kv_heads},
      {"head_dim", c.head_dim},
      {"max_positions", c.max_positions},
      {"rms_norm_eps", c.rms_norm_eps},
      {"rope_theta", c.rope_theta},
      {"rope_scaling", kScaling[static_cast<int>(c.rope_scaling.kind)]},
      {"sliding_window", c.sliding_window.has_value() ? Json(*c.sliding_window) : Json(nullptr)},
      {"tied_embeddings", c.tie_word_embeddings},
      {"qkv_bias", c.qkv_bias},
      {"qk_norm", c.qk_norm},
      {"eos_ids", c.eos_ids}};
}

// Counts, types and, when asked for, every tensor.
void AddTensors(const std::vector<lm::TensorView>& views, bool list, Json* out) {
  std::map<std::string, int64_t> types;
  int64_t parameters = 0, bytes = 0;
  Json tensors = Json::array();
  for (const lm::TensorView& view : views) {
    ++types[std::string(lm::Info(view.dtype).name)];
    parameters += lm::ElementCount(view.shape).value_or(0);
    bytes += static_cast<int64_t>(view.bytes.size());
    if (list) {
      tensors.push_back({{"name", view.name},
                         {"dtype", lm::Info(view.dtype).name.data()},
                         {"shape", view.shape}});
    }
  }
  (*out)["parameters"] = parameters;
  (*out)["tensor_bytes"] = bytes;
  (*out)["tensor_types"] = types;
  if (list) (*out)["tensors"] = std::move(tensors);
}

// A GGUF's metadata; long lists by their length.
Json MetadataJson(const lm::Gguf& gguf) {
  Json out = Json::object();
  for (const auto& [key, value] : gguf.metadata()) {
    out[key] = std::visit(
        [](const auto& item) -> Json {
          using T = std::decay_t<decltype(item)>;
          if constexpr (std::is_same_v<T, int64_t> || std::is_same_v<T, double> ||
                        std::is_same_v<T, std::string>) {
            return item;
          } else {
            return absl::StrCat("list of ", item.size());
          }
        },
        value.value);
  }
  return out;
}

void AddTokenizer(const fs::path& path, Json* out) {
  const auto tokens = tokenizer::Tokenizer::Load(path);
  if (tokens.ok()) {
    (*out)["tokenizer"] = {{"tokens", (*tokens)->vocab_size()},
                           {"fingerprint", (*tokens)->fingerprint()}};
  } else {
    (*out)["tokenizer"] = {{"error", std::string(tokens.status().message())}};
  }
  const auto chat = tokenizer::ChatTemplate::Load(path);
  (*out)["chat_template"] = chat.ok() ? Json(chat->source()) : Json(nullptr);
  if (!chat.ok() && !absl::IsNotFound(chat.status())) {
    (*out)["chat_template_error"] = std::string(chat.status().message());
  }
}

// An encoder, whose configuration is no decoder's.
absl::StatusOr<Json> InspectEncoder(const fs::path& path, const Json& config, bool tensors) {
  FOUNDRY_ASSIGN_OR_RETURN(const auto file, lm::Safetensors::Open(path));
  Json out = {{"path", path.string()}, {"container", "huggingface"}, {"config", config}};
  AddTensors(file->tensors(), tensors, &out);
  AddTokenizer(path, &out);
  return out;
}

absl::StatusOr<Json> Inspect(const Options& options) {
  FOUNDRY_ASSIGN_OR_RETURN(const fs::path path, FindModel(options.model));
  std::error_code error;
  if (fs::is_regular_file(path / "config.json", error)) {
    FOUNDRY_ASSIGN_OR_RETURN(const Json config, ReadJsonFile(path / "config.json"));
    if (config.is_object() && config.contains("model_type") && config["model_type"] == "bert") {
      return InspectEncoder(path, config, options.tensors);
    }
  }
  FOUNDRY_ASSIGN_OR_RETURN(const auto checkpoint, lm::Checkpoint::Open(path));
  Json out = {{"path", path.string()},
              {"container", checkpoint->gguf() == nullptr ? "huggingface" : "gguf"},
              {"config", ConfigJson(checkpoint->config())}};
  Json files = Json::array();
  for (const fs::path& file : checkpoint->weight_files()) {
    files.push_back({{"name", file.filename().string()}, {"bytes", fs::file_size(file, error)}});
  }
  out["files"] = std::move(files);
  if (checkpoint->gguf() != nullptr) {
    AddTensors(checkpoint->gguf()->tensors(), options.tensors, &out);
    if (options.metadata) out["metadata"] = MetadataJson(*checkpoint->gguf());
  } else {
    FOUNDRY_ASSIGN_OR_RETURN(const auto file, lm::Safetensors::Open(path));
    AddTensors(file->tensors(), options.tensors, &out);
  }
  AddTokenizer(path, &out);
  return out;
}

}  // namespace

void RegisterInspect(Frame& frame, CLI::App* model) {
  auto options = std::make_shared<Options>();
  CLI::App* command =
      frame.Add("inspect", "What the files say: configuration, tensors, tokenizer", model);
  AddModelOption(command, &options->model);
  command->add_flag("--tensors", options->tensors, "list every tensor");
  command->add_flag("--metadata", options->metadata, "a GGUF's metadata");
  frame.On(command, [options] {
    const absl::StatusOr<Json> out = Inspect(*options);
    if (out.ok()) PrintJson(*out);
    return Report(out.status());
  });
}

}  // namespace foundry::cli
