// From scored answers to figures with 95 % confidence intervals. Thread-safe (no state).
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "common/base/json.h"
#include "services/evaluator/metrics/interval.h"
#include "services/evaluator/scored.h"

namespace foundry::evaluator {

// {"mean", "low", "high", "n"}
Json ToJson(const Interval& interval, int64_t n);

// Wilson's interval when every value is 0 or 1, else a bootstrap.
Interval IntervalOf(const std::vector<double>& values, uint64_t seed);

// One data set of one model:
// {name, kind, primary, questions, correct, metrics: {name: interval}, by_type: {type: {questions,
//  primary: interval}}, by_document: …, errors: {kind: {count, share, by_type, by_document}},
//  judge_failures: {judge: count}}
Json Summarize(const std::string& name, const std::vector<const Scored*>& answers, uint64_t seed);

// One summary a data set, in the order of their first answers.
std::vector<Json> SummarizeAll(const std::vector<Scored>& answers, uint64_t seed);

}  // namespace foundry::evaluator
