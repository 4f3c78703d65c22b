#include "services/extraction/sources/result_builder.h"

#include "absl/strings/str_cat.h"
#include "services/extraction/sources/read_file.h"

namespace foundry::extraction {
namespace {

std::string Numbered(const std::string& name, int64_t row) {
  return row == 0 ? name : absl::StrCat(name, "#", row);
}

}  // namespace

bool ResultBuilder::Wants(int64_t row) const { return options_.Wants(Numbered(file_.name, row)); }

bool ResultBuilder::Full() const {
  return options_.most_documents > 0 &&
         static_cast<int64_t>(result_.documents.size()) >= options_.most_documents;
}

void ResultBuilder::Add(dataset::Document document, int64_t row) {
  document.id = DocumentId(file_.name, row);
  if (document.url.empty()) document.url = Numbered(file_.name, row);
  if (document.title.empty()) document.title = Numbered(file_.path.stem().string(), row);
  // The order of documents: source, file, row.
  document.metadata["source_index"] = file_.source;
  document.metadata["file"] = file_.name;
  if (row > 0) document.metadata["row"] = row;
  result_.documents.push_back(std::move(document));
}

void ResultBuilder::Refuse(int64_t row, const std::string& reason, const std::string& message,
                           const std::string& status) {
  if (row == 0) {
    Fail(status, reason, message);
    return;
  }
  filtered_ += status == "filtered";
  if (++refused_ > kMostRowOutcomes) return;
  dataset::Outcome outcome;
  outcome.source = Numbered(file_.path.string(), row);
  outcome.status = status;
  outcome.reason = reason;
  outcome.message = message;
  result_.outcomes.push_back(std::move(outcome));
}

void ResultBuilder::Fail(const std::string& status, const std::string& reason,
                         const std::string& message) {
  own_.status = status;
  own_.reason = reason;
  own_.message = message;
}

FileResult ResultBuilder::Finish(double seconds) {
  own_.source = file_.path.string();
  own_.documents = static_cast<int64_t>(result_.documents.size());
  own_.pages = result_.pages;
  own_.scanned_pages = result_.scanned_pages;
  own_.seconds = seconds;
  if (own_.status.empty()) {
    const bool none = own_.documents == 0 && refused_ > 0;
    own_.status = !none ? "ok" : filtered_ == refused_ ? "filtered" : "refused";
    if (refused_ > 0) {
      own_.reason = "rows_refused";
      own_.message = absl::StrCat(refused_, refused_ == 1 ? " row" : " rows", " gave no document");
    }
  } else if (own_.documents > 0) {
    absl::StrAppend(&own_.message, "; ",
                    own_.pages > 0 ? std::string("the text before that is kept")
                    : own_.documents == 1
                        ? std::string("the document before that is kept")
                        : absl::StrCat(own_.documents, " documents before that are kept"));
  }
  result_.outcomes.insert(result_.outcomes.begin(), own_);
  return std::move(result_);
}

}  // namespace foundry::extraction
