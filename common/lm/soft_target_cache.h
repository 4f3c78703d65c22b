// Soft targets on disk: computed once for a teacher, read again by later runs and resumed ones.
//
// One file a teacher: a head that says which (tokenizer, chat template, weights, k, temperature),
// then one record a target, appended as they are computed; a record that a crash cut or left with
// other bytes than were written (each has a checksum) is dropped, and computed again.
// Ids take 2 or 4 bytes, log-probabilities 2 (half): 256 bytes a token for k = 64. Values are
// rounded to what is stored whether they come from the file or not, so that a run gives the same
// result either way. What the top k leave is the tail; see SoftTargets. Not thread-safe; one
// process at a time (the file is locked).
#pragma once

#include <cstdint>
#include <filesystem>
#include <memory>
#include <optional>
#include <string>

#include "absl/container/flat_hash_map.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "common/lm/trainer.h"

namespace foundry::lm {

// What soft targets depend on besides the tokens that they are computed for. SHA-256 each.
struct TeacherKey {
  std::string tokenizer, chat_template, weights;
  int k = 64;
  double temperature = 1;
};

class SoftTargetCache {
 public:
  // Opens or makes `file`, and marks it as used now. FailedPrecondition when it was made by another
  // teacher or for another k or temperature: the error says what differs. Unavailable when another
  // run has it open. DataLoss when it is no such file.
  static absl::StatusOr<std::unique_ptr<SoftTargetCache>> Open(const std::filesystem::path& file,
                                                               const TeacherKey& key);
  ~SoftTargetCache();

  // What is stored for a target after a context; nullopt: nothing.
  absl::StatusOr<std::optional<SoftTargets>> Find(const ScoreRequest& request) const;
  // Stores targets (request.target.size() * k values) and rounds them to what is stored.
  absl::Status Add(const ScoreRequest& request, SoftTargets* targets);

  size_t size() const { return records_.size(); }

 private:
  SoftTargetCache(std::filesystem::path file, int fd, int k)
      : file_(std::move(file)), fd_(fd), k_(k) {}
  absl::Status Index(const std::string& head);

  std::filesystem::path file_;
  int fd_ = -1;
  int k_ = 0;
  int64_t end_ = 0;  // of the last whole record
  struct Place {
    int64_t offset = 0;  // of the ids
    uint32_t positions = 0;
    uint8_t id_bytes = 4;
  };
  absl::flat_hash_map<std::string, Place> records_;  // by the hash of a request
};

}  // namespace foundry::lm
