// The frame of the `foundry` program: one Register… function per command, in its own file.
//
// A command adds a CLI11 subcommand with its options and hands the frame an action:
//
//   void RegisterExtract(Frame& frame) {
//     auto options = std::make_shared<Options>();
//     CLI::App* command = frame.Add("extract", "Read documents into records");
//     command->add_option("paths", options->paths)->required();
//     frame.On(command, [options] { return Extract(*options); });
//   }
//
// Conventions: results on stdout, everything for people on stderr; -o json prints one JSON value.
#pragma once

#include <functional>
#include <string>

#include "CLI/CLI.hpp"
#include "absl/status/status.h"
#include "common/base/json.h"

namespace foundry::cli {

// Documented in README; scripts rely on them.
enum ExitCode {
  kOk = 0,
  kFailed = 1,       // the work failed: a job, an evaluation, a merge
  kUsage = 2,        // wrong flags, a spec that does not hold
  kPartial = 3,      // done, but some inputs were refused (named on stderr)
  kNotFound = 4,     // no such job, model or file
  kUnavailable = 5,  // a service, the coordinator or an endpoint cannot be reached
  kInterrupted = 130,
};

enum class Output { kTable, kJson };

class Frame {
 public:
  explicit Frame(CLI::App& app) : app_(app) {}

  // A subcommand of `foundry`, or of `parent`.
  CLI::App* Add(const std::string& name, const std::string& help, CLI::App* parent = nullptr) {
    return (parent == nullptr ? &app_ : parent)->add_subcommand(name, help);
  }
  // Runs after parsing, when `command` was chosen. Returns the exit code.
  void On(CLI::App* command, std::function<int()> action) {
    command->callback([this, action = std::move(action)] { action_ = action; });
  }
  // Adds -o/--output-format to a command that prints data.
  static void AddOutput(CLI::App* command, Output* output);

  const std::function<int()>& action() const { return action_; }

 private:
  CLI::App& app_;
  std::function<int()> action_;
};

// Prints "foundry: <message>" to stderr and gives the exit code that fits the status.
int Report(const absl::Status& status);

// Prints one JSON value and a newline to stdout.
void PrintJson(const Json& value);

}  // namespace foundry::cli
