// Live progress of a job: one bar a step on a terminal, one line a change elsewhere.
#pragma once

#include <cstdio>
#include <map>
#include <string>
#include <vector>

#include "foundry/coordinator/v1/jobs.pb.h"

namespace foundry::cli {

// "3m12s", "45s", "2h05m"; "" when negative.
std::string HumanDuration(double seconds);

// One line of the view: "  teacher       ███████░░░░░  58%  132 pairs  ETA 1m04s".
std::string StepLine(const coordinator::v1::Step& step, int columns, bool color);

// Draws on `out` (stderr). On a terminal the block of bars is redrawn in place; elsewhere a step is
// printed when its state or whole tenth changes. Not thread-safe.
class ProgressView {
 public:
  explicit ProgressView(std::FILE* out);

  void Show(const coordinator::v1::Job& job);
  // A warning or error event; printed above the bars.
  void Note(const coordinator::v1::Event& event);
  // Leaves the last picture on the screen.
  void Finish();

 private:
  void Erase();
  void Draw();
  void PrintChanges(const coordinator::v1::Job& job);

  std::FILE* out_;
  bool terminal_;
  int drawn_lines_ = 0;
  coordinator::v1::Job last_;
  std::map<std::string, std::string> printed_;  // step -> what was last printed of it
};

}  // namespace foundry::cli
