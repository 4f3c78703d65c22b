// A stage process for tests: its handler says that it began, then waits to be let go.
//
// In the folder $FOUNDRY_TEST_DIR a handler makes begun-<pid> and waits for the file `go`. Its
// output is documents.jsonl with one line. The frame around it is the real one.
#include <unistd.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>

#include "common/worker/stage_process.h"

namespace foundry {
namespace {

namespace fs = std::filesystem;

absl::StatusOr<worker::StageOutput> Handle(const worker::StageRequest&,
                                           worker::TaskContext& context) {
  const fs::path folder = std::getenv("FOUNDRY_TEST_DIR");
  std::ofstream(folder / ("begun-" + std::to_string(getpid()))) << "";
  context.Message("begun");
  while (!fs::exists(folder / "go")) {
    if (context.cancel().WaitFor(absl::Milliseconds(10))) return context.cancel().Check();
  }
  std::ofstream(context.output() / "documents.jsonl") << "{\"id\":\"d\"}\n";
  return worker::StageOutput{{{"documents", 1}}, {}, {}};
}

}  // namespace
}  // namespace foundry

int main(int argc, char** argv) {
  using foundry::worker::StageRequest;
  return foundry::worker::RunStageProcess(
      argc, argv, "waiting-stage",
      {{"extraction",
        [] {
          return foundry::worker::Stage{"extraction", {{StageRequest::kExtract, foundry::Handle}}};
        }},
       {"merger", [] {
          return foundry::worker::Stage{"merger", {{StageRequest::kMerge, foundry::Handle}}};
        }}});
}
