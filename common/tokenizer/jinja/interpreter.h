// Running parsed templates. Not thread-safe; one for each rendering.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "common/tokenizer/jinja/ast.h"
#include "common/tokenizer/jinja/builtins.h"

namespace foundry::tokenizer::jinja {

// Names that are visible in one place. Loops and macros open scopes; conditions do not.
class Scope {
 public:
  explicit Scope(Scope* outer = nullptr) : outer_(outer) {}
  const Value* Find(const std::string& name) const;
  void Set(const std::string& name, Value value) { names_[name] = std::move(value); }

 private:
  Scope* const outer_;
  std::map<std::string, Value> names_;
};

// Templates come from anywhere: what one does has a limit (ResourceExhausted), in steps, in depth,
// and in the size of what it makes.
class Interpreter {
 public:
  absl::Status Run(const std::vector<Node>& nodes, Scope& scope, std::string* out);

 private:
  enum class Flow { kOn, kBreak, kContinue };

  absl::Status RunNode(const Node& node, Scope& scope, std::string* out);
  absl::Status RunFor(const Node& node, Scope& scope, std::string* out);
  absl::Status RunSet(const Node& node, Scope& scope);
  absl::Status RunSetBlock(const Node& node, Scope& scope);
  // One value, or as many as there are names.
  absl::Status Assign(const Node& node, Value value, Scope& scope);

  absl::StatusOr<Value> Evaluate(const Expr& expr, Scope& scope);
  absl::StatusOr<Value> EvaluateKind(const Expr& expr, Scope& scope);
  absl::StatusOr<Value> EvaluateBinary(const Expr& expr, Scope& scope);
  absl::StatusOr<Value> EvaluateCompare(const Expr& expr, Scope& scope);
  absl::StatusOr<Value> EvaluateSlice(const Expr& expr, Scope& scope);
  absl::StatusOr<Value> EvaluateDict(const Expr& expr, Scope& scope);
  absl::StatusOr<Value> EvaluateCall(const Expr& expr, Scope& scope);
  absl::StatusOr<Value> CallMacro(const Value::Macro& macro, const Given& given);
  // `input` goes through the filters, whose innermost child is null.
  absl::StatusOr<Value> Through(const Expr& filters, Value input, Scope& scope);
  absl::StatusOr<Given> Evaluate(const Arguments& arguments, Scope& scope);
  absl::Status Charge(size_t work);
  absl::Status CheckDepth() const;

  size_t work_ = 0;
  int depth_ = 0;  // of nodes, expressions and macros, one in the other
  Flow flow_ = Flow::kOn;
  bool blamed_ = false;  // an error names its line
};

}  // namespace foundry::tokenizer::jinja
