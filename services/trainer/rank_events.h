// What a rank tells the process that started it: one line of JSON each, on its stdout.
// Thread-safe (no state) but for EventReader.
#pragma once

#include <functional>
#include <string>
#include <variant>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "common/lm/trainer.h"

namespace foundry::trainer {

struct Listening {
  std::string address;  // of rank 0, for the others
};
struct Snapshot {
  std::string folder;  // see run_snapshot.h; the reader's from now on
  int64_t step = 0;
};
struct Message {
  std::string text;
};
struct Failure {
  absl::Status status;
};
using RankEvent = std::variant<Listening, lm::StepReport, lm::ValidationReport, Snapshot, Message,
                               lm::TrainSummary, Failure>;

// Ends with a newline.
std::string ToLine(const RankEvent& event);
// InvalidArgument when the line is no event.
absl::StatusOr<RankEvent> FromLine(absl::string_view line);

// Puts pieces of output together to lines. Not thread-safe.
class EventReader {
 public:
  explicit EventReader(std::function<absl::Status(const RankEvent&)> on_event)
      : on_event_(std::move(on_event)) {}
  absl::Status Read(absl::string_view piece);

 private:
  std::function<absl::Status(const RankEvent&)> on_event_;
  std::string rest_;
};

}  // namespace foundry::trainer
