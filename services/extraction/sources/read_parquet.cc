// Parquet through the program foundry-parquet: like PDFs, damaged files cost themselves only.
#include <signal.h>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "common/base/json.h"
#include "common/base/status.h"
#include "common/base/subprocess.h"
#include "services/extraction/sources/result_builder.h"
#include "services/extraction/sources/row_document.h"

namespace foundry::extraction {
namespace {

constexpr size_t kLongestRow = size_t{64} << 20;
constexpr int64_t kMostOutput = int64_t{64} << 30;  // a whole data set may pass through

class RowReceiver {
 public:
  RowReceiver(const InputFile& file, const ReadOptions& options, ResultBuilder* out)
      : file_(file), options_(options), out_(out) {}

  // Cancelled("full") ends the helper early.
  absl::Status Add(absl::string_view piece) {
    buffer_.append(piece.data(), piece.size());
    size_t begin = 0;
    for (size_t end; (end = buffer_.find('\n', begin)) != std::string::npos; begin = end + 1) {
      FOUNDRY_RETURN_IF_ERROR(Line(absl::string_view(buffer_).substr(begin, end - begin)));
    }
    buffer_.erase(0, begin);
    if (buffer_.size() > kLongestRow)
      return absl::ResourceExhaustedError("a row of more than 64 MiB");
    return absl::OkStatus();
  }

  bool done() const { return done_; }
  bool full() const { return full_; }
  int64_t rows() const { return rows_; }
  const std::string& error() const { return error_; }
  const std::string& reason() const { return reason_; }

 private:
  absl::Status Line(absl::string_view line) {
    FOUNDRY_ASSIGN_OR_RETURN(const Json json, ParseJson(line, "foundry-parquet"));
    if (!json.is_object()) return absl::DataLossError("foundry-parquet wrote what it should not");
    if (json.contains("error")) {
      FOUNDRY_ASSIGN_OR_RETURN(error_, JsonString(json, "error"));
      FOUNDRY_ASSIGN_OR_RETURN(reason_, JsonString(json, "reason", "malformed"));
    } else if (json.contains("done")) {
      done_ = true;
    } else if (json.contains("row")) {
      Row(json["row"]);
      if (out_->Full()) {
        full_ = true;
        return absl::CancelledError("full");
      }
    }
    return absl::OkStatus();
  }

  void Row(const Json& row) {
    const int64_t number = ++rows_;
    if (!out_->Wants(number)) return;
    const RowOptions options{options_.source.text_fields, "dataset"};
    absl::StatusOr<dataset::Document> document =
        RowDocument(row, absl::StrCat(file_.name, "#", number), options);
    if (document.ok()) {
      out_->Add(*std::move(document), number);
    } else {
      out_->Refuse(number, "no_text", std::string(document.status().message()));
    }
  }

  const InputFile& file_;
  const ReadOptions& options_;
  ResultBuilder* out_;
  std::string buffer_, error_, reason_;
  int64_t rows_ = 0;
  bool done_ = false, full_ = false;
};

}  // namespace

absl::Status ReadParquetFile(const InputFile& file, const ReadOptions& options,
                             ResultBuilder* out) {
  RowReceiver receiver(file, options, out);
  SubprocessOptions run;
  FOUNDRY_ASSIGN_OR_RETURN(const std::string helper, FindProgram("foundry-parquet"));
  run.argv = {helper, file.path.string()};
  // Arrow's own allocators reserve more address space than they use.
  run.environment = {"ARROW_DEFAULT_MEMORY_POOL=system", "OMP_NUM_THREADS=1"};
  run.timeout = options.timeout;
  run.memory_bytes = options.memory_mib << 20;
  run.output_bytes = kMostOutput;
  run.cancel = options.cancel;
  absl::Status received;
  run.on_output = [&](absl::string_view piece) { return received = receiver.Add(piece); };
  const absl::StatusOr<SubprocessResult> end = RunSubprocess(run);
  if (receiver.full()) return absl::OkStatus();
  FOUNDRY_RETURN_IF_ERROR(options.cancel.Check());
  const std::string after =
      receiver.rows() > 0 ? absl::StrCat(" (after row ", receiver.rows(), ")") : "";
  if (!received.ok()) {
    out->Fail("failed", "malformed", absl::StrCat(received.message(), after));
  } else if (!end.ok()) {
    return end.status();
  } else if (!receiver.error().empty()) {
    out->Fail(receiver.reason() == "memory" ? "failed" : "refused", receiver.reason(),
              absl::StrCat(receiver.error(), after));
  } else if (end->end == SubprocessResult::End::kTimeout) {
    out->Fail("failed", "timeout",
              absl::StrCat("reading took longer than ", absl::FormatDuration(options.timeout),
                           after, ": raise extraction.timeout"));
  } else if (!end->ok() || !receiver.done()) {
    const bool memory =
        absl::StrContains(end->errors, "bad_alloc") || absl::StrContains(end->errors, "emory");
    out->Fail(
        "failed", memory ? "memory" : "crash",
        absl::StrCat("the Parquet reader ended badly on this file (", end->Describe(), ")", after));
  } else if (receiver.rows() == 0) {
    out->Fail("refused", "no_rows", "the file has no rows");
  }
  return absl::OkStatus();
}

}  // namespace foundry::extraction
