// A document from a row of a data set or an item of a JSON extract. Thread-safe (no state).
#pragma once

#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "common/dataset/records.h"

namespace foundry::extraction {

struct RowOptions {
  std::vector<std::string> text_fields;  // empty: the usual names
  std::string kind = "dataset";          // metadata.kind
  bool any_member = true;                // without usual names: all members, labelled
};

// Joins the row's text members; the other plain members become metadata. `source` ("file#12") is
// the url of a row without one. InvalidArgument says what is missing.
absl::StatusOr<dataset::Document> RowDocument(const Json& row, const std::string& source,
                                              const RowOptions& options);

}  // namespace foundry::extraction
