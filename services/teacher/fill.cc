// Filling the empty targets of handed-in pairs.
#include <algorithm>
#include <set>

#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"
#include "common/base/status.h"
#include "common/dataset/io.h"
#include "services/teacher/filters.h"
#include "services/teacher/generate.h"
#include "services/teacher/parse_reply.h"
#include "services/teacher/prompts.h"

namespace foundry::teacher {
namespace {

bool Empty(const dataset::Pair& pair) { return absl::StripAsciiWhitespace(pair.target).empty(); }

std::string KeyOf(const dataset::Pair& pair) {
  return absl::StrCat(pair.source.document, "\n", pair.input);
}

// One member's answers to `open`; an attempt without a usable answer leaves its place empty.
absl::StatusOr<std::vector<std::string>> Answers(const std::vector<dataset::Pair>& open,
                                                 const chat::Member& member,
                                                 const TeacherOptions& options, const Hooks& hooks,
                                                 Counts& counts, absl::Status& failure) {
  std::vector<std::string> answers(open.size());
  const size_t batch = static_cast<size_t>(std::max(1, options.batch_size));
  for (size_t begin = 0; begin < open.size(); begin += batch) {
    FOUNDRY_RETURN_IF_ERROR(hooks.cancel.Check());
    std::vector<size_t> places;
    for (size_t i = begin; i < std::min(open.size(), begin + batch); ++i) places.push_back(i);
    for (int attempt = 1; attempt <= options.max_attempts && !places.empty(); ++attempt) {
      std::vector<chat::ChatRequest> requests;
      for (const size_t i : places) {
        chat::ChatRequest request = AnswerPrompt(open[i].input, open[i].source.passage);
        request.temperature = attempt == 1 ? member.temperature : std::max(0.5, member.temperature);
        request.seed = options.seed * 1000003 + i * 31 + static_cast<uint64_t>(attempt);
        requests.push_back(std::move(request));
      }
      chat::CompleteOptions complete;
      complete.cancel = hooks.cancel;
      FOUNDRY_ASSIGN_OR_RETURN(const auto replies, member.model->Complete(requests, complete));
      std::vector<size_t> again;
      for (size_t k = 0; k < places.size(); ++k) {
        if (!replies[k].ok()) {
          ++counts["failed_requests"];
          if (failure.ok()) failure = replies[k].status();
          continue;
        }
        counts["cut_replies"] += replies[k]->truncated;
        answers[places[k]] = ParseAnswer(replies[k]->text, replies[k]->truncated);
        if (answers[places[k]].empty()) again.push_back(places[k]);
      }
      places = std::move(again);
    }
    counts["unparsed_replies"] += static_cast<int64_t>(places.size());
    if (hooks.on_progress) {
      hooks.on_progress(static_cast<double>(std::min(open.size(), begin + batch)),
                        static_cast<double>(open.size()),
                        absl::StrCat("targets written by ", member.model->name()));
    }
  }
  return answers;
}

}  // namespace

absl::StatusOr<Generated> FillTargets(std::vector<dataset::Pair> pairs,
                                      const TeacherOptions& options, const Teachers& teachers,
                                      const Hooks& hooks) {
  Generated out;
  std::vector<dataset::Pair> open;
  for (dataset::Pair& pair : pairs) (Empty(pair) ? open : out.pairs).push_back(std::move(pair));
  out.counts["targets_given"] = static_cast<int64_t>(out.pairs.size());
  if (!open.empty()) {
    if (teachers.chat.empty()) {
      return absl::FailedPreconditionError(absl::StrCat(
          open.size(),
          " pairs have no target and no teacher can write one: add a local model or an "
          "endpoint under models.teachers"));
    }
    absl::Status failure;
    std::set<std::string> filled;
    for (const chat::Member& member : teachers.chat) {
      FOUNDRY_RETURN_IF_ERROR(member.model->Check(hooks.cancel));
      FOUNDRY_ASSIGN_OR_RETURN(const std::vector<std::string> answers,
                               Answers(open, member, options, hooks, out.counts, failure));
      std::vector<dataset::Pair> written;
      for (size_t i = 0; i < open.size(); ++i) {
        if (answers[i].empty()) continue;
        dataset::Pair pair = open[i];
        pair.id.clear();
        pair.target = answers[i];
        pair.teacher = member.model->name();
        pair.weight *= member.weight;
        written.push_back(std::move(pair));
      }
      FOUNDRY_RETURN_IF_ERROR(
          FilterSupported(options.min_score, teachers.embed, written, out.counts));
      for (dataset::Pair& pair : written) {
        filled.insert(KeyOf(pair));
        out.pairs.push_back(std::move(pair));
      }
    }
    const int64_t count = std::count_if(open.begin(), open.end(), [&](const dataset::Pair& pair) {
      return filled.count(KeyOf(pair)) > 0;
    });
    out.counts["targets_filled"] = count;
    if (const int64_t unfilled = static_cast<int64_t>(open.size()) - count; unfilled > 0) {
      out.counts["unfilled"] = unfilled;
      out.warnings.push_back(absl::StrCat(
          unfilled, " pairs without a target were left out: no teacher gave a supported answer",
          failure.ok() ? "" : absl::StrCat("; a request failed with: ", failure.message())));
    }
  }
  if (out.pairs.empty()) {
    return absl::FailedPreconditionError("no pair has a target after asking the teachers");
  }
  dataset::AssignIds(out.pairs);
  const bool split_given = std::any_of(out.pairs.begin(), out.pairs.end(), [](const auto& pair) {
    return pair.split == "dev" || pair.split == "test";
  });
  if (!split_given) dataset::AssignSplits(out.pairs);
  out.counts["pairs"] = static_cast<int64_t>(out.pairs.size());
  return out;
}

}  // namespace foundry::teacher
