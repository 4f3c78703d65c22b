// Regular expressions of users' tests, on UTF-8, bounded in time (ICU's syntax, which is Perl's).
#pragma once

#include <memory>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"

namespace foundry::evaluator {

// Thread-safe: immutable; each search makes its own matcher.
class Pattern {
 public:
  // InvalidArgument says where the expression is wrong. Case does not matter.
  static absl::StatusOr<Pattern> Make(absl::string_view expression);
  ~Pattern();
  Pattern(Pattern&&) noexcept;
  Pattern& operator=(Pattern&&) noexcept;

  // Whether it matches somewhere in `text`. DeadlineExceeded when the expression backtracks without
  // end.
  absl::StatusOr<bool> Find(absl::string_view text) const;

 private:
  struct State;
  explicit Pattern(std::unique_ptr<State> state);
  std::unique_ptr<State> state_;
};

}  // namespace foundry::evaluator
