// What chaos does to the machines under the programs: their clocks, and PostgreSQL's disk. Both are
// asked for before a program starts; where they cannot be had, Missing() says why in words. Not
// thread-safe.
#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/time/time.h"

namespace foundry::chaos {

// A wall clock for programs, by libfaketime. The steady clock is left alone, as in a machine
// whose time is set.
class Clock {
 public:
  // `file`: where it is kept; the programs must be able to read it.
  explicit Clock(std::filesystem::path file);

  // Empty: it works.
  const std::string& Missing() const { return missing_; }
  // For a program; empty when missing.
  std::vector<std::string> Environment() const;
  // From now on, within a second, this far from the machine's.
  void Set(absl::Duration offset);

 private:
  const std::filesystem::path file_;
  std::string library_, missing_;
};

// A file system of its own in memory, which can be full. Needs root: it is mounted in a mount
// namespace of this process and what it starts, and goes with them. Before any thread.
class SmallDisk {
 public:
  explicit SmallDisk(std::filesystem::path folder);

  const std::string& Missing() const { return missing_; }
  // Leaves no space beyond what is in use, or gives it back.
  void SetFull(bool full);

 private:
  const std::filesystem::path folder_;
  std::string missing_;
};

}  // namespace foundry::chaos
