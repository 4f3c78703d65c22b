#include <algorithm>
#include <utility>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "common/base/status.h"
#include "common/lm/export/gguf_metadata.h"
#include "common/lm/export/gguf_vocabulary.h"
#include "common/lm/export/writers.h"
#include "common/lm/weights/gguf_names.h"
#include "common/lm/weights/tensor_file_writer.h"

namespace foundry::lm {
namespace {

// What a base's own GGUF says, apart from how it stored and split its weights.
GgufMetadata Carry(const Gguf& gguf) {
  GgufMetadata out;
  for (const auto& [key, value] : gguf.metadata()) {
    if (key == "general.alignment" || absl::StartsWith(key, "split.") ||
        absl::StartsWith(key, "quantize.")) {
      continue;
    }
    out.emplace_back(key, value);
  }
  return out;
}

absl::StatusOr<GgufMetadata> Metadata(const MergedWeights& weights) {
  if (weights.base().gguf() != nullptr) return Carry(*weights.base().gguf());
  const std::filesystem::path& folder = weights.base().path();
  // A trailing slash leaves no file name.
  const std::filesystem::path plain = (folder / "x").lexically_normal().parent_path();
  FOUNDRY_ASSIGN_OR_RETURN(GgufMetadata out,
                           ModelMetadata(weights.config(), plain.filename().string()));
  FOUNDRY_ASSIGN_OR_RETURN(GgufMetadata vocabulary, VocabularyMetadata(folder, weights.config()));
  out.insert(out.end(), std::make_move_iterator(vocabulary.begin()),
             std::make_move_iterator(vocabulary.end()));
  return out;
}

bool FourBits(DType dtype) { return dtype == DType::kQ4_0 || dtype == DType::kQ4_K; }

// Norms and biases stay exact. Four bits are too few for the vocabulary, whose rows both begin and
// end the computation. A row that is no whole blocks gets the next type that it fits.
DType StoredType(const TensorSpec& tensor, DType dtype) {
  if (tensor.shape.size() < 2) return DType::kF32;
  const bool vocabulary =
      tensor.name == "model.embed_tokens.weight" || tensor.name == "lm_head.weight";
  const auto fits = [&tensor](DType type) {
    return tensor.shape.back() % Info(type).block_elements == 0;
  };
  if (FourBits(dtype) && (vocabulary || !fits(dtype))) dtype = DType::kQ8_0;
  return fits(dtype) ? dtype : DType::kF16;
}

// Rows in the order of a GGUF Llama; see gguf_names.h.
void Interleave(const TensorSpec& tensor, const ModelConfig& config, std::vector<float>* values) {
  if (InterleavedIn(tensor.name) == Interleaved::kNo) return;
  const int64_t rows = tensor.shape[0], columns = static_cast<int64_t>(values->size()) / rows;
  std::vector<float> out(values->size());
  for (int64_t row = 0; row < rows; ++row) {
    std::copy_n(values->data() + row * columns, columns,
                out.data() + InterleavedRow(row, config.head_dim) * columns);
  }
  *values = std::move(out);
}

}  // namespace

absl::Status WriteGguf(const MergedWeights& weights, DType dtype, const std::filesystem::path& file,
                       const CancelToken& cancel) {
  const ModelConfig& config = weights.config();
  const std::string arch = GgufArchitecture(config);
  FOUNDRY_ASSIGN_OR_RETURN(GgufMetadata metadata, Metadata(weights));
  SetFileType(dtype, &metadata);
  std::vector<StoredTensor> stored;
  const std::vector<RopeTable> tables = RopeTensors(config);
  for (const RopeTable& table : tables) {
    stored.push_back({table.name, DType::kF32, {static_cast<int64_t>(table.factors.size())}});
  }
  for (const TensorSpec& tensor : weights.tensors()) {
    const std::optional<std::string> name = GgufName(tensor.name, config.family);
    if (!name.has_value()) {
      return absl::InternalError(absl::StrCat("tensor '", tensor.name, "' has no name in GGUF"));
    }
    stored.push_back({*name, StoredType(tensor, dtype), tensor.shape});
  }
  FOUNDRY_ASSIGN_OR_RETURN(auto writer, TensorFileWriter::Gguf(file, metadata, stored));
  for (const RopeTable& table : tables) {
    FOUNDRY_RETURN_IF_ERROR(writer->Write(table.name, table.factors));
  }
  size_t next = tables.size();
  for (const TensorSpec& tensor : weights.tensors()) {
    FOUNDRY_RETURN_IF_ERROR(cancel.Check());
    FOUNDRY_ASSIGN_OR_RETURN(std::vector<float> values, weights.Float32(tensor));
    if (arch == "llama") Interleave(tensor, config, &values);
    FOUNDRY_RETURN_IF_ERROR(writer->Write(stored[next++].name, values));
  }
  return writer->Finish().status();
}

}  // namespace foundry::lm
