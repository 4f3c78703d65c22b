// Counts nesting while it lives.
#pragma once

namespace foundry::tokenizer::jinja {

class Deeper {
 public:
  explicit Deeper(int* depth) : depth_(depth) { ++*depth_; }
  ~Deeper() { --*depth_; }
  Deeper(const Deeper&) = delete;

 private:
  int* const depth_;
};

}  // namespace foundry::tokenizer::jinja
