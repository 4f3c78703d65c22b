#include "services/extraction/pdf/pdf_reader.h"

#include <signal.h>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "common/base/json.h"
#include "common/base/status.h"
#include "common/base/subprocess.h"

namespace foundry::extraction {
namespace {

// More JSON than any real document of this many pages gives.
constexpr int64_t kMostOutput = int64_t{512} << 20;
constexpr size_t kLongestRecord = size_t{64} << 20;

std::string Text(const Json& object, const char* key) {
  const auto it = object.find(key);
  return it != object.end() && it->is_string() ? it->get<std::string>() : "";
}

// Collects the helper's lines. Their form is ours, but the process that wrote them may have been
// taken over by the file: every member is checked.
class RecordReader {
 public:
  explicit RecordReader(PdfResult* result) : result_(result) {}

  absl::Status Add(absl::string_view piece) {
    buffer_.append(piece.data(), piece.size());
    size_t begin = 0;
    for (size_t end; (end = buffer_.find('\n', begin)) != std::string::npos; begin = end + 1) {
      FOUNDRY_RETURN_IF_ERROR(Record(absl::string_view(buffer_).substr(begin, end - begin)));
    }
    buffer_.erase(0, begin);
    return buffer_.size() > kLongestRecord ? absl::ResourceExhaustedError("a page is too large")
                                           : absl::OkStatus();
  }

  bool done() const { return done_; }

 private:
  absl::Status Record(absl::string_view line) {
    FOUNDRY_ASSIGN_OR_RETURN(const Json json, ParseJson(line, "foundry-pdf"));
    try {
      if (json.contains("error")) {
        result_->refusal = {"failed", Text(json["error"], "reason"),
                            Text(json["error"], "message")};
      } else if (json.contains("document")) {
        Document(json["document"]);
      } else if (json.contains("page")) {
        Page(json);
        const PdfContent& c = result_->content;
        if (c.pages.back().number != static_cast<int>(c.pages.size()))
          return absl::DataLossError("foundry-pdf wrote its pages out of order");
      } else if (json.contains("done")) {
        done_ = true;
      }
    } catch (const nlohmann::json::exception& e) {
      return absl::DataLossError(absl::StrCat("foundry-pdf wrote what it should not: ", e.what()));
    }
    return absl::OkStatus();
  }

  void Document(const Json& json) {
    PdfContent& c = result_->content;
    c.title = Text(json, "title"), c.author = Text(json, "author"),
    c.subject = Text(json, "subject");
    c.keywords = Text(json, "keywords"), c.producer = Text(json, "producer");
    c.created = Text(json, "created"), c.modified = Text(json, "modified");
    c.encrypted = json.value("encrypted", false);
    c.page_count = json.value("pages", 0);
    for (const Json& item : json.at("outline"))
      c.outline.push_back({Text(item, "title"), item.value("level", 1)});
  }

  void Page(const Json& json) {
    PdfPage page;
    page.number = json.at("page").get<int>();
    page.width = json.value("width", 0.0), page.height = json.value("height", 0.0);
    page.blank = json.value("blank", false), page.ocr = json.value("ocr", false);
    page.damaged = json.value("damaged", false);
    if (json.contains("ocr_unavailable"))
      result_->content.ocr_unavailable = Text(json, "ocr_unavailable");
    for (const Json& l : json.at("lines")) {
      page.lines.push_back({l.at(0).get<std::string>(), l.at(1).get<double>(),
                            l.at(2).get<double>(), l.at(3).get<double>(), l.at(4).get<double>(),
                            l.at(5).get<double>(), l.at(6).get<bool>(), l.at(7).get<bool>(),
                            l.at(8).get<int>()});
    }
    result_->content.pages.push_back(std::move(page));
  }

  PdfResult* result_;
  std::string buffer_;
  bool done_ = false;
};

Refusal FromEnd(const SubprocessResult& run, const PdfOptions& options) {
  using End = SubprocessResult::End;
  const bool memory = absl::StrContains(run.errors, "ut of memory") ||
                      absl::StrContains(run.errors, "bad_alloc") ||
                      absl::StrContains(run.errors, "cannot allocate");
  if (run.end == End::kTimeout || (run.end == End::kSignal && run.signal == SIGXCPU)) {
    return {"failed", "timeout",
            absl::StrCat("time limit of ", absl::FormatDuration(options.timeout),
                         " (raise extraction.timeout if the file is worth it)")};
  }
  if (run.end == End::kOutput)
    return {"refused", "too_large", "the file expands to more text than is accepted"};
  if (memory) return {"failed", "memory", "parsing needs more memory than allowed"};
  if (run.end == End::kExit && run.exit_code == 127) {
    return {"failed", "helper", absl::StrCat("foundry-pdf cannot run: ", run.errors)};
  }
  return {"failed", "crash",
          absl::StrCat("the PDF parser ended badly on this file (", run.Describe(), ")")};
}

// What the user can do about it, and how far reading came.
void Finish(const PdfOptions& options, PdfResult* result) {
  Refusal& refusal = result->refusal;
  if (refusal.reason == "encrypted") {
    refusal.message += " (password: env:NAME in the source, or foundry extract --password)";
  } else if (refusal.reason == "memory") {
    absl::StrAppend(&refusal.message, " (limit ", options.memory_mib,
                    " MiB: raise extraction.memory_limit)");
  }
  if (result->partial()) {
    refusal.status = "failed";
    refusal.message = absl::StrCat("stopped after page ", result->content.pages.size(), " of ",
                                   result->content.page_count, ": ", refusal.message);
  } else if (refusal.reason == "encrypted" || refusal.reason == "wrong_password" ||
             refusal.reason == "malformed") {
    refusal.status = "refused";
  } else if (refusal.reason == "timeout") {
    refusal.message = absl::StrCat("stopped before its first page was read: ", refusal.message);
  }
}

}  // namespace

absl::StatusOr<PdfResult> ReadPdf(const std::filesystem::path& path, const PdfOptions& options) {
  PdfResult result;
  RecordReader reader(&result);
  SubprocessOptions run;
  std::string helper = options.helper;
  if (helper.empty()) {
    FOUNDRY_ASSIGN_OR_RETURN(helper, FindProgram("foundry-pdf"));
  }
  run.argv = {helper, path.string(), options.ocr, options.ocr_languages};
  // One thread each: documents are parsed side by side already.
  run.environment = {"OMP_THREAD_LIMIT=1"};
  run.input = options.password;
  run.timeout = options.timeout;
  run.cpu_seconds = absl::ToInt64Seconds(options.timeout) + 5;
  run.memory_bytes = options.memory_mib << 20;
  run.output_bytes = kMostOutput;
  run.cancel = options.cancel;
  absl::Status unreadable;
  run.on_output = [&](absl::string_view piece) { return unreadable = reader.Add(piece); };
  const absl::StatusOr<SubprocessResult> end = RunSubprocess(run);
  if (!unreadable.ok()) {
    // Nothing that such a process wrote is to be believed.
    result.content.pages.clear();
    result.refusal = {"failed", "malformed", std::string(unreadable.message())};
    return result;
  }
  if (!end.ok()) return end.status();
  if (result.ok() && !(end->ok() && reader.done())) result.refusal = FromEnd(*end, options);
  if (result.refusal.reason == "too_large") result.content.pages.clear();
  Finish(options, &result);
  return result;
}

}  // namespace foundry::extraction
