// Collects what a file gives: documents, and outcomes of the rows that gave none. Not thread-safe.
#pragma once

#include <string>

#include "absl/status/status.h"
#include "services/extraction/sources/source.h"

namespace foundry::extraction {

class ResultBuilder {
 public:
  ResultBuilder(const InputFile& file, const ReadOptions& options)
      : file_(file), options_(options) {}

  // Row 0 stands for the file itself.
  bool Wants(int64_t row) const;
  bool Full() const;

  // Takes a document; sets its id and where it came from.
  void Add(dataset::Document document, int64_t row);
  // A row that gave no document; row 0: the file, which is one record. The status of at most
  // kMostRowOutcomes rows is kept one by one, the rest are counted in the file's message.
  void Refuse(int64_t row, const std::string& reason, const std::string& message,
              const std::string& status = "refused");
  // The file as a whole is not readable, or only up to here.
  void Fail(const std::string& status, const std::string& reason, const std::string& message);

  FileResult& result() { return result_; }
  // Puts the file's own outcome in front.
  FileResult Finish(double seconds);

 private:
  static constexpr int64_t kMostRowOutcomes = 1000;

  const InputFile& file_;
  const ReadOptions& options_;
  FileResult result_;
  dataset::Outcome own_;
  int64_t refused_ = 0;  // rows, the filtered ones among them
  int64_t filtered_ = 0;
};

// Readers of each kind of file, called by ReadInputFile.
absl::Status ReadPdfFile(const InputFile& file, const ReadOptions& options, ResultBuilder* out);
absl::Status ReadLinesFile(const InputFile& file, const ReadOptions& options, ResultBuilder* out);
absl::Status ReadParquetFile(const InputFile& file, const ReadOptions& options, ResultBuilder* out);
absl::Status ReadCveFile(const InputFile& file, const ReadOptions& options, ResultBuilder* out);
absl::Status ReadExtractFile(const InputFile& file, const ReadOptions& options, ResultBuilder* out);

}  // namespace foundry::extraction
