#include "tools/foundry/model/safetensors_file.h"

#include <bit>
#include <cstring>

#include "common/base/files.h"
#include "common/base/json.h"

namespace foundry::cli {

static_assert(std::endian::native == std::endian::little, "safetensors files are little-endian");

absl::Status WriteMatrices(const std::filesystem::path& path,
                           const std::vector<std::pair<std::string, lm::FloatMatrix>>& tensors) {
  Json header = Json::object();
  uint64_t end = 0;
  for (const auto& [name, matrix] : tensors) {
    const uint64_t begin = end;
    end += matrix.data.size() * sizeof(float);
    header[name] = {
        {"dtype", "F32"}, {"shape", {matrix.rows, matrix.cols}}, {"data_offsets", {begin, end}}};
  }
  std::string head = DumpJson(header);
  head.append((8 - head.size() % 8) % 8, ' ');  // data begin on a multiple of 8
  const uint64_t length = head.size();
  std::string content(sizeof length, '\0');
  std::memcpy(content.data(), &length, sizeof length);
  content.reserve(sizeof length + length + end);
  content += head;
  for (const auto& [name, matrix] : tensors) {
    content.append(reinterpret_cast<const char*>(matrix.data.data()),
                   matrix.data.size() * sizeof(float));
  }
  return WriteFileAtomic(path, content);
}

}  // namespace foundry::cli
