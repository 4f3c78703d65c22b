#include "services/teacher/generate.h"

#include <algorithm>
#include <map>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "common/base/hash.h"
#include "common/base/status.h"
#include "common/dataset/io.h"
#include "common/text/structure.h"
#include "services/teacher/chat_teacher.h"
#include "services/teacher/extractive/extractive.h"
#include "services/teacher/filters.h"

namespace foundry::teacher {
namespace {

uint64_t HashOf(const std::string& text) {
  uint64_t value = 0;
  (void)absl::SimpleHexAtoi(Sha256Hex(text).substr(0, 16), &value);
  return value;
}

// Documents whose pairs are few are not cut before those whose pairs are many.
void CutEvenly(size_t most, std::vector<dataset::Pair>& pairs) {
  if (most == 0 || pairs.size() <= most) return;
  std::map<std::string, size_t> place;
  std::vector<std::pair<size_t, size_t>> order;  // turn within its document, position
  for (size_t i = 0; i < pairs.size(); ++i)
    order.emplace_back(place[pairs[i].source.document]++, i);
  std::sort(order.begin(), order.end());
  order.resize(most);
  std::sort(order.begin(), order.end(),
            [](const auto& a, const auto& b) { return a.second < b.second; });
  std::vector<dataset::Pair> kept;
  for (const auto& [turn, i] : order) kept.push_back(std::move(pairs[i]));
  pairs = std::move(kept);
}

void CountByTeacher(const std::vector<dataset::Pair>& pairs, Counts& counts) {
  counts["pairs"] = static_cast<int64_t>(pairs.size());
  for (const dataset::Pair& pair : pairs) {
    ++counts[absl::StrCat("pairs_", pair.split)];
    if (!pair.type.empty()) ++counts[absl::StrCat("type_", pair.type)];
  }
}

void FillSpans(dataset::Document& document) {
  if (document.sentences.empty() || document.paragraphs.empty()) {
    text::FillStructure(text::DetectHeadings(document.text), &document);
  }
}

}  // namespace

std::vector<dataset::Document> ShardOf(std::vector<dataset::Document> documents, int index,
                                       int count) {
  if (count <= 1) return documents;
  std::vector<dataset::Document> mine;
  for (dataset::Document& document : documents) {
    if (HashOf(document.id) % static_cast<uint64_t>(count) == static_cast<uint64_t>(index)) {
      mine.push_back(std::move(document));
    }
  }
  return mine;
}

absl::StatusOr<Generated> GeneratePairs(std::vector<dataset::Document> documents,
                                        const TeacherOptions& options, const Teachers& teachers,
                                        const Hooks& hooks) {
  Generated out;
  if (documents.empty()) return out;  // a shard may be empty; joining judges the whole
  if (!teachers.extractive && teachers.chat.empty()) {
    return absl::FailedPreconditionError("no teacher: name one under models.teachers");
  }
  for (const chat::Member& member : teachers.chat) {
    FOUNDRY_RETURN_IF_ERROR(member.model->Check(hooks.cancel));
  }
  size_t without_text = 0;
  for (dataset::Document& document : documents) {
    FillSpans(document);
    without_text += document.sentences.empty();
  }
  if (without_text > 0) out.counts["documents_without_text"] = static_cast<int64_t>(without_text);
  if (teachers.extractive) {
    extractive::ExtractiveOptions extract;
    extract.pairs_per_document = options.pairs_per_document;
    extract.question_types = options.question_types;
    extract.levels = options.levels;
    extract.seed = options.seed;
    for (size_t i = 0; i < documents.size(); ++i) {
      FOUNDRY_RETURN_IF_ERROR(hooks.cancel.Check());
      for (dataset::Pair& pair : extractive::ExtractPairs(documents[i], extract)) {
        pair.weight = teachers.extractive_weight;
        out.pairs.push_back(std::move(pair));
      }
      if (hooks.on_progress) {
        hooks.on_progress(static_cast<double>(i + 1), static_cast<double>(documents.size()),
                          "documents read by the extractive teacher");
      }
    }
  }
  if (!teachers.chat.empty()) {
    FOUNDRY_ASSIGN_OR_RETURN(Generated chat, AskChatTeachers(documents, options, teachers, hooks));
    for (dataset::Pair& pair : chat.pairs) out.pairs.push_back(std::move(pair));
    for (const auto& [name, value] : chat.counts) out.counts[name] += value;
    for (std::string& warning : chat.warnings) out.warnings.push_back(std::move(warning));
  }
  FOUNDRY_RETURN_IF_ERROR(
      FilterSupported(options.min_score, teachers.embed, out.pairs, out.counts));
  FOUNDRY_RETURN_IF_ERROR(FilterDuplicates(teachers.embed, out.pairs, out.counts));
  CutEvenly(static_cast<size_t>(options.max_samples), out.pairs);
  dataset::AssignIds(out.pairs);
  dataset::AssignSplits(out.pairs);
  if (const int64_t lost = out.counts["unparsed_replies"]; lost > 0) {
    out.warnings.push_back(absl::StrCat(lost,
                                        " replies could not be read as questions and answers, "
                                        "after ",
                                        options.max_attempts, " attempts each"));
  }
  CountByTeacher(out.pairs, out.counts);
  out.counts["documents"] = static_cast<int64_t>(documents.size());
  if (out.pairs.empty() && without_text < documents.size()) {
    return absl::FailedPreconditionError(
        absl::StrCat("no pair came out of ", documents.size(),
                     " documents: ", out.counts["unparsed_replies"], " replies unreadable, ",
                     out.counts["unsupported"], " answers unsupported, ", out.counts["malformed"],
                     " malformed; lower teacher.min_score, widen question_types and "
                     "levels, or name another teacher"));
  }
  return out;
}

absl::StatusOr<Generated> JoinPairs(std::vector<dataset::Pair> pairs, const TeacherOptions& options,
                                    const EmbedFunction& embed) {
  Generated out;
  out.pairs = std::move(pairs);
  // Counted beside what the shards have dropped, not instead of it.
  Counts dropped;
  FOUNDRY_RETURN_IF_ERROR(FilterDuplicates(embed, out.pairs, dropped));
  for (const auto& [name, count] : dropped)
    out.counts[absl::StrCat(name, "_between_shards")] = count;
  CutEvenly(static_cast<size_t>(options.max_samples), out.pairs);
  if (out.pairs.empty()) {
    return absl::FailedPreconditionError(
        "the teachers made no pairs: are there documents with text? See the extraction's outcomes");
  }
  dataset::AssignIds(out.pairs);
  dataset::AssignSplits(out.pairs);
  CountByTeacher(out.pairs, out.counts);
  return out;
}

absl::Status WritePairs(const std::filesystem::path& folder,
                        const std::vector<dataset::Pair>& pairs) {
  std::vector<Json> rows;
  rows.reserve(pairs.size());
  for (const dataset::Pair& pair : pairs) rows.push_back(dataset::ToJson(pair));
  FOUNDRY_RETURN_IF_ERROR(dataset::WriteJsonLines(folder / "pairs.jsonl", rows));
  return dataset::WriteJsonArray(folder / "teacher_pairs.json", rows);
}

}  // namespace foundry::teacher
