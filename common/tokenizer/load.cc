#include <system_error>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "common/base/files.h"
#include "common/base/status.h"
#include "common/tokenizer/fast_tokenizer.h"
#include "common/tokenizer/gguf_vocabulary.h"
#include "common/tokenizer/sources.h"

namespace foundry::tokenizer {
namespace fs = std::filesystem;

fs::path FindGguf(const fs::path& path) {
  std::error_code error;
  if (fs::is_regular_file(path, error)) return path;
  if (fs::is_regular_file(path / "tokenizer.json", error)) return {};
  if (fs::is_regular_file(path / "model.gguf", error)) return path / "model.gguf";
  return {};
}

namespace {

absl::StatusOr<std::shared_ptr<const Tokenizer>> LoadGguf(const fs::path& path) {
  FOUNDRY_ASSIGN_OR_RETURN(auto gguf, lm::Gguf::Open(path));
  FOUNDRY_ASSIGN_OR_RETURN(HuggingFaceTokenizer described, DescribeVocabulary(*gguf));
  Json names = Json::object();
  for (const char* role : {"bos_token", "eos_token", "unk_token", "pad_token"}) {
    if (described.config.contains(role)) names[role] = described.config[role];
  }
  TokenizerFiles files = {{"tokenizer.json", DumpJson(described.tokenizer, 1)},
                          {"tokenizer_config.json", DumpJson(described.config, 1)},
                          {"special_tokens_map.json", DumpJson(names, 1)}};
  return FastTokenizer::Make(described.tokenizer, described.config, std::move(files));
}

absl::StatusOr<std::shared_ptr<const Tokenizer>> LoadFolder(const fs::path& folder) {
  TokenizerFiles files;
  Json tokenizer, config;
  for (const char* name : {"tokenizer.json", "tokenizer_config.json", "special_tokens_map.json",
                           "chat_template.jinja"}) {
    absl::StatusOr<std::string> content = ReadFile(folder / name);
    if (absl::IsNotFound(content.status()) && name != absl::string_view("tokenizer.json")) continue;
    if (!content.ok()) {
      return Annotate(content.status(), absl::StrCat(folder.string(), ": no tokenizer"));
    }
    files.emplace_back(name, *std::move(content));
  }
  for (const auto& [name, content] : files) {
    Json* into = name == "tokenizer.json"          ? &tokenizer
                 : name == "tokenizer_config.json" ? &config
                                                   : nullptr;
    if (into == nullptr) continue;
    FOUNDRY_ASSIGN_OR_RETURN(*into, ParseJson(content, (folder / name).string()));
  }
  return FastTokenizer::Make(tokenizer, config, std::move(files));
}

}  // namespace

absl::StatusOr<std::shared_ptr<const Tokenizer>> Tokenizer::Load(const fs::path& path) {
  const fs::path gguf = FindGguf(path);
  auto tokenizer = gguf.empty() ? LoadFolder(path) : LoadGguf(gguf);
  if (tokenizer.ok()) return tokenizer;
  const std::string where = (gguf.empty() ? path / "tokenizer.json" : gguf).string();
  if (absl::StrContains(tokenizer.status().message(), path.string())) return tokenizer.status();
  return Annotate(tokenizer.status(), where);
}

}  // namespace foundry::tokenizer
