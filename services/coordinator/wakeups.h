// Wake-up hints between coordinators, over LISTEN and NOTIFY.
//
// Hints are coalesced and may get lost; whoever waits for something also polls. A connection of its
// own, made anew when it breaks (and then everything is hinted once, for what was missed).
// Thread-safe.
#pragma once

#include <functional>
#include <mutex>
#include <set>
#include <string>
#include <thread>

#include "services/coordinator/stall_guard.h"

namespace foundry::coordinator {

class Wakeups {
 public:
  struct Hooks {
    std::function<void()> tasks_ready;
    // Empty job_id: any.
    std::function<void(const std::string& job_id)> job_changed;
  };

  // Hooks run on this object's thread and on those of the callers below; they must not block.
  Wakeups(std::string connection_info, Hooks hooks);
  ~Wakeups();
  Wakeups(const Wakeups&) = delete;

  // Once it has returned, its thread runs no hooks and the calls below do nothing; one that began
  // earlier on a thread of the caller's may still be in its hook.
  void Stop();

  // Runs the hook here and, soon, in every other coordinator.
  void TasksReady();
  void JobChanged(const std::string& job_id);

 private:
  void Run();
  // Listens until the connection breaks (throws) or the end.
  void Listen();
  // Notes what others are to be told, and wakes the thread unless it knows of something already.
  void Tell(const std::function<void()>& note);
  void Nudge();
  bool Stopped();

  const std::string connection_info_;
  const Hooks hooks_;
  StallGuard guard_;
  int event_fd_;
  std::mutex mutex_;
  bool tasks_ = false;          // to be told to others; guarded by mutex_
  std::set<std::string> jobs_;  // the same
  bool stopping_ = false;       // guarded by mutex_
  std::thread thread_;
};

}  // namespace foundry::coordinator
