#include "common/lm/weights/gguf.h"

#include "absl/strings/str_cat.h"
#include "common/base/status.h"

namespace foundry::lm {

absl::string_view Name(GgufType type) {
  constexpr absl::string_view kNames[] = {"uint8",  "int8",    "uint16", "int16",  "uint32",
                                          "int32",  "float32", "bool",   "string", "array",
                                          "uint64", "int64",   "float64"};
  return kNames[static_cast<uint32_t>(type)];
}

GgufValue GgufValue::String(std::string text) {
  return {GgufType::kString, GgufType::kUint32, std::move(text)};
}
GgufValue GgufValue::Uint32(uint32_t number) {
  return {GgufType::kUint32, GgufType::kUint32, int64_t{number}};
}
GgufValue GgufValue::Float32(float number) {
  return {GgufType::kFloat32, GgufType::kUint32, double{number}};
}
GgufValue GgufValue::Bool(bool flag) { return {GgufType::kBool, GgufType::kUint32, int64_t{flag}}; }
GgufValue GgufValue::Strings(std::vector<std::string> texts) {
  return {GgufType::kArray, GgufType::kString, std::move(texts)};
}
GgufValue GgufValue::Int32s(std::vector<int64_t> numbers) {
  return {GgufType::kArray, GgufType::kInt32, std::move(numbers)};
}
GgufValue GgufValue::Float32s(std::vector<double> numbers) {
  return {GgufType::kArray, GgufType::kFloat32, std::move(numbers)};
}

const GgufValue* Gguf::Find(absl::string_view key) const {
  const auto it = by_key_.find(key);
  return it == by_key_.end() ? nullptr : &metadata_[it->second].second;
}

const TensorView* Gguf::FindTensor(absl::string_view name) const {
  const auto it = by_tensor_.find(name);
  return it == by_tensor_.end() ? nullptr : &tensors_[it->second];
}

template <typename T>
absl::StatusOr<const T*> Gguf::Get(absl::string_view key, absl::string_view wanted) const {
  const GgufValue* value = Find(key);
  if (value == nullptr) return nullptr;
  const T* typed = std::get_if<T>(&value->value);
  if (typed != nullptr) return typed;
  return absl::InvalidArgumentError(absl::StrCat(
      path().string(), ": metadata '", key, "' must be ", wanted, ", not ", Name(value->type),
      value->type == GgufType::kArray ? absl::StrCat(" of ", Name(value->element)) : ""));
}

absl::StatusOr<const std::vector<std::string>*> Gguf::Strings(absl::string_view key) const {
  return Get<std::vector<std::string>>(key, "a list of strings");
}
absl::StatusOr<const std::vector<int64_t>*> Gguf::Ints(absl::string_view key) const {
  return Get<std::vector<int64_t>>(key, "a list of integers");
}
absl::StatusOr<const std::vector<double>*> Gguf::Doubles(absl::string_view key) const {
  return Get<std::vector<double>>(key, "a list of numbers");
}

namespace {
absl::Status Missing(const Gguf& gguf, absl::string_view key) {
  return absl::NotFoundError(
      absl::StrCat(gguf.path().string(), ": metadata '", key, "' is missing"));
}
}  // namespace

absl::StatusOr<std::string> Gguf::String(absl::string_view key, absl::string_view fallback) const {
  FOUNDRY_ASSIGN_OR_RETURN(const std::string* text, Get<std::string>(key, "a string"));
  return text == nullptr ? std::string(fallback) : *text;
}
absl::StatusOr<std::string> Gguf::String(absl::string_view key) const {
  if (Find(key) == nullptr) return Missing(*this, key);
  return String(key, "");
}
absl::StatusOr<int64_t> Gguf::Int(absl::string_view key, int64_t fallback) const {
  FOUNDRY_ASSIGN_OR_RETURN(const int64_t* number, Get<int64_t>(key, "an integer"));
  return number == nullptr ? fallback : *number;
}
absl::StatusOr<int64_t> Gguf::Int(absl::string_view key) const {
  if (Find(key) == nullptr) return Missing(*this, key);
  return Int(key, 0);
}
absl::StatusOr<double> Gguf::Double(absl::string_view key, double fallback) const {
  FOUNDRY_ASSIGN_OR_RETURN(const double* number, Get<double>(key, "a number"));
  return number == nullptr ? fallback : *number;
}
absl::StatusOr<double> Gguf::Double(absl::string_view key) const {
  if (Find(key) == nullptr) return Missing(*this, key);
  return Double(key, 0);
}
absl::StatusOr<bool> Gguf::Bool(absl::string_view key, bool fallback) const {
  FOUNDRY_ASSIGN_OR_RETURN(const int64_t number, Int(key, fallback ? 1 : 0));
  return number != 0;
}

}  // namespace foundry::lm
