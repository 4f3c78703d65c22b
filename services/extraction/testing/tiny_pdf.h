// Small PDFs for tests, written by hand. Header only.
#pragma once

#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"

namespace foundry::extraction {

struct TinyText {
  double x = 72, y = 720;  // points from the lower left corner
  double size = 11;
  std::string text;  // ASCII without brackets
  bool bold = false;
};

// Put among a page's lines: draws `text` over and over, through 40 forms that each draw the next
// one twice. A word takes all memory that there is, an empty text all time. One to a file.
inline TinyText TinyBomb(const std::string& text) { return {0, 0, 0, text, false}; }

// The forms of a bomb; the first is object `first`.
inline std::vector<std::string> TinyForms(const std::string& text, size_t first) {
  constexpr size_t kForms = 40;
  std::string words = "BT /F1 9 Tf 72 72 Td\n";
  for (int i = 0; i < 500 && !text.empty(); ++i) absl::StrAppend(&words, "(", text, i, ") Tj T*\n");
  std::vector<std::string> out;
  for (size_t i = 0; i < kForms; ++i) {
    const std::string content = i + 1 < kForms ? "/X0 Do /X0 Do\n" : absl::StrCat(words, "ET\n");
    out.push_back(
        absl::StrCat("<< /Type /XObject /Subtype /Form /BBox [0 0 612 792] /Resources << "
                     "/Font << /F1 3 0 R >> /XObject << /X0 ",
                     first + i + 1, " 0 R >> >> /Length ", content.size(), " >>\nstream\n", content,
                     "endstream"));
  }
  return out;
}

// A valid PDF 1.4, one entry of `pages` a page (612 × 792 points), in Helvetica.
inline std::string TinyPdf(const std::vector<std::vector<TinyText>>& pages,
                           const std::string& title = "") {
  std::vector<std::string> objects(5);
  std::string kids;
  std::vector<std::string> forms;
  const size_t first_form = objects.size() + 2 * pages.size() + 1;
  for (const auto& page : pages) {
    std::string content;
    for (const TinyText& t : page) {
      if (t.size == 0) {
        forms = TinyForms(t.text, first_form);
        absl::StrAppend(&content, "/X0 Do\n");
        continue;
      }
      absl::StrAppendFormat(&content, "BT /%s %g Tf %g %g Td (%s) Tj ET\n", t.bold ? "F2" : "F1",
                            t.size, t.x, t.y, t.text);
    }
    const size_t number = objects.size() + 1;
    objects.push_back(
        absl::StrCat("<< /Type /Page /Parent 2 0 R /MediaBox [0 0 612 792] /Contents ", number + 1,
                     " 0 R /Resources << /Font << /F1 3 0 R /F2 4 0 R >> /XObject << /X0 ",
                     first_form, " 0 R >> >> >>"));
    objects.push_back(
        absl::StrCat("<< /Length ", content.size(), " >>\nstream\n", content, "endstream"));
    absl::StrAppend(&kids, number, " 0 R ");
  }
  objects.insert(objects.end(), forms.begin(), forms.end());
  objects[0] = "<< /Type /Catalog /Pages 2 0 R >>";
  objects[1] = absl::StrCat("<< /Type /Pages /Count ", pages.size(), " /Kids [", kids, "] >>");
  objects[2] = "<< /Type /Font /Subtype /Type1 /BaseFont /Helvetica >>";
  objects[3] = "<< /Type /Font /Subtype /Type1 /BaseFont /Helvetica-Bold >>";
  objects[4] = absl::StrCat("<< /Title (", title,
                            ") /Author (A. Writer) /CreationDate (D:20240102030405Z) >>");
  std::string out = "%PDF-1.4\n";
  std::string xref = absl::StrCat("xref\n0 ", objects.size() + 1, "\n0000000000 65535 f \n");
  for (size_t i = 0; i < objects.size(); ++i) {
    absl::StrAppendFormat(&xref, "%010d 00000 n \n", out.size());
    absl::StrAppend(&out, i + 1, " 0 obj\n", objects[i], "\nendobj\n");
  }
  const size_t at = out.size();
  absl::StrAppend(&out, xref, "trailer\n<< /Size ", objects.size() + 1,
                  " /Root 1 0 R /Info 5 0 R >>\nstartxref\n", at, "\n%%EOF\n");
  return out;
}

// Lines of a paragraph, one below the other.
inline std::vector<TinyText> TinyLines(const std::vector<std::string>& lines, double x, double y,
                                       double size = 11) {
  std::vector<TinyText> out;
  for (const std::string& line : lines) {
    out.push_back({x, y, size, line, false});
    y -= 1.2 * size;
  }
  return out;
}

}  // namespace foundry::extraction
