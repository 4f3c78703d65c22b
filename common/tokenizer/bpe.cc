#include <algorithm>
#include <array>
#include <queue>
#include <utility>

#include "absl/base/thread_annotations.h"
#include "absl/container/flat_hash_map.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/synchronization/mutex.h"
#include "common/base/status.h"
#include "common/tokenizer/model.h"
#include "common/tokenizer/unicode.h"

namespace foundry::tokenizer {
namespace {

struct Merge {
  int32_t rank;
  int32_t id;
};

uint64_t Pair(int32_t a, int32_t b) {
  return static_cast<uint64_t>(static_cast<uint32_t>(a)) << 32 | static_cast<uint32_t>(b);
}

// Words seen before. Natural text repeats its words, so most are merged once. Sharded by hash so
// that threads seldom wait for each other.
class WordCache {
 public:
  bool Find(absl::string_view word, std::vector<int32_t>* ids) {
    Shard& shard = ShardOf(word);
    absl::MutexLock lock(&shard.mutex);
    const auto it = shard.words.find(word);
    if (it == shard.words.end()) return false;
    ids->insert(ids->end(), it->second.begin(), it->second.end());
    return true;
  }

  void Put(absl::string_view word, const int32_t* begin, const int32_t* end) {
    Shard& shard = ShardOf(word);
    absl::MutexLock lock(&shard.mutex);
    if (shard.words.size() < kWordsPerShard) {
      shard.words.try_emplace(std::string(word), begin, end);
    }
  }

  static constexpr size_t kMaxWordBytes = 64;

 private:
  static constexpr size_t kShards = 16, kWordsPerShard = 8192;
  struct Shard {
    absl::Mutex mutex;
    absl::flat_hash_map<std::string, std::vector<int32_t>> words ABSL_GUARDED_BY(mutex);
  };
  Shard& ShardOf(absl::string_view word) {
    return shards_[absl::Hash<absl::string_view>()(word) >> 7 & (kShards - 1)];
  }
  std::array<Shard, kShards> shards_;
};

class Bpe : public WordModel {
 public:
  void Encode(absl::string_view word, std::vector<int32_t>* ids) const override {
    const bool cached = word.size() <= WordCache::kMaxWordBytes;
    if (cached && cache_.Find(word, ids)) return;
    const size_t start = ids->size();
    EncodeNew(word, ids);
    if (cached) cache_.Put(word, ids->data() + start, ids->data() + ids->size());
  }

  absl::Status Init(const Json& model, const std::vector<std::string>& tokens, bool byte_level);

 private:
  void EncodeNew(absl::string_view word, std::vector<int32_t>* ids) const {
    if (ignore_merges_) {
      if (const auto it = whole_.find(word); it != whole_.end()) {
        ids->push_back(it->second);
        return;
      }
    }
    std::vector<int32_t> symbols;
    Symbols(word, &symbols);
    if (symbols.size() <= kShortWord) {
      MergeShort(&symbols);
    } else {
      MergeLong(&symbols);
    }
    ids->insert(ids->end(), symbols.begin(), symbols.end());
  }

  // Where a word starts out: its bytes, or its characters.
  void Symbols(absl::string_view word, std::vector<int32_t>* symbols) const {
    if (byte_level_) {
      for (const char c : word) {
        const int32_t id = bytes_[static_cast<unsigned char>(c)];
        if (id >= 0) symbols->push_back(id);
      }
      return;
    }
    bool after_unknown = false;
    for (size_t i = 0; i < word.size();) {
      const size_t length = CodePointLength(word[i]);
      const absl::string_view character = word.substr(i, length);
      i += length;
      bool unknown = false;
      if (const auto it = whole_.find(character); it != whole_.end()) {
        symbols->push_back(it->second);
      } else if (byte_fallback_) {
        for (const char c : character) symbols->push_back(bytes_[static_cast<unsigned char>(c)]);
      } else if (unknown_ >= 0) {
        unknown = true;
        if (!after_unknown || !fuse_unknown_) symbols->push_back(unknown_);
      }
      after_unknown = unknown;
    }
  }

  const Merge* Find(int32_t a, int32_t b) const {
    const auto it = merges_.find(Pair(a, b));
    return it == merges_.end() ? nullptr : &it->second;
  }

  // The lowest rank first, the leftmost of equals: quadratic, and fastest for words.
  void MergeShort(std::vector<int32_t>* symbols) const {
    while (symbols->size() > 1) {
      const Merge* best = nullptr;
      size_t at = 0;
      for (size_t i = 0; i + 1 < symbols->size(); ++i) {
        const Merge* merge = Find((*symbols)[i], (*symbols)[i + 1]);
        if (merge != nullptr && (best == nullptr || merge->rank < best->rank)) {
          best = merge;
          at = i;
        }
      }
      if (best == nullptr) return;
      (*symbols)[at] = best->id;
      symbols->erase(symbols->begin() + static_cast<std::ptrdiff_t>(at) + 1);
    }
  }

  // The same order with a heap over a linked list: n log n, for text that isn't cut into words.
  void MergeLong(std::vector<int32_t>* symbols) const {
    struct Candidate {
      int32_t rank, left, a, b, id;
      bool operator<(const Candidate& o) const {
        return rank != o.rank ? rank > o.rank : left > o.left;
      }
    };
    std::vector<int32_t>& ids = *symbols;
    const auto n = static_cast<int32_t>(ids.size());
    std::vector<int32_t> next(n), previous(n);
    for (int32_t i = 0; i < n; ++i) {
      next[i] = i + 1;
      previous[i] = i - 1;
    }
    std::priority_queue<Candidate> heap;
    const auto propose = [&](int32_t left) {
      if (left < 0 || next[left] >= n) return;
      const int32_t a = ids[left], b = ids[next[left]];
      if (const Merge* merge = Find(a, b)) heap.push({merge->rank, left, a, b, merge->id});
    };
    for (int32_t i = 0; i + 1 < n; ++i) propose(i);
    while (!heap.empty()) {
      const Candidate top = heap.top();
      heap.pop();
      const int32_t right = next[top.left];
      if (ids[top.left] != top.a || right >= n || ids[right] != top.b) continue;  // outdated
      ids[top.left] = top.id;
      ids[right] = kGone;
      next[top.left] = next[right];
      if (next[right] < n) previous[next[right]] = top.left;
      propose(previous[top.left]);
      propose(top.left);
    }
    ids.erase(std::remove(ids.begin(), ids.end(), kGone), ids.end());
  }

  absl::Status ReadMerges(const Json& model, const std::vector<std::string>& tokens);

  static constexpr size_t kShortWord = 32;
  static constexpr int32_t kGone = -2;
  bool byte_level_ = false, byte_fallback_ = false, fuse_unknown_ = false, ignore_merges_ = false;
  int32_t unknown_ = -1;
  std::array<int32_t, 256> bytes_{};
  absl::flat_hash_map<std::string, int32_t> whole_;  // by bytes when byte_level_
  absl::flat_hash_map<uint64_t, Merge> merges_;
  mutable WordCache cache_;
};

absl::Status Bpe::ReadMerges(const Json& model, const std::vector<std::string>& tokens) {
  if (!model.contains("merges") || !model["merges"].is_array()) {
    return absl::InvalidArgumentError("model.merges is missing or no list");
  }
  absl::flat_hash_map<absl::string_view, int32_t> ids;
  for (size_t i = 0; i < tokens.size(); ++i) {
    if (!tokens[i].empty()) ids.emplace(tokens[i], static_cast<int32_t>(i));
  }
  merges_.reserve(model["merges"].size());
  int32_t rank = 0;
  std::string joined;
  for (const Json& merge : model["merges"]) {
    absl::string_view left, right;
    if (merge.is_array() && merge.size() == 2 && merge[0].is_string() && merge[1].is_string()) {
      left = merge[0].get_ref<const std::string&>();
      right = merge[1].get_ref<const std::string&>();
    } else if (merge.is_string()) {
      const absl::string_view text = merge.get_ref<const std::string&>();
      const size_t space = text.find(' ');
      left = text.substr(0, space);
      if (space != absl::string_view::npos) right = text.substr(space + 1);
    }
    joined.assign(left.data(), left.size()).append(right.data(), right.size());
    const auto a = ids.find(left), b = ids.find(right), c = ids.find(joined);
    if (a == ids.end() || b == ids.end() || c == ids.end()) {
      return absl::InvalidArgumentError(absl::StrCat("model.merges[", rank, "] ", DumpJson(merge),
                                                     ": a part or the whole is not in the "
                                                     "vocabulary"));
    }
    // A pair listed twice keeps its last rank, as in the tokenizers library.
    merges_[Pair(a->second, b->second)] = Merge{rank, c->second};
    ++rank;
  }
  return absl::OkStatus();
}

absl::Status Bpe::Init(const Json& model, const std::vector<std::string>& tokens, bool byte_level) {
  byte_level_ = byte_level;
  for (const char* affix : {"continuing_subword_prefix", "end_of_word_suffix"}) {
    if (model.contains(affix) && model[affix].is_string() &&
        !model[affix].get_ref<const std::string&>().empty()) {
      return absl::UnimplementedError(absl::StrCat("BPE with a ", affix, " is not supported"));
    }
  }
  FOUNDRY_ASSIGN_OR_RETURN(byte_fallback_, JsonBool(model, "byte_fallback", false));
  FOUNDRY_ASSIGN_OR_RETURN(fuse_unknown_, JsonBool(model, "fuse_unk", false));
  FOUNDRY_ASSIGN_OR_RETURN(ignore_merges_, JsonBool(model, "ignore_merges", false));
  FOUNDRY_RETURN_IF_ERROR(ReadMerges(model, tokens));
  for (size_t i = 0; i < tokens.size(); ++i) {
    if (tokens[i].empty()) continue;
    whole_.emplace(byte_level ? BytesOfToken(tokens[i]) : tokens[i], static_cast<int32_t>(i));
  }
  const auto id_of = [&](const std::string& token) {
    const auto it = whole_.find(token);
    return it == whole_.end() ? -1 : it->second;
  };
  for (int b = 0; b < 256; ++b) {
    bytes_[b] =
        id_of(byte_level ? std::string(1, static_cast<char>(b)) : absl::StrFormat("<0x%02X>", b));
    if (byte_fallback_ && !byte_level && bytes_[b] < 0) {
      return absl::InvalidArgumentError(
          absl::StrFormat("model.byte_fallback is set, but <0x%02X> is not in the vocabulary", b));
    }
  }
  FOUNDRY_ASSIGN_OR_RETURN(std::string unknown,
                           model.contains("unk_token") && !model["unk_token"].is_null()
                               ? JsonString(model, "unk_token")
                               : absl::StatusOr<std::string>(std::string()));
  if (!unknown.empty()) unknown_ = id_of(unknown);
  return absl::OkStatus();
}

}  // namespace

absl::StatusOr<std::unique_ptr<WordModel>> MakeBpe(const Json& model,
                                                   const std::vector<std::string>& tokens,
                                                   bool byte_level) {
  auto bpe = std::make_unique<Bpe>();
  FOUNDRY_RETURN_IF_ERROR(bpe->Init(model, tokens, byte_level));
  return bpe;
}

}  // namespace foundry::tokenizer
