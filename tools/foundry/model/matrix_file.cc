#include "tools/foundry/model/matrix_file.h"

#include "common/base/status.h"
#include "common/lm/weights/tensor_file_writer.h"

namespace foundry::cli {

absl::Status WriteMatrices(const std::filesystem::path& path,
                           const std::vector<std::pair<std::string, lm::FloatMatrix>>& matrices) {
  std::vector<lm::StoredTensor> tensors;
  for (const auto& [name, matrix] : matrices) {
    tensors.push_back({name, lm::DType::kF32, {matrix.rows, matrix.cols}});
  }
  FOUNDRY_ASSIGN_OR_RETURN(auto writer,
                           lm::TensorFileWriter::Safetensors(path, {}, std::move(tensors)));
  for (const auto& [name, matrix] : matrices) {
    FOUNDRY_RETURN_IF_ERROR(writer->Write(name, matrix.data));
  }
  return writer->Finish().status();
}

}  // namespace foundry::cli
