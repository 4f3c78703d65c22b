// Parsing what stands inside the tags. Not thread-safe.
#pragma once

#include <algorithm>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "common/tokenizer/jinja/ast.h"
#include "common/tokenizer/jinja/lexer.h"

namespace foundry::tokenizer::jinja {

// The grammar and the precedences are Jinja's (its parser.py): postfixes and filters bind closest,
// then ** * ~ + comparisons, not, and, or, a if b else c.
class ExpressionParser {
 public:
  explicit ExpressionParser(std::vector<Token> tokens) : tokens_(std::move(tokens)) {}

  // An expression. `tuples`: "a, b" is a tuple.
  absl::StatusOr<ExprPtr> Expression(bool tuples = false);
  // Without the conditional form, whose `if` would be the loop's.
  absl::StatusOr<ExprPtr> Or();
  // Filters that follow; `inner` may be null.
  absl::StatusOr<ExprPtr> Filters(ExprPtr inner, bool first_without_bar = false);

  const Token& Peek() const { return tokens_[at_]; }
  const Token& Ahead() const { return tokens_[std::min(at_ + 1, tokens_.size() - 1)]; }
  Token Next() { return tokens_[at_ + 1 < tokens_.size() ? at_++ : at_]; }
  bool IsOperator(absl::string_view text) const;
  bool IsName(absl::string_view text) const;
  bool TakeOperator(absl::string_view text);
  bool TakeName(absl::string_view text);
  absl::Status Expect(absl::string_view op);
  absl::StatusOr<std::string> Name();
  absl::Status Error(absl::string_view what) const;

  // Names whose meaning inside a macro is not known here.
  void set_special(std::set<std::string> names) { special_ = std::move(names); }
  const std::set<std::string>& special() const { return special_; }
  // Whether what was parsed names `caller`.
  bool* names_caller() { return &names_caller_; }

  // Of what is parsed recursively, here and by who reads the statements.
  int* depth() { return &depth_; }
  absl::Status CheckDepth() const;

 private:
  absl::StatusOr<ExprPtr> Condition();
  absl::StatusOr<ExprPtr> And();
  absl::StatusOr<ExprPtr> Not();
  absl::StatusOr<ExprPtr> Compare();
  // Operators of one precedence, which group to the left: `take` answers the next one or "".
  template <typename Operand, typename Take>
  absl::StatusOr<ExprPtr> Grouped(Operand operand, Take take);
  absl::StatusOr<ExprPtr> Binary(size_t level);
  absl::StatusOr<ExprPtr> Unary(bool filters = true);
  absl::StatusOr<ExprPtr> Primary();
  absl::StatusOr<ExprPtr> Postfix(ExprPtr inner);
  absl::StatusOr<ExprPtr> Item(ExprPtr inner);
  absl::StatusOr<ExprPtr> Test(ExprPtr inner);
  // Both behind "(".
  absl::StatusOr<ExprPtr> Call(ExprPtr function);
  absl::StatusOr<Arguments> CallArguments();
  absl::StatusOr<ExprPtr> Integer(const Token& token) const;
  absl::StatusOr<ExprPtr> ListUntil(absl::string_view end, ExprPtr first);
  absl::StatusOr<ExprPtr> Mapping();
  ExprPtr Make(Expr::Kind kind, ExprPtr a = nullptr, ExprPtr b = nullptr) const;

  const std::vector<Token> tokens_;
  size_t at_ = 0;
  int depth_ = 0;
  std::set<std::string> special_;
  bool names_caller_ = false;
};

}  // namespace foundry::tokenizer::jinja
