// The merger as a stage.
#pragma once

#include "common/worker/stage.h"

namespace foundry::merger {

worker::Stage MakeMergerStage();

}  // namespace foundry::merger
