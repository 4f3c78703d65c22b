#include "common/config/problems.h"

#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"

namespace foundry::config {

void Problems::SetOrigin(const std::string& path, Origin origin) {
  origins_[path] = std::move(origin);
}

const Origin& Problems::OriginOf(absl::string_view path) const {
  static const Origin unknown;
  while (true) {
    const auto it = origins_.find(path);
    if (it != origins_.end()) return it->second;
    if (path.empty()) return unknown;
    const size_t cut = path.find_last_of(".[");
    path = cut == absl::string_view::npos ? absl::string_view() : path.substr(0, cut);
  }
}

void Problems::Add(absl::string_view path, absl::string_view message) {
  AddAt(OriginOf(path), path, message);
}

void Problems::AddAt(const Origin& origin, absl::string_view path, absl::string_view message) {
  std::string text = origin.text;
  for (const absl::string_view part : {path, message}) {
    if (!part.empty()) absl::StrAppend(&text, text.empty() ? "" : ": ", part);
  }
  problems_.push_back({origin.line, std::move(text)});
}

absl::Status Problems::ToStatus() const {
  if (problems_.empty()) return absl::OkStatus();
  std::vector<Problem> sorted = problems_;
  std::stable_sort(sorted.begin(), sorted.end(),
                   [](const Problem& a, const Problem& b) { return a.line < b.line; });
  std::string text;
  for (const Problem& problem : sorted) {
    absl::StrAppend(&text, text.empty() ? "" : "\n", problem.text);
  }
  return absl::InvalidArgumentError(text);
}

}  // namespace foundry::config
