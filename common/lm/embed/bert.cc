#include "common/lm/embed/bert.h"

#include <string>
#include <utility>

#include "absl/strings/str_cat.h"
#include "common/base/json.h"
#include "common/base/status.h"
#include "common/lm/weights/dequantize.h"
#include "common/lm/weights/safetensors.h"

namespace foundry::lm {
namespace fs = std::filesystem;
namespace {

absl::StatusOr<BertConfig> FromJson(const Json& json) {
  if (!json.is_object()) return absl::InvalidArgumentError("no JSON object");
  BertConfig c;
  FOUNDRY_ASSIGN_OR_RETURN(const std::string type, JsonString(json, "model_type"));
  if (type != "bert") {
    return absl::UnimplementedError(
        absl::StrCat("\"model_type\": '", type, "'; an embedder must be a BERT encoder"));
  }
  for (auto [key, value] : {std::pair{"vocab_size", &c.vocab_size},
                            {"hidden_size", &c.hidden_size},
                            {"intermediate_size", &c.intermediate_size},
                            {"num_hidden_layers", &c.num_layers},
                            {"num_attention_heads", &c.num_heads},
                            {"max_position_embeddings", &c.max_positions},
                            {"type_vocab_size", &c.type_vocab_size}}) {
    FOUNDRY_ASSIGN_OR_RETURN(*value, JsonInt(json, key, 0));
    if (*value <= 0 || *value > (int64_t{1} << 24)) {
      return absl::InvalidArgumentError(absl::StrCat("\"", key, "\" is missing or out of range"));
    }
  }
  FOUNDRY_ASSIGN_OR_RETURN(c.layer_norm_eps, JsonDouble(json, "layer_norm_eps", 1e-12));
  FOUNDRY_ASSIGN_OR_RETURN(const std::string act, JsonString(json, "hidden_act", "gelu"));
  FOUNDRY_ASSIGN_OR_RETURN(const std::string positions,
                           JsonString(json, "position_embedding_type", "absolute"));
  if (act != "gelu" || positions != "absolute") {
    return absl::UnimplementedError("only gelu and absolute positions are supported");
  }
  if (c.hidden_size % c.num_heads != 0) {
    return absl::InvalidArgumentError("\"hidden_size\" does not divide by \"num_attention_heads\"");
  }
  return c;
}

// Reads named tensors of known shape to the device as float32; the first error stays.
class Reader {
 public:
  Reader(const Safetensors& file, at::Device device) : file_(file), device_(device) {
    // Checkpoints saved with a head on top carry a prefix.
    if (file.Find("bert.embeddings.word_embeddings.weight") != nullptr) prefix_ = "bert.";
  }

  at::Tensor Read(const std::string& name, std::vector<int64_t> shape) {
    if (!status_.ok()) return {};
    const TensorView* view = file_.Find(prefix_ + name);
    const std::string label =
        absl::StrCat(file_.files().front().string(), ": tensor '", prefix_, name, "'");
    if (view == nullptr) {
      status_ = absl::InvalidArgumentError(absl::StrCat(label, " is missing"));
    } else if (view->shape != shape) {
      status_ = absl::InvalidArgumentError(absl::StrCat(
          label, " has the shape ", ShapeText(view->shape), ", not ", ShapeText(shape)));
    }
    if (!status_.ok()) return {};
    at::Tensor out = at::empty(shape, at::kFloat);
    status_ = Annotate(Dequantize(view->dtype, view->bytes,
                                  {out.data_ptr<float>(), static_cast<size_t>(out.numel())}),
                       label);
    return out.to(device_);
  }

  const absl::Status& status() const { return status_; }

 private:
  const Safetensors& file_;
  at::Device device_;
  std::string prefix_;
  absl::Status status_;
};

}  // namespace

absl::StatusOr<BertConfig> ReadBertConfig(const fs::path& folder) {
  const fs::path file = folder / "config.json";
  FOUNDRY_ASSIGN_OR_RETURN(const Json json, ReadJsonFile(file));
  absl::StatusOr<BertConfig> config = FromJson(json);
  if (!config.ok()) return Annotate(config.status(), file.string());
  return config;
}

absl::StatusOr<std::unique_ptr<Bert>> Bert::Load(const fs::path& folder, at::Device device) {
  std::unique_ptr<Bert> self(new Bert());
  FOUNDRY_ASSIGN_OR_RETURN(self->config_, ReadBertConfig(folder));
  FOUNDRY_ASSIGN_OR_RETURN(const auto file, Safetensors::Open(folder));
  const BertConfig& c = self->config_;
  const int64_t width = c.hidden_size, inner = c.intermediate_size;
  Reader in(*file, device);
  const auto affine = [&in](const std::string& name, std::vector<int64_t> shape) {
    return Affine{in.Read(name + ".weight", shape), in.Read(name + ".bias", {shape[0]})};
  };
  self->words_ = in.Read("embeddings.word_embeddings.weight", {c.vocab_size, width});
  self->positions_ = in.Read("embeddings.position_embeddings.weight", {c.max_positions, width});
  self->types_ = in.Read("embeddings.token_type_embeddings.weight", {c.type_vocab_size, width});
  self->embedding_norm_ = affine("embeddings.LayerNorm", {width});
  for (int64_t i = 0; i < c.num_layers && in.status().ok(); ++i) {
    const std::string layer = absl::StrCat("encoder.layer.", i, ".");
    const Affine q = affine(layer + "attention.self.query", {width, width});
    const Affine k = affine(layer + "attention.self.key", {width, width});
    const Affine v = affine(layer + "attention.self.value", {width, width});
    if (!in.status().ok()) break;
    self->layers_.push_back(
        {{at::cat({q.weight, k.weight, v.weight}), at::cat({q.bias, k.bias, v.bias})},
         affine(layer + "attention.output.dense", {width, width}),
         affine(layer + "attention.output.LayerNorm", {width}),
         affine(layer + "intermediate.dense", {inner, width}),
         affine(layer + "output.dense", {width, inner}),
         affine(layer + "output.LayerNorm", {width})});
  }
  FOUNDRY_RETURN_IF_ERROR(in.status());
  return self;
}

at::Tensor Bert::Norm(const at::Tensor& x, const Affine& norm) const {
  return at::layer_norm(x, {config_.hidden_size}, norm.weight, norm.bias, config_.layer_norm_eps);
}

at::Tensor Bert::Forward(const at::Tensor& ids, const at::Tensor& mask) const {
  const int64_t batch = ids.size(0), length = ids.size(1);
  const int64_t head_dim = config_.hidden_size / config_.num_heads;
  at::Tensor x = at::embedding(words_, ids) + positions_.slice(0, 0, length) + types_[0];
  x = Norm(x, embedding_norm_);
  const at::Tensor visible = mask.view({batch, 1, 1, length});
  for (const Layer& layer : layers_) {
    const at::Tensor qkv = at::linear(x, layer.qkv.weight, layer.qkv.bias)
                               .view({batch, length, 3, config_.num_heads, head_dim})
                               .permute({2, 0, 3, 1, 4});
    const at::Tensor attended = at::scaled_dot_product_attention(qkv[0], qkv[1], qkv[2], visible)
                                    .transpose(1, 2)
                                    .reshape({batch, length, config_.hidden_size});
    x = Norm(at::linear(attended, layer.attention_out.weight, layer.attention_out.bias) + x,
             layer.attention_norm);
    const at::Tensor inner = at::gelu(at::linear(x, layer.up.weight, layer.up.bias));
    x = Norm(at::linear(inner, layer.down.weight, layer.down.bias) + x, layer.out_norm);
  }
  return x;
}

}  // namespace foundry::lm
