#include <gtest/gtest.h>

#include "absl/strings/str_cat.h"
#include "services/extraction/pdf/blocks.h"
#include "services/extraction/pdf/furniture.h"
#include "services/extraction/pdf/pdf_document.h"
#include "services/extraction/pdf/reading_order.h"

namespace foundry::extraction {
namespace {

PdfLine Line(const std::string& text, double x, double y, double size = 10, bool bold = false) {
  return {text, x, y, x + 0.5 * size * text.size(), y + size, size, bold, false, 0};
}

std::string Joined(const std::vector<PdfLine>& lines) {
  std::string out;
  for (const OrderedLine& line : ReadingOrder(lines)) absl::StrAppend(&out, line.line.text, "/");
  return out;
}

TEST(ReadingOrderTest, ColumnsComeOneAfterAnother) {
  std::vector<PdfLine> lines = {
      Line("A title that spans both of the columns, from side to side of the page", 72, 50)};
  for (int i = 0; i < 5; ++i) {
    lines.push_back(
        Line(absl::StrCat("right column text that is long enough ", i), 330, 80 + 12 * i));
    lines.push_back(
        Line(absl::StrCat("left column text that is just as long ", i), 72, 80 + 12 * i));
  }
  const std::string order = Joined(lines);
  EXPECT_LT(order.find("A title"), order.find("left column text that is just as long 0"));
  EXPECT_LT(order.find("long 4"), order.find("enough 0"));
}

TEST(ReadingOrderTest, TablesAreReadByRows) {
  std::vector<PdfLine> lines;
  const char* cells[][2] = {{"Name", "Size"}, {"cat", "12"}, {"chgrp", "40"}, {"chmod", "41"}};
  for (int row = 0; row < 4; ++row) {
    lines.push_back(Line(cells[row][0], 72, 100 + 14 * row));
    lines.push_back(Line(cells[row][1], 300, 100 + 14 * row));
  }
  EXPECT_EQ(Joined(lines), "Name | Size/cat | 12/chgrp | 40/chmod | 41/");
}

TEST(ReadingOrderTest, ColumnsAboveOtherColumns) {
  std::vector<PdfLine> lines;
  std::string wanted;
  const auto add = [&](const char* name, double x, double y, int rows) {
    for (int i = 0; i < rows; ++i) {
      const std::string text = absl::StrCat("running text of column ", name, " in its row ", i);
      lines.push_back(Line(text, x, y + 12 * i, 7));
      absl::StrAppend(&wanted, text, "/");
    }
  };
  add("A", 50, 60, 10), add("B", 220, 60, 10), add("C", 390, 60, 10);
  add("wide left", 60, 240, 12), add("wide right", 305, 240, 12);
  EXPECT_EQ(Joined(lines), wanted);
}

TEST(ReadingOrderTest, CommentsBesideCodeAreNoColumn) {
  std::vector<PdfLine> lines;
  std::string wanted;
  const char* rows[][2] = {{"int main()", ""},
                           {"{", ""},
                           {"  f(&x);", "// by pointer"},
                           {"  g(x);", "// by value"},
                           {"  h(y);", "// by reference"},
                           {"  return 0;", "// done"},
                           {"}", ""}};
  double y = 100;
  for (const auto& [code, comment] : rows) {
    lines.push_back(Line(code, 72, y)), lines.back().fixed = true;
    absl::StrAppend(&wanted, code);
    if (*comment != 0) {
      lines.push_back(Line(comment, 300, y)), lines.back().fixed = true;
      absl::StrAppend(&wanted, " ", comment);
    }
    absl::StrAppend(&wanted, "/");
    y += 12;
  }
  EXPECT_EQ(Joined(lines), wanted);
}

std::vector<PdfPage> PagesWithFurniture(int count) {
  std::vector<PdfPage> pages;
  for (int p = 1; p <= count; ++p) {
    PdfPage page;
    page.number = p, page.width = 612, page.height = 792;
    page.lines = {Line("The Manual of Things", 72, 30),
                  Line(absl::StrCat("Body text of page ", p, " begins here"), 72, 100),
                  Line("and goes on in a second line.", 72, 112), Line(absl::StrCat(p), 300, 760)};
    pages.push_back(page);
  }
  return pages;
}

TEST(FurnitureTest, RemovesRunningHeadsAndPageNumbers) {
  std::vector<PdfPage> pages = PagesWithFurniture(8);
  EXPECT_EQ(RemoveFurniture(&pages), 16);
  for (const PdfPage& page : pages) EXPECT_EQ(page.lines.size(), 2u);
}

TEST(FurnitureTest, KeepsWhatDoesNotRepeat) {
  std::vector<PdfPage> pages = PagesWithFurniture(1);
  pages[0].lines.pop_back();
  EXPECT_EQ(RemoveFurniture(&pages), 0);
}

PdfContent OnePage(std::vector<PdfLine> lines) {
  PdfContent content;
  content.page_count = 1;
  PdfPage page;
  page.number = 1, page.width = 612, page.height = 792;
  page.lines = std::move(lines);
  content.pages.push_back(page);
  return content;
}

TEST(BlocksTest, FindsHeadingsParagraphsAndJoinsHyphens) {
  PdfContent content = OnePage({Line("2.1 A Larger Heading", 72, 80, 16, true),
                                Line("The first paragraph has a broken hyphen-", 72, 120),
                                Line("ated word and ends here.", 72, 132),
                                Line("The second paragraph stands apart from it.", 72, 160)});
  const PdfDocument made = MakePdfDocument(content, "stem");
  ASSERT_EQ(made.document.sections.size(), 1u);
  EXPECT_EQ(made.document.sections[0].heading, "2.1 A Larger Heading");
  EXPECT_EQ(made.document.sections[0].level, 2);
  ASSERT_EQ(made.document.paragraphs.size(), 2u);
  EXPECT_EQ(made.document.content,
            "The first paragraph has a broken hyphenated word and ends here.\n\nThe second "
            "paragraph stands apart from it.");
}

TEST(BlocksTest, AParagraphGoesOnOverAPageBreak) {
  PdfContent content = OnePage({Line("Some words that do not end on this page but go", 72, 700)});
  PdfPage second = content.pages[0];
  second.number = 2;
  second.lines = {Line("on over to the next one.", 72, 80)};
  content.pages.push_back(second);
  content.page_count = 2;
  const PdfDocument made = MakePdfDocument(content, "stem");
  EXPECT_EQ(made.document.text,
            "Some words that do not end on this page but go on over to the next one.");
  EXPECT_EQ(made.document.title, "stem");
}

TEST(BlocksTest, ContentsLinesAreTextButNoParagraphs) {
  std::vector<PdfLine> lines;
  for (int i = 0; i < 6; ++i)
    lines.push_back(
        Line(absl::StrCat("Chapter ", i, " . . . . . . . . ", 10 + i), 72, 100 + 12 * i));
  lines.push_back(Line("A paragraph of real text follows the contents.", 72, 240));
  const PdfDocument made = MakePdfDocument(OnePage(lines), "stem");
  EXPECT_NE(made.document.text.find("Chapter 1 11"), std::string::npos);
  EXPECT_EQ(made.document.content, "A paragraph of real text follows the contents.");
}

TEST(PdfDocumentTest, CountsScannedPagesButNotBlankOnes) {
  PdfContent content = OnePage({});
  content.pages.push_back(content.pages[0]);
  content.pages[1].blank = true;
  content.page_count = 2;
  EXPECT_EQ(MakePdfDocument(content, "stem").scanned_pages, 1);
}

}  // namespace
}  // namespace foundry::extraction
