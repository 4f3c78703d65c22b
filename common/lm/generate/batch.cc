#include "common/lm/generate/batch.h"

#include <algorithm>
#include <chrono>

#include "common/base/status.h"
#include "common/lm/generate/prefix_plan.h"
#include "common/lm/generate/sampler.h"
#include "common/lm/model/kv_cache.h"

namespace foundry::lm {
namespace {

constexpr int64_t kPrefillRows = 1024;   // prompt tokens of one forward pass, at most
constexpr int64_t kSharedTokens = 16;    // shorter common beginnings aren't worth a slot
constexpr int64_t kReserveTokens = 128;  // answers beyond grow their slot

class Batch {
 public:
  Batch(const Decoder& decoder, const tokenizer::Tokenizer& tokenizer, const EndTokens& end,
        absl::Span<const GenerateRequest> requests, const GenerateOptions& options)
      : decoder_(decoder),
        tokenizer_(tokenizer),
        end_(end),
        requests_(requests),
        options_(options),
        cache_(decoder.config(), decoder.device()),
        results_(requests.size()) {}

  absl::StatusOr<std::vector<GenerateResult>> Run() {
    const auto start = std::chrono::steady_clock::now();
    std::vector<absl::Span<const int32_t>> prompts;
    for (const GenerateRequest& request : requests_) prompts.push_back(request.prompt);
    plan_ = PlanPrefixes(prompts, kSharedTokens);
    node_slots_.assign(plan_.nodes.size(), -1);
    while (next_ < requests_.size() || !active_.empty()) {
      FOUNDRY_RETURN_IF_ERROR(options_.cancel.Check());
      FOUNDRY_RETURN_IF_ERROR(Admit());
      Step();
    }
    stats_.seconds =
        std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
    if (options_.stats != nullptr) *options_.stats = stats_;
    return std::move(results_);
  }

 private:
  struct Sequence {
    size_t request = 0;
    int64_t slot = 0;
    std::vector<int32_t> feed;  // tokens that the cache doesn't hold yet
    size_t fed = 0;
    std::vector<int32_t> ids;  // generated
    double logprob = 0;
  };

  // Takes in waiting requests while there is room.
  absl::Status Admit() {
    const auto limit = static_cast<size_t>(std::max(1, options_.batch_size));
    while (active_.size() < limit && next_ < requests_.size()) {
      const size_t request = plan_.order[next_++];
      const GenerateRequest& r = requests_[request];
      const int64_t node = plan_.leaf[request], covered = plan_.Covered(request);
      FOUNDRY_RETURN_IF_ERROR(Compute(node));
      Sequence sequence;
      sequence.request = request;
      sequence.feed.assign(r.prompt.begin() + covered, r.prompt.end());
      const auto own = static_cast<int64_t>(sequence.feed.size());
      stats_.prompt_tokens += own;
      sequence.slot = cache_.Add(node < 0 ? -1 : node_slots_[node],
                                 own + std::min<int64_t>(r.max_new_tokens, kReserveTokens));
      active_.push_back(std::move(sequence));
    }
    return absl::OkStatus();
  }

  // Fills the cache with a shared beginning and those above it.
  absl::Status Compute(int64_t node) {
    if (node < 0 || node_slots_[node] >= 0) return absl::OkStatus();
    const PrefixNode& prefix = plan_.nodes[node];
    FOUNDRY_RETURN_IF_ERROR(Compute(prefix.parent));
    const absl::Span<const int32_t> prompt = requests_[prefix.request].prompt;
    const int64_t slot =
        cache_.Add(prefix.parent < 0 ? -1 : node_slots_[prefix.parent], prefix.end - prefix.begin);
    for (int64_t at = prefix.begin; at < prefix.end; at += kPrefillRows) {
      FOUNDRY_RETURN_IF_ERROR(options_.cancel.Check());
      const CacheStep step = {slot, std::min(kPrefillRows, prefix.end - at)};
      decoder_.Forward(prompt.subspan(at, step.count), {&step, 1}, cache_);
    }
    stats_.prompt_tokens += prefix.end - prefix.begin;
    node_slots_[node] = slot;
    return absl::OkStatus();
  }

  // One user of a shared beginning is done.
  void Release(int64_t node) {
    while (node >= 0 && --plan_.nodes[node].users == 0) {
      cache_.Remove(node_slots_[node]);
      node = plan_.nodes[node].parent;
    }
  }

  // One forward pass: a token of every sequence in generation, and as much of the prompts of new
  // ones as fits.
  void Step() {
    std::vector<int32_t> ids;
    std::vector<CacheStep> steps;
    std::vector<int64_t> last_rows;
    std::vector<size_t> ready;  // sequences whose next token this pass decides
    int64_t room = kPrefillRows;
    for (size_t i = 0; i < active_.size(); ++i) {
      Sequence& s = active_[i];
      const auto left = static_cast<int64_t>(s.feed.size() - s.fed);
      const int64_t count = left == 1 ? 1 : std::min(left, room);
      if (count == 0) continue;
      if (count > 1) room -= count;
      const auto begin = s.feed.begin() + static_cast<std::ptrdiff_t>(s.fed);
      ids.insert(ids.end(), begin, begin + count);
      steps.push_back({s.slot, count});
      s.fed += static_cast<size_t>(count);
      if (s.fed < s.feed.size()) continue;
      last_rows.push_back(static_cast<int64_t>(ids.size()) - 1);
      ready.push_back(i);
    }
    at::Tensor hidden = decoder_.Forward(ids, steps, cache_);
    if (ready.empty()) return;
    if (last_rows.size() < ids.size()) {
      hidden = hidden.index_select(
          0, at::tensor(last_rows, at::TensorOptions(at::kLong)).to(hidden.device()));
    }
    const at::Tensor logits = decoder_.Logits(hidden).to(at::kCPU, at::kFloat).contiguous();
    const auto width = static_cast<size_t>(logits.size(1));
    const float* row = logits.const_data_ptr<float>();
    for (const size_t i : ready) {
      Take(&active_[i], absl::MakeConstSpan(row, width));
      row += width;
    }
    const auto gone = std::remove_if(active_.begin(), active_.end(),
                                     [](const Sequence& s) { return s.slot < 0; });
    const bool finished = gone != active_.end();
    active_.erase(gone, active_.end());
    if (finished && options_.on_progress) options_.on_progress(done_);
  }

  // Adds the next token of a sequence, and ends the sequence where that ends it.
  void Take(Sequence* s, absl::Span<const float> logits) {
    using Finish = GenerateResult::Finish;
    const GenerateRequest& request = requests_[s->request];
    const SampledToken token = SampleToken(logits, request, s->ids);
    s->logprob += token.logprob;
    ++stats_.generated_tokens;
    if (std::find(end_.ids.begin(), end_.ids.end(), token.id) != end_.ids.end()) {
      return End(s, Finish::kEndOfTurn, 1);
    }
    s->ids.push_back(token.id);
    if (!request.stop.empty() && Stopped(*s)) return End(s, Finish::kStop, 0);
    const auto length = static_cast<int64_t>(request.prompt.size() + s->ids.size());
    if (static_cast<int>(s->ids.size()) >= request.max_new_tokens ||
        length >= decoder_.config().max_positions) {
      return End(s, Finish::kLength, 0);
    }
    s->feed.assign(1, token.id);
    s->fed = 0;
  }

  size_t StopAt(const Sequence& s, const std::string& text) const {
    size_t at = std::string::npos;
    for (const std::string& stop : requests_[s.request].stop) at = std::min(at, text.find(stop));
    return at;
  }
  bool Stopped(const Sequence& s) const {
    return StopAt(s, tokenizer_.Decode(s.ids)) != std::string::npos;
  }

  // `more`: chosen tokens that aren't among the ids.
  void End(Sequence* s, GenerateResult::Finish finish, size_t more) {
    GenerateResult& result = results_[s->request];
    const size_t chosen = s->ids.size() + more;
    result.finish = finish;
    result.mean_logprob = chosen == 0 ? 0 : s->logprob / static_cast<double>(chosen);
    result.text = tokenizer_.Decode(s->ids);
    if (finish == GenerateResult::Finish::kStop) {
      result.text.resize(StopAt(*s, result.text));
      // Tokens that only spell the stop string go with it.
      while (!s->ids.empty()) {
        const absl::Span<const int32_t> shorter(s->ids.data(), s->ids.size() - 1);
        if (tokenizer_.Decode(shorter).size() < result.text.size()) break;
        s->ids.pop_back();
      }
    }
    result.ids = std::move(s->ids);
    cache_.Remove(s->slot);
    Release(plan_.leaf[s->request]);
    s->slot = -1;
    ++done_;
  }

  const Decoder& decoder_;
  const tokenizer::Tokenizer& tokenizer_;
  const EndTokens& end_;
  absl::Span<const GenerateRequest> requests_;
  const GenerateOptions& options_;
  KvCache cache_;
  PrefixPlan plan_;
  std::vector<int64_t> node_slots_;  // by node; -1: not computed
  std::vector<Sequence> active_;
  size_t next_ = 0, done_ = 0;  // in plan_.order; finished requests
  std::vector<GenerateResult> results_;
  GenerateStats stats_;
};

}  // namespace

absl::StatusOr<std::vector<GenerateResult>> GenerateBatch(
    const Decoder& decoder, const tokenizer::Tokenizer& tokenizer, const EndTokens& end,
    absl::Span<const GenerateRequest> requests, const GenerateOptions& options) {
  return Batch(decoder, tokenizer, end, requests, options).Run();
}

}  // namespace foundry::lm
