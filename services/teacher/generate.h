// Making, joining and completing pairs: the stage's three jobs, free of protobuf. Thread-safe.
#pragma once

#include <filesystem>
#include <vector>

#include "absl/status/statusor.h"
#include "services/teacher/options.h"

namespace foundry::teacher {

// The documents of part `index` of `count`, by hash of their ids; count ≤ 1: all of them.
std::vector<dataset::Document> ShardOf(std::vector<dataset::Document> documents, int index,
                                       int count);

// Pairs of all teachers about the documents, filtered, with ids and splits. Spans that documents
// lack are computed. Errors: FailedPrecondition when nothing comes out of documents that have text;
// Unavailable when a chat model is not there.
absl::StatusOr<Generated> GeneratePairs(std::vector<dataset::Document> documents,
                                        const TeacherOptions& options, const Teachers& teachers,
                                        const Hooks& hooks);

// Shards' pairs as one set: without duplicates, cut to max_samples (evenly over documents), with
// splits given again over the whole. FailedPrecondition when none is left.
absl::StatusOr<Generated> JoinPairs(std::vector<dataset::Pair> pairs, const TeacherOptions& options,
                                    const EmbedFunction& embed);

// Fills empty targets: every chat member answers (from the passage, where the pair has one), so
// that one input may get several weighted targets; answers that the passage does not support are
// dropped. Without a chat member: FailedPrecondition that says what to add. Pairs with a target
// pass unchanged; inputs that nobody could answer are counted ("unfilled") and left out.
absl::StatusOr<Generated> FillTargets(std::vector<dataset::Pair> pairs,
                                      const TeacherOptions& options, const Teachers& teachers,
                                      const Hooks& hooks);

// pairs.jsonl and teacher_pairs.json in `folder`.
absl::Status WritePairs(const std::filesystem::path& folder,
                        const std::vector<dataset::Pair>& pairs);

}  // namespace foundry::teacher
