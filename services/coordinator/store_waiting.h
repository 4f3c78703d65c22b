// Reasons of one job's waiting tasks, asked in the order of their positions. Internal to the store;
// not thread-safe.
#pragma once

#include <cstdint>
#include <map>
#include <pqxx/pqxx>
#include <string>

#include "services/coordinator/waiting.h"

namespace foundry::coordinator {

class WaitingReasons {
 public:
  WaitingReasons(pqxx::work& work, const std::string& job_id);
  // The caller fills in what the task's own row says.
  std::string Of(pqxx::work& work, const std::string& task_id, WaitingTask task, int64_t position);

 private:
  const std::map<std::string, StageWorkers> workers_;
  int max_running_ = 0;
  int running_ = 0;
  std::map<std::string, int64_t> ahead_;  // by stage, of the next task
};

}  // namespace foundry::coordinator
