// A proxy for stream sockets that does what networks do: delay, cut, swallow, forget one side.
//
//   FaultProxy proxy("127.0.0.1:0", "unix:/run/db/.s.PGSQL.5432");
//   Connect(proxy.address());
//   proxy.Cut();          // every connection is reset; new ones pass
//   proxy.SetHole(true);  // nothing gets through, nobody is told, until SetHole(false)
//
// Addresses are unix:/path or 127.0.0.1:port; port 0 takes a free one. One thread of its own. A
// listener that cannot be made ends the test program. Thread-safe.
#pragma once

#include <sys/types.h>

#include <atomic>
#include <deque>
#include <list>
#include <mutex>
#include <string>
#include <thread>

#include "absl/time/time.h"

namespace foundry::testing {

class FaultProxy {
 public:
  // Serves at once. The target need not be there yet: a connection that cannot be passed on is
  // closed.
  FaultProxy(std::string listen, std::string target);
  ~FaultProxy();
  FaultProxy(const FaultProxy&) = delete;

  const std::string& address() const { return address_; }

  // Every byte, in both directions, arrives this much later from now on.
  void SetDelay(absl::Duration delay);
  // Resets the connections there are.
  void Cut();
  // While set, connections are reset and new ones closed at once, as by a machine without the
  // service.
  void SetRefusing(bool refusing);
  // While set, nothing is passed on and nobody is told; what was sent waits, as in a partition that
  // heals. New connections are taken by the kernel and get no answer.
  void SetHole(bool hole);
  // Half-open: the target's side is closed, the client is never told and gets no answer. New
  // connections pass.
  void Forget();

  // Connections that stand on both sides.
  int connections() const { return connections_; }
  // Bytes passed on since the start, in both directions.
  int64_t bytes() const { return bytes_; }

 private:
  struct Chunk {
    absl::Time due;
    std::string data;
  };
  struct Flow {
    std::deque<Chunk> chunks;
    bool ended = false;  // the sender has closed its direction
  };
  struct Connection {
    int client = -1;
    int target = -1;  // -1 in a half-open one
    Flow up, down;
  };

  void Run();
  void Accept();
  // Moves what can be moved; false: the connection is over.
  bool Move(Connection& connection);
  bool Read(int from, Flow& flow);
  bool Write(int to, Flow& flow);
  void Close(Connection& connection, bool reset);
  void Nudge();

  const std::string target_;
  std::string address_;
  int listener_ = -1;
  int event_fd_ = -1;
  std::atomic<int> connections_{0};
  std::atomic<int64_t> bytes_{0};
  std::mutex mutex_;
  absl::Duration delay_;  // guarded by mutex_, as is what follows
  bool hole_ = false;
  bool refusing_ = false;
  bool stopping_ = false;
  std::list<Connection> links_;
  std::thread thread_;
};

}  // namespace foundry::testing
