// The head of a GGUF file: metadata and tensor table (tensor_file_writer.h).
#include <cstring>

#include "common/lm/weights/tensor_file_writer.h"

namespace foundry::lm {
namespace {

template <typename T>
void Put(T value, std::string* out) {
  out->append(reinterpret_cast<const char*>(&value), sizeof(T));
}

void PutString(absl::string_view text, std::string* out) {
  Put<uint64_t>(text.size(), out);
  out->append(text.data(), text.size());
}

void PutInteger(GgufType type, int64_t value, std::string* out) {
  switch (type) {
    case GgufType::kUint8:
    case GgufType::kInt8:
    case GgufType::kBool:
      Put(static_cast<uint8_t>(value), out);
      break;
    case GgufType::kUint16:
    case GgufType::kInt16:
      Put(static_cast<uint16_t>(value), out);
      break;
    case GgufType::kUint32:
    case GgufType::kInt32:
      Put(static_cast<uint32_t>(value), out);
      break;
    default:
      Put(value, out);
  }
}

void PutReal(GgufType type, double value, std::string* out) {
  if (type == GgufType::kFloat64) {
    Put(value, out);
  } else {
    Put(static_cast<float>(value), out);
  }
}

void PutValue(const GgufValue& value, std::string* out);

// One overload for each alternative of GgufValue::value; arrays begin with type and length.
struct Encoder {
  const GgufValue& value;
  std::string* out;

  template <typename T>
  void Begin(const std::vector<T>& items) const {
    Put(static_cast<uint32_t>(value.element), out);
    Put<uint64_t>(items.size(), out);
  }
  void operator()(int64_t number) const { PutInteger(value.type, number, out); }
  void operator()(double number) const { PutReal(value.type, number, out); }
  void operator()(const std::string& text) const { PutString(text, out); }
  void operator()(const std::vector<int64_t>& items) const {
    Begin(items);
    for (const int64_t item : items) PutInteger(value.element, item, out);
  }
  void operator()(const std::vector<double>& items) const {
    Begin(items);
    for (const double item : items) PutReal(value.element, item, out);
  }
  void operator()(const std::vector<std::string>& items) const {
    Begin(items);
    for (const std::string& item : items) PutString(item, out);
  }
  void operator()(const std::vector<GgufValue>& items) const {
    Begin(items);
    for (const GgufValue& item : items) PutValue(item, out);
  }
};

void PutValue(const GgufValue& value, std::string* out) {
  std::visit(Encoder{value, out}, value.value);
}

}  // namespace

std::string EncodeGgufHead(const GgufMetadata& metadata, const std::vector<StoredTensor>& tensors,
                           const std::vector<int64_t>& offsets) {
  std::string out = "GGUF";
  Put<uint32_t>(3, &out);
  Put<uint64_t>(tensors.size(), &out);
  Put<uint64_t>(metadata.size(), &out);
  for (const auto& [key, value] : metadata) {
    PutString(key, &out);
    Put(static_cast<uint32_t>(value.type), &out);
    PutValue(value, &out);
  }
  for (size_t i = 0; i < tensors.size(); ++i) {
    PutString(tensors[i].name, &out);
    Put(static_cast<uint32_t>(tensors[i].shape.size()), &out);
    for (size_t d = tensors[i].shape.size(); d > 0; --d) {
      Put(static_cast<uint64_t>(tensors[i].shape[d - 1]), &out);
    }
    Put(static_cast<uint32_t>(Info(tensors[i].dtype).ggml_type), &out);
    Put(static_cast<uint64_t>(offsets[i]), &out);
  }
  out.resize((out.size() + kGgufAlignment - 1) / kGgufAlignment * kGgufAlignment);
  return out;
}

}  // namespace foundry::lm
