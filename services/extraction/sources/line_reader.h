// Lines of a text file, gzip or plain, with a bound on their length. Not thread-safe.
#pragma once

#include <filesystem>
#include <memory>
#include <string>

#include "absl/status/statusor.h"

namespace foundry::extraction {

class LineReader {
 public:
  static absl::StatusOr<std::unique_ptr<LineReader>> Open(const std::filesystem::path& path,
                                                          size_t longest = size_t{64} << 20);
  ~LineReader();

  struct Line {
    std::string text;    // without its line end; cut when too long
    int64_t number = 0;  // from 1
    bool too_long = false;
  };

  // False at the end. DataLoss when compressed data is damaged: the lines before it were read.
  absl::StatusOr<bool> Next(Line* line);

 private:
  struct Impl;
  explicit LineReader(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

}  // namespace foundry::extraction
