#include <utility>
#include <vector>

#include "common/base/status.h"
#include "common/lm/export/config_writer.h"
#include "common/lm/export/writers.h"
#include "common/lm/weights/tensor_file_writer.h"
#include "common/tokenizer/tokenizer.h"

namespace foundry::lm {
namespace {

constexpr int64_t kLargestFloat32 = 1'000'000'000;  // parameters

}  // namespace

DType HuggingFaceType(const MergedWeights& weights) {
  if (weights.parameter_count() <= kLargestFloat32) return DType::kF32;
  const absl::StatusOr<TensorView> first = weights.base().Find(weights.tensors().front().name);
  return first.ok() && first->dtype == DType::kBF16 ? DType::kBF16 : DType::kF16;
}

absl::Status WriteHuggingFace(const MergedWeights& weights, DType dtype,
                              const std::filesystem::path& folder, const CancelToken& cancel) {
  const bool from_gguf = weights.base().gguf() != nullptr;
  FOUNDRY_ASSIGN_OR_RETURN(const auto tokens, tokenizer::Tokenizer::Load(weights.base().path()));
  FOUNDRY_RETURN_IF_ERROR(WriteConfigs(weights.config(), dtype,
                                       from_gguf ? std::filesystem::path() : weights.base().path(),
                                       folder));
  FOUNDRY_RETURN_IF_ERROR(tokens->SaveHuggingFace(folder));
  std::vector<StoredTensor> stored;
  for (const TensorSpec& tensor : weights.tensors()) {
    stored.push_back({tensor.name, dtype, tensor.shape});
  }
  FOUNDRY_ASSIGN_OR_RETURN(
      auto writer, TensorFileWriter::Safetensors(folder / "model.safetensors", {{"format", "pt"}},
                                                 std::move(stored)));
  for (const TensorSpec& tensor : weights.tensors()) {
    FOUNDRY_RETURN_IF_ERROR(cancel.Check());
    FOUNDRY_ASSIGN_OR_RETURN(const std::vector<float> values, weights.Float32(tensor));
    FOUNDRY_RETURN_IF_ERROR(writer->Write(tensor.name, values));
  }
  return writer->Finish().status();
}

}  // namespace foundry::lm
