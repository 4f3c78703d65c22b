// The part of Interpreter that calls functions, methods and macros.
#include <utility>

#include "absl/strings/str_cat.h"
#include "common/base/status.h"
#include "common/tokenizer/jinja/interpreter.h"
#include "common/tokenizer/jinja/iterate.h"

namespace foundry::tokenizer::jinja {
namespace {

// **mapping.
absl::Status AddNamed(const Value& mapping, Given* given) {
  if (!mapping.is_dict()) {
    return absl::InvalidArgumentError(
        absl::StrCat("\"**\" takes a mapping, not ", mapping.KindName()));
  }
  for (const auto& [name, value] : given->named) {
    if (mapping.dict().Find(name) == nullptr) continue;
    return absl::InvalidArgumentError(absl::StrCat("the argument \"", name, "\" is given twice"));
  }
  for (const auto& [key, value] : mapping.dict().items()) {
    if (!key.is_text()) return absl::InvalidArgumentError("names of arguments must be texts");
    FOUNDRY_RETURN_IF_ERROR(Budget::SpendOnText(key.text().size()));
    given->named.emplace_back(key.text(), value);
  }
  return absl::OkStatus();
}

}  // namespace

absl::StatusOr<Given> Interpreter::Evaluate(const Arguments& arguments, Scope& scope) {
  Given given;
  for (const ExprPtr& argument : arguments.positional) {
    FOUNDRY_ASSIGN_OR_RETURN(Value value, Evaluate(*argument, scope));
    given.positional.push_back(std::move(value));
  }
  if (arguments.list != nullptr) {
    FOUNDRY_ASSIGN_OR_RETURN(const Value list, Evaluate(*arguments.list, scope));
    FOUNDRY_ASSIGN_OR_RETURN(const List items, Collect(list));
    given.positional.insert(given.positional.end(), items.begin(), items.end());
  }
  for (const auto& [name, argument] : arguments.named) {
    FOUNDRY_ASSIGN_OR_RETURN(Value value, Evaluate(*argument, scope));
    given.named.emplace_back(name, std::move(value));
  }
  if (arguments.mapping != nullptr) {
    FOUNDRY_ASSIGN_OR_RETURN(const Value mapping, Evaluate(*arguments.mapping, scope));
    FOUNDRY_RETURN_IF_ERROR(AddNamed(mapping, &given));
  }
  return given;
}

absl::StatusOr<Value> Interpreter::EvaluateCall(const Expr& expr, Scope& scope,
                                                const Value* caller) {
  FOUNDRY_ASSIGN_OR_RETURN(const Value callee, Evaluate(*expr.children[0], scope));
  FOUNDRY_ASSIGN_OR_RETURN(Given given, Evaluate(expr.arguments, scope));
  if (caller != nullptr) {
    if (given.Named("caller") != nullptr) {
      return absl::InvalidArgumentError("the argument \"caller\" is given twice");
    }
    given.named.emplace_back("caller", *caller);
  }
  if (callee.macro() != nullptr) return CallMacro(*callee.macro(), std::move(given));
  if (const Value::Function* const function = callee.function()) {
    if (function->self == nullptr) return CallFunction(function->name, given);
    return CallMethod(*function->self, function->name, given);
  }
  if (callee.is_undefined()) return UndefinedError(callee);
  return absl::InvalidArgumentError(absl::StrCat(callee.KindName(), " cannot be called"));
}

absl::StatusOr<Value> Interpreter::CallMacro(const Value::Macro& macro, Given given) {
  const Node& node = *macro.node;
  Scope scope(macro.scope);
  if (node.takes_caller) {
    const Value* const caller = given.Named("caller");
    scope.Set("caller", caller != nullptr ? *caller : Value::MakeUndefined("caller"));
    std::erase_if(given.named, [](const auto& one) { return one.first == "caller"; });
  }
  std::string signature;
  for (const auto& [name, fallback] : node.parameters) absl::StrAppend(&signature, "[", name, "] ");
  const std::string what =
      node.kind == Node::Kind::kCall ? "caller()" : absl::StrCat("the macro \"", node.text, "\"");
  FOUNDRY_ASSIGN_OR_RETURN(const Bound bound, Bound::To(signature, given, what));
  for (size_t i = 0; i < node.parameters.size(); ++i) {
    const auto& [name, fallback] = node.parameters[i];
    if (bound.Find(i) != nullptr) {
      scope.Set(name, bound.At(i));
    } else if (fallback != nullptr) {
      FOUNDRY_ASSIGN_OR_RETURN(Value value, Evaluate(*fallback, scope));
      scope.Set(name, std::move(value));
    } else {
      scope.Set(name, Value::MakeUndefined(name));
    }
  }
  Output text;
  FOUNDRY_RETURN_IF_ERROR(Run(node.body, scope, &text));
  return Value(text.Take());
}

}  // namespace foundry::tokenizer::jinja
