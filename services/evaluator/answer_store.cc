#include "services/evaluator/answer_store.h"

#include "absl/strings/str_cat.h"
#include "common/base/files.h"
#include "common/base/json.h"
#include "common/base/status.h"

namespace foundry::evaluator {

absl::StatusOr<AnswerStore> AnswerStore::Open(const std::filesystem::path& file,
                                              absl::string_view identity) {
  AnswerStore store;
  store.file_ = file;
  FOUNDRY_RETURN_IF_ERROR(MakeFolders(file.parent_path()));
  const std::string header = DumpJson({{"identity", std::string(identity)}});
  std::string kept = header + "\n";
  {
    std::ifstream in(file);
    std::string line;
    const bool same = std::getline(in, line) && line == header;
    while (same && std::getline(in, line)) {
      const absl::StatusOr<Json> json = ParseJson(line, file.string());
      if (!json.ok() || !json->is_object() || !json->contains("key")) continue;
      StoredAnswer answer;
      answer.text = json->value("text", "");
      answer.tokens = json->value("tokens", int64_t{0});
      answer.truncated = json->value("truncated", false);
      store.answers_[json->value("key", "")] = std::move(answer);
      absl::StrAppend(&kept, line, "\n");
    }
  }
  FOUNDRY_RETURN_IF_ERROR(WriteFileAtomic(file, kept));
  store.out_.open(file, std::ios::app);
  if (!store.out_) return absl::UnavailableError(absl::StrCat(file.string(), ": cannot write"));
  return store;
}

const StoredAnswer* AnswerStore::Find(const std::string& key) const {
  const auto it = answers_.find(key);
  return it == answers_.end() ? nullptr : &it->second;
}

void AnswerStore::Add(const std::string& key, const StoredAnswer& answer) {
  out_ << DumpJson({{"key", key},
                    {"text", answer.text},
                    {"tokens", answer.tokens},
                    {"truncated", answer.truncated}})
       << "\n";
  answers_[key] = answer;
}

absl::Status AnswerStore::Flush() {
  out_.flush();
  if (!out_) return absl::ResourceExhaustedError(absl::StrCat(file_.string(), ": cannot write"));
  return absl::OkStatus();
}

}  // namespace foundry::evaluator
