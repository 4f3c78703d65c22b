// What is read: sources, the files in them, and what became of each. Plain data.
#pragma once

#include <filesystem>
#include <functional>
#include <string>
#include <vector>

#include "absl/time/time.h"
#include "common/base/cancel.h"
#include "common/dataset/records.h"

namespace foundry::extraction {

enum class SourceKind { kPdf, kDataset, kCve, kJson };

// A source as the user names it, secrets resolved.
struct Source {
  SourceKind kind = SourceKind::kPdf;
  std::string path;                      // file, folder or (kJson) pattern
  std::string password;                  // of PDFs; several, one a line, are tried in turn
  std::string split;                     // of a data set: files whose name holds it; "" all
  std::vector<std::string> text_fields;  // of rows; empty: the usual names
  std::string published_after;           // CVE: YYYY-MM-DD; "" all
};

// One file of a source.
struct InputFile {
  int source = 0;  // index of its source
  SourceKind kind = SourceKind::kPdf;
  std::filesystem::path path;
  std::string name;  // relative to the source, with forward slashes: stable over machines
};

struct ReadOptions {
  Source source;
  std::string ocr = "auto";  // auto, never, always
  std::string ocr_languages = "eng";
  absl::Duration timeout = absl::Seconds(120);  // of one file
  int64_t memory_mib = 1024;                    // of the process that parses one file
  int64_t most_documents = 0;                   // of one file; 0: all
  // Which records of a file are wanted, by "name" or "name#row"; null: all. For shards.
  std::function<bool(const std::string&)> wanted;
  CancelToken cancel;

  bool Wants(const std::string& name) const { return !wanted || wanted(name); }
};

// Documents in the file's order, and outcomes: the file's own first, then those of rows that gave
// no document.
struct FileResult {
  std::vector<dataset::Document> documents;
  std::vector<dataset::Outcome> outcomes;
  std::vector<std::string> warnings;
  int64_t pages = 0, scanned_pages = 0, recognised_pages = 0;
};

}  // namespace foundry::extraction
