#include "services/trainer/example_file.h"

#include <cstring>

#include "absl/strings/str_cat.h"
#include "common/base/files.h"
#include "common/base/status.h"

namespace foundry::trainer {
namespace {

constexpr char kMagic[8] = {'F', 'E', 'X', 'A', 'M', 'P', 'L', '1'};

class Writer {
 public:
  explicit Writer(std::string& out) : out_(out) {}
  void Count(uint64_t count) { Append(&count, sizeof(count)); }
  template <typename T>
  void Values(const std::vector<T>& values) {
    Count(values.size());
    Append(values.data(), values.size() * sizeof(T));
  }
  void Append(const void* data, size_t bytes) {
    out_.append(static_cast<const char*>(data), bytes);
  }

 private:
  std::string& out_;
};

class Reader {
 public:
  explicit Reader(absl::string_view data) : left_(data) {}
  bool Count(uint64_t& count) { return Take(&count, sizeof(count)); }
  template <typename T>
  bool Values(std::vector<T>& values) {
    uint64_t count = 0;
    if (!Count(count) || count > left_.size() / sizeof(T)) return false;
    values.resize(count);
    return Take(values.data(), count * sizeof(T));
  }
  bool Take(void* to, size_t bytes) {
    if (bytes > left_.size()) return false;
    if (bytes > 0) std::memcpy(to, left_.data(), bytes);
    left_.remove_prefix(bytes);
    return true;
  }
  size_t left() const { return left_.size(); }

 private:
  absl::string_view left_;
};

void Write(Writer& writer, const std::vector<lm::Example>& examples) {
  writer.Count(examples.size());
  for (const lm::Example& example : examples) {
    writer.Values(example.ids);
    writer.Values(example.loss_weights);
    writer.Count(example.soft ? static_cast<uint64_t>(example.soft->k) : 0);
    if (!example.soft) continue;
    writer.Values(example.soft->ids);
    writer.Values(example.soft->logprobs);
  }
}

bool Read(Reader& reader, std::vector<lm::Example>& examples) {
  uint64_t count = 0;
  // An example takes three counts at least: a wrong number makes no huge vector.
  if (!reader.Count(count) || count > reader.left() / (3 * sizeof(count))) return false;
  examples.resize(count);
  for (lm::Example& example : examples) {
    uint64_t k = 0;
    if (!reader.Values(example.ids) || !reader.Values(example.loss_weights) || !reader.Count(k)) {
      return false;
    }
    if (k == 0) continue;
    auto soft = std::make_shared<lm::SoftTargets>();
    soft->k = static_cast<int>(k);
    if (!reader.Values(soft->ids) || !reader.Values(soft->logprobs)) return false;
    example.soft = std::move(soft);
  }
  return true;
}

}  // namespace

absl::Status WriteExamples(const std::filesystem::path& path, const ExampleSets& sets) {
  std::string content;
  Writer writer(content);
  writer.Append(kMagic, sizeof(kMagic));
  Write(writer, sets.train);
  Write(writer, sets.validation);
  return WriteFileAtomic(path, content);
}

absl::StatusOr<ExampleSets> ReadExamples(const std::filesystem::path& path) {
  FOUNDRY_ASSIGN_OR_RETURN(const std::string content, ReadFile(path));
  Reader reader(content);
  char magic[sizeof(kMagic)];
  ExampleSets sets;
  if (!reader.Take(magic, sizeof(magic)) || std::memcmp(magic, kMagic, sizeof(magic)) != 0 ||
      !Read(reader, sets.train) || !Read(reader, sets.validation) || reader.left() != 0) {
    return absl::DataLossError(
        absl::StrCat(path.string(), " is no complete file of training examples"));
  }
  return sets;
}

}  // namespace foundry::trainer
