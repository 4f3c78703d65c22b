// What one rendering may cost. Templates come from anywhere, so all that they make or look through
// is charged here, by those who make it or look: values when they are made (value.h), text under
// way (Output), comparisons (compare.h), and each step of an iterator or of the interpreter.
//
// A rendering's budget is its thread's while it lives, so that no builtin can forget to pass it on.
// Outside of a rendering nothing is charged. Not thread-safe: a rendering stays on its thread.
#pragma once

#include <cstddef>
#include <string>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"

namespace foundry::tokenizer::jinja {

// No text and no list that a template makes is longer.
inline constexpr size_t kLongestText = 16 << 20;
inline constexpr size_t kLongestList = 1 << 20;

class Budget {
 public:
  Budget();
  ~Budget();
  Budget(const Budget&) = delete;

  // A step is about what evaluating a small expression takes.
  // ResourceExhausted from when the rendering has spent too many steps, or has held too many bytes:
  // who cannot report that (a constructor) leaves it to the next who asks.
  static absl::Status Spend(size_t steps);
  static absl::Status SpendOnCopy(size_t bytes) { return Spend(1 + bytes / 1024); }
  // Going through a text character by character.
  static absl::Status SpendOnText(size_t bytes) { return Spend(1 + bytes / 64); }
  static absl::Status Check() { return Spend(0); }

 private:
  friend class Held;
  absl::Status Verdict() const;

  size_t steps_ = 0, bytes_ = 0;  // bytes: alive now
  bool overfull_ = false;         // there were too many of them at once
  Budget* const outer_;
};

// Bytes that are held while it lives.
class Held {
 public:
  explicit Held(size_t bytes = 0) { Add(bytes); }
  ~Held() { Release(); }
  Held(Held&& other) noexcept : bytes_(other.bytes_), from_(other.from_) { other.bytes_ = 0; }
  Held& operator=(Held&&) = delete;

  void Add(size_t bytes);
  void Release();

 private:
  size_t bytes_ = 0;
  const Budget* from_ = nullptr;
};

// A text that is being written.
class Output {
 public:
  // ResourceExhausted: too long a text, or the budget.
  absl::Status Append(absl::string_view text);
  size_t size() const { return text_.size(); }
  std::string Take();

 private:
  std::string text_;
  Held held_;
};

absl::Status TooLong();

}  // namespace foundry::tokenizer::jinja
