// Confines a helper program that parses untrusted files: no network, no new programs, no processes,
// no writing or renaming of files, no looking into other processes. A deny-list, because the
// parsers open fonts and tables lazily; memory and time are limited from outside (rlimits).
#pragma once

#include "absl/status/status.h"

namespace foundry::extraction {

// For the rest of the process's life, all threads included. Call before reading untrusted input.
// Fails where the kernel has no seccomp filters.
absl::Status EnterSandbox();

}  // namespace foundry::extraction
