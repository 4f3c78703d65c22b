// Reading the evaluation's data sets.
//
// Errors name the file and the line, and what a record must look like. Thread-safe (no state).
#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "common/dataset/records.h"
#include "services/evaluator/item.h"

namespace foundry::evaluator {

// The held-out pairs of one split: dev, test, or dev_unprobed, those of dev that self-study does
// not ask (all of dev where there are no others). Answers to one question make one item. Documents,
// where given, lend their titles.
absl::StatusOr<TestSet> HeldOutPairs(const std::vector<dataset::Pair>& pairs,
                                     const std::vector<dataset::Document>& documents,
                                     const std::string& split);

// JSONL or a JSON array of {question, answers[] or answer, id?, passage?, title?, document?,
// type?}.
absl::StatusOr<TestSet> ReadQaSet(const std::filesystem::path& path);

// {nl, cmd, id?, type?}
absl::StatusOr<TestSet> ReadCommandSet(const std::filesystem::path& path);

// {prompt, must_contain[] | matches | answers[], id?, type?, document?, title?}; several conditions
// must all hold.
absl::StatusOr<TestSet> ReadDomainSet(const std::filesystem::path& path);

// Keeps `max_samples` items, chosen by the hash of their ids (the same for every model), in their
// order. 0 keeps all.
void Sample(int64_t max_samples, TestSet& set);

}  // namespace foundry::evaluator
