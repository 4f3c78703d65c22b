// Distributions of a teacher over given answers: the targets of context distillation (Kujanpää et
// al., arXiv 2412.14964), where the teacher sees the document that the student will not.
#pragma once

#include <filesystem>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/types/span.h"
#include "common/base/cancel.h"
#include "common/lm/trainer.h"

namespace foundry::lm {

// For each request, one position for each token of its target: the teacher's `k` most likely
// tokens after the context and the target so far, at `temperature`. Thread-safe.
absl::StatusOr<std::vector<SoftTargets>> TeacherTargets(const LanguageModel& teacher,
                                                        absl::Span<const ScoreRequest> requests,
                                                        int k, double temperature,
                                                        const CancelToken& cancel);

// The same by way of the caches in `folder` (one file a teacher, k and temperature): what an
// earlier run stored is read, the rest is computed and stored as it comes, so that a killed run
// loses little. `reused`: how many were read. FailedPrecondition when a file there belongs to
// another teacher, Unavailable when a run that goes on has it open.
absl::StatusOr<std::vector<SoftTargets>> CachedTeacherTargets(
    const LanguageModel& teacher, absl::Span<const ScoreRequest> requests, int k,
    double temperature, const std::filesystem::path& folder, const CancelToken& cancel,
    size_t* reused);

}  // namespace foundry::lm
