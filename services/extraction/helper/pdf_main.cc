// foundry-pdf: reads one PDF and writes JSON lines about it. The only program that links poppler.
//
//   foundry-pdf FILE OCR LANGUAGES     OCR: auto, never or always
//
// Its standard input holds passwords to try, one a line. Output, one object a line:
//   {"document": {title, author, subject, keywords, created, modified, pages, outline: [{title,
//   level}]}}
//   {"page": 1, "width", "height", "blank", "ocr", "lines": [[text, x0, y0, x1, y1, size, bold,
//   fixed], …]}
//   {"done": true}
// or {"error": {"reason", "message"}} and exit status 2. Limits on memory and time come from the
// caller (services/extraction/pdf/pdf_reader); this program confines itself.
#include <stdio.h>
#include <time.h>

#include <cmath>
#include <iostream>
#include <memory>
#include <new>

#include "common/base/json.h"
#include "common/base/parent.h"
#include "poppler-document.h"
#include "poppler-global.h"
#include "poppler-toc.h"
#include "services/extraction/helper/ocr.h"
#include "services/extraction/helper/pdf_lines.h"
#include "services/extraction/helper/sandbox.h"

namespace foundry::extraction {
namespace {

constexpr size_t kMostOutlineItems = 5000;
constexpr int kDeepestOutline = 10;

std::string* first_complaint = nullptr;  // poppler's, for the error message

void Emit(const Json& json) {
  const std::string line = DumpJson(json) + "\n";
  fwrite(line.data(), 1, line.size(), stdout);
  fflush(stdout);
}

int Fail(const std::string& reason, const std::string& message) {
  Emit({{"error", {{"reason", reason}, {"message", message}}}});
  return 2;
}

std::string Date(time_t seconds) {
  if (seconds <= 0 || seconds == static_cast<time_t>(-1) || seconds == 0xFFFFFFFF) return "";
  tm parts;
  if (gmtime_r(&seconds, &parts) == nullptr) return "";
  char text[32];
  return strftime(text, sizeof(text), "%Y-%m-%dT%H:%M:%SZ", &parts) > 0 ? text : "";
}

void AddOutline(const poppler::toc_item& item, int level, Json* out) {
  if (level > kDeepestOutline) return;
  for (const poppler::toc_item* child : item.children()) {
    if (out->size() >= kMostOutlineItems) return;
    out->push_back({{"title", ToUtf8(child->title())}, {"level", level}});
    AddOutline(*child, level + 1, out);
  }
}

Json DocumentJson(const poppler::document& document) {
  Json out = {{"title", ToUtf8(document.get_title())},
              {"author", ToUtf8(document.get_author())},
              {"subject", ToUtf8(document.get_subject())},
              {"keywords", ToUtf8(document.get_keywords())},
              {"creator", ToUtf8(document.get_creator())},
              {"producer", ToUtf8(document.get_producer())},
              {"created", Date(document.get_creation_date_t())},
              {"modified", Date(document.get_modification_date_t())},
              {"encrypted", document.is_encrypted()},
              {"pages", document.pages()}};
  Json outline = Json::array();
  const std::unique_ptr<poppler::toc> toc(document.create_toc());
  if (toc != nullptr && toc->root() != nullptr) AddOutline(*toc->root(), 1, &outline);
  out["outline"] = std::move(outline);
  return {{"document", std::move(out)}};
}

double Round(double value) { return std::isfinite(value) ? std::round(value * 10) / 10 : 0; }

Json LinesJson(const std::vector<PageLine>& lines) {
  Json out = Json::array();
  for (const PageLine& l : lines) {
    out.push_back({l.text, Round(l.x0), Round(l.y0), Round(l.x1), Round(l.y1), Round(l.size),
                   l.bold, l.fixed, l.rotation});
  }
  return out;
}

// Pages with text are read; others are recognised when that is asked for and possible.
class PageReader {
 public:
  PageReader(std::string ocr, std::string languages)
      : ocr_(std::move(ocr)), languages_(std::move(languages)) {}

  absl::StatusOr<Json> Read(const poppler::page& page) {
    const poppler::rectf box = page.page_rect();
    Json out = {{"width", Round(box.width())},
                {"height", Round(box.height())},
                {"ocr", false},
                {"blank", false}};
    std::vector<PageLine> lines;
    if (ocr_ != "always") lines = LinesOfPage(page);
    if (lines.empty()) {
      out["blank"] = IsBlankPage(page);
      if (ocr_ != "never" && !out["blank"] && Ready()) {
        auto recognised = engine_->Recognise(page);
        if (!recognised.ok()) return recognised.status();
        lines = *std::move(recognised);
        out["ocr"] = !lines.empty();
      } else if (ocr_ == "always" && !ocr_error_.ok()) {
        return ocr_error_;
      }
    }
    if (!ocr_error_.ok()) out["ocr_unavailable"] = std::string(ocr_error_.message());
    out["lines"] = LinesJson(lines);
    return out;
  }

 private:
  bool Ready() {
    if (engine_ == nullptr && ocr_error_.ok()) {
      auto made = Ocr::Make(languages_);
      ocr_error_ = made.status();
      if (made.ok()) engine_ = *std::move(made);
    }
    return engine_ != nullptr;
  }

  const std::string ocr_, languages_;
  std::unique_ptr<Ocr> engine_;
  absl::Status ocr_error_;
};

// Without a password, then with each given one. Locked: none fits. Null: not a PDF.
std::unique_ptr<poppler::document> Open(const std::string& file,
                                        const std::vector<std::string>& passwords) {
  std::unique_ptr<poppler::document> document;
  for (const std::string& password : passwords) {
    document.reset(poppler::document::load_from_file(file, password, password));
    if (document == nullptr || !document->is_locked()) break;
  }
  return document;
}

int Run(const std::string& file, const std::string& ocr, const std::string& languages,
        const std::vector<std::string>& passwords) {
  std::string complaint;
  first_complaint = &complaint;
  poppler::set_debug_error_function(
      [](const std::string& message, void*) {
        if (first_complaint->empty()) *first_complaint = message;
      },
      nullptr);
  const std::unique_ptr<poppler::document> document = Open(file, passwords);
  if (document == nullptr) {
    return Fail("malformed", "not a readable PDF" +
                                 (complaint.empty() ? std::string() : " (" + complaint + ")"));
  }
  if (document->is_locked()) {
    return passwords.size() == 1 ? Fail("encrypted", "the file is encrypted: give its password")
                                 : Fail("wrong_password", "the password does not open the file");
  }
  if (document->pages() <= 0) return Fail("malformed", "the file has no pages");
  Emit(DocumentJson(*document));
  PageReader reader(ocr, languages);
  for (int i = 0; i < document->pages(); ++i) {
    const std::unique_ptr<poppler::page> page(document->create_page(i));
    Json out = {{"lines", Json::array()}, {"damaged", true}};
    if (page != nullptr) {
      absl::StatusOr<Json> read = reader.Read(*page);
      if (!read.ok()) return Fail("ocr", std::string(read.status().message()));
      out = *std::move(read);
    }
    out["page"] = i + 1;
    Emit(out);
  }
  Emit({{"done", true}});
  return 0;
}

int Main(int argc, char** argv) {
  EndWithParent();
  if (argc != 4) {
    std::cerr << "usage: foundry-pdf FILE auto|never|always LANGUAGES <password\n";
    return 64;
  }
  // Most files need none: the empty password comes first.
  std::vector<std::string> passwords = {""};
  for (std::string line; std::getline(std::cin, line);) passwords.push_back(line);
  if (const absl::Status confined = EnterSandbox(); !confined.ok()) {
    return Fail("sandbox", std::string(confined.message()));
  }
  try {
    return Run(argv[1], argv[2], argv[3], passwords);
  } catch (const std::bad_alloc&) {
    return Fail("memory", "the memory limit was reached");
  } catch (const std::exception& e) {
    return Fail("malformed", e.what());
  }
}

}  // namespace
}  // namespace foundry::extraction

int main(int argc, char** argv) { return foundry::extraction::Main(argc, argv); }
