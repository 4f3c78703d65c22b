#include "common/tokenizer/jinja/parser.h"

#include <algorithm>
#include <set>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "common/base/status.h"
#include "common/tokenizer/jinja/deeper.h"
#include "common/tokenizer/jinja/expression_parser.h"

namespace foundry::tokenizer::jinja {
namespace {

using Kind = Node::Kind;
using Ends = std::vector<absl::string_view>;

class Parser {
 public:
  explicit Parser(std::vector<Token> tokens) : in_(std::move(tokens)) {}

  absl::StatusOr<std::vector<Node>> Run() { return Body({}); }

 private:
  Node Make(Kind kind) const {
    Node node;
    node.kind = kind;
    node.line = in_.Peek().line;
    return node;
  }
  bool At(Token::Kind kind) const { return in_.Peek().kind == kind; }
  absl::Status Close(Token::Kind kind) {
    if (!At(kind)) return in_.Error("the tag should end here");
    in_.Next();
    return absl::OkStatus();
  }

  // Nodes up to a block that begins with one of `ends`, whose name is taken, or to the end of all.
  absl::StatusOr<std::vector<Node>> Body(const Ends& ends) {
    const Deeper deeper(in_.depth());
    FOUNDRY_RETURN_IF_ERROR(in_.CheckDepth());
    std::vector<Node> nodes;
    while (!At(Token::Kind::kEnd)) {
      if (At(Token::Kind::kText)) {
        Node node = Make(Kind::kText);
        node.text = in_.Next().text;
        nodes.push_back(std::move(node));
      } else if (At(Token::Kind::kOutputBegin)) {
        in_.Next();
        Node node = Make(Kind::kOutput);
        FOUNDRY_ASSIGN_OR_RETURN(node.expr, in_.Expression(/*tuples=*/true));
        FOUNDRY_RETURN_IF_ERROR(Close(Token::Kind::kOutputEnd));
        nodes.push_back(std::move(node));
      } else {
        in_.Next();
        FOUNDRY_ASSIGN_OR_RETURN(const std::string name, in_.Name());
        if (std::find(ends.begin(), ends.end(), name) != ends.end()) {
          end_ = name;
          return nodes;
        }
        FOUNDRY_ASSIGN_OR_RETURN(Node node, Block(name));
        nodes.push_back(std::move(node));
      }
    }
    if (ends.empty()) return nodes;
    return in_.Error(absl::StrCat("\"", absl::StrJoin(ends, "\" or \""), "\" is missing"));
  }

  // A body, its end and the end of its last tag.
  absl::Status Fill(std::vector<Node>* body, const Ends& ends) {
    FOUNDRY_RETURN_IF_ERROR(Close(Token::Kind::kBlockEnd));
    FOUNDRY_ASSIGN_OR_RETURN(*body, Body(ends));
    return absl::OkStatus();
  }

  // What a block goes through: filters, and nothing else that may follow an expression.
  absl::StatusOr<ExprPtr> Filters(bool first_without_bar) {
    FOUNDRY_ASSIGN_OR_RETURN(ExprPtr filters, in_.Filters(nullptr, first_without_bar));
    for (const Expr* one = filters.get(); one != nullptr; one = one->children[0].get()) {
      if (one->kind != Expr::Kind::kFilter) return in_.Error("only filters stand here");
    }
    return filters;
  }

  // A body that no break or continue leaves.
  absl::Status FillFunction(std::vector<Node>* body, const Ends& ends) {
    const int loops = std::exchange(loops_, 0);
    const absl::Status status = Fill(body, ends);
    loops_ = loops;
    return status;
  }

  absl::StatusOr<Node> Block(const std::string& name) {
    if (name == "if") return If();
    Node node;
    if (name == "for") {
      FOUNDRY_ASSIGN_OR_RETURN(node, For());
    } else if (name == "set") {
      FOUNDRY_ASSIGN_OR_RETURN(node, Set());
    } else if (name == "macro") {
      FOUNDRY_ASSIGN_OR_RETURN(node, Macro());
    } else if (name == "call") {
      FOUNDRY_ASSIGN_OR_RETURN(node, Call());
    } else if (name == "filter") {
      node = Make(Kind::kFilter);
      FOUNDRY_ASSIGN_OR_RETURN(node.expr, Filters(/*first_without_bar=*/true));
      FOUNDRY_RETURN_IF_ERROR(Fill(&node.body, {"endfilter"}));
    } else if (name == "generation") {  // Hugging Face: marks what an assistant says
      node = Make(Kind::kBody);
      FOUNDRY_RETURN_IF_ERROR(FillFunction(&node.body, {"endgeneration"}));
    } else if (name == "break" || name == "continue") {
      if (loops_ == 0) return in_.Error(absl::StrCat("\"", name, "\" outside a loop"));
      node = Make(name == "break" ? Kind::kBreak : Kind::kContinue);
    } else {
      return absl::UnimplementedError(
          absl::StrCat("line ", in_.Peek().line, ": the tag \"", name, "\" is not known here"));
    }
    FOUNDRY_RETURN_IF_ERROR(Close(Token::Kind::kBlockEnd));
    return node;
  }

  // Each elif is an `if` in the branch before.
  absl::StatusOr<Node> If() {
    const Deeper deeper(in_.depth());
    FOUNDRY_RETURN_IF_ERROR(in_.CheckDepth());
    Node node = Make(Kind::kIf);
    FOUNDRY_ASSIGN_OR_RETURN(node.expr, in_.Expression());
    FOUNDRY_RETURN_IF_ERROR(Fill(&node.body, {"elif", "else", "endif"}));
    if (end_ == "elif") {
      FOUNDRY_ASSIGN_OR_RETURN(Node other, If());  // takes the common end
      node.other.push_back(std::move(other));
      return node;
    }
    if (end_ == "else") FOUNDRY_RETURN_IF_ERROR(Fill(&node.other, {"endif"}));
    FOUNDRY_RETURN_IF_ERROR(Close(Token::Kind::kBlockEnd));
    return node;
  }

  absl::Status Targets(std::vector<std::string>* names) {
    do {
      FOUNDRY_ASSIGN_OR_RETURN(std::string name, in_.Name());
      if (name == "loop") return in_.Error("\"loop\" cannot be assigned to");
      names->push_back(std::move(name));
    } while (in_.TakeOperator(","));
    return absl::OkStatus();
  }

  absl::StatusOr<Node> For() {
    Node node = Make(Kind::kFor);
    const bool bracket = in_.TakeOperator("(");
    FOUNDRY_RETURN_IF_ERROR(Targets(&node.names));
    if (bracket) FOUNDRY_RETURN_IF_ERROR(in_.Expect(")"));
    if (!in_.TakeName("in")) return in_.Error("\"in\" is missing");
    FOUNDRY_ASSIGN_OR_RETURN(node.expr, in_.Or());
    if (in_.TakeName("if")) {
      FOUNDRY_ASSIGN_OR_RETURN(node.condition, in_.Expression());
    }
    if (in_.IsName("recursive")) {
      return absl::UnimplementedError(
          absl::StrCat("line ", node.line, ": recursive loops are not known here"));
    }
    ++loops_;
    const absl::Status body = Fill(&node.body, {"else", "endfor"});
    --loops_;
    FOUNDRY_RETURN_IF_ERROR(body);
    if (end_ == "else") FOUNDRY_RETURN_IF_ERROR(Fill(&node.other, {"endfor"}));
    return node;
  }

  absl::StatusOr<Node> Set() {
    Node node = Make(Kind::kSet);
    FOUNDRY_ASSIGN_OR_RETURN(std::string first, in_.Name());
    if (first == "loop" && loops_ > 0) return in_.Error("\"loop\" cannot be assigned to");
    node.names.push_back(std::move(first));
    if (in_.TakeOperator(".")) {
      node.dotted = true;
      FOUNDRY_ASSIGN_OR_RETURN(std::string attribute, in_.Name());
      node.names.push_back(std::move(attribute));
    } else if (in_.TakeOperator(",")) {
      FOUNDRY_RETURN_IF_ERROR(Targets(&node.names));
    }
    if (in_.TakeOperator("=")) {
      FOUNDRY_ASSIGN_OR_RETURN(node.expr, in_.Expression(/*tuples=*/true));
      return node;
    }
    if (node.dotted || node.names.size() > 1) return in_.Error("\"=\" is missing");
    node.kind = Kind::kSetBlock;
    if (in_.IsOperator("|")) {
      FOUNDRY_ASSIGN_OR_RETURN(node.expr, Filters(/*first_without_bar=*/false));
    }
    FOUNDRY_RETURN_IF_ERROR(Fill(&node.body, {"endset"}));
    return node;
  }

  // Behind "(".
  absl::Status Parameters(Node* node) {
    bool comma = true;
    while (!in_.TakeOperator(")")) {
      if (!comma) return in_.Error("a comma is missing");
      FOUNDRY_ASSIGN_OR_RETURN(std::string name, in_.Name());
      ExprPtr value;
      if (in_.TakeOperator("=")) {
        FOUNDRY_ASSIGN_OR_RETURN(value, in_.Expression());
      }
      const auto& before = node->parameters;
      if (value == nullptr &&
          (name == "caller" || (!before.empty() && before.back().second != nullptr))) {
        return in_.Error(absl::StrCat("the parameter \"", name, "\" needs a default"));
      }
      for (const auto& [other, fallback] : before) {
        if (other == name) return in_.Error(absl::StrCat("two parameters \"", name, "\""));
      }
      node->parameters.emplace_back(std::move(name), std::move(value));
      comma = in_.TakeOperator(",");
    }
    return absl::OkStatus();
  }

  // A body that has `caller` of its own, but for a parameter of that name.
  absl::Status FillMacro(Node* node, const Ends& ends) {
    // What a macro that names them makes of further arguments.
    std::set<std::string> special = {"kwargs", "varargs"};
    bool own = true;
    for (const auto& [name, value] : node->parameters) {
      special.erase(name);
      own &= name != "caller";
    }
    const std::set<std::string> outer = in_.special();
    const bool outer_named = std::exchange(*in_.names_caller(), false);
    in_.set_special(std::move(special));
    FOUNDRY_RETURN_IF_ERROR(FillFunction(&node->body, ends));
    in_.set_special(outer);
    node->takes_caller = own && *in_.names_caller();
    *in_.names_caller() = outer_named || node->takes_caller;  // as jinja2, for macros around it
    return absl::OkStatus();
  }

  absl::StatusOr<Node> Macro() {
    Node node = Make(Kind::kMacro);
    FOUNDRY_ASSIGN_OR_RETURN(node.text, in_.Name());
    FOUNDRY_RETURN_IF_ERROR(in_.Expect("("));
    FOUNDRY_RETURN_IF_ERROR(Parameters(&node));
    FOUNDRY_RETURN_IF_ERROR(FillMacro(&node, {"endmacro"}));
    if (At(Token::Kind::kName)) in_.Next();  // {% endmacro name %}
    return node;
  }

  absl::StatusOr<Node> Call() {
    Node node = Make(Kind::kCall);
    if (in_.TakeOperator("(")) FOUNDRY_RETURN_IF_ERROR(Parameters(&node));
    FOUNDRY_ASSIGN_OR_RETURN(node.expr, in_.Expression());
    if (node.expr->kind != Expr::Kind::kCall) return in_.Error("a call is missing");
    FOUNDRY_RETURN_IF_ERROR(FillMacro(&node, {"endcall"}));
    return node;
  }

  ExpressionParser in_;
  std::string end_;  // the name of the block that ended the last body
  int loops_ = 0;    // around what is parsed
};

}  // namespace

absl::StatusOr<std::vector<Node>> Parse(absl::string_view source) {
  FOUNDRY_ASSIGN_OR_RETURN(std::vector<Token> tokens, Tokenize(source));
  return Parser(std::move(tokens)).Run();
}

}  // namespace foundry::tokenizer::jinja
