#include "services/coordinator/attempts.h"

#include "absl/strings/str_cat.h"

namespace foundry::coordinator {

AttemptEnd AfterFailure(Attempts before, bool retryable, bool went_on, const AttemptLimits& limits,
                        const std::string& message) {
  AttemptEnd end{before, v1::STATE_FAILED, message};
  end.attempts.failures = went_on ? 1 : before.failures + 1;
  if (!retryable) return end;
  if (end.attempts.failures <= limits.max_retries) {
    end.next = v1::STATE_READY;
  } else {
    absl::StrAppend(&end.reason, " (out of retries)");
  }
  return end;
}

AttemptEnd AfterSilence(Attempts before, bool heard, bool went_on, const AttemptLimits& limits,
                        const std::string& who) {
  AttemptEnd end{before, v1::STATE_READY, ""};
  int& crashes = end.attempts.crashes;
  int& lost = end.attempts.lost;
  if (went_on) crashes = 0;
  ++(heard ? crashes : lost);
  if (crashes >= limits.max_crashes || lost >= limits.max_lost) {
    end.next = v1::STATE_QUARANTINED;
    end.reason = absl::StrCat("set aside: ", crashes > 0 ? crashes : lost,
                              " workers fell silent while they ran it; RetryJob puts it back");
  } else {
    end.reason =
        absl::StrCat(who, " fell silent (", crashes, " of ", limits.max_crashes, " times)");
  }
  return end;
}

}  // namespace foundry::coordinator
