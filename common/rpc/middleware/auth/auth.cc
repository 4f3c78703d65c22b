#include "common/rpc/middleware/auth/auth.h"

#include "absl/strings/str_cat.h"
#include "common/base/error_details.h"

namespace foundry::rpc {
namespace {

// Time does not tell how much of the token was right.
bool SameSecret(const std::string& a, const std::string& b) {
  unsigned char difference = a.size() == b.size() ? 0 : 1;
  for (size_t i = 0; i < a.size(); ++i) {
    difference |= static_cast<unsigned char>(a[i]) ^ static_cast<unsigned char>(b[i % b.size()]);
  }
  return difference == 0;
}

}  // namespace

AuthMiddleware::AuthMiddleware(std::string token)
    : expected_(token.empty() ? "" : absl::StrCat("Bearer ", token)) {}

absl::Status AuthMiddleware::Enter(Call& call) {
  if (expected_.empty()) return absl::OkStatus();
  const auto given = call.metadata.find("authorization");
  if (given == call.metadata.end()) {
    return WithReason(absl::UnauthenticatedError("the call carries no bearer token"),
                      "TOKEN_MISSING");
  }
  if (!SameSecret(given->second, expected_)) {
    return WithReason(absl::UnauthenticatedError("the bearer token is wrong"), "TOKEN_WRONG");
  }
  return absl::OkStatus();
}

}  // namespace foundry::rpc
