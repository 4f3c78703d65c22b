#include "common/lm/generate/batch.h"

#include <algorithm>
#include <chrono>
#include <limits>

#include "common/base/status.h"
#include "common/lm/generate/prefix_plan.h"
#include "common/lm/generate/sampler.h"

namespace foundry::lm {
namespace {

constexpr int64_t kPrefillRows = 1024;   // prompt tokens of one forward pass, at most
constexpr int64_t kSharedTokens = 16;    // shorter common beginnings aren't worth a slot
constexpr int64_t kReserveTokens = 128;  // answers beyond grow their slot

int64_t OriginalContext(const ModelConfig& config) {
  return config.rope_scaling.kind == RopeScaling::Kind::kLongRope
             ? config.rope_scaling.original_max_positions
             : 0;
}

class Batch {
 public:
  // `beyond`: all prompts exceed LongRoPE's original context; else none does.
  Batch(Steps& model, const ModelConfig& config, bool beyond, const tokenizer::Tokenizer& tokenizer,
        const EndTokens& end, absl::Span<const GenerateRequest* const> requests,
        const GenerateOptions& options, size_t done)
      : model_(model),
        config_(config),
        limit_(OriginalContext(config)),
        beyond_(beyond),
        tokenizer_(tokenizer),
        end_(end),
        requests_(requests),
        options_(options),
        done_(done),
        results_(requests.size()) {}

  // Adds to `stats`, but for the time.
  absl::StatusOr<std::vector<GenerateResult>> Run(GenerateStats* stats) {
    std::vector<absl::Span<const int32_t>> prompts;
    for (const GenerateRequest* request : requests_) prompts.push_back(request->prompt);
    plan_ = PlanPrefixes(prompts, kSharedTokens);
    node_slots_.assign(plan_.nodes.size(), -1);
    while (next_ < requests_.size() || !active_.empty()) {
      FOUNDRY_RETURN_IF_ERROR(options_.cancel.Check());
      FOUNDRY_RETURN_IF_ERROR(Admit());
      Step();
    }
    stats->prompt_tokens += stats_.prompt_tokens;
    stats->generated_tokens += stats_.generated_tokens;
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
    int64_t length = 0;  // for CacheStep
    bool shares = true;  // the nodes of the plan
  };

  // Takes in waiting requests while there is room.
  absl::Status Admit() {
    const auto limit = static_cast<size_t>(std::max(1, options_.batch_size));
    while (active_.size() < limit && next_ < requests_.size()) {
      const size_t request = plan_.order[next_++];
      const GenerateRequest& r = *requests_[request];
      const int64_t node = plan_.leaf[request], covered = plan_.Covered(request);
      FOUNDRY_RETURN_IF_ERROR(Compute(node));
      Sequence sequence;
      sequence.request = request;
      sequence.length = known_length();
      sequence.feed.assign(r.prompt.begin() + covered, r.prompt.end());
      const auto own = static_cast<int64_t>(sequence.feed.size());
      stats_.prompt_tokens += own;
      sequence.slot = model_.Add(node < 0 ? -1 : node_slots_[node],
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
    const absl::Span<const int32_t> prompt = requests_[prefix.request]->prompt;
    const int64_t slot =
        model_.Add(prefix.parent < 0 ? -1 : node_slots_[prefix.parent], prefix.end - prefix.begin);
    for (int64_t at = prefix.begin; at < prefix.end; at += kPrefillRows) {
      FOUNDRY_RETURN_IF_ERROR(options_.cancel.Check());
      const CacheStep step = {slot, std::min(kPrefillRows, prefix.end - at), known_length()};
      model_.Run(prompt.subspan(at, step.count), {&step, 1});
    }
    stats_.prompt_tokens += prefix.end - prefix.begin;
    node_slots_[node] = slot;
    return absl::OkStatus();
  }

  // One user of a shared beginning is done.
  void Release(int64_t node) {
    while (node >= 0 && --plan_.nodes[node].users == 0) {
      model_.Remove(node_slots_[node]);
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
      steps.push_back({s.slot, count, s.length});
      s.fed += static_cast<size_t>(count);
      if (s.fed < s.feed.size()) continue;
      last_rows.push_back(static_cast<int64_t>(ids.size()) - 1);
      ready.push_back(i);
    }
    model_.Run(ids, steps);
    if (ready.empty()) return;
    Choose(ready, last_rows);
    const auto gone = std::remove_if(active_.begin(), active_.end(),
                                     [](const Sequence& s) { return s.slot < 0; });
    const bool finished = gone != active_.end();
    active_.erase(gone, active_.end());
    if (finished && options_.on_progress) options_.on_progress(done_);
  }

  // The next token of each `ready` sequence, which its row of the last pass decides.
  void Choose(const std::vector<size_t>& ready, const std::vector<int64_t>& rows) {
    std::vector<size_t> greedy, others;
    std::vector<int64_t> greedy_rows, other_rows;
    for (size_t i = 0; i < ready.size(); ++i) {
      const GenerateRequest& request = *requests_[active_[ready[i]].request];
      const bool plain = request.temperature <= 0 && request.repetition_penalty == 1.0;
      (plain ? greedy : others).push_back(ready[i]);
      (plain ? greedy_rows : other_rows).push_back(rows[i]);
    }
    if (!greedy.empty()) {
      const std::vector<SampledToken> tokens = model_.Greedy(greedy_rows);
      for (size_t i = 0; i < greedy.size(); ++i) {
        Sequence& s = active_[greedy[i]];
        if (IsEnd(tokens[i].id) && TooEarly(s)) {
          others.push_back(greedy[i]);
          other_rows.push_back(greedy_rows[i]);
        } else {
          Take(&s, tokens[i]);
        }
      }
    }
    if (others.empty()) return;
    const std::vector<absl::Span<const float>> logits = model_.Logits(other_rows);
    for (size_t i = 0; i < others.size(); ++i) {
      Sequence& s = active_[others[i]];
      absl::Span<const float> row = logits[i];
      std::vector<float> without_end;
      if (TooEarly(s)) {
        without_end.assign(row.begin(), row.end());
        for (const int32_t id : end_.ids) {
          without_end[id] = -std::numeric_limits<float>::infinity();
        }
        row = without_end;
      }
      Take(&s, SampleToken(row, *requests_[s.request], s.ids));
    }
  }

  bool IsEnd(int32_t id) const {
    return std::find(end_.ids.begin(), end_.ids.end(), id) != end_.ids.end();
  }
  bool TooEarly(const Sequence& s) const {
    return static_cast<int>(s.ids.size()) < requests_[s.request]->min_new_tokens;
  }

  // Adds the next token of a sequence, and ends the sequence where that ends it.
  void Take(Sequence* s, const SampledToken& token) {
    using Finish = GenerateResult::Finish;
    const GenerateRequest& request = *requests_[s->request];
    s->logprob += token.logprob;
    ++stats_.generated_tokens;
    if (IsEnd(token.id)) return End(s, Finish::kEndOfTurn, 1);
    s->ids.push_back(token.id);
    if (!request.stop.empty() && Stopped(*s)) return End(s, Finish::kStop, 0);
    const auto length = static_cast<int64_t>(request.prompt.size() + s->ids.size());
    if (static_cast<int>(s->ids.size()) >= request.max_new_tokens ||
        length >= config_.max_positions) {
      return End(s, Finish::kLength, 0);
    }
    s->feed.assign(1, token.id);
    s->fed = 0;
    if (limit_ > 0 && s->length == 0 && length > limit_) StartAgain(s);
  }

  // Length to tell the model while a prompt is computed in parts.
  int64_t known_length() const { return beyond_ ? limit_ + 1 : 0; }

  // The sequence has outgrown the original context: nothing that the cache holds of it is right.
  void StartAgain(Sequence* s) {
    const GenerateRequest& request = *requests_[s->request];
    s->length = limit_ + 1;
    s->feed = request.prompt;
    s->feed.insert(s->feed.end(), s->ids.begin(), s->ids.end());
    model_.Remove(s->slot);
    Release(plan_.leaf[s->request]);
    s->shares = false;
    s->slot = model_.Add(-1, static_cast<int64_t>(s->feed.size()) + kReserveTokens);
  }

  size_t StopAt(const Sequence& s, const std::string& text) const {
    size_t at = std::string::npos;
    for (const std::string& stop : requests_[s.request]->stop) at = std::min(at, text.find(stop));
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
    model_.Remove(s->slot);
    if (s->shares) Release(plan_.leaf[s->request]);
    s->slot = -1;
    ++done_;
  }

  Steps& model_;
  const ModelConfig& config_;
  const int64_t limit_;  // tokens of LongRoPE's original context; 0: the model has none
  const bool beyond_;
  const tokenizer::Tokenizer& tokenizer_;
  const EndTokens& end_;
  absl::Span<const GenerateRequest* const> requests_;
  const GenerateOptions& options_;
  PrefixPlan plan_;
  std::vector<int64_t> node_slots_;  // by node; -1: not computed
  std::vector<Sequence> active_;
  size_t next_ = 0;  // in plan_.order
  size_t done_;      // finished requests
  std::vector<GenerateResult> results_;
  GenerateStats stats_;
};

}  // namespace

absl::StatusOr<std::vector<GenerateResult>> GenerateBatch(
    Steps& model, const ModelConfig& config, const tokenizer::Tokenizer& tokenizer,
    const EndTokens& end, absl::Span<const GenerateRequest> requests,
    const GenerateOptions& options) {
  const auto start = std::chrono::steady_clock::now();
  const int64_t limit = OriginalContext(config);
  std::vector<GenerateResult> results(requests.size());
  GenerateStats stats;
  size_t done = 0;
  for (const bool beyond : {false, true}) {
    std::vector<size_t> chosen;
    std::vector<const GenerateRequest*> part;
    for (size_t i = 0; i < requests.size(); ++i) {
      const auto length = static_cast<int64_t>(requests[i].prompt.size());
      if ((limit > 0 && length > limit) != beyond) continue;
      chosen.push_back(i);
      part.push_back(&requests[i]);
    }
    if (part.empty()) continue;
    Batch batch(model, config, beyond, tokenizer, end, part, options, done);
    FOUNDRY_ASSIGN_OR_RETURN(std::vector<GenerateResult> found, batch.Run(&stats));
    for (size_t i = 0; i < chosen.size(); ++i) results[chosen[i]] = std::move(found[i]);
    done += chosen.size();
  }
  stats.seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
  if (options.stats != nullptr) *options.stats = stats;
  return results;
}

}  // namespace foundry::lm
