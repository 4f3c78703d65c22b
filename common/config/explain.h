// The settings as a table, for `foundry spec explain` and the documentation. Thread-safe.
#pragma once

#include <string>
#include <vector>

namespace foundry::config {

struct SettingRow {
  std::string name;   // distillation.lora.rank, sources[].pdf
  std::string type;   // whole number, list of text, section, …
  std::string value;  // default in YAML notation; empty: none
  std::string smoke;  // default under `profile: smoke` where it differs, else empty
  std::string full;   // the same under `profile: full`
  std::string unit;   // tokens, seconds, …; may be empty
  std::string range;  // "between 1 and 1024", "one of none, exact, near"; may be empty
  std::string help;   // one sentence
};

// Every setting of the user's file in the order of its declaration, sections before their settings.
std::vector<SettingRow> ExplainSpec();

}  // namespace foundry::config
