// The part of Interpreter that evaluates expressions.
#include <utility>

#include "common/base/status.h"
#include "common/tokenizer/jinja/arithmetic.h"
#include "common/tokenizer/jinja/compare.h"
#include "common/tokenizer/jinja/deeper.h"
#include "common/tokenizer/jinja/interpreter.h"

namespace foundry::tokenizer::jinja {

absl::StatusOr<Value> Interpreter::Evaluate(const Expr& expr, Scope& scope) {
  const Deeper deeper(&depth_);
  FOUNDRY_RETURN_IF_ERROR(CheckDepth());
  FOUNDRY_ASSIGN_OR_RETURN(Value value, EvaluateKind(expr, scope));
  FOUNDRY_RETURN_IF_ERROR(Budget::Spend(1));
  const bool holds = value.is_list() || value.is_dict() || value.is_generator();
  if (holds) FOUNDRY_RETURN_IF_ERROR(CheckField("in it", value));
  return value;
}

absl::StatusOr<Value> Interpreter::EvaluateKind(const Expr& expr, Scope& scope) {
  switch (expr.kind) {
    case Expr::Kind::kLiteral:
      return expr.value;
    case Expr::Kind::kName: {
      const Value* const found = scope.Find(expr.name);
      return found != nullptr ? *found : Value::MakeUndefined(expr.name);
    }
    case Expr::Kind::kList:
    case Expr::Kind::kTuple: {
      List list;
      for (const ExprPtr& child : expr.children) {
        FOUNDRY_ASSIGN_OR_RETURN(Value value, Evaluate(*child, scope));
        list.push_back(std::move(value));
      }
      return Value(std::move(list),
                   expr.kind == Expr::Kind::kList ? Value::Form::kList : Value::Form::kTuple);
    }
    case Expr::Kind::kDict:
      return EvaluateDict(expr, scope);
    case Expr::Kind::kAttribute: {
      FOUNDRY_ASSIGN_OR_RETURN(const Value object, Evaluate(*expr.children[0], scope));
      return Attribute(object, expr.name);
    }
    case Expr::Kind::kItem: {
      FOUNDRY_ASSIGN_OR_RETURN(const Value object, Evaluate(*expr.children[0], scope));
      FOUNDRY_ASSIGN_OR_RETURN(const Value key, Evaluate(*expr.children[1], scope));
      return ItemOf(object, key);
    }
    case Expr::Kind::kSlice:
      return EvaluateSlice(expr, scope);
    case Expr::Kind::kCall:
      return EvaluateCall(expr, scope);
    case Expr::Kind::kFilter:
      return EvaluateFilter(expr, scope);
    case Expr::Kind::kTest: {
      FOUNDRY_ASSIGN_OR_RETURN(const Value value, Evaluate(*expr.children[0], scope));
      FOUNDRY_ASSIGN_OR_RETURN(const Given given, Evaluate(expr.arguments, scope));
      FOUNDRY_ASSIGN_OR_RETURN(const bool passes, CallTest(expr.name, value, given));
      return Value(passes);
    }
    case Expr::Kind::kNot: {
      FOUNDRY_ASSIGN_OR_RETURN(const Value value, Evaluate(*expr.children[0], scope));
      return Value(!value.Truthy());
    }
    case Expr::Kind::kNegative: {
      FOUNDRY_ASSIGN_OR_RETURN(const Value value, Evaluate(*expr.children[0], scope));
      return Negative(value);
    }
    case Expr::Kind::kBinary:
      return EvaluateBinary(expr, scope);
    case Expr::Kind::kCompare:
      return EvaluateCompare(expr, scope);
    case Expr::Kind::kCondition: {
      FOUNDRY_ASSIGN_OR_RETURN(const Value condition, Evaluate(*expr.children[1], scope));
      if (condition.Truthy()) return Evaluate(*expr.children[0], scope);
      if (expr.children[2] == nullptr) return Value::MakeUndefined("else");
      return Evaluate(*expr.children[2], scope);
    }
  }
  return absl::InternalError("no such expression");
}

absl::StatusOr<Value> Interpreter::EvaluateDict(const Expr& expr, Scope& scope) {
  Dict dict;
  for (size_t i = 0; i + 1 < expr.children.size(); i += 2) {
    FOUNDRY_ASSIGN_OR_RETURN(Value key, Evaluate(*expr.children[i], scope));
    FOUNDRY_ASSIGN_OR_RETURN(Value value, Evaluate(*expr.children[i + 1], scope));
    FOUNDRY_RETURN_IF_ERROR(CheckKey(key));
    dict.Set(std::move(key), std::move(value));
  }
  return Value(std::move(dict));
}

absl::StatusOr<Value> Interpreter::EvaluateBinary(const Expr& expr, Scope& scope) {
  FOUNDRY_ASSIGN_OR_RETURN(Value left, Evaluate(*expr.children[0], scope));
  if (expr.name == "or" && left.Truthy()) return left;
  if (expr.name == "and" && !left.Truthy()) return left;
  FOUNDRY_ASSIGN_OR_RETURN(Value right, Evaluate(*expr.children[1], scope));
  if (expr.name == "or" || expr.name == "and") return right;
  return Calculate(expr.name, left, right);
}

absl::StatusOr<Value> Interpreter::EvaluateCompare(const Expr& expr, Scope& scope) {
  FOUNDRY_ASSIGN_OR_RETURN(Value left, Evaluate(*expr.children[0], scope));
  for (size_t i = 0; i < expr.operators.size(); ++i) {
    const std::string& op = expr.operators[i];
    FOUNDRY_ASSIGN_OR_RETURN(Value right, Evaluate(*expr.children[i + 1], scope));
    bool holds = false;
    if (op == "==" || op == "!=") {
      FOUNDRY_ASSIGN_OR_RETURN(holds, Equal(left, right));
      holds = holds == (op == "==");
    } else if (op == "in" || op == "not in") {
      FOUNDRY_ASSIGN_OR_RETURN(holds, Contains(left, right));
      holds = holds == (op == "in");
    } else {
      FOUNDRY_ASSIGN_OR_RETURN(const int order, Order(left, right));
      holds = op == "<" ? order < 0 : op == "<=" ? order <= 0 : op == ">" ? order > 0 : order >= 0;
    }
    if (!holds) return Value(false);
    left = std::move(right);
  }
  return Value(true);
}

absl::StatusOr<Value> Interpreter::EvaluateSlice(const Expr& expr, Scope& scope) {
  FOUNDRY_ASSIGN_OR_RETURN(const Value object, Evaluate(*expr.children[0], scope));
  Value bounds[3];
  const Value* given[3] = {nullptr, nullptr, nullptr};
  for (size_t i = 0; i < 3; ++i) {
    if (expr.children[i + 1] == nullptr) continue;
    FOUNDRY_ASSIGN_OR_RETURN(bounds[i], Evaluate(*expr.children[i + 1], scope));
    given[i] = &bounds[i];
  }
  return Slice(object, given[0], given[1], given[2]);
}

absl::StatusOr<Value> Interpreter::EvaluateFilter(const Expr& expr, Scope& scope) {
  Value value;
  if (expr.children[0] == nullptr) {  // the first filter of a block
    value = *piped_;
  } else {
    FOUNDRY_ASSIGN_OR_RETURN(value, Evaluate(*expr.children[0], scope));
  }
  FOUNDRY_ASSIGN_OR_RETURN(const Given given, Evaluate(expr.arguments, scope));
  return CallFilter(expr.name, value, given);
}

}  // namespace foundry::tokenizer::jinja
