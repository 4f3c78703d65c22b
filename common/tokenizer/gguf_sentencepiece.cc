#include "common/tokenizer/gguf_sentencepiece.h"

#include <algorithm>
#include <tuple>

#include "absl/container/flat_hash_map.h"
#include "absl/strings/string_view.h"
#include "common/tokenizer/unicode.h"

namespace foundry::tokenizer {
namespace {

constexpr char kBlank[] = "\u2581";

struct Candidate {
  double score;
  absl::string_view left, right;
  int64_t left_length, right_length;  // in characters
};

}  // namespace

Json MergesFromScores(const std::vector<std::string>& tokens, const std::vector<double>& scores) {
  absl::flat_hash_map<absl::string_view, size_t> ids;
  for (size_t i = 0; i < tokens.size(); ++i) ids.emplace(tokens[i], i);
  std::vector<Candidate> merges, local;
  for (size_t i = 0; i < tokens.size(); ++i) {
    const absl::string_view whole = tokens[i];
    if (!IsValidUtf8(whole)) continue;
    int64_t length = 0;
    for (size_t at = 0; at < whole.size(); at += CodePointLength(whole[at])) ++length;
    local.clear();
    int64_t cut = 0;
    for (size_t at = 0; at < whole.size(); at += CodePointLength(whole[at]), ++cut) {
      if (at == 0) continue;
      const absl::string_view left = whole.substr(0, at), right = whole.substr(at);
      if (ids.contains(left) && ids.contains(right)) {
        local.push_back({scores[i], left, right, cut, length - cut});
      }
    }
    std::sort(local.begin(), local.end(), [&](const Candidate& a, const Candidate& b) {
      return std::pair(ids[a.left], ids[a.right]) < std::pair(ids[b.left], ids[b.right]);
    });
    merges.insert(merges.end(), local.begin(), local.end());
  }
  std::stable_sort(merges.begin(), merges.end(), [](const Candidate& a, const Candidate& b) {
    return std::tie(a.score, a.left_length, a.right_length) >
           std::tie(b.score, b.left_length, b.right_length);
  });
  Json out = Json::array();
  for (const Candidate& merge : merges) {
    out.push_back({std::string(merge.left), std::string(merge.right)});
  }
  return out;
}

void DescribeSentencePiece(bool space_prefix, const std::string& unknown, Json* tokenizer) {
  const Json to_blank = {{"type", "Replace"}, {"pattern", {{"String", " "}}}, {"content", kBlank}};
  Json normalizers = Json::array(), decoders = Json::array();
  if (space_prefix) normalizers.push_back({{"type", "Prepend"}, {"prepend", kBlank}});
  normalizers.push_back(to_blank);
  decoders.push_back({{"type", "Replace"}, {"pattern", {{"String", kBlank}}}, {"content", " "}});
  decoders.push_back({{"type", "ByteFallback"}});
  decoders.push_back({{"type", "Fuse"}});
  if (space_prefix) {
    decoders.push_back({{"type", "Strip"}, {"content", " "}, {"start", 1}, {"stop", 0}});
  }
  (*tokenizer)["normalizer"] = {{"type", "Sequence"}, {"normalizers", std::move(normalizers)}};
  (*tokenizer)["pre_tokenizer"] = nullptr;
  (*tokenizer)["decoder"] = {{"type", "Sequence"}, {"decoders", std::move(decoders)}};
  Json& model = (*tokenizer)["model"];
  model["byte_fallback"] = true;
  model["fuse_unk"] = true;
  model["ignore_merges"] = false;
  if (!unknown.empty()) model["unk_token"] = unknown;
}

}  // namespace foundry::tokenizer
