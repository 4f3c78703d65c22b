#include "tools/foundry/command.h"

#include <cstdio>
#include <map>

namespace foundry::cli {

void Frame::AddOutput(CLI::App* command, Output* output) {
  const std::map<std::string, Output> names = {{"table", Output::kTable}, {"json", Output::kJson}};
  command->add_option("-o,--output-format", *output, "table or json")
      ->transform(CLI::CheckedTransformer(names, CLI::ignore_case))
      ->default_str("table");
}

int Report(const absl::Status& status) {
  if (status.ok()) return kOk;
  std::fprintf(stderr, "foundry: %s\n", std::string(status.message()).c_str());
  switch (status.code()) {
    case absl::StatusCode::kInvalidArgument:
      return kUsage;
    case absl::StatusCode::kNotFound:
      return kNotFound;
    case absl::StatusCode::kUnavailable:
    case absl::StatusCode::kDeadlineExceeded:
      return kUnavailable;
    case absl::StatusCode::kCancelled:
      return kInterrupted;
    default:
      return kFailed;
  }
}

void PrintJson(const Json& value) {
  const std::string text = DumpJson(value) + "\n";
  std::fwrite(text.data(), 1, text.size(), stdout);
  std::fflush(stdout);
}

}  // namespace foundry::cli
