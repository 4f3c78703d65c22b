#include "common/lm/weights/checkpoint.h"

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "common/base/status.h"
#include "common/lm/weights/config_reader.h"
#include "common/lm/weights/dequantize.h"
#include "common/lm/weights/gguf_names.h"
#include "common/lm/weights/layout.h"

namespace foundry::lm {
namespace fs = std::filesystem;
namespace {

constexpr absl::string_view kHead = "lm_head.weight";
constexpr absl::string_view kEmbedding = "model.embed_tokens.weight";

// Tables that files carry beside the weights and that are computed, or read, elsewhere.
bool IsDerived(absl::string_view name) {
  return name == "rope_freqs.weight" || name == "rope_factors_short.weight" ||
         name == "rope_factors_long.weight" || absl::EndsWith(name, "rotary_emb.inv_freq");
}

}  // namespace

absl::Status Checkpoint::OpenGguf(const fs::path& file) {
  weights_ = file.string();
  FOUNDRY_ASSIGN_OR_RETURN(gguf_, Gguf::Open(file));
  FOUNDRY_ASSIGN_OR_RETURN(config_, ReadGgufConfig(*gguf_));
  for (TensorView view : gguf_->tensors()) {
    if (IsDerived(view.name)) continue;
    std::optional<std::string> name = HuggingFaceName(view.name, config_.family);
    if (!name.has_value()) {
      return absl::UnimplementedError(absl::StrCat(weights_, ": tensor '", view.name,
                                                   "' is no part of a ", config_.family,
                                                   " decoder as supported here"));
    }
    if (config_.family == "llama") {
      const Interleaved rows = InterleavedIn(*name);
      if (rows == Interleaved::kHeads) view.interleaved_heads = config_.num_heads;
      if (rows == Interleaved::kKvHeads) view.interleaved_heads = config_.num_kv_heads;
    }
    view.name = *name;
    tensors_[*name] = std::move(view);
  }
  return absl::OkStatus();
}

absl::Status Checkpoint::OpenFolder(const fs::path& folder) {
  weights_ = folder.string();
  FOUNDRY_ASSIGN_OR_RETURN(config_, ReadHuggingFaceConfig(folder));
  FOUNDRY_ASSIGN_OR_RETURN(safetensors_, Safetensors::Open(folder));
  for (const TensorView& view : safetensors_->tensors()) {
    // transformers ties the head to the embedding even where a file holds both.
    if (IsDerived(view.name) || (config_.tie_word_embeddings && view.name == kHead)) continue;
    tensors_[view.name] = view;
  }
  return absl::OkStatus();
}

absl::Status Checkpoint::CheckLayout() const {
  const std::vector<TensorSpec> specs = DecoderTensors(config_);
  for (const TensorSpec& spec : specs) {
    const auto it = tensors_.find(spec.name);
    if (it == tensors_.end()) {
      return absl::InvalidArgumentError(
          absl::StrCat(weights_, ": tensor '", spec.name, "' is missing"));
    }
    if (it->second.shape != spec.shape) {
      return absl::InvalidArgumentError(absl::StrCat(
          weights_, ": tensor '", spec.name, "' has the shape ", ShapeText(it->second.shape),
          ", but the configuration says ", ShapeText(spec.shape)));
    }
  }
  if (specs.size() == tensors_.size()) return absl::OkStatus();
  absl::flat_hash_map<std::string, bool> known;
  for (const TensorSpec& spec : specs) known[spec.name] = true;
  for (const auto& [name, view] : tensors_) {
    if (!known.contains(name)) {
      return absl::UnimplementedError(absl::StrCat(weights_, ": tensor '", name,
                                                   "' is no part of a ", config_.family,
                                                   " decoder with this configuration"));
    }
  }
  return absl::OkStatus();
}

absl::StatusOr<std::shared_ptr<const Checkpoint>> Checkpoint::Open(const fs::path& path) {
  auto self = std::make_shared<Checkpoint>();
  self->path_ = path;
  std::error_code error;
  if (!fs::exists(path, error)) {
    return absl::NotFoundError(absl::StrCat(path.string(), ": no such model file or folder"));
  }
  if (!fs::is_directory(path, error)) {
    FOUNDRY_RETURN_IF_ERROR(self->OpenGguf(path));
  } else if (fs::exists(path / "config.json", error)) {
    FOUNDRY_RETURN_IF_ERROR(self->OpenFolder(path));
  } else if (fs::exists(path / "model.gguf", error)) {
    FOUNDRY_RETURN_IF_ERROR(self->OpenGguf(path / "model.gguf"));
  } else {
    return absl::NotFoundError(absl::StrCat(
        path.string(), ": neither config.json nor model.gguf is here, so this is no model folder"));
  }
  FOUNDRY_RETURN_IF_ERROR(self->CheckLayout());
  return std::shared_ptr<const Checkpoint>(std::move(self));
}

std::vector<fs::path> Checkpoint::weight_files() const {
  if (gguf_ != nullptr) return {gguf_->path()};
  return safetensors_->files();
}

bool Checkpoint::Has(absl::string_view name) const {
  return tensors_.contains(name) || (config_.tie_word_embeddings && name == kHead);
}

absl::StatusOr<TensorView> Checkpoint::Find(absl::string_view name) const {
  if (config_.tie_word_embeddings && name == kHead) name = kEmbedding;
  const auto it = tensors_.find(name);
  if (it == tensors_.end()) {
    return absl::NotFoundError(absl::StrCat(weights_, ": no tensor '", name, "'"));
  }
  return it->second;
}

absl::Status Checkpoint::Float32Into(absl::string_view name, absl::Span<float> out) const {
  FOUNDRY_ASSIGN_OR_RETURN(const TensorView view, Find(name));
  const std::string label = absl::StrCat(weights_, ": tensor '", name, "'");
  if (view.interleaved_heads == 0) {
    return Annotate(Dequantize(view.dtype, view.bytes, out), label);
  }
  const int64_t rows = view.shape[0], columns = view.shape.size() > 1 ? view.shape[1] : 1;
  if (static_cast<int64_t>(out.size()) != rows * columns) {
    return absl::InvalidArgumentError(
        absl::StrCat(label, ": ", out.size(), " values asked of ", ShapeText(view.shape)));
  }
  const int64_t head_dim = rows / view.interleaved_heads;
  const size_t row_bytes = view.bytes.size() / rows;
  for (int64_t row = 0; row < rows; ++row) {
    const int64_t from = InterleavedRow(row, head_dim);
    FOUNDRY_RETURN_IF_ERROR(
        Annotate(Dequantize(view.dtype, view.bytes.subspan(from * row_bytes, row_bytes),
                            out.subspan(row * columns, columns)),
                 label));
  }
  return absl::OkStatus();
}

absl::StatusOr<std::vector<float>> Checkpoint::Float32(absl::string_view name) const {
  FOUNDRY_ASSIGN_OR_RETURN(const TensorView view, Find(name));
  FOUNDRY_ASSIGN_OR_RETURN(const int64_t count, ElementCount(view.shape));
  std::vector<float> out(count);
  FOUNDRY_RETURN_IF_ERROR(Float32Into(name, absl::MakeSpan(out)));
  return out;
}

}  // namespace foundry::lm
