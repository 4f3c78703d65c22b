#include "common/lm/soft_target_cache.h"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "common/base/files.h"
#include "common/base/hash.h"
#include "common/base/json.h"
#include "common/base/status.h"
#include "common/lm/weights/half.h"

namespace foundry::lm {
namespace fs = std::filesystem;
namespace {

constexpr char kMagic[] = "foundry soft targets 2\n";  // then a line of JSON, then records
constexpr size_t kNameBytes = 64;                      // a request's SHA-256 in hex
// A record: name, positions (uint32), id bytes (uint8), checksum, ids, half-precision
// log-probabilities.
constexpr size_t kSumBytes = 8;
constexpr size_t kRecordHead = kNameBytes + 5 + kSumBytes;

absl::Status Failed(const fs::path& file, absl::string_view what) {
  return absl::UnavailableError(
      absl::StrCat(file.string(), ": cannot ", what, ": ", std::strerror(errno)));
}

std::string NameOf(const ScoreRequest& request) {
  Sha256 hash;
  const auto add = [&hash](const std::vector<int32_t>& ids) {
    const uint64_t count = ids.size();
    hash.Update({reinterpret_cast<const char*>(&count), sizeof(count)});
    hash.Update({reinterpret_cast<const char*>(ids.data()), ids.size() * sizeof(int32_t)});
  };
  add(request.context);
  add(request.target);
  return hash.FinishHex();
}

// Of a record's name and what comes after the checksum.
std::string Checksum(absl::string_view name, absl::string_view body) {
  Sha256 hash;
  hash.Update(name);
  hash.Update(body);
  return hash.FinishHex().substr(0, kSumBytes);
}

Json HeadOf(const TeacherKey& key) {
  return {{"tokenizer", key.tokenizer},
          {"chat_template", key.chat_template},
          {"weights", key.weights},
          {"k", key.k},
          {"temperature", key.temperature}};
}

absl::Status CheckHead(const fs::path& file, const std::string& line, const Json& wanted) {
  FOUNDRY_ASSIGN_OR_RETURN(const Json found, ParseJson(line, file.string()));
  std::vector<std::string> other;
  for (const auto& [name, value] : wanted.items()) {
    if (!found.is_object() || !found.contains(name) || found[name] != value) other.push_back(name);
  }
  if (other.empty()) return absl::OkStatus();
  return absl::FailedPreconditionError(
      absl::StrCat(file.string(), ": these soft targets were made with another ",
                   absl::StrJoin(other, ", "), ": remove the file or name another"));
}

size_t BodyBytes(uint32_t positions, int k, uint8_t id_bytes) {
  return static_cast<size_t>(positions) * static_cast<size_t>(k) * (id_bytes + size_t{2});
}

}  // namespace

SoftTargetCache::~SoftTargetCache() {
  if (fd_ >= 0) close(fd_);  // and unlocks
}

absl::StatusOr<std::unique_ptr<SoftTargetCache>> SoftTargetCache::Open(const fs::path& file,
                                                                       const TeacherKey& key) {
  if (key.k < 1) return absl::InvalidArgumentError("soft targets need k of 1 at least");
  FOUNDRY_RETURN_IF_ERROR(MakeFolders(file.parent_path()));
  const int fd = open(file.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0644);
  if (fd < 0) return Failed(file, "open it");
  std::unique_ptr<SoftTargetCache> self(new SoftTargetCache(file, fd, key.k));
  if (flock(fd, LOCK_EX | LOCK_NB) != 0) {
    return absl::UnavailableError(
        absl::StrCat(file.string(), ": another run uses these soft targets"));
  }
  if (futimens(fd, nullptr) != 0) return Failed(file, "mark it as used");
  const Json wanted = HeadOf(key);
  const std::string head = absl::StrCat(kMagic, DumpJson(wanted), "\n");
  const off_t size = lseek(fd, 0, SEEK_END);
  std::string start(static_cast<size_t>(std::min<off_t>(size, 4096)), '\0');
  if (pread(fd, start.data(), start.size(), 0) != static_cast<ssize_t>(start.size())) {
    return Failed(file, "read it");
  }
  const size_t magic = std::min(start.size(), sizeof(kMagic) - 1);
  if (start.compare(0, magic, kMagic, magic) != 0) {
    return absl::DataLossError(absl::StrCat(file.string(), ": no file of soft targets; remove it"));
  }
  const size_t line = start.find('\n', sizeof(kMagic) - 1);
  if (start.size() < sizeof(kMagic) - 1 || line == std::string::npos) {  // empty, or cut at birth
    if (ftruncate(fd, 0) != 0 ||
        pwrite(fd, head.data(), head.size(), 0) != static_cast<ssize_t>(head.size())) {
      return Failed(file, "write it");
    }
  } else {
    FOUNDRY_RETURN_IF_ERROR(
        CheckHead(file, start.substr(sizeof(kMagic) - 1, line - sizeof(kMagic) + 1), wanted));
  }
  FOUNDRY_RETURN_IF_ERROR(self->Index(head));
  return self;
}

absl::Status SoftTargetCache::Index(const std::string& head) {
  const int64_t size = lseek(fd_, 0, SEEK_END);
  end_ = static_cast<int64_t>(head.size());
  std::string record(kRecordHead, '\0');
  while (end_ + static_cast<int64_t>(kRecordHead) <= size) {
    if (pread(fd_, record.data(), kRecordHead, end_) != static_cast<ssize_t>(kRecordHead)) {
      return Failed(file_, "read it");
    }
    Place place;
    std::memcpy(&place.positions, record.data() + kNameBytes, 4);
    place.id_bytes = static_cast<uint8_t>(record[kNameBytes + 4]);
    place.offset = end_ + static_cast<int64_t>(kRecordHead);
    const auto bytes = static_cast<int64_t>(BodyBytes(place.positions, k_, place.id_bytes));
    if ((place.id_bytes != 2 && place.id_bytes != 4) || bytes > size - place.offset) break;
    records_[record.substr(0, kNameBytes)] = place;
    end_ = place.offset + bytes;
  }
  // What a crash left of a record.
  return ftruncate(fd_, end_) == 0 ? absl::OkStatus() : Failed(file_, "cut it");
}

absl::StatusOr<std::optional<SoftTargets>> SoftTargetCache::Find(
    const ScoreRequest& request) const {
  const auto it = records_.find(NameOf(request));
  if (it == records_.end() || it->second.positions != request.target.size()) return std::nullopt;
  const Place& place = it->second;
  std::string bytes(BodyBytes(place.positions, k_, place.id_bytes), '\0');
  std::string sum(kSumBytes, '\0');
  if (pread(fd_, bytes.data(), bytes.size(), place.offset) != static_cast<ssize_t>(bytes.size()) ||
      pread(fd_, sum.data(), kSumBytes, place.offset - static_cast<off_t>(kSumBytes)) !=
          static_cast<ssize_t>(kSumBytes)) {
    return Failed(file_, "read it");
  }
  if (sum != Checksum(it->first, bytes)) return std::nullopt;
  SoftTargets out;
  out.k = k_;
  const size_t count = static_cast<size_t>(place.positions) * static_cast<size_t>(k_);
  out.ids.resize(count);
  out.logprobs.resize(count);
  for (size_t i = 0; i < count; ++i) {
    uint32_t id = 0;
    std::memcpy(&id, bytes.data() + i * place.id_bytes, place.id_bytes);
    out.ids[i] = static_cast<int32_t>(id);
    uint16_t half = 0;
    std::memcpy(&half, bytes.data() + count * place.id_bytes + i * 2, 2);
    out.logprobs[i] = HalfToFloat(half);
  }
  return out;
}

absl::Status SoftTargetCache::Add(const ScoreRequest& request, SoftTargets* targets) {
  const size_t count = request.target.size() * static_cast<size_t>(k_);
  if (targets->k != k_ || targets->ids.size() != count || targets->logprobs.size() != count) {
    return absl::InternalError("soft targets of another size than the request asks for");
  }
  const bool narrow = std::all_of(targets->ids.begin(), targets->ids.end(),
                                  [](int32_t id) { return id >= 0 && id < 65536; });
  const uint8_t id_bytes = narrow ? 2 : 4;
  const auto positions = static_cast<uint32_t>(request.target.size());
  const std::string name = NameOf(request);
  std::string body;
  for (const int32_t id : targets->ids) {
    body.append(reinterpret_cast<const char*>(&id), id_bytes);
  }
  for (float& logprob : targets->logprobs) {
    // Halves end at -65504; so unlikely a token weighs nothing.
    const uint16_t half = FloatToHalf(std::max(logprob, -65504.0f));
    logprob = HalfToFloat(half);
    body.append(reinterpret_cast<const char*>(&half), 2);
  }
  std::string record = name;
  record.append(reinterpret_cast<const char*>(&positions), 4);
  record.push_back(static_cast<char>(id_bytes));
  absl::StrAppend(&record, Checksum(name, body), body);
  if (pwrite(fd_, record.data(), record.size(), end_) != static_cast<ssize_t>(record.size())) {
    return Failed(file_, "write it");
  }
  records_[name] = {end_ + static_cast<int64_t>(kRecordHead), positions, id_bytes};
  end_ += static_cast<int64_t>(record.size());
  return absl::OkStatus();
}

}  // namespace foundry::lm
