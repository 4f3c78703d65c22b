// The part of ExpressionParser that reads what follows a value: attributes, items, calls, filters
// and tests.
#include <utility>

#include "absl/strings/str_cat.h"
#include "common/base/status.h"
#include "common/tokenizer/jinja/expression_parser.h"

namespace foundry::tokenizer::jinja {

using Kind = Expr::Kind;

absl::StatusOr<ExprPtr> ExpressionParser::Postfix(ExprPtr inner) {
  for (;;) {
    const bool dot = TakeOperator(".");
    if (dot && Peek().kind == Token::Kind::kInteger) {
      FOUNDRY_ASSIGN_OR_RETURN(ExprPtr index, Integer(Next()));
      inner = Make(Kind::kItem, std::move(inner), std::move(index));
    } else if (dot) {
      inner = Make(Kind::kAttribute, std::move(inner));
      FOUNDRY_ASSIGN_OR_RETURN(inner->name, Name());
    } else if (TakeOperator("[")) {
      FOUNDRY_ASSIGN_OR_RETURN(inner, Item(std::move(inner)));
    } else if (TakeOperator("(")) {
      FOUNDRY_ASSIGN_OR_RETURN(inner, Call(std::move(inner)));
    } else {
      return inner;
    }
  }
}

absl::StatusOr<ExprPtr> ExpressionParser::Item(ExprPtr inner) {
  ExprPtr parts[3];
  int colons = 0;
  while (!TakeOperator("]")) {
    if (TakeOperator(":")) {
      if (++colons > 2) return Error("too many colons");
    } else if (parts[colons] != nullptr) {
      return Error("\"]\" is missing");
    } else {
      FOUNDRY_ASSIGN_OR_RETURN(parts[colons], Expression());
    }
  }
  if (colons == 0 && parts[0] == nullptr) return Error("an index is missing");
  if (colons == 0) return Make(Kind::kItem, std::move(inner), std::move(parts[0]));
  ExprPtr slice = Make(Kind::kSlice, std::move(inner));
  for (ExprPtr& part : parts) slice->children.push_back(std::move(part));
  return slice;
}

absl::StatusOr<ExprPtr> ExpressionParser::Call(ExprPtr function) {
  ExprPtr call = Make(Kind::kCall, std::move(function));
  FOUNDRY_ASSIGN_OR_RETURN(call->arguments, CallArguments());
  return call;
}

absl::StatusOr<Arguments> ExpressionParser::CallArguments() {
  Arguments arguments;
  bool comma = true;
  while (!TakeOperator(")")) {
    if (!comma) return Error("a comma is missing");
    const bool any_spread = arguments.list != nullptr || arguments.mapping != nullptr;
    const bool named = Peek().kind == Token::Kind::kName &&
                       Ahead().kind == Token::Kind::kOperator && Ahead().text == "=";
    // Jinja's order: one *list and one **mapping behind all that stands by itself.
    if (TakeOperator("**")) {
      if (arguments.mapping != nullptr) return Error("a second \"**\"");
      FOUNDRY_ASSIGN_OR_RETURN(arguments.mapping, Expression());
    } else if (any_spread && !(named && arguments.mapping == nullptr)) {
      return Error("an argument behind \"*\" or \"**\"");
    } else if (TakeOperator("*")) {
      FOUNDRY_ASSIGN_OR_RETURN(arguments.list, Expression());
    } else if (named) {
      std::string name = Next().text;
      Next();
      for (const auto& [other, value] : arguments.named) {
        if (other == name) return Error(absl::StrCat("\"", name, "\" is given twice"));
      }
      FOUNDRY_ASSIGN_OR_RETURN(ExprPtr value, Expression());
      arguments.named.emplace_back(std::move(name), std::move(value));
    } else if (!arguments.named.empty()) {
      return Error("an argument without a name behind one with a name");
    } else {
      FOUNDRY_ASSIGN_OR_RETURN(ExprPtr value, Expression());
      arguments.positional.push_back(std::move(value));
    }
    comma = TakeOperator(",");
  }
  return arguments;
}

absl::StatusOr<ExprPtr> ExpressionParser::Filters(ExprPtr inner, bool first_without_bar) {
  bool bar = first_without_bar;
  for (;;) {
    if (bar || TakeOperator("|")) {
      bar = false;
      ExprPtr filter = Make(Kind::kFilter);
      filter->children.push_back(std::move(inner));
      FOUNDRY_ASSIGN_OR_RETURN(filter->name, Name());
      if (TakeOperator("(")) {
        FOUNDRY_ASSIGN_OR_RETURN(filter->arguments, CallArguments());
      }
      inner = std::move(filter);
    } else if (TakeName("is")) {
      FOUNDRY_ASSIGN_OR_RETURN(inner, Test(std::move(inner)));
    } else if (TakeOperator("(")) {
      FOUNDRY_ASSIGN_OR_RETURN(inner, Call(std::move(inner)));
    } else {
      return inner;
    }
  }
}

absl::StatusOr<ExprPtr> ExpressionParser::Test(ExprPtr inner) {
  const bool negated = TakeName("not");
  ExprPtr test = Make(Kind::kTest, std::move(inner));
  FOUNDRY_ASSIGN_OR_RETURN(test->name, Name());
  const Token& next = Peek();
  const bool word = next.kind == Token::Kind::kName && next.text != "else" && next.text != "or" &&
                    next.text != "and" && next.text != "is" && next.text != "if" &&
                    next.text != "in" && next.text != "not";
  if (TakeOperator("(")) {
    FOUNDRY_ASSIGN_OR_RETURN(test->arguments, CallArguments());
  } else if (word || next.kind == Token::Kind::kString || next.kind == Token::Kind::kInteger ||
             next.kind == Token::Kind::kFloat || IsOperator("[") || IsOperator("{")) {
    FOUNDRY_ASSIGN_OR_RETURN(ExprPtr argument, Primary());
    FOUNDRY_ASSIGN_OR_RETURN(argument, Postfix(std::move(argument)));
    test->arguments.positional.push_back(std::move(argument));
  }
  return negated ? Make(Kind::kNot, std::move(test)) : std::move(test);
}

}  // namespace foundry::tokenizer::jinja
