// Gguf::Open: header, metadata, tensor table, and the checks that make views safe to hand out.
#include <algorithm>
#include <limits>

#include "absl/strings/str_cat.h"
#include "common/base/status.h"
#include "common/lm/weights/gguf.h"
#include "common/lm/weights/gguf_cursor.h"

namespace foundry::lm {
namespace {

constexpr uint32_t kMagic = 0x46554747;  // "GGUF"
constexpr int kMaxArrayDepth = 4;
constexpr uint32_t kMaxDimensions = 4;  // GGML_MAX_DIMS

// Bytes of the smallest value of a type: bounds the count of an array before anything is allocated.
size_t SmallestSize(GgufType type) {
  constexpr size_t kSizes[] = {1, 1, 2, 2, 4, 4, 4, 1, 8, 12, 8, 8, 8};
  return kSizes[static_cast<uint32_t>(type)];
}

absl::StatusOr<GgufType> ReadType(GgufCursor& in) {
  FOUNDRY_ASSIGN_OR_RETURN(const uint32_t type, in.Read<uint32_t>("a value type"));
  if (type > static_cast<uint32_t>(GgufType::kFloat64)) {
    return in.Error(absl::StrCat("unknown value type ", type));
  }
  return static_cast<GgufType>(type);
}

absl::StatusOr<int64_t> ReadInteger(GgufCursor& in, GgufType type) {
  switch (type) {
    case GgufType::kUint8:
    case GgufType::kBool:
      return in.Read<uint8_t>("a value");
    case GgufType::kInt8:
      return in.Read<int8_t>("a value");
    case GgufType::kUint16:
      return in.Read<uint16_t>("a value");
    case GgufType::kInt16:
      return in.Read<int16_t>("a value");
    case GgufType::kUint32:
      return in.Read<uint32_t>("a value");
    case GgufType::kInt32:
      return in.Read<int32_t>("a value");
    default:
      return in.Read<int64_t>("a value");
  }
}

absl::StatusOr<double> ReadReal(GgufCursor& in, GgufType type) {
  if (type == GgufType::kFloat64) return in.Read<double>("a value");
  return in.Read<float>("a value");
}

bool IsReal(GgufType type) { return type == GgufType::kFloat32 || type == GgufType::kFloat64; }

absl::StatusOr<GgufValue> ReadValue(GgufCursor& in, GgufType type, int depth);

template <typename T, typename Read>
absl::Status ReadAll(uint64_t count, GgufValue* out, Read read) {
  std::vector<T> items;
  items.reserve(count);
  for (uint64_t i = 0; i < count; ++i) {
    FOUNDRY_ASSIGN_OR_RETURN(T item, read());
    items.push_back(std::move(item));
  }
  out->value = std::move(items);
  return absl::OkStatus();
}

absl::StatusOr<GgufValue> ReadArray(GgufCursor& in, int depth) {
  if (depth >= kMaxArrayDepth) return in.Error("arrays are nested too deeply");
  GgufValue out;
  out.type = GgufType::kArray;
  FOUNDRY_ASSIGN_OR_RETURN(out.element, ReadType(in));
  FOUNDRY_ASSIGN_OR_RETURN(const uint64_t count, in.Read<uint64_t>("an array length"));
  const GgufType element = out.element;
  if (count > in.left() / SmallestSize(element)) {
    return in.Error(absl::StrCat("an array of ", count, " values of ", Name(element),
                                 " runs past the end of the file"));
  }
  if (element == GgufType::kString) {
    FOUNDRY_RETURN_IF_ERROR(
        ReadAll<std::string>(count, &out, [&] { return in.ReadString("a string of an array"); }));
  } else if (element == GgufType::kArray) {
    FOUNDRY_RETURN_IF_ERROR(
        ReadAll<GgufValue>(count, &out, [&] { return ReadArray(in, depth + 1); }));
  } else if (IsReal(element)) {
    FOUNDRY_RETURN_IF_ERROR(ReadAll<double>(count, &out, [&] { return ReadReal(in, element); }));
  } else {
    FOUNDRY_RETURN_IF_ERROR(
        ReadAll<int64_t>(count, &out, [&] { return ReadInteger(in, element); }));
  }
  return out;
}

absl::StatusOr<GgufValue> ReadValue(GgufCursor& in, GgufType type, int depth) {
  if (type == GgufType::kArray) return ReadArray(in, depth);
  GgufValue out;
  out.type = type;
  if (type == GgufType::kString) {
    FOUNDRY_ASSIGN_OR_RETURN(out.value, in.ReadString("a string"));
  } else if (IsReal(type)) {
    FOUNDRY_ASSIGN_OR_RETURN(out.value, ReadReal(in, type));
  } else {
    FOUNDRY_ASSIGN_OR_RETURN(out.value, ReadInteger(in, type));
  }
  return out;
}

struct TableEntry {
  TensorView view;
  uint64_t offset = 0;  // from the start of the data section
  uint64_t bytes = 0;
};

absl::StatusOr<TableEntry> ReadTableEntry(GgufCursor& in) {
  TableEntry entry;
  FOUNDRY_ASSIGN_OR_RETURN(entry.view.name, in.ReadString("a tensor name"));
  const std::string label = absl::StrCat("tensor '", entry.view.name, "': ");
  FOUNDRY_ASSIGN_OR_RETURN(const uint32_t dimensions, in.Read<uint32_t>("a tensor's rank"));
  if (dimensions == 0 || dimensions > kMaxDimensions) {
    return in.Error(absl::StrCat(label, dimensions, " dimensions; 1 to 4 are allowed"));
  }
  for (uint32_t i = 0; i < dimensions; ++i) {
    FOUNDRY_ASSIGN_OR_RETURN(const uint64_t size, in.Read<uint64_t>("a tensor's shape"));
    if (size == 0 || size > uint64_t{std::numeric_limits<int64_t>::max()}) {
      return in.Error(absl::StrCat(label, "impossible dimension ", size));
    }
    entry.view.shape.insert(entry.view.shape.begin(), static_cast<int64_t>(size));
  }
  FOUNDRY_ASSIGN_OR_RETURN(const uint32_t type, in.Read<uint32_t>("a tensor's type"));
  const DTypeInfo* info = InfoOfGgml(type);
  if (info == nullptr) {
    return in.Error(absl::StrCat(label, "ggml type ", type,
                                 " is not supported; re-quantise the model to Q4_K, Q8_0 or F16"));
  }
  entry.view.dtype = info->dtype;
  FOUNDRY_ASSIGN_OR_RETURN(entry.offset, in.Read<uint64_t>("a tensor's offset"));
  const absl::StatusOr<int64_t> bytes = ByteSize(info->dtype, entry.view.shape);
  if (!bytes.ok()) return in.Error(absl::StrCat(label, bytes.status().message()));
  entry.bytes = static_cast<uint64_t>(*bytes);
  return entry;
}

// Points every view at its bytes; offsets are aligned, inside the file and apart from each other.
absl::Status PlaceTensors(const GgufCursor& in, absl::Span<const uint8_t> file, uint64_t alignment,
                          std::vector<TableEntry>& table) {
  const uint64_t start = (in.offset() + alignment - 1) / alignment * alignment;
  const uint64_t size = start > file.size() ? 0 : file.size() - start;
  std::vector<TableEntry*> order;
  for (TableEntry& entry : table) {
    const std::string label = absl::StrCat("tensor '", entry.view.name, "': ");
    if (entry.offset % alignment != 0) {
      return in.Error(
          absl::StrCat(label, "data offset ", entry.offset, " is not aligned to ", alignment));
    }
    if (entry.offset > size || entry.bytes > size - entry.offset) {
      return in.Error(absl::StrCat(label, entry.bytes, " bytes at data offset ", entry.offset,
                                   " lie outside the ", size, " bytes of data (truncated file?)"));
    }
    entry.view.bytes = file.subspan(start + entry.offset, entry.bytes);
    order.push_back(&entry);
  }
  std::sort(order.begin(), order.end(),
            [](const TableEntry* a, const TableEntry* b) { return a->offset < b->offset; });
  for (size_t i = 1; i < order.size(); ++i) {
    if (order[i - 1]->offset + order[i - 1]->bytes > order[i]->offset) {
      return in.Error(absl::StrCat("tensors '", order[i - 1]->view.name, "' and '",
                                   order[i]->view.name, "' overlap at data offset ",
                                   order[i]->offset));
    }
  }
  return absl::OkStatus();
}

}  // namespace

absl::StatusOr<std::shared_ptr<const Gguf>> Gguf::Open(const std::filesystem::path& path) {
  auto self = std::make_shared<Gguf>();
  FOUNDRY_ASSIGN_OR_RETURN(self->file_, MappedFile::Open(path));
  GgufCursor in(self->file_->bytes(), path.string());
  FOUNDRY_ASSIGN_OR_RETURN(const uint32_t magic, in.Read<uint32_t>("the magic"));
  if (magic != kMagic) return in.Error("no GGUF file: it does not begin with 'GGUF'");
  FOUNDRY_ASSIGN_OR_RETURN(const uint32_t version, in.Read<uint32_t>("the version"));
  if (version != 2 && version != 3) {
    return in.Error(
        absl::StrCat("GGUF version ", version, "; little-endian 2 and 3 are supported"));
  }
  FOUNDRY_ASSIGN_OR_RETURN(const uint64_t tensor_count, in.Read<uint64_t>("the tensor count"));
  FOUNDRY_ASSIGN_OR_RETURN(const uint64_t key_count, in.Read<uint64_t>("the metadata count"));
  for (uint64_t i = 0; i < key_count; ++i) {
    FOUNDRY_ASSIGN_OR_RETURN(std::string key, in.ReadString("a metadata key"));
    FOUNDRY_ASSIGN_OR_RETURN(const GgufType type, ReadType(in));
    auto value = ReadValue(in, type, 0);
    if (!value.ok()) return Annotate(value.status(), absl::StrCat("metadata '", key, "'"));
    if (!self->by_key_.emplace(key, self->metadata_.size()).second) {
      return in.Error(absl::StrCat("metadata '", key, "' is there twice"));
    }
    self->metadata_.emplace_back(std::move(key), *std::move(value));
  }
  FOUNDRY_ASSIGN_OR_RETURN(const int64_t alignment, self->Int("general.alignment", 32));
  if (alignment < 1 || alignment > (1 << 20) || (alignment & (alignment - 1)) != 0) {
    return in.Error(absl::StrCat("general.alignment ", alignment, " is no sensible power of two"));
  }
  std::vector<TableEntry> table;
  for (uint64_t i = 0; i < tensor_count; ++i) {
    FOUNDRY_ASSIGN_OR_RETURN(TableEntry entry, ReadTableEntry(in));
    if (!self->by_tensor_.emplace(entry.view.name, table.size()).second) {
      return in.Error(absl::StrCat("tensor '", entry.view.name, "' is there twice"));
    }
    table.push_back(std::move(entry));
  }
  FOUNDRY_RETURN_IF_ERROR(
      PlaceTensors(in, self->file_->bytes(), static_cast<uint64_t>(alignment), table));
  for (TableEntry& entry : table) self->tensors_.push_back(std::move(entry.view));
  return std::shared_ptr<const Gguf>(std::move(self));
}

}  // namespace foundry::lm
