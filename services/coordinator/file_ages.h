// Whether the ages of files can be told from their times: for a while after the machine's clock was
// set they cannot, for a file of a minute may seem a day old. Not thread-safe.
#pragma once

#include "absl/time/time.h"

namespace foundry::coordinator {

class FileAges {
 public:
  // After the clock was set ages are not known for `hold`: as long as a file's age has to be to
  // matter.
  explicit FileAges(absl::Duration hold) : hold_(hold) {}

  // Looks at both clocks: absl::Now() and SteadyNow(). By how much the first was set since the look
  // before; zero: by less than ten minutes, which ages may be wrong by.
  absl::Duration Look(absl::Time wall, absl::Time steady);
  bool Known(absl::Time steady) const { return steady >= known_from_; }

 private:
  const absl::Duration hold_;
  absl::Duration set_by_;  // since the start
  absl::Time known_from_ = absl::InfinitePast();
};

}  // namespace foundry::coordinator
