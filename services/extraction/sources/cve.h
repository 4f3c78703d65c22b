// CVE records as documents: CVE JSON 5.x (cveMetadata, containers) and NVD API 2.0
// (vulnerabilities). Thread-safe (no state).
#pragma once

#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "common/dataset/records.h"

namespace foundry::extraction {

// One record's facts, whichever format they came in.
struct CveFacts {
  struct Score {
    std::string version;   // "3.1"
    double base = 0;       // 0..10
    std::string severity;  // as given, may be empty
    std::string vector;
  };
  struct Product {
    std::string vendor, product;
    std::vector<std::string> versions;  // "1.11", "before 2.0", "all versions"
  };
  std::string id, title, state;
  std::string published, updated;         // YYYY-MM-DD
  std::vector<std::string> descriptions;  // English where there is any
  std::vector<std::string> weaknesses;    // "CWE-79 Cross-site Scripting"
  std::vector<Score> scores;              // highest version first
  std::vector<Product> affected;
  std::vector<std::string> references;
};

// The records of a file: one for CVE 5.x, those of the page for NVD. InvalidArgument when the JSON
// is neither.
absl::StatusOr<std::vector<CveFacts>> ParseCve(const Json& json);

// Sentences about the record; every fact also in metadata. InvalidArgument when it has no
// description.
absl::StatusOr<dataset::Document> CveDocument(const CveFacts& facts);

}  // namespace foundry::extraction
