#include "services/evaluator/report/html.h"

#include <unicode/unistr.h>

#include <cmath>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"

namespace foundry::evaluator {

std::string Escape(absl::string_view text) {
  const icu::UnicodeString unicode =
      icu::UnicodeString::fromUTF8(icu::StringPiece(text.data(), static_cast<int>(text.size())));
  icu::UnicodeString safe;
  for (int32_t i = 0; i < unicode.length(); i = unicode.moveIndex32(i, 1)) {
    const UChar32 c = unicode.char32At(i);
    switch (c) {
      case '&':
        safe.append("&amp;");
        break;
      case '<':
        safe.append("&lt;");
        break;
      case '>':
        safe.append("&gt;");
        break;
      case '"':
        safe.append("&quot;");
        break;
      case '\'':
        safe.append("&#39;");
        break;
      default: {
        const bool control = (c < 0x20 && c != '\n' && c != '\t') || (c >= 0x7f && c < 0xa0) ||
                             (c >= 0xfdd0 && c <= 0xfdef) || (c & 0xfffe) == 0xfffe;
        safe.append(control ? UChar32{0xfffd} : c);
      }
    }
  }
  std::string utf8;
  return safe.toUTF8String(utf8);
}

std::string PercentText(double share) { return absl::StrFormat("%.1f\u202f%%", 100 * share); }

std::string PointsText(double difference) {
  const double points = 100 * difference;
  const char* sign = points < -0.05 ? "\u2212" : points > 0.05 ? "+" : "";
  return absl::StrCat(sign, absl::StrFormat("%.1f", std::fabs(points)));
}

std::string NumberText(double value) {
  if (value == 0) return "0";
  const double size = std::fabs(value);
  if (size >= 1000) return absl::StrFormat("%.0f", value);
  if (size >= 100) return absl::StrFormat("%.0f", value);
  if (size >= 10) return absl::StrFormat("%.1f", value);
  if (size >= 0.01) return absl::StrFormat("%.3g", value);
  return absl::StrFormat("%.1e", value);
}

std::string TableHtml(const std::vector<TableColumn>& columns,
                      const std::vector<std::vector<std::string>>& rows, absl::string_view css) {
  std::string html = absl::StrCat("<div class=\"scroll\"><table class=\"", css, "\"><thead><tr>");
  for (const TableColumn& column : columns) {
    absl::StrAppend(&html, "<th scope=\"col\"", column.number ? " class=\"n\"" : "", ">",
                    Escape(column.heading), "</th>");
  }
  absl::StrAppend(&html, "</tr></thead><tbody>\n");
  for (const std::vector<std::string>& row : rows) {
    absl::StrAppend(&html, "<tr>");
    for (size_t i = 0; i < row.size(); ++i) {
      const bool number = i < columns.size() && columns[i].number;
      const char* open = i == 0 ? "<th scope=\"row\"" : "<td";
      absl::StrAppend(&html, open, number ? " class=\"n\">" : ">", row[i],
                      i == 0 ? "</th>" : "</td>");
    }
    absl::StrAppend(&html, "</tr>\n");
  }
  return absl::StrCat(html, "</tbody></table></div>\n");
}

}  // namespace foundry::evaluator
