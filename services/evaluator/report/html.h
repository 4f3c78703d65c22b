// Small pieces of HTML. Thread-safe (no state).
#pragma once

#include <string>
#include <vector>

#include "absl/strings/string_view.h"

namespace foundry::evaluator {

// Text made safe for elements and quoted attributes; invalid UTF-8 and control characters become
// U+FFFD, so that the page stays well-formed whatever a model wrote.
std::string Escape(absl::string_view text);

// "36.7 %"; "+3.1" for differences in percentage points; at most three significant digits.
std::string PercentText(double share);
std::string PointsText(double difference);
std::string NumberText(double value);

struct TableColumn {
  std::string heading;
  bool number = false;  // aligned right, tabular figures
};
// Cells are HTML already. The first cell of a row is its heading.
std::string TableHtml(const std::vector<TableColumn>& columns,
                      const std::vector<std::vector<std::string>>& rows,
                      absl::string_view css = "");

}  // namespace foundry::evaluator
