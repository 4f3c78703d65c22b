// Reads a PDF through the program foundry-pdf, which runs under limits: whatever the file does to
// it costs this one document, and of it only the pages from the bad one on. Thread-safe (no state).
#pragma once

#include <filesystem>
#include <string>

#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "common/base/cancel.h"
#include "services/extraction/pdf/pdf_content.h"

namespace foundry::extraction {

struct PdfOptions {
  std::string password;                         // several, one a line, are tried in turn
  std::string ocr = "auto";                     // auto, never, always
  std::string ocr_languages = "eng";            // as tesseract takes them: "eng+deu"
  absl::Duration timeout = absl::Seconds(120);  // of one document
  int64_t memory_mib = 1024;                    // address space of the helper
  std::string helper;                           // path of foundry-pdf; empty: found by FindProgram
  CancelToken cancel;
};

// Why a file gave no document, or only its first pages; `reason` is for programs, `message` for
// people.
struct Refusal {
  std::string status;  // refused (the file is not for us) or failed (it should have worked)
  std::string reason;  // encrypted, wrong_password, malformed, memory, timeout, crash, too_large, …
  std::string message;
};

struct PdfResult {
  PdfContent content;  // the pages that were read
  Refusal refusal;     // reason empty: all pages were
  bool ok() const { return refusal.reason.empty(); }
  // Reading stopped in the middle; the message says after which page, and why.
  bool partial() const { return !ok() && !content.pages.empty(); }
};

// Fails only when nothing can be read at all: the helper is missing, or the caller cancels.
absl::StatusOr<PdfResult> ReadPdf(const std::filesystem::path& path, const PdfOptions& options);

}  // namespace foundry::extraction
