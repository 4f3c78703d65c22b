// Answers that survive a killed attempt: one JSON line each, appended and flushed in batches.
#pragma once

#include <cstdint>
#include <filesystem>
#include <fstream>
#include <map>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"

namespace foundry::evaluator {

struct StoredAnswer {
  std::string text;
  int64_t tokens = 0;
  bool truncated = false;
};

// Not thread-safe. A line cut off by a crash is dropped; its question is asked again.
class AnswerStore {
 public:
  // `identity` names everything that the answers depend on (model, options): a file of another
  // identity is started afresh.
  static absl::StatusOr<AnswerStore> Open(const std::filesystem::path& file,
                                          absl::string_view identity);

  const StoredAnswer* Find(const std::string& key) const;
  void Add(const std::string& key, const StoredAnswer& answer);
  absl::Status Flush();

 private:
  std::filesystem::path file_;
  std::map<std::string, StoredAnswer> answers_;
  std::ofstream out_;
};

}  // namespace foundry::evaluator
