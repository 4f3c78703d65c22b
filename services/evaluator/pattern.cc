#include "services/evaluator/pattern.h"

#include <unicode/regex.h>

#include "absl/strings/str_cat.h"

namespace foundry::evaluator {
namespace {

icu::UnicodeString FromUtf8(absl::string_view text) {
  return icu::UnicodeString::fromUTF8(icu::StringPiece(text.data(), static_cast<int>(text.size())));
}

// ICU counts in steps of some milliseconds of work, so that the bound does not depend on the load.
constexpr int32_t kTimeLimit = 1000;

}  // namespace

struct Pattern::State {
  std::unique_ptr<icu::RegexPattern> pattern;
};

Pattern::Pattern(std::unique_ptr<State> state) : state_(std::move(state)) {}
Pattern::~Pattern() = default;
Pattern::Pattern(Pattern&&) noexcept = default;
Pattern& Pattern::operator=(Pattern&&) noexcept = default;

absl::StatusOr<Pattern> Pattern::Make(absl::string_view expression) {
  UErrorCode code = U_ZERO_ERROR;
  UParseError where{};
  auto state = std::make_unique<State>();
  state->pattern.reset(icu::RegexPattern::compile(
      FromUtf8(expression), UREGEX_CASE_INSENSITIVE | UREGEX_MULTILINE, where, code));
  if (U_FAILURE(code)) {
    return absl::InvalidArgumentError(absl::StrCat("bad regular expression at character ",
                                                   where.offset, ": ", u_errorName(code)));
  }
  return Pattern(std::move(state));
}

absl::StatusOr<bool> Pattern::Find(absl::string_view text) const {
  UErrorCode code = U_ZERO_ERROR;
  const icu::UnicodeString input = FromUtf8(text);
  std::unique_ptr<icu::RegexMatcher> matcher(state_->pattern->matcher(input, code));
  if (U_SUCCESS(code)) matcher->setTimeLimit(kTimeLimit, code);
  const bool found = U_SUCCESS(code) && matcher->find(code);
  if (U_FAILURE(code)) {
    return absl::DeadlineExceededError(
        absl::StrCat("the regular expression took too long: ", u_errorName(code)));
  }
  return found;
}

}  // namespace foundry::evaluator
