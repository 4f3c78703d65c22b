#include "common/tokenizer/jinja/interpreter.h"

#include <utility>

#include "absl/strings/str_cat.h"
#include "common/base/status.h"
#include "common/tokenizer/jinja/arithmetic.h"
#include "common/tokenizer/jinja/deeper.h"

namespace foundry::tokenizer::jinja {
namespace {

constexpr size_t kMostWork = 3'000'000;  // steps, and a KiB is one
constexpr int kDeepest = 600;            // two or three frames each
constexpr int kDeepestValue = 100;       // values are walked recursively

// Of what is to lie in something.
absl::Status CheckNested(const Value& value) {
  if (value.weight() > kLongestText) {
    return absl::ResourceExhaustedError("the template makes too large a value");
  }
  if (value.depth() <= kDeepestValue) return absl::OkStatus();
  return absl::UnimplementedError(
      "values nested too deep, or a namespace or macro in another value");
}

absl::Status Undefined(const Value& value) {
  return absl::InvalidArgumentError(absl::StrCat("\"", value.undefined_name(), "\" is undefined"));
}

}  // namespace

const Value* Scope::Find(const std::string& name) const {
  const auto found = names_.find(name);
  if (found != names_.end()) return &found->second;
  return outer_ != nullptr ? outer_->Find(name) : nullptr;
}

absl::Status Interpreter::Charge(size_t work) {
  work_ += work;
  if (work_ <= kMostWork) return absl::OkStatus();
  return absl::ResourceExhaustedError("the template does too much");
}

absl::Status Interpreter::CheckDepth() const {
  if (depth_ <= kDeepest) return absl::OkStatus();
  return absl::ResourceExhaustedError("the template is nested too deep");
}

absl::Status Interpreter::Run(const std::vector<Node>& nodes, Scope& scope, std::string* out) {
  const Deeper deeper(&depth_);
  FOUNDRY_RETURN_IF_ERROR(CheckDepth());
  for (const Node& node : nodes) {
    FOUNDRY_RETURN_IF_ERROR(Charge(1));
    const absl::Status status = RunNode(node, scope, out);
    // The innermost line is the one that counts.
    if (!status.ok() && std::exchange(blamed_, true)) return status;
    if (!status.ok()) return Annotate(status, absl::StrCat("line ", node.line));
    if (flow_ != Flow::kOn) break;
  }
  return absl::OkStatus();
}

absl::Status Interpreter::RunNode(const Node& node, Scope& scope, std::string* out) {
  switch (node.kind) {
    case Node::Kind::kText:
      *out += node.text;
      return CheckSize(out->size());
    case Node::Kind::kOutput: {
      FOUNDRY_ASSIGN_OR_RETURN(const Value value, Evaluate(*node.expr, scope));
      *out += value.ToText();
      return CheckSize(out->size());
    }
    case Node::Kind::kIf: {
      FOUNDRY_ASSIGN_OR_RETURN(const Value condition, Evaluate(*node.expr, scope));
      return Run(condition.Truthy() ? node.body : node.other, scope, out);
    }
    case Node::Kind::kFor:
      return RunFor(node, scope, out);
    case Node::Kind::kSet:
      return RunSet(node, scope);
    case Node::Kind::kSetBlock:
      return RunSetBlock(node, scope);
    case Node::Kind::kMacro:
      scope.Set(node.text, Value(Value::Macro{&node, &scope}));
      return absl::OkStatus();
    case Node::Kind::kFilter: {
      std::string text;
      Scope inner(&scope);
      FOUNDRY_RETURN_IF_ERROR(Run(node.body, inner, &text));
      FOUNDRY_ASSIGN_OR_RETURN(const Value value,
                               Through(*node.expr, Value(std::move(text)), scope));
      *out += value.ToText();
      return CheckSize(out->size());
    }
    case Node::Kind::kBody:
      return Run(node.body, scope, out);
    case Node::Kind::kBreak:
      flow_ = Flow::kBreak;
      return absl::OkStatus();
    case Node::Kind::kContinue:
      flow_ = Flow::kContinue;
      return absl::OkStatus();
  }
  return absl::InternalError("no such node");
}

absl::Status Interpreter::Assign(const Node& node, Value value, Scope& scope) {
  if (node.names.size() == 1) {
    scope.Set(node.names[0], std::move(value));
    return absl::OkStatus();
  }
  FOUNDRY_ASSIGN_OR_RETURN(List parts, Iterate(value));
  if (parts.size() != node.names.size()) {
    return absl::InvalidArgumentError(
        absl::StrCat(parts.size(), " values for ", node.names.size(), " names"));
  }
  for (size_t i = 0; i < parts.size(); ++i) scope.Set(node.names[i], std::move(parts[i]));
  return absl::OkStatus();
}

absl::Status Interpreter::RunFor(const Node& node, Scope& scope, std::string* out) {
  FOUNDRY_ASSIGN_OR_RETURN(const Value all, Evaluate(*node.expr, scope));
  FOUNDRY_ASSIGN_OR_RETURN(List items, Iterate(all));
  if (node.condition != nullptr) {
    List kept;
    for (Value& item : items) {
      Scope inner(&scope);
      FOUNDRY_RETURN_IF_ERROR(Assign(node, item, inner));
      FOUNDRY_ASSIGN_OR_RETURN(const Value keep, Evaluate(*node.condition, inner));
      if (keep.Truthy()) kept.push_back(std::move(item));
    }
    items = std::move(kept);
  }
  const int64_t size = static_cast<int64_t>(items.size());
  for (int64_t i = 0; i < size; ++i) {
    FOUNDRY_RETURN_IF_ERROR(Charge(1));
    Scope inner(&scope);
    Dict loop({{"index", i + 1},
               {"index0", i},
               {"revindex", size - i},
               {"revindex0", size - i - 1},
               {"first", i == 0},
               {"last", i + 1 == size},
               {"length", size}});
    if (i > 0) loop.Set("previtem", items[i - 1]);
    if (i + 1 < size) loop.Set("nextitem", items[i + 1]);
    inner.Set("loop", Value(std::move(loop)));
    FOUNDRY_RETURN_IF_ERROR(Assign(node, items[i], inner));
    FOUNDRY_RETURN_IF_ERROR(Run(node.body, inner, out));
    if (std::exchange(flow_, Flow::kOn) == Flow::kBreak) break;
  }
  return size == 0 ? Run(node.other, scope, out) : absl::OkStatus();
}

absl::Status Interpreter::RunSet(const Node& node, Scope& scope) {
  FOUNDRY_ASSIGN_OR_RETURN(Value value, Evaluate(*node.expr, scope));
  if (!node.dotted) return Assign(node, std::move(value), scope);
  const Value* const space = scope.Find(node.names[0]);
  if (space == nullptr || space->space() == nullptr) {
    return absl::InvalidArgumentError(absl::StrCat("\"", node.names[0], "\" is no namespace"));
  }
  FOUNDRY_RETURN_IF_ERROR(CheckNested(value));
  space->space()->dict->Set(node.names[1], std::move(value));
  return absl::OkStatus();
}

absl::Status Interpreter::RunSetBlock(const Node& node, Scope& scope) {
  std::string text;
  Scope inner(&scope);
  FOUNDRY_RETURN_IF_ERROR(Run(node.body, inner, &text));
  Value value(std::move(text));
  if (node.expr != nullptr) {
    FOUNDRY_ASSIGN_OR_RETURN(value, Through(*node.expr, std::move(value), scope));
  }
  scope.Set(node.names[0], std::move(value));
  return absl::OkStatus();
}

absl::StatusOr<Value> Interpreter::Through(const Expr& filters, Value input, Scope& scope) {
  if (filters.kind != Expr::Kind::kFilter) {
    return absl::InvalidArgumentError("only filters stand here");
  }
  if (filters.children[0] != nullptr) {
    FOUNDRY_ASSIGN_OR_RETURN(input, Through(*filters.children[0], std::move(input), scope));
  }
  FOUNDRY_ASSIGN_OR_RETURN(const Given given, Evaluate(filters.arguments, scope));
  return CallFilter(filters.name, input, given);
}

absl::StatusOr<Given> Interpreter::Evaluate(const Arguments& arguments, Scope& scope) {
  Given given;
  for (const ExprPtr& argument : arguments.positional) {
    FOUNDRY_ASSIGN_OR_RETURN(Value value, Evaluate(*argument, scope));
    given.positional.push_back(std::move(value));
  }
  for (const auto& [name, argument] : arguments.named) {
    FOUNDRY_ASSIGN_OR_RETURN(Value value, Evaluate(*argument, scope));
    given.named.emplace_back(name, std::move(value));
  }
  return given;
}

absl::StatusOr<Value> Interpreter::Evaluate(const Expr& expr, Scope& scope) {
  const Deeper deeper(&depth_);
  FOUNDRY_RETURN_IF_ERROR(CheckDepth());
  FOUNDRY_ASSIGN_OR_RETURN(Value value, EvaluateKind(expr, scope));
  if (value.is_list() || value.is_dict()) FOUNDRY_RETURN_IF_ERROR(CheckNested(value));
  // What is done with it takes as long as it is large.
  FOUNDRY_RETURN_IF_ERROR(Charge(1 + value.weight() / 1024));
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
    case Expr::Kind::kList: {
      List list;
      for (const ExprPtr& child : expr.children) {
        FOUNDRY_ASSIGN_OR_RETURN(Value value, Evaluate(*child, scope));
        list.push_back(std::move(value));
      }
      return Value(std::move(list));
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
    case Expr::Kind::kFilter: {
      if (expr.children[0] == nullptr) return absl::InvalidArgumentError("a filter of nothing");
      FOUNDRY_ASSIGN_OR_RETURN(const Value value, Evaluate(*expr.children[0], scope));
      FOUNDRY_ASSIGN_OR_RETURN(const Given given, Evaluate(expr.arguments, scope));
      return CallFilter(expr.name, value, given);
    }
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
      return Calculate("-", Value(0), value);
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
    FOUNDRY_ASSIGN_OR_RETURN(const Value key, Evaluate(*expr.children[i], scope));
    FOUNDRY_ASSIGN_OR_RETURN(Value value, Evaluate(*expr.children[i + 1], scope));
    if (!key.is_text())
      return absl::UnimplementedError("keys that are no texts are not known here");
    dict.Set(key.text(), std::move(value));
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
      holds = (left == right) == (op == "==");
    } else if (op == "in" || op == "not in") {
      FOUNDRY_ASSIGN_OR_RETURN(holds, Contains(left, right));
      holds = holds == (op == "in");
    } else {
      if (left.is_undefined()) return Undefined(left);
      if (right.is_undefined()) return Undefined(right);
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
  if (object.is_undefined()) return Undefined(object);
  return Slice(object, given[0], given[1], given[2]);
}

absl::StatusOr<Value> Interpreter::EvaluateCall(const Expr& expr, Scope& scope) {
  const Expr& callee = *expr.children[0];
  FOUNDRY_ASSIGN_OR_RETURN(const Given given, Evaluate(expr.arguments, scope));
  if (callee.kind == Expr::Kind::kAttribute) {
    FOUNDRY_ASSIGN_OR_RETURN(const Value object, Evaluate(*callee.children[0], scope));
    return CallMethod(object, callee.name, given);
  }
  FOUNDRY_ASSIGN_OR_RETURN(const Value function, Evaluate(callee, scope));
  if (function.macro() != nullptr) return CallMacro(*function.macro(), given);
  if (callee.kind == Expr::Kind::kName && function.is_undefined()) {
    for (const auto& [name, value] : given.named) FOUNDRY_RETURN_IF_ERROR(CheckNested(value));
    return CallFunction(callee.name, given);
  }
  return absl::InvalidArgumentError(absl::StrCat(function.KindName(), " cannot be called"));
}

absl::StatusOr<Value> Interpreter::CallMacro(const Value::Macro& macro, const Given& given) {
  const auto& parameters = macro.node->parameters;
  if (given.positional.size() > parameters.size()) {
    return absl::InvalidArgumentError(
        absl::StrCat("the macro \"", macro.node->text, "\" takes fewer arguments"));
  }
  Scope scope(macro.scope);
  for (size_t i = 0; i < parameters.size(); ++i) {
    const auto& [name, fallback] = parameters[i];
    if (const Value* value = given.Find(i, name)) {
      scope.Set(name, *value);
    } else if (fallback != nullptr) {
      FOUNDRY_ASSIGN_OR_RETURN(Value value, Evaluate(*fallback, scope));
      scope.Set(name, std::move(value));
    } else {
      scope.Set(name, Value::MakeUndefined(name));
    }
  }
  std::string text;
  FOUNDRY_RETURN_IF_ERROR(Run(macro.node->body, scope, &text));
  return Value(std::move(text));
}

}  // namespace foundry::tokenizer::jinja
