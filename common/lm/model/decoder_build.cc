// From the checkpoint's tensors to the fused ones of Decoder.
#include <tuple>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "common/base/status.h"
#include "common/lm/model/decoder.h"

namespace foundry::lm {
namespace {

class Builder {
 public:
  Builder(const TensorSource& source, const DecoderOptions& options)
      : source_(source), options_(options) {}

  absl::StatusOr<at::Tensor> Get(const std::string& name, at::IntArrayRef shape) const {
    FOUNDRY_ASSIGN_OR_RETURN(at::Tensor tensor, source_(name));
    if (tensor.sizes() != shape) {
      return absl::InvalidArgumentError(
          absl::StrCat("tensor ", name, " has shape [", absl::StrJoin(tensor.sizes(), ", "),
                       "], config.json asks for [", absl::StrJoin(shape, ", "), "]"));
    }
    return tensor.to(options_.device, at::kFloat).contiguous();
  }

  // A module of the checkpoint: its name and the blocks that its rows consist of. Each rank of a
  // tensor parallel decoder has an equal share of every block.
  struct Module {
    const char* name;
    std::vector<int64_t> blocks;
  };

  // The linears `modules` under `prefix`, fused by rows; of each block this rank's share.
  absl::StatusOr<Linear> SplitRows(const std::string& prefix, const std::vector<Module>& modules,
                                   int64_t in, bool bias) const {
    Linear linear;
    linear.in = linear.full_in = in;
    for (const Module& module : modules) {
      Linear::Part part{module.name, linear.out, 0, 0, {}};
      for (int64_t rows : module.blocks) {
        const int64_t share = rows / count();
        part.source.push_back({part.full_rows + index() * share, share});
        part.full_rows += rows;
        part.rows += share;
      }
      linear.out += part.rows;
      linear.parts.push_back(std::move(part));
    }
    return Read(prefix, bias, std::move(linear));
  }

  // The linear `name`, of whose inputs this rank has its share. The bias is the first rank's.
  absl::StatusOr<Linear> SplitColumns(const std::string& prefix, const char* name, int64_t out,
                                      int64_t in, bool bias) const {
    Linear linear;
    linear.full_in = in;
    linear.in = in / count();
    linear.in_begin = index() * linear.in;
    linear.out = out;
    linear.parts = {{name, 0, out, out, {{0, out}}}};
    return Read(prefix, bias && index() == 0, std::move(linear));
  }

 private:
  int64_t index() const { return options_.shard ? options_.shard->index : 0; }
  int64_t count() const { return options_.shard ? options_.shard->count : 1; }

  static at::Tensor RowsOf(const at::Tensor& module, const Linear::Part& part) {
    std::vector<at::Tensor> ranges;
    for (const auto& range : part.source) {
      ranges.push_back(module.narrow(0, range.begin, range.rows));
    }
    return ranges.size() == 1 ? ranges[0] : at::cat(ranges);
  }

  // Fills in the tensors of a linear whose shape is known. One module's values are there in float32
  // at a time.
  absl::StatusOr<Linear> Read(const std::string& prefix, bool bias, Linear linear) const {
    std::vector<at::Tensor> weights, biases;
    for (const Linear::Part& part : linear.parts) {
      FOUNDRY_ASSIGN_OR_RETURN(at::Tensor w, Get(absl::StrCat(prefix, part.name, ".weight"),
                                                 {part.full_rows, linear.full_in}));
      w = RowsOf(w, part).narrow(1, linear.in_begin, linear.in);
      // A copy, not a view that would keep all of the module. Rounded once: from float32 to the few
      // bits.
      w = options_.weights == WeightFormat::kFull ? w.to(options_.compute) : w;
      weights.push_back(options_.shard ? w.clone(at::MemoryFormat::Contiguous) : w);
      if (bias) {
        FOUNDRY_ASSIGN_OR_RETURN(at::Tensor b,
                                 Get(absl::StrCat(prefix, part.name, ".bias"), {part.full_rows}));
        biases.push_back(RowsOf(b, part).to(options_.compute));
      }
    }
    linear.weight = weights.size() == 1 ? weights[0] : at::cat(weights);
    if (options_.weights != WeightFormat::kFull) {
      linear.frozen = std::make_shared<const FrozenMatrix>(linear.weight, options_.weights);
      linear.weight = at::empty({linear.out, 0}, linear.weight.options().dtype(options_.compute));
    }
    if (bias) linear.bias = at::cat(biases);
    return linear;
  }

  const TensorSource& source_;
  const DecoderOptions& options_;
};

absl::StatusOr<Layer> BuildLayer(const ModelConfig& c, const Builder& builder, int64_t index) {
  std::string at = absl::StrCat("model.layers.", index, ".");
  std::string attention = at + "self_attn.", mlp = at + "mlp.";
  int64_t q = c.num_heads * c.head_dim, kv = c.num_kv_heads * c.head_dim;
  bool fused = c.family == "phi3";  // the checkpoint's own tensors are fused
  Layer layer;
  FOUNDRY_ASSIGN_OR_RETURN(layer.input_norm,
                           builder.Get(at + "input_layernorm.weight", {c.hidden_size}));
  FOUNDRY_ASSIGN_OR_RETURN(layer.post_norm,
                           builder.Get(at + "post_attention_layernorm.weight", {c.hidden_size}));
  if (c.qk_norm) {
    FOUNDRY_ASSIGN_OR_RETURN(layer.q_norm, builder.Get(attention + "q_norm.weight", {c.head_dim}));
    FOUNDRY_ASSIGN_OR_RETURN(layer.k_norm, builder.Get(attention + "k_norm.weight", {c.head_dim}));
  }
  const int64_t inner = c.intermediate_size;
  if (fused) {
    FOUNDRY_ASSIGN_OR_RETURN(layer.qkv, builder.SplitRows(attention, {{"qkv_proj", {q, kv, kv}}},
                                                          c.hidden_size, c.qkv_bias));
    FOUNDRY_ASSIGN_OR_RETURN(
        layer.gate_up,
        builder.SplitRows(mlp, {{"gate_up_proj", {inner, inner}}}, c.hidden_size, c.mlp_bias));
  } else {
    FOUNDRY_ASSIGN_OR_RETURN(
        layer.qkv,
        builder.SplitRows(attention, {{"q_proj", {q}}, {"k_proj", {kv}}, {"v_proj", {kv}}},
                          c.hidden_size, c.qkv_bias));
    FOUNDRY_ASSIGN_OR_RETURN(layer.gate_up,
                             builder.SplitRows(mlp, {{"gate_proj", {inner}}, {"up_proj", {inner}}},
                                               c.hidden_size, c.mlp_bias));
  }
  FOUNDRY_ASSIGN_OR_RETURN(
      layer.o, builder.SplitColumns(attention, "o_proj", c.hidden_size, q, c.attention_out_bias));
  FOUNDRY_ASSIGN_OR_RETURN(
      layer.down, builder.SplitColumns(mlp, "down_proj", c.hidden_size, inner, c.mlp_bias));
  return layer;
}

void Convert(Linear& linear, at::ScalarType compute) {
  linear.weight = linear.weight.to(compute);
  if (linear.lora_a.defined()) linear.lora_a = linear.lora_a.to(compute);
  if (linear.bias.defined()) linear.bias = linear.bias.to(compute);
}

}  // namespace

absl::StatusOr<std::unique_ptr<Decoder>> Decoder::Build(const ModelConfig& config,
                                                        const TensorSource& source,
                                                        const DecoderOptions& options) {
  if (config.hidden_act != "silu") {
    return absl::UnimplementedError(
        absl::StrCat("hidden_act '", config.hidden_act, "': only silu is supported"));
  }
  if (options.weights != WeightFormat::kFull && !options.device.is_cpu()) {
    return absl::UnimplementedError("weights of fewer bits are held on the CPU only");
  }
  if (config.num_heads <= 0 || config.num_kv_heads <= 0 || config.head_dim <= 0 ||
      config.num_heads % config.num_kv_heads != 0) {
    return absl::InvalidArgumentError(absl::StrCat("config.json: ", config.num_heads, " heads of ",
                                                   config.head_dim, " values do not divide among ",
                                                   config.num_kv_heads, " key-value heads"));
  }
  auto decoder = std::unique_ptr<Decoder>(new Decoder);
  decoder->config_ = config;
  if (options.shard) {
    FOUNDRY_ASSIGN_OR_RETURN(decoder->config_, ShardConfig(config, options.shard->count));
  }
  decoder->options_ = options;
  Builder builder(source, options);
  FOUNDRY_ASSIGN_OR_RETURN(
      decoder->embeddings_,
      builder.Get("model.embed_tokens.weight", {config.vocab_size, config.hidden_size}));
  FOUNDRY_ASSIGN_OR_RETURN(decoder->final_norm_,
                           builder.Get("model.norm.weight", {config.hidden_size}));
  at::Tensor head = decoder->embeddings_;
  if (!config.tie_word_embeddings) {
    FOUNDRY_ASSIGN_OR_RETURN(
        head, builder.Get("lm_head.weight", {config.vocab_size, config.hidden_size}));
  }
  decoder->lm_head_ = head.to(options.compute);
  for (int64_t i = 0; i < config.num_layers; ++i) {
    FOUNDRY_ASSIGN_OR_RETURN(Layer layer, BuildLayer(config, builder, i));
    layer.shard = options.shard;
    decoder->layers_.push_back(std::move(layer));
  }
  decoder->rope_ = std::make_shared<Rope>(config);
  return decoder;
}

std::unique_ptr<Decoder> Decoder::WithCompute(at::ScalarType compute) const {
  auto copy = std::unique_ptr<Decoder>(new Decoder(*this));
  copy->options_.compute = compute;
  copy->lm_head_ = lm_head_.to(compute);
  for (Layer& layer : copy->layers_) {
    for (Linear* linear : {&layer.qkv, &layer.o, &layer.gate_up, &layer.down}) {
      Convert(*linear, compute);
    }
  }
  return copy;
}

}  // namespace foundry::lm
