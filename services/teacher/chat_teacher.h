// Pairs written by chat models. Thread-safe (no state).
#pragma once

#include <vector>

#include "absl/status/statusor.h"
#include "services/teacher/options.h"

namespace foundry::teacher {

// Asks every member of the ensemble about every document, each for its share of the wanted pairs by
// weight. Replies that do not parse are asked for again with another seed, up to max_attempts, then
// counted ("unparsed_replies"); calls that fail for good are counted ("failed_requests") with the
// first error as a warning. Fails when the first batch of a member fails altogether (Unavailable),
// or when cancelled. Filters are the caller's.
absl::StatusOr<Generated> AskChatTeachers(const std::vector<dataset::Document>& documents,
                                          const TeacherOptions& options, const Teachers& teachers,
                                          const Hooks& hooks);

}  // namespace foundry::teacher
