#include "common/tokenizer/jinja/expression_parser.h"

#include <iterator>
#include <utility>

#include "absl/strings/ascii.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "common/base/status.h"
#include "common/tokenizer/jinja/deeper.h"

namespace foundry::tokenizer::jinja {
namespace {

using Kind = Expr::Kind;

constexpr int kDeepest = 200;  // what is parsed recursively

// From the loosest; all group to the left (as Jinja's **, unlike Python's).
constexpr absl::string_view kLevels[][4] = {{"+", "-"}, {"~"}, {"*", "/", "//", "%"}, {"**"}};

}  // namespace

bool ExpressionParser::IsOperator(absl::string_view text) const {
  return Peek().kind == Token::Kind::kOperator && Peek().text == text;
}

bool ExpressionParser::IsName(absl::string_view text) const {
  return Peek().kind == Token::Kind::kName && Peek().text == text;
}

bool ExpressionParser::TakeOperator(absl::string_view text) {
  const bool is = IsOperator(text);
  if (is) Next();
  return is;
}

bool ExpressionParser::TakeName(absl::string_view text) {
  const bool is = IsName(text);
  if (is) Next();
  return is;
}

absl::Status ExpressionParser::Error(absl::string_view what) const {
  return absl::InvalidArgumentError(absl::StrCat("line ", Peek().line, ": ", what));
}

absl::Status ExpressionParser::Expect(absl::string_view op) {
  return TakeOperator(op) ? absl::OkStatus() : Error(absl::StrCat("\"", op, "\" is missing"));
}

absl::StatusOr<std::string> ExpressionParser::Name() {
  if (Peek().kind != Token::Kind::kName) return Error("a name is missing");
  return Next().text;
}

absl::Status ExpressionParser::CheckDepth() const {
  return depth_ <= kDeepest ? absl::OkStatus() : Error("nested too deep");
}

ExprPtr ExpressionParser::Make(Kind kind, ExprPtr a, ExprPtr b) const {
  auto expr = std::make_unique<Expr>();
  expr->kind = kind;
  expr->line = Peek().line;
  if (a != nullptr) expr->children.push_back(std::move(a));
  if (b != nullptr) expr->children.push_back(std::move(b));
  return expr;
}

absl::StatusOr<ExprPtr> ExpressionParser::Expression(bool tuples) {
  FOUNDRY_ASSIGN_OR_RETURN(ExprPtr first, Condition());
  if (!tuples || !IsOperator(",")) return first;
  ExprPtr list = Make(Kind::kTuple, std::move(first));
  while (TakeOperator(",")) {
    if (Peek().kind == Token::Kind::kBlockEnd || Peek().kind == Token::Kind::kOutputEnd) break;
    FOUNDRY_ASSIGN_OR_RETURN(ExprPtr next, Condition());
    list->children.push_back(std::move(next));
  }
  return list;
}

absl::StatusOr<ExprPtr> ExpressionParser::Condition() {
  const Deeper deeper(&depth_);
  FOUNDRY_RETURN_IF_ERROR(CheckDepth());
  FOUNDRY_ASSIGN_OR_RETURN(ExprPtr value, Or());
  if (!TakeName("if")) return value;
  FOUNDRY_ASSIGN_OR_RETURN(ExprPtr condition, Or());
  ExprPtr expr = Make(Kind::kCondition, std::move(value), std::move(condition));
  ExprPtr other;
  if (TakeName("else")) {
    FOUNDRY_ASSIGN_OR_RETURN(other, Condition());
  }
  expr->children.push_back(std::move(other));
  return expr;
}

template <typename Operand, typename Take>
absl::StatusOr<ExprPtr> ExpressionParser::Grouped(Operand operand, Take take) {
  FOUNDRY_ASSIGN_OR_RETURN(ExprPtr left, operand());
  for (std::string op = take(); !op.empty(); op = take()) {
    FOUNDRY_ASSIGN_OR_RETURN(ExprPtr right, operand());
    left = Make(Kind::kBinary, std::move(left), std::move(right));
    left->name = std::move(op);
  }
  return left;
}

absl::StatusOr<ExprPtr> ExpressionParser::Or() {
  return Grouped([this] { return And(); }, [this] { return TakeName("or") ? "or" : ""; });
}

absl::StatusOr<ExprPtr> ExpressionParser::And() {
  return Grouped([this] { return Not(); }, [this] { return TakeName("and") ? "and" : ""; });
}

absl::StatusOr<ExprPtr> ExpressionParser::Not() {
  if (!IsName("not")) return Compare();
  const Deeper deeper(&depth_);
  FOUNDRY_RETURN_IF_ERROR(CheckDepth());
  Next();
  FOUNDRY_ASSIGN_OR_RETURN(ExprPtr inner, Not());
  return Make(Kind::kNot, std::move(inner));
}

absl::StatusOr<ExprPtr> ExpressionParser::Compare() {
  FOUNDRY_ASSIGN_OR_RETURN(ExprPtr left, Binary(0));
  ExprPtr compare;
  for (;;) {
    std::string op;
    for (const char* one : {"==", "!=", ">=", "<=", ">", "<"}) {
      if (op.empty() && TakeOperator(one)) op = one;
    }
    if (op.empty() && TakeName("in")) op = "in";
    if (op.empty() && IsName("not") && Ahead().kind == Token::Kind::kName && Ahead().text == "in") {
      Next();
      Next();
      op = "not in";
    }
    if (op.empty()) break;
    if (compare == nullptr) compare = Make(Kind::kCompare, std::move(left));
    FOUNDRY_ASSIGN_OR_RETURN(ExprPtr right, Binary(0));
    compare->operators.push_back(std::move(op));
    compare->children.push_back(std::move(right));
  }
  return compare == nullptr ? std::move(left) : std::move(compare);
}

absl::StatusOr<ExprPtr> ExpressionParser::Binary(size_t level) {
  if (level == std::size(kLevels)) return Unary();
  return Grouped([&] { return Binary(level + 1); },
                 [&]() -> std::string {
                   for (const absl::string_view one : kLevels[level]) {
                     if (TakeOperator(one)) return std::string(one);
                   }
                   return "";
                 });
}

absl::StatusOr<ExprPtr> ExpressionParser::Unary(bool filters) {
  const Deeper deeper(&depth_);
  FOUNDRY_RETURN_IF_ERROR(CheckDepth());
  ExprPtr expr;
  if (TakeOperator("-")) {
    FOUNDRY_ASSIGN_OR_RETURN(ExprPtr inner, Unary(false));
    expr = Make(Kind::kNegative, std::move(inner));
  } else if (TakeOperator("+")) {
    // As -(-x): refuses what is no number, and makes one of true.
    FOUNDRY_ASSIGN_OR_RETURN(ExprPtr inner, Unary(false));
    expr = Make(Kind::kNegative, Make(Kind::kNegative, std::move(inner)));
  } else {
    FOUNDRY_ASSIGN_OR_RETURN(expr, Primary());
  }
  FOUNDRY_ASSIGN_OR_RETURN(expr, Postfix(std::move(expr)));
  return filters ? Filters(std::move(expr)) : std::move(expr);
}

absl::StatusOr<ExprPtr> ExpressionParser::Primary() {
  const Token token = Next();
  ExprPtr literal = Make(Kind::kLiteral);
  switch (token.kind) {
    case Token::Kind::kString: {
      std::string text = token.text;
      while (Peek().kind == Token::Kind::kString) text += Next().text;
      literal->value = Value(std::move(text));
      return literal;
    }
    case Token::Kind::kInteger:
      return Integer(token);
    case Token::Kind::kFloat: {
      double number = 0;
      if (!absl::SimpleAtod(token.text, &number)) return Error("no number");
      literal->value = Value(number);
      return literal;
    }
    case Token::Kind::kName:
      if (token.text == "true" || token.text == "True") {
        literal->value = Value(true);
      } else if (token.text == "false" || token.text == "False") {
        literal->value = Value(false);
      } else if (token.text == "none" || token.text == "None") {
        literal->value = Value::MakeNone();
      } else if (special_.count(token.text) > 0) {
        return absl::UnimplementedError(absl::StrCat("line ", Peek().line, ": \"", token.text,
                                                     "\" of a macro is not known here"));
      } else {
        names_caller_ |= token.text == "caller";
        literal->kind = Kind::kName;
        literal->name = token.text;
      }
      return literal;
    case Token::Kind::kOperator:
      if (token.text == "[") return ListUntil("]", nullptr);
      if (token.text == "{") return Mapping();
      if (token.text == "(") {
        if (IsOperator(")")) return ListUntil(")", nullptr);
        FOUNDRY_ASSIGN_OR_RETURN(ExprPtr inner, Expression());
        if (IsOperator(",")) return ListUntil(")", std::move(inner));
        FOUNDRY_RETURN_IF_ERROR(Expect(")"));
        return inner;
      }
      [[fallthrough]];
    default:
      return Error("an expression is missing");
  }
}

absl::StatusOr<ExprPtr> ExpressionParser::Integer(const Token& token) const {
  constexpr absl::string_view kBases = "box";
  absl::string_view digits = token.text;
  const size_t letter =
      digits.size() > 1 ? kBases.find(absl::ascii_tolower(digits[1])) : kBases.npos;
  const int base = letter == kBases.npos ? 10 : letter == 0 ? 2 : letter == 1 ? 8 : 16;
  if (base != 10) digits.remove_prefix(2);
  int64_t number = 0;
  if (!absl::numbers_internal::safe_strto64_base(digits, &number, base)) {
    return absl::UnimplementedError(absl::StrCat("line ", token.line, ": the integer ",
                                                 token.text.substr(0, 40), " is not known here"));
  }
  ExprPtr literal = Make(Kind::kLiteral);
  literal->value = Value(number);
  return literal;
}

absl::StatusOr<ExprPtr> ExpressionParser::ListUntil(absl::string_view end, ExprPtr first) {
  ExprPtr list = Make(end == "]" ? Kind::kList : Kind::kTuple, std::move(first));
  bool comma = list->children.empty() || TakeOperator(",");
  while (!TakeOperator(end)) {
    if (!comma) return Error("a comma is missing");
    FOUNDRY_ASSIGN_OR_RETURN(ExprPtr item, Expression());
    list->children.push_back(std::move(item));
    comma = TakeOperator(",");
  }
  return list;
}

absl::StatusOr<ExprPtr> ExpressionParser::Mapping() {
  ExprPtr mapping = Make(Kind::kDict);
  bool comma = true;
  while (!TakeOperator("}")) {
    if (!comma) return Error("a comma is missing");
    FOUNDRY_ASSIGN_OR_RETURN(ExprPtr key, Expression());
    FOUNDRY_RETURN_IF_ERROR(Expect(":"));
    FOUNDRY_ASSIGN_OR_RETURN(ExprPtr value, Expression());
    mapping->children.push_back(std::move(key));
    mapping->children.push_back(std::move(value));
    comma = TakeOperator(",");
  }
  return mapping;
}

}  // namespace foundry::tokenizer::jinja
