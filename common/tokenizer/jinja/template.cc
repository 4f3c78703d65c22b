#include "common/tokenizer/jinja/template.h"

#include "common/base/status.h"
#include "common/tokenizer/jinja/budget.h"
#include "common/tokenizer/jinja/interpreter.h"
#include "common/tokenizer/jinja/parser.h"

namespace foundry::tokenizer::jinja {

struct Template::Parsed {
  std::vector<Node> nodes;
};

absl::StatusOr<Template> Template::Parse(absl::string_view source) {
  auto parsed = std::make_shared<Parsed>();
  FOUNDRY_ASSIGN_OR_RETURN(parsed->nodes, jinja::Parse(source));
  Template out;
  out.parsed_ = std::move(parsed);
  return out;
}

absl::StatusOr<std::string> Template::Render(
    std::vector<std::pair<std::string, Value>> names) const {
  const Budget budget;  // outlives what is made
  Scope scope;
  for (const std::string& name : FunctionNames()) scope.Set(name, Value(Value::Function{name, {}}));
  for (auto& [name, value] : names) scope.Set(name, std::move(value));
  Interpreter interpreter;
  Output out;
  FOUNDRY_RETURN_IF_ERROR(interpreter.Run(parsed_->nodes, scope, &out));
  FOUNDRY_RETURN_IF_ERROR(Budget::Check());
  return out.Take();
}

}  // namespace foundry::tokenizer::jinja
