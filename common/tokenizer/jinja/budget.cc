#include "common/tokenizer/jinja/budget.h"

#include <utility>

#include "common/base/status.h"

namespace foundry::tokenizer::jinja {
namespace {

constexpr size_t kMostSteps = 3'000'000;
constexpr size_t kMostBytes = 128 << 20;

thread_local Budget* current = nullptr;

}  // namespace

Budget::Budget() : outer_(std::exchange(current, this)) {}
Budget::~Budget() { current = outer_; }

absl::Status Budget::Verdict() const {
  if (overfull_) return absl::ResourceExhaustedError("the template takes too much memory");
  if (steps_ > kMostSteps) return absl::ResourceExhaustedError("the template does too much");
  return absl::OkStatus();
}

absl::Status Budget::Spend(size_t steps) {
  if (current == nullptr) return absl::OkStatus();
  // No text is so long that this overflows.
  if (current->steps_ <= kMostSteps) current->steps_ += steps;
  return current->Verdict();
}

void Held::Add(size_t bytes) {
  if (current == nullptr || (from_ != nullptr && from_ != current)) return;
  from_ = current;
  bytes_ += bytes;
  current->bytes_ += bytes;
  current->overfull_ |= current->bytes_ > kMostBytes;
}

void Held::Release() {
  // What was made outside of this rendering counts nowhere.
  if (current != nullptr && from_ == current) current->bytes_ -= bytes_;
  bytes_ = 0;
}

absl::Status TooLong() {
  return absl::ResourceExhaustedError("the template makes too long a text or list");
}

absl::Status Output::Append(absl::string_view text) {
  if (text.size() > kLongestText - text_.size()) return TooLong();
  held_.Add(text.size());
  FOUNDRY_RETURN_IF_ERROR(Budget::Spend(text.size() / 1024));
  text_.append(text.data(), text.size());
  return absl::OkStatus();
}

std::string Output::Take() {
  held_.Release();
  return std::exchange(text_, {});
}

}  // namespace foundry::tokenizer::jinja
