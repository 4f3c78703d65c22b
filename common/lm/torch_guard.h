// The one place where libtorch's exceptions end. Internal to common/lm.
#pragma once

#include <exception>
#include <new>
#include <string>
#include <utility>

#include <ATen/ATen.h>
#include <c10/core/GradMode.h>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"

namespace foundry::lm {

// A status where only an exception gets out: of an exchange in the midst of a computation. Ends in
// GuardTorch.
struct StatusError : std::exception {
  explicit StatusError(absl::Status s) : status(std::move(s)) {}
  const char* what() const noexcept override { return "an exchange between ranks failed"; }
  absl::Status status;
};

// Runs `f` (returning absl::Status) without gradient recording. Exceptions become
// ResourceExhausted (out of memory) or Internal.
template <typename F>
absl::Status GuardTorch(F f) {
  try {
    c10::AutoGradMode no_grad(false);
    return f();
  } catch (const StatusError& error) {
    return error.status;
  } catch (const std::bad_alloc&) {
    return absl::ResourceExhaustedError("out of memory");
  } catch (const c10::OutOfMemoryError& error) {
    return absl::ResourceExhaustedError(
        absl::StrCat("out of memory: ", error.what_without_backtrace()));
  } catch (const c10::Error& error) {
    std::string what = error.what_without_backtrace();
    // The CPU allocator reports by a plain error.
    if (what.find("not enough memory") != std::string::npos ||
        what.find("can't allocate memory") != std::string::npos) {
      return absl::ResourceExhaustedError(absl::StrCat("out of memory: ", what));
    }
    return absl::InternalError(absl::StrCat("libtorch: ", what));
  } catch (const std::exception& error) {
    return absl::InternalError(error.what());
  }
}

}  // namespace foundry::lm
