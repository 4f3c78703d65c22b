// Whole documents against reference texts: the words, and their order.
#include <gtest/gtest.h>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "common/base/files.h"
#include "services/extraction/pdf/pdf_document.h"
#include "services/extraction/pdf/pdf_reader.h"
#include "services/extraction/testing/shared_data.h"
#include "services/extraction/testing/text_scores.h"
#include "services/extraction/testing/tiny_pdf.h"

namespace foundry::extraction {
namespace {

namespace fs = std::filesystem;

std::string TextOf(const fs::path& path) {
  PdfOptions options;
  options.ocr = "never";
  const absl::StatusOr<PdfResult> result = ReadPdf(path, options);
  EXPECT_TRUE(result.ok() && result->ok()) << path << ": " << result.status();
  return result.ok() ? MakePdfDocument(result->content, "x").document.text : "";
}

TEST(TextScoresTest, OrderCounts) {
  EXPECT_DOUBLE_EQ(WordF1("one two three four", "four three two one"), 1);
  EXPECT_DOUBLE_EQ(WordOrderF1("one two three four", "four three two one"), 0.25);
  EXPECT_DOUBLE_EQ(WordOrderF1("one two three four", "one three four"), 6.0 / 7);
  std::string many, others;
  for (int i = 0; i < 300; ++i) absl::StrAppend(&many, " w", i);
  EXPECT_DOUBLE_EQ(WordOrderF1(many, many), 1);
  for (int i = 150; i < 450; ++i) absl::StrAppend(&others, " w", i % 300);
  EXPECT_DOUBLE_EQ(WordOrderF1(many, others), 0.5);
}

// A reference card: columns of short sections, each a heading and a table of two columns.
struct Card {
  std::vector<TinyText> page;
  std::string text;  // in reading order
};

Card MakeCard(bool on_grid) {
  Card out;
  int word = 0;
  for (int column = 0; column < 3; ++column) {
    double y = 740;
    const double x = 40 + 185 * column;
    for (int section = 0; section < 7; ++section) {
      const std::string heading = absl::StrCat("Section ", column, "x", section);
      out.page.push_back({x, y, on_grid ? 8.0 : 10.0, heading, true});
      absl::StrAppend(&out.text, heading, " ");
      y -= on_grid ? 10 : 12.7 + 0.9 * column;
      for (int row = 0; row < 3 + (section + 2 * column) % 4; ++row, y -= 10) {
        const std::string command = absl::StrCat("cmd", ++word);
        const std::string what = absl::StrCat("does the thing ", word);
        out.page.push_back({x, y, 8, command, false});
        out.page.push_back({x + 60, y, 8, what, false});
        absl::StrAppend(&out.text, command, " ", what, " ");
      }
      y -= on_grid ? 10 : 5.3;
    }
  }
  return out;
}

TEST(TextAgreementTest, ReferenceCardsAreReadByColumns) {
  const auto folder = TempFolder::Make();
  ASSERT_TRUE(folder.ok());
  for (const bool on_grid : {false, true}) {
    const Card card = MakeCard(on_grid);
    const fs::path path = folder->path() / "card.pdf";
    ASSERT_TRUE(WriteFileAtomic(path, TinyPdf({card.page})).ok());
    const std::string text = TextOf(path);
    EXPECT_DOUBLE_EQ(WordOrderF1(text, card.text), 1) << on_grid << "\n" << text;
    EXPECT_TRUE(absl::StrContains(text, "cmd1 | does the thing 1\n")) << text;
    EXPECT_TRUE(absl::StrContains(text, "\n\nSection 2x1\n\n")) << text;
  }
}

// ---- with the shared files, where they are

// Reference texts from the documents' own tool chains; pdftotext's word F1 is 0.979, 0.981, 0.982
// and 0.968 here. In the order, footnotes and front matter differ for good.
TEST(TextAgreementTest, TextAgreesWithTheSource) {
  const fs::path folder = SharedData("pdf/pairs");
  if (!fs::exists(folder)) GTEST_SKIP() << "no shared data at " << folder;
  struct Least {
    const char* name;
    double words, order;
  };
  for (const auto& [name, words, order] : {Least{"debian-policy.en", 0.985, 0.92},
                                           {"developers-reference.de", 0.985, 0.965},
                                           {"developers-reference.ja", 0.98, 0.97},
                                           {"fhs-3.0.en", 0.96, 0.85}}) {
    const std::string text = TextOf(folder / absl::StrCat(name, ".pdf"));
    const std::string source = *ReadFile(folder / absl::StrCat(name, ".txt"));
    const double f1 = WordF1(text, source), order_f1 = WordOrderF1(text, source);
    std::printf("%-26s word F1 %.4f, in order %.4f\n", name, f1, order_f1);
    EXPECT_GT(f1, words) << name;
    EXPECT_GT(order_f1, order) << name;
  }
}

TEST(TextAgreementTest, ColumnsOfARealReferenceCard) {
  const fs::path file = SharedData("pdf/text/octave-refcard-a4.pdf");
  if (!fs::exists(file)) GTEST_SKIP() << "no shared data at " << file;
  const std::string text = TextOf(file);
  size_t at = 0;
  for (const char* mark : {"Starting Octave", "Getting Help", "Searching in Info", "Inserting or",
                           "Killing and", "Shell Commands", "Matrices", "Multi-dimensional",
                           "Sparse", "Ranges", "Index Expressions", "Global and", "Selected"}) {
    const size_t found = text.find(absl::StrCat("\n\n", mark), at);
    ASSERT_NE(found, std::string::npos) << mark << " is not after what stands before it";
    at = found;
  }
  EXPECT_TRUE(absl::StrContains(text, "C-w | ") || absl::StrContains(text, "C-b | "));
}

}  // namespace
}  // namespace foundry::extraction
