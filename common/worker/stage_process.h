// The program around stages: flags, logs, metrics, both doors, graceful end. Mains are ten lines:
//
//   int main(int argc, char** argv) {
//     foundry::lm::ModelCache models;
//     return foundry::worker::RunStageProcess(
//         argc, argv, "foundry-teacher",
//         {{"teacher", [&] { return foundry::teacher::MakeTeacherStage(&models); }}});
//   }
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "common/worker/stage.h"

namespace foundry::worker {

struct StageFactory {
  std::string name;  // extraction, teacher, …
  std::function<Stage()> make;
};

// Runs until SIGTERM or SIGINT, then drains: no new tasks, running ones are cancelled and given
// back, direct calls end, all within 25 s. The exit code: 0 after a drain, 1 when it cannot start
// or has to be cut short, 2 for wrong flags. With several stages, --stages picks some of them.
int RunStageProcess(int argc, char** argv, const std::string& program,
                    const std::vector<StageFactory>& stages);

}  // namespace foundry::worker
