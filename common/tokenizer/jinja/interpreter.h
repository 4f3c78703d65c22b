// Running parsed templates. Not thread-safe; one for each rendering, which has a Budget.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "common/tokenizer/jinja/ast.h"
#include "common/tokenizer/jinja/budget.h"
#include "common/tokenizer/jinja/builtins.h"

namespace foundry::tokenizer::jinja {

// Names that are visible in one place. Loops, macros and blocks open scopes; conditions do not.
class Scope {
 public:
  explicit Scope(Scope* outer = nullptr) : outer_(outer) {}
  const Value* Find(const std::string& name) const;
  void Set(const std::string& name, Value value) { names_[name] = std::move(value); }

 private:
  Scope* const outer_;
  std::map<std::string, Value> names_;
};

class Interpreter {
 public:
  absl::Status Run(const std::vector<Node>& nodes, Scope& scope, Output* out);

 private:
  enum class Flow { kOn, kBreak, kContinue };

  // Statements: interpreter.cc.
  absl::Status RunNode(const Node& node, Scope& scope, Output* out);
  absl::Status RunFor(const Node& node, Scope& scope, Output* out);
  absl::Status RunSet(const Node& node, Scope& scope);
  // The text of a block, through its filters if it has any; none when a break or continue left it.
  absl::StatusOr<std::optional<Value>> RunBlock(const Node& node, Scope& scope);
  // One value, or as many as there are names.
  absl::Status Assign(const Node& node, const Value& value, Scope& scope);

  // Expressions: evaluate.cc.
  absl::StatusOr<Value> Evaluate(const Expr& expr, Scope& scope);
  absl::StatusOr<Value> EvaluateKind(const Expr& expr, Scope& scope);
  absl::StatusOr<Value> EvaluateBinary(const Expr& expr, Scope& scope);
  absl::StatusOr<Value> EvaluateCompare(const Expr& expr, Scope& scope);
  absl::StatusOr<Value> EvaluateSlice(const Expr& expr, Scope& scope);
  absl::StatusOr<Value> EvaluateDict(const Expr& expr, Scope& scope);
  absl::StatusOr<Value> EvaluateFilter(const Expr& expr, Scope& scope);

  // Calls: calls.cc.
  // `caller`: what {% call %} gives the macro; may be null.
  absl::StatusOr<Value> EvaluateCall(const Expr& expr, Scope& scope, const Value* caller = nullptr);
  absl::StatusOr<Value> CallMacro(const Value::Macro& macro, Given given);
  absl::StatusOr<Given> Evaluate(const Arguments& arguments, Scope& scope);

  absl::Status CheckDepth() const;

  int depth_ = 0;  // of nodes, expressions and macros, one in the other
  Flow flow_ = Flow::kOn;
  bool blamed_ = false;           // an error names its line
  const Value* piped_ = nullptr;  // what goes through the filters of a block
};

}  // namespace foundry::tokenizer::jinja
