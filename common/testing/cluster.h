// A coordinator on a private database and any number of stage processes, all real, for tests that
// kill them. Not thread-safe.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "common/base/files.h"
#include "common/rpc/channel.h"
#include "common/testing/child_process.h"
#include "foundry/coordinator/v1/jobs.grpc.pb.h"

namespace foundry::testing {

class Cluster {
 public:
  // Starts foundry-coordinator of this build with `coordinator_flags` and waits until it answers.
  explicit Cluster(std::vector<std::string> coordinator_flags = {});

  std::filesystem::path folder() const { return folder_.path(); }
  std::filesystem::path artifacts() const { return folder_.path() / "artifacts"; }

  ChildProcess& coordinator() { return *coordinator_; }
  void StartCoordinator();

  // Starts a stage process with its own work folder; FOUNDRY_TEST_DIR is folder().
  std::unique_ptr<ChildProcess> StartNode(const std::string& name, const std::string& program,
                                          std::vector<std::string> flags = {});

  // Runs a spec in YAML. Returns the job's id.
  std::string CreateJob(const std::string& yaml);
  coordinator::v1::Job GetJob(const std::string& job_id);
  void CancelJob(const std::string& job_id);
  // Follows the events until the job ended, at most `limit`. All events since its creation.
  std::vector<coordinator::v1::Event> WatchToEnd(const std::string& job_id, absl::Duration limit);

 private:
  TempFolder folder_;
  std::vector<std::string> coordinator_flags_;
  std::string database_;
  std::string address_;
  std::unique_ptr<ChildProcess> coordinator_;
  std::unique_ptr<rpc::Channel> channel_;
  std::unique_ptr<coordinator::v1::JobsService::Stub> jobs_;
};

}  // namespace foundry::testing
