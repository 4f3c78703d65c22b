// Processes that must not outlive the one that started them.
#pragma once

namespace foundry {

// When the variable FOUNDRY_PARENT_PID is set: has the kernel send SIGTERM to this process when its
// parent ends, and ends at once when that parent is gone already. Call first in main, before any
// thread starts.
void EndWithParent();

}  // namespace foundry
