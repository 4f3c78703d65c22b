// The trainer as a stage.
#pragma once

#include "common/worker/stage.h"

namespace foundry::trainer {

worker::Stage MakeTrainerStage();

}  // namespace foundry::trainer
