#include "common/tokenizer/jinja/interpreter.h"

#include <optional>
#include <utility>

#include "absl/strings/str_cat.h"
#include "common/base/status.h"
#include "common/tokenizer/jinja/deeper.h"
#include "common/tokenizer/jinja/iterate.h"
#include "common/tokenizer/jinja/loop.h"
#include "common/tokenizer/jinja/print.h"

namespace foundry::tokenizer::jinja {
namespace {

constexpr int kDeepest = 600;  // two or three frames each

}  // namespace

const Value* Scope::Find(const std::string& name) const {
  for (const Scope* scope = this; scope != nullptr; scope = scope->outer_) {
    const auto found = scope->names_.find(name);
    if (found != scope->names_.end()) return &found->second;
    (void)Budget::Spend(1);  // scopes may lie deep in each other
  }
  return nullptr;
}

absl::Status Interpreter::CheckDepth() const {
  if (depth_ <= kDeepest) return absl::OkStatus();
  return absl::ResourceExhaustedError("the template is nested too deep");
}

absl::Status Interpreter::Run(const std::vector<Node>& nodes, Scope& scope, Output* out) {
  const Deeper deeper(&depth_);
  FOUNDRY_RETURN_IF_ERROR(CheckDepth());
  for (const Node& node : nodes) {
    absl::Status status = Budget::Spend(1);
    if (status.ok()) status = RunNode(node, scope, out);
    // The innermost line is the one that counts.
    if (!status.ok() && std::exchange(blamed_, true)) return status;
    if (!status.ok()) return Annotate(status, absl::StrCat("line ", node.line));
    if (flow_ != Flow::kOn) break;
  }
  return absl::OkStatus();
}

absl::Status Interpreter::RunNode(const Node& node, Scope& scope, Output* out) {
  switch (node.kind) {
    case Node::Kind::kText:
      return out->Append(node.text);
    case Node::Kind::kOutput: {
      FOUNDRY_ASSIGN_OR_RETURN(const Value value, Evaluate(*node.expr, scope));
      return AppendText(value, out);
    }
    case Node::Kind::kIf: {
      FOUNDRY_ASSIGN_OR_RETURN(const Value condition, Evaluate(*node.expr, scope));
      return Run(condition.Truthy() ? node.body : node.other, scope, out);
    }
    case Node::Kind::kFor:
      return RunFor(node, scope, out);
    case Node::Kind::kSet:
      return RunSet(node, scope);
    case Node::Kind::kSetBlock: {
      FOUNDRY_ASSIGN_OR_RETURN(std::optional<Value> value, RunBlock(node, scope));
      if (value.has_value()) scope.Set(node.names[0], *std::move(value));
      return absl::OkStatus();
    }
    case Node::Kind::kMacro:
      scope.Set(node.text, Value(Value::Macro{&node, &scope}));
      return absl::OkStatus();
    case Node::Kind::kCall: {
      const Value caller(Value::Macro{&node, &scope});
      FOUNDRY_ASSIGN_OR_RETURN(const Value value, EvaluateCall(*node.expr, scope, &caller));
      return AppendText(value, out);
    }
    case Node::Kind::kFilter: {
      FOUNDRY_ASSIGN_OR_RETURN(const std::optional<Value> value, RunBlock(node, scope));
      return value.has_value() ? AppendText(*value, out) : absl::OkStatus();
    }
    case Node::Kind::kBody: {
      Scope inner(&scope);
      return Run(node.body, inner, out);
    }
    case Node::Kind::kBreak:
      flow_ = Flow::kBreak;
      return absl::OkStatus();
    case Node::Kind::kContinue:
      flow_ = Flow::kContinue;
      return absl::OkStatus();
  }
  return absl::InternalError("no such node");
}

absl::Status Interpreter::Assign(const Node& node, const Value& value, Scope& scope) {
  if (node.names.size() == 1) {
    scope.Set(node.names[0], value);
    return absl::OkStatus();
  }
  FOUNDRY_ASSIGN_OR_RETURN(List parts, Collect(value));
  if (parts.size() != node.names.size()) {
    return absl::InvalidArgumentError(
        absl::StrCat(parts.size(), " values for ", node.names.size(), " names"));
  }
  for (size_t i = 0; i < parts.size(); ++i) scope.Set(node.names[i], std::move(parts[i]));
  return absl::OkStatus();
}

absl::Status Interpreter::RunFor(const Node& node, Scope& scope, Output* out) {
  FOUNDRY_ASSIGN_OR_RETURN(const Value all, Evaluate(*node.expr, scope));
  FOUNDRY_ASSIGN_OR_RETURN(Iterator items, Iterator::Over(all));
  Loop::Condition condition;
  if (node.condition != nullptr) {
    condition = [&](const Value& item) -> absl::StatusOr<bool> {
      Scope inner(&scope);
      FOUNDRY_RETURN_IF_ERROR(Assign(node, item, inner));
      FOUNDRY_ASSIGN_OR_RETURN(const Value keep, Evaluate(*node.condition, inner));
      return keep.Truthy();
    };
  }
  Loop loop(std::move(items), std::move(condition));
  bool completed = false;  // a body, without a break or continue
  Flow flow = Flow::kOn;
  for (Value item; flow != Flow::kBreak;) {
    FOUNDRY_ASSIGN_OR_RETURN(const bool more, loop.Next(&item));
    if (!more) break;
    Scope inner(&scope);
    inner.Set("loop", Value(&loop));
    FOUNDRY_RETURN_IF_ERROR(Assign(node, item, inner));
    FOUNDRY_RETURN_IF_ERROR(Run(node.body, inner, out));
    flow = std::exchange(flow_, Flow::kOn);
    completed |= flow == Flow::kOn;
  }
  if (completed) return absl::OkStatus();
  Scope inner(&scope);
  return Run(node.other, inner, out);
}

absl::Status Interpreter::RunSet(const Node& node, Scope& scope) {
  FOUNDRY_ASSIGN_OR_RETURN(const Value value, Evaluate(*node.expr, scope));
  if (!node.dotted) return Assign(node, value, scope);
  const Value* const space = scope.Find(node.names[0]);
  if (space == nullptr || space->space() == nullptr) {
    return absl::InvalidArgumentError(absl::StrCat("\"", node.names[0], "\" is no namespace"));
  }
  FOUNDRY_RETURN_IF_ERROR(CheckField(node.names[1], value));
  space->space()->dict->Set(node.names[1], value);
  return absl::OkStatus();
}

absl::StatusOr<std::optional<Value>> Interpreter::RunBlock(const Node& node, Scope& scope) {
  Output text;
  Scope inner(&scope);
  FOUNDRY_RETURN_IF_ERROR(Run(node.body, inner, &text));
  if (flow_ != Flow::kOn) return std::optional<Value>();
  Value value(text.Take());
  if (node.expr == nullptr) return std::optional<Value>(std::move(value));
  const Value* const outer = std::exchange(piped_, &value);
  absl::StatusOr<Value> filtered = Evaluate(*node.expr, scope);
  piped_ = outer;
  FOUNDRY_RETURN_IF_ERROR(filtered.status());
  return std::optional<Value>(*std::move(filtered));
}

}  // namespace foundry::tokenizer::jinja
