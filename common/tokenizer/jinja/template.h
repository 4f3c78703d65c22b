// The part of Jinja that chat templates are written in, with the settings of Hugging Face's
// apply_chat_template (trim_blocks, lstrip_blocks, loop controls, raise_exception, strftime_now,
// tojson).
//
// Known: text, output, if, for (with a condition, else, break, continue), set, macros, call,
// filter and raw blocks, {% generation %}; expressions; the filters, tests, methods and functions
// in the tables of this folder. What is not known ({% include %}, recursive loops …) is an error
// with its line that names it where it can be told, as are integers beyond 64 bits, nan, keys that
// are tuples, and what Python prints as an address. Known to differ from transformers without an
// error: strftime_now() is always of 26 July 2024, where transformers renders today's date.
//
// Templates come from anywhere: a rendering has a budget of steps and of memory (budget.h), and
// what is parsed or walked recursively has a limit in depth. Reference: jinja2 3.1, transformers'
// utils/chat_template_utils.py. Thread-safe: immutable.
#pragma once

#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "common/tokenizer/jinja/value.h"

namespace foundry::tokenizer::jinja {

class Template {
 public:
  // InvalidArgument or Unimplemented, with the line.
  static absl::StatusOr<Template> Parse(absl::string_view source);

  // InvalidArgument: the template refuses (raise_exception), or values do not go together;
  // ResourceExhausted: it does or makes too much; Unimplemented: it uses what is not known here.
  absl::StatusOr<std::string> Render(std::vector<std::pair<std::string, Value>> names) const;

 private:
  struct Parsed;
  std::shared_ptr<const Parsed> parsed_;
};

}  // namespace foundry::tokenizer::jinja
