#include "common/base/parent.h"

#include <signal.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <unistd.h>

#include <string>

namespace foundry {

void EndWithParent() {
  const char* parent = getenv("FOUNDRY_PARENT_PID");
  if (parent == nullptr) return;
  prctl(PR_SET_PDEATHSIG, SIGTERM);
  if (std::to_string(getppid()) != parent)
    _exit(0);  // it ended between our start and the call above
  unsetenv("FOUNDRY_PARENT_PID");
}

}  // namespace foundry
