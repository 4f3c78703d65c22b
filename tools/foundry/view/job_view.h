// Jobs as tables and as JSON.
#pragma once

#include <string>

#include "common/base/json.h"
#include "foundry/coordinator/v1/jobs.pb.h"
#include "google/protobuf/message.h"

namespace foundry::cli {

// The protobuf JSON mapping with the field names of the .proto file.
Json MessageJson(const google::protobuf::Message& message);

// "succeeded", "running", …
std::string StateName(coordinator::v1::State state);

// One row a job: id, name, state, step at work, age.
std::string JobsTable(const coordinator::v1::ListJobsResponse& response);

// The job's head and one row a step and task, with the reason of what waits or failed.
std::string JobDetails(const coordinator::v1::Job& job);

// "2026-11-22 17:00:03Z  teacher pairs/0  info  …"
std::string EventLine(const coordinator::v1::Event& event);

}  // namespace foundry::cli
