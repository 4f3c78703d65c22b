// Reading and writing records: JSON arrays and JSON lines, told apart by content. Errors are
// "file:line: member …" for lines and "file: item 17: …" for arrays. Thread-safe (no state).
#pragma once

#include <filesystem>
#include <functional>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "common/dataset/records.h"

namespace foundry::dataset {

// Calls `visit` for each JSON value with where it stands ("pairs.jsonl:12"). Blank lines are
// skipped; .gz is decompressed. Stops at the first error.
absl::Status ForEachJson(
    const std::filesystem::path& path,
    const std::function<absl::Status(const Json& value, const std::string& where)>& visit);

// A folder stands for the file in it that has the expected name (documents.jsonl,
// enriched_data.json; pairs.jsonl, teacher_pairs.json).
absl::StatusOr<std::vector<Document>> ReadDocuments(const std::filesystem::path& path);
absl::StatusOr<std::vector<Pair>> ReadPairs(const std::filesystem::path& path);
absl::StatusOr<std::vector<Question>> ReadQuestions(const std::filesystem::path& path);

// Atomic, one record a line.
absl::Status WriteJsonLines(const std::filesystem::path& path, const std::vector<Json>& rows);
// Atomic, one array, one record a line inside it.
absl::Status WriteJsonArray(const std::filesystem::path& path, const std::vector<Json>& rows);

// What a pair asks, and of which document, whatever the case, punctuation, articles and whether the
// input names the document: pairs of one key are the same question.
std::string QuestionKey(const Pair& pair);

// Fills ids that are empty.
void AssignIds(std::vector<Pair>& pairs);
// Gives every pair a split, by hash of its input: a fact keeps at least two wordings for training
// where it has them, a sixteenth of the others each is dev and test, and more of them dev while the
// set's dev split is too small to decide anything. All pairs of one question share one split.
// Deterministic.
void AssignSplits(std::vector<Pair>& pairs);
// Whether AssignSplits would hold a pair of this input out, given enough other wordings. Whoever
// writes more training pairs later keeps off such inputs.
bool MayBeHeldOut(const std::string& input);
// Whether self-study may ask this dev question to find weak facts. The others of the dev split tell
// whether a round gained anything: what is practised for cannot judge the practice.
bool MayBeProbed(const std::string& input);

}  // namespace foundry::dataset
