// A bound on the calls under way, in all and per client.
#pragma once

#include <map>
#include <mutex>
#include <string>

#include "common/rpc/middleware/middleware.h"

namespace foundry::rpc {

struct LimitOptions {
  int max_calls = 512;
  int max_calls_per_peer = 256;
};

class LimitsMiddleware : public Middleware {
 public:
  explicit LimitsMiddleware(const LimitOptions& options) : options_(options) {}
  absl::Status Enter(Call& call) override;
  void Leave(const Call& call, const absl::Status& status) override;

 private:
  const LimitOptions options_;
  std::mutex mutex_;
  int calls_ = 0;
  std::map<std::string, int> calls_of_peer_;
};

}  // namespace foundry::rpc
