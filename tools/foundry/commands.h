// Every command of `foundry`: declared here, registered in main.cc, written in cmd_<name>.cc.
#pragma once

#include "tools/foundry/command.h"

namespace foundry::cli {}  // namespace foundry::cli
