#include "services/extraction/sources/read_file.h"

#include <exception>
#include <new>

#include "absl/strings/str_cat.h"
#include "common/base/hash.h"
#include "common/base/status.h"
#include "common/base/steady_time.h"
#include "services/extraction/pdf/pdf_document.h"
#include "services/extraction/pdf/pdf_reader.h"
#include "services/extraction/sources/list_files.h"
#include "services/extraction/sources/result_builder.h"

namespace foundry::extraction {
namespace {

// Bigger files are refused before anything is read: no document of this size is a document.
constexpr uintmax_t kMostPdfBytes = uintmax_t{2} << 30;

absl::Status Dispatch(const InputFile& file, const ReadOptions& options, ResultBuilder* out) {
  switch (file.kind) {
    case SourceKind::kPdf:
      return ReadPdfFile(file, options, out);
    case SourceKind::kDataset:
      return IsParquetFile(file.path) ? ReadParquetFile(file, options, out)
                                      : ReadLinesFile(file, options, out);
    case SourceKind::kCve:
      return ReadCveFile(file, options, out);
    case SourceKind::kJson:
      return IsDatasetFile(file.path) ? ReadLinesFile(file, options, out)
                                      : ReadExtractFile(file, options, out);
  }
  return absl::InternalError("unknown kind of source");
}

}  // namespace

std::string DocumentId(const std::string& name, int64_t row) {
  return Sha256Hex(row == 0 ? name : absl::StrCat(name, "#", row)).substr(0, 20);
}

absl::Status ReadPdfFile(const InputFile& file, const ReadOptions& options, ResultBuilder* out) {
  std::error_code error;
  if (const uintmax_t size = std::filesystem::file_size(file.path, error);
      !error && size > kMostPdfBytes) {
    out->Fail("refused", "too_large", "the file is larger than 2 GiB: split it");
    return absl::OkStatus();
  }
  PdfOptions pdf;
  pdf.password = options.source.password;
  pdf.ocr = options.ocr;
  pdf.ocr_languages = options.ocr_languages;
  pdf.timeout = options.timeout;
  pdf.memory_mib = options.memory_mib;
  pdf.cancel = options.cancel;
  FOUNDRY_ASSIGN_OR_RETURN(PdfResult read, ReadPdf(file.path, pdf));
  if (!read.ok()) {
    out->Fail(read.refusal.status, read.refusal.reason, read.refusal.message);
    if (!read.partial()) return absl::OkStatus();
  }
  const std::string no_ocr = read.content.ocr_unavailable;
  PdfDocument made = MakePdfDocument(std::move(read.content), file.path.stem().string());
  out->result().pages = made.pages;
  out->result().scanned_pages = made.scanned_pages;
  out->result().recognised_pages = made.recognised_pages;
  if (!no_ocr.empty()) out->result().warnings.push_back(no_ocr);
  if (made.document.text.empty() && !read.ok()) return absl::OkStatus();
  if (made.document.text.empty()) {
    const bool scanned = made.scanned_pages > 0;
    const bool tried = options.ocr != "never" && no_ocr.empty();
    out->Fail(
        "refused", scanned ? "scanned" : "no_text",
        !scanned ? "the file shows no text"
        : tried
            ? "its pages are images, and no text was recognised in them"
            : "its pages are images: recognise their text with ocr: auto and tesseract installed");
    return absl::OkStatus();
  }
  out->Add(std::move(made.document), 0);
  return absl::OkStatus();
}

absl::StatusOr<FileResult> ReadInputFile(const InputFile& file, const ReadOptions& options) {
  const absl::Time start = SteadyNow();
  ResultBuilder builder(file, options);
  try {
    FOUNDRY_RETURN_IF_ERROR(Dispatch(file, options, &builder));
  } catch (const std::bad_alloc&) {  // a file costs itself, not the threads beside it
    builder.Fail("failed", "memory", "reading the file needs more memory than there is");
  } catch (const std::exception& error) {  // a library's; ours return a Status
    builder.Fail("failed", "crash", absl::StrCat("reading the file failed: ", error.what()));
  }
  return builder.Finish(absl::ToDoubleSeconds(SteadyNow() - start));
}

}  // namespace foundry::extraction
