// The part of Jinja that chat templates are written in, with the settings of Hugging Face's
// apply_chat_template (trim_blocks, lstrip_blocks, loop controls, raise_exception, tojson).
//
// Known: text, output, if, for (with a condition, else, break, continue), set, macros, filter
// blocks, {% generation %}; all of the expressions; the filters, tests and methods of builtins.h.
// Names that are not known are errors. Known to differ from jinja2 without an error: filters that
// are lazy there (map, select …) give lists here, tuples and views print and compare as lists,
// floats print as C++ has them, the `else` of a loop after break or continue, some rarer arguments
// of filters and methods (tojson's separators), tokens of the model other than bos and eos. Limits
// hold for steps, depth and single values, not for all memory together. Without a clock:
// strftime_now is undefined, and templates fall back to their own date. Reference: jinja2 3.1,
// transformers' utils/chat_template_utils.py. Thread-safe: immutable.
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
