#include "common/lm/weights/safetensors.h"

#include <algorithm>
#include <cstring>
#include <set>

#include "absl/strings/str_cat.h"
#include "common/base/json.h"
#include "common/base/status.h"
#include "common/lm/weights/dequantize.h"

namespace foundry::lm {
namespace fs = std::filesystem;
namespace {

constexpr uint64_t kMaxHeaderBytes = 100'000'000;  // the reference's limit

absl::Status Bad(const fs::path& file, absl::string_view what) {
  return absl::InvalidArgumentError(absl::StrCat(file.string(), ": ", what));
}

// One entry of the header: {"dtype": "F32", "shape": [2, 3], "data_offsets": [0, 24]}.
absl::Status ReadEntry(const std::string& name, const Json& entry, absl::Span<const uint8_t> data,
                       TensorView* view) {
  if (!entry.is_object()) return absl::InvalidArgumentError("the entry is no object");
  view->name = name;
  FOUNDRY_ASSIGN_OR_RETURN(const std::string dtype, JsonString(entry, "dtype"));
  const DTypeInfo* info = InfoOfSafetensors(dtype);
  if (info == nullptr) {
    return absl::InvalidArgumentError(absl::StrCat("element type '", dtype, "' is not supported"));
  }
  view->dtype = info->dtype;
  const auto shape = entry.find("shape"), offsets = entry.find("data_offsets");
  if (shape == entry.end() || !shape->is_array()) {
    return absl::InvalidArgumentError("\"shape\" must be a list");
  }
  for (const Json& dimension : *shape) {
    if (!dimension.is_number_unsigned() || dimension.get<uint64_t>() > uint64_t{INT64_MAX}) {
      return absl::InvalidArgumentError("\"shape\" must hold whole numbers from 0");
    }
    view->shape.push_back(dimension.get<int64_t>());
  }
  if (offsets == entry.end() || !offsets->is_array() || offsets->size() != 2 ||
      !(*offsets)[0].is_number_unsigned() || !(*offsets)[1].is_number_unsigned()) {
    return absl::InvalidArgumentError("\"data_offsets\" must be two whole numbers");
  }
  const uint64_t begin = (*offsets)[0].get<uint64_t>(), end = (*offsets)[1].get<uint64_t>();
  if (begin > end || end > data.size()) {
    return absl::InvalidArgumentError(absl::StrCat("bytes ", begin, " to ", end,
                                                   " lie outside the ", data.size(),
                                                   " bytes of data (truncated file?)"));
  }
  FOUNDRY_ASSIGN_OR_RETURN(const int64_t bytes, ByteSize(view->dtype, view->shape));
  if (static_cast<uint64_t>(bytes) != end - begin) {
    return absl::InvalidArgumentError(absl::StrCat(dtype, " ", ShapeText(view->shape), " takes ",
                                                   bytes, " bytes, but the header gives ",
                                                   end - begin));
  }
  view->bytes = data.subspan(begin, end - begin);
  return absl::OkStatus();
}

// The tensors cover the data exactly: no overlap, no hole.
absl::Status CheckCover(const fs::path& file, std::vector<TensorView> views,
                        absl::Span<const uint8_t> data) {
  std::sort(views.begin(), views.end(), [](const TensorView& a, const TensorView& b) {
    return std::make_pair(a.bytes.data(), a.bytes.size()) <
           std::make_pair(b.bytes.data(), b.bytes.size());
  });
  const uint8_t* next = data.data();
  for (const TensorView& view : views) {
    if (view.bytes.data() != next) {
      return Bad(file, absl::StrCat("tensor '", view.name, "' at data offset ",
                                    view.bytes.data() - data.data(),
                                    view.bytes.data() < next ? " overlaps the one before it"
                                                             : " leaves a hole before it"));
    }
    next += view.bytes.size();
  }
  if (next != data.data() + data.size()) {
    return Bad(file, absl::StrCat(data.data() + data.size() - next,
                                  " bytes after the last tensor belong to none"));
  }
  return absl::OkStatus();
}

}  // namespace

absl::Status Safetensors::AddFile(const fs::path& file) {
  FOUNDRY_ASSIGN_OR_RETURN(auto mapped, MappedFile::Open(file));
  const absl::Span<const uint8_t> bytes = mapped->bytes();
  uint64_t header = 0;
  if (bytes.size() < 8)
    return Bad(file, "shorter than the 8 bytes that every safetensors file has");
  std::memcpy(&header, bytes.data(), 8);
  if (header > kMaxHeaderBytes || header > bytes.size() - 8) {
    return Bad(file, absl::StrCat("a header of ", header, " bytes does not fit into ", bytes.size(),
                                  " bytes (truncated, or no safetensors file)"));
  }
  FOUNDRY_ASSIGN_OR_RETURN(
      const Json json,
      ParseJson({reinterpret_cast<const char*>(bytes.data()) + 8, header}, file.string()));
  if (!json.is_object()) return Bad(file, "the header is no JSON object");
  const absl::Span<const uint8_t> data = bytes.subspan(8 + header);
  std::vector<TensorView> views;
  for (const auto& [name, entry] : json.items()) {
    if (name == "__metadata__") {
      for (const auto& [key, value] : entry.items()) {
        if (value.is_string()) metadata_.emplace(key, value.get<std::string>());
      }
      continue;
    }
    TensorView view;
    FOUNDRY_RETURN_IF_ERROR(Annotate(ReadEntry(name, entry, data, &view),
                                     absl::StrCat(file.string(), ": tensor '", name, "'")));
    views.push_back(std::move(view));
  }
  FOUNDRY_RETURN_IF_ERROR(CheckCover(file, views, data));
  mapped_.push_back(std::move(mapped));
  files_.push_back(file);
  for (TensorView& view : views) tensors_.push_back(std::move(view));
  return absl::OkStatus();
}

absl::Status Safetensors::AddShards(const fs::path& index) {
  FOUNDRY_ASSIGN_OR_RETURN(const Json json, ReadJsonFile(index));
  const auto map = json.is_object() ? json.find("weight_map") : json.end();
  if (map == json.end() || !map->is_object()) return Bad(index, "\"weight_map\" must be an object");
  std::set<std::string> shards;
  for (const auto& [name, shard] : map->items()) {
    const std::string file = shard.is_string() ? shard.get<std::string>() : "";
    if (file.empty() || file == "." || file == ".." || file.find('/') != std::string::npos) {
      return Bad(index, absl::StrCat("tensor '", name, "': the shard must be a plain file name"));
    }
    shards.insert(file);
  }
  for (const std::string& shard : shards) {
    const size_t before = tensors_.size();
    FOUNDRY_RETURN_IF_ERROR(AddFile(index.parent_path() / shard));
    for (size_t i = before; i < tensors_.size(); ++i) {
      const auto listed = map->find(tensors_[i].name);
      if (listed == map->end() || *listed != shard) {
        return Bad(index, absl::StrCat("tensor '", tensors_[i].name, "' lies in ", shard,
                                       ", but the index does not say so"));
      }
    }
  }
  Index();
  for (const auto& [name, shard] : map->items()) {
    if (Find(name) == nullptr) {
      return Bad(index.parent_path() / shard.get<std::string>(),
                 absl::StrCat("tensor '", name, "' of the index is missing"));
    }
  }
  return absl::OkStatus();
}

void Safetensors::Index() {
  std::sort(tensors_.begin(), tensors_.end(),
            [](const TensorView& a, const TensorView& b) { return a.name < b.name; });
  by_name_.clear();
  for (size_t i = 0; i < tensors_.size(); ++i) by_name_[tensors_[i].name] = i;
}

absl::StatusOr<std::shared_ptr<const Safetensors>> Safetensors::Open(const fs::path& path) {
  auto self = std::make_shared<Safetensors>();
  std::error_code error;
  if (!fs::is_directory(path, error)) {
    FOUNDRY_RETURN_IF_ERROR(self->AddFile(path));
  } else if (fs::exists(path / "model.safetensors", error)) {
    FOUNDRY_RETURN_IF_ERROR(self->AddFile(path / "model.safetensors"));
  } else if (fs::exists(path / "model.safetensors.index.json", error)) {
    FOUNDRY_RETURN_IF_ERROR(self->AddShards(path / "model.safetensors.index.json"));
  } else {
    return absl::NotFoundError(absl::StrCat(
        path.string(), ": neither model.safetensors nor model.safetensors.index.json is here",
        fs::exists(path / "pytorch_model.bin", error)
            ? "; pytorch_model.bin is not read: save the model as safetensors first"
            : ""));
  }
  self->Index();
  return std::shared_ptr<const Safetensors>(std::move(self));
}

const TensorView* Safetensors::Find(absl::string_view name) const {
  const auto it = by_name_.find(name);
  return it == by_name_.end() ? nullptr : &tensors_[it->second];
}

absl::StatusOr<std::vector<float>> Safetensors::Float32(absl::string_view name) const {
  const TensorView* view = Find(name);
  if (view == nullptr) {
    return absl::NotFoundError(absl::StrCat(files_.front().string(), ": no tensor '", name, "'"));
  }
  FOUNDRY_ASSIGN_OR_RETURN(const int64_t count, ElementCount(view->shape));
  std::vector<float> out(count);
  FOUNDRY_RETURN_IF_ERROR(Annotate(Dequantize(view->dtype, view->bytes, absl::MakeSpan(out)),
                                   absl::StrCat(files_.front().string(), ": tensor '", name, "'")));
  return out;
}

}  // namespace foundry::lm
