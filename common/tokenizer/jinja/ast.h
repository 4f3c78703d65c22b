// What a template is parsed into. Plain values; immutable once parsed.
#pragma once

#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "common/tokenizer/jinja/value.h"

namespace foundry::tokenizer::jinja {

struct Expr;
using ExprPtr = std::unique_ptr<Expr>;

// Of a call, filter or test.
struct Arguments {
  std::vector<ExprPtr> positional;
  std::vector<std::pair<std::string, ExprPtr>> named;
  ExprPtr list, mapping;  // *list and **mapping; null: not given
};

struct Expr {
  enum class Kind {
    kLiteral,    // value
    kName,       // name
    kList,       // children
    kTuple,      // children
    kDict,       // children: key, value, key, value …
    kAttribute,  // children[0].name
    kItem,       // children[0][children[1]]
    kSlice,      // children[0][a:b:c]; a, b, c may be null
    kCall,       // children[0](arguments)
    kFilter,     // children[0] | name(arguments); null: what the block came to
    kTest,       // children[0] is name(arguments)
    kNot,
    kNegative,
    kBinary,    // children[0] name children[1]: + - * / // % ** ~ and or
    kCompare,   // children[0] operators[0] children[1] operators[1] children[2] …
    kCondition  // children[0] if children[1] else children[2], which may be null
  };
  Kind kind;
  int line = 0;
  std::string name;
  Value value;
  std::vector<ExprPtr> children;
  std::vector<std::string> operators;
  Arguments arguments;
};

struct Node {
  enum class Kind {
    kText,      // text
    kOutput,    // {{ expr }}
    kIf,        // expr, body, other
    kFor,       // names in expr [if condition], body, other
    kSet,       // names = expr; two names and dotted: names[0].names[1] = expr
    kSetBlock,  // names[0] = body
    kMacro,     // text: its name; parameters, body
    kCall,      // expr, a call, which is given the macro of parameters and body as `caller`
    kFilter,    // body through the filters of expr, whose innermost child is null
    kBody,      // body, in a scope of its own
    kBreak,
    kContinue
  };
  Kind kind;
  int line = 0;
  std::string text;
  ExprPtr expr, condition;
  std::vector<std::string> names;
  bool dotted = false;
  bool takes_caller = false;  // a macro whose body names `caller`, which is no parameter
  std::vector<Node> body, other;
  std::vector<std::pair<std::string, ExprPtr>> parameters;  // null: no default
};

}  // namespace foundry::tokenizer::jinja
