#include "common/lm/weights/tensor_file_writer.h"

#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

#include "absl/strings/str_cat.h"
#include "common/base/json.h"
#include "common/base/status.h"
#include "common/lm/weights/quantize.h"

namespace foundry::lm {
namespace fs = std::filesystem;
namespace {

int64_t RoundUp(int64_t value, int64_t multiple) {
  return (value + multiple - 1) / multiple * multiple;
}

// Offsets of the tensors from the start of the data.
absl::StatusOr<std::vector<int64_t>> Offsets(const fs::path& path,
                                             const std::vector<StoredTensor>& tensors,
                                             int64_t alignment, int64_t* end) {
  std::vector<int64_t> out;
  *end = 0;
  for (const StoredTensor& tensor : tensors) {
    const absl::StatusOr<int64_t> bytes = ByteSize(tensor.dtype, tensor.shape);
    if (!bytes.ok()) {
      return Annotate(bytes.status(), absl::StrCat(path.string(), ": tensor '", tensor.name, "'"));
    }
    *end = RoundUp(*end, alignment);
    out.push_back(*end);
    *end += *bytes;
  }
  return out;
}

}  // namespace

absl::StatusOr<std::unique_ptr<TensorFileWriter>> TensorFileWriter::Safetensors(
    const fs::path& path, const std::map<std::string, std::string>& metadata,
    std::vector<StoredTensor> tensors) {
  int64_t end = 0;
  FOUNDRY_ASSIGN_OR_RETURN(const auto offsets, Offsets(path, tensors, 1, &end));
  Json header = Json::object();
  if (!metadata.empty()) header["__metadata__"] = metadata;
  for (size_t i = 0; i < tensors.size(); ++i) {
    const int64_t stop = i + 1 < tensors.size() ? offsets[i + 1] : end;
    header[tensors[i].name] = {{"dtype", std::string(Info(tensors[i].dtype).safetensors)},
                               {"shape", tensors[i].shape},
                               {"data_offsets", {offsets[i], stop}}};
  }
  std::string head = DumpJson(header);
  head.resize(RoundUp(head.size(), 8), ' ');
  const uint64_t length = head.size();
  head.insert(0, reinterpret_cast<const char*>(&length), sizeof(length));
  std::unique_ptr<TensorFileWriter> self(new TensorFileWriter(path, std::move(tensors), 1));
  FOUNDRY_RETURN_IF_ERROR(self->Open(head));
  return self;
}

absl::StatusOr<std::unique_ptr<TensorFileWriter>> TensorFileWriter::Gguf(
    const fs::path& path, const GgufMetadata& metadata, std::vector<StoredTensor> tensors) {
  int64_t end = 0;
  FOUNDRY_ASSIGN_OR_RETURN(const auto offsets, Offsets(path, tensors, kGgufAlignment, &end));
  const std::string head = EncodeGgufHead(metadata, tensors, offsets);
  std::unique_ptr<TensorFileWriter> self(
      new TensorFileWriter(path, std::move(tensors), kGgufAlignment));
  FOUNDRY_RETURN_IF_ERROR(self->Open(head));
  return self;
}

TensorFileWriter::~TensorFileWriter() {
  if (fd_ >= 0) close(fd_);
  if (!finished_) unlink(path_.c_str());
}

absl::Status TensorFileWriter::Open(const std::string& head) {
  fd_ = open(path_.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
  if (fd_ < 0) return absl::ErrnoToStatus(errno, absl::StrCat(path_.string(), ": cannot create"));
  return Append(head);
}

absl::Status TensorFileWriter::Append(absl::string_view bytes) {
  size_ += bytes.size();
  while (!bytes.empty()) {
    const ssize_t written = write(fd_, bytes.data(), bytes.size());
    if (written < 0 && errno == EINTR) continue;
    if (written < 0)
      return absl::ErrnoToStatus(errno, absl::StrCat(path_.string(), ": cannot write"));
    bytes.remove_prefix(written);
  }
  return absl::OkStatus();
}

absl::Status TensorFileWriter::Write(absl::string_view name, absl::Span<const float> values) {
  const std::string label = absl::StrCat(path_.string(), ": tensor '", name, "'");
  if (next_ >= tensors_.size() || tensors_[next_].name != name) {
    return absl::InternalError(absl::StrCat(label, " is not the next one"));
  }
  const StoredTensor& tensor = tensors_[next_++];
  FOUNDRY_ASSIGN_OR_RETURN(const int64_t count, ElementCount(tensor.shape));
  if (static_cast<int64_t>(values.size()) != count) {
    return absl::InvalidArgumentError(
        absl::StrCat(label, ": ", values.size(), " values for ", ShapeText(tensor.shape)));
  }
  std::string bytes(RoundUp(size_, alignment_) - size_, '\0');
  FOUNDRY_RETURN_IF_ERROR(Annotate(Quantize(tensor.dtype, values, &bytes), label));
  return Append(bytes);
}

absl::StatusOr<int64_t> TensorFileWriter::Finish() {
  if (next_ != tensors_.size()) {
    return absl::InternalError(
        absl::StrCat(path_.string(), ": tensor '", tensors_[next_].name, "' was not written"));
  }
  if (fsync(fd_) != 0) {
    return absl::ErrnoToStatus(errno, absl::StrCat(path_.string(), ": cannot sync"));
  }
  finished_ = true;
  return size_;
}

}  // namespace foundry::lm
