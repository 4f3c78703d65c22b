// What a stage's handler sees of the world, whichever door the request came through.
//
// Handlers are plain functions: StatusOr<StageOutput>(const Request&, TaskContext&). The task door
// (common/worker/worker_loop) and the RPC door (common/rpc/stage_service) both make a TaskContext.
// Free of protobuf. Thread-safe unless said otherwise.
#pragma once

#include <cstdint>
#include <filesystem>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "common/base/cancel.h"
#include "common/worker/gang.h"

namespace foundry::worker {

// Where input data is; see foundry.common.v1.Input.
struct InputRef {
  std::string path;      // file or folder, or
  std::string manifest;  // SHA-256 of a manifest blob
  std::string name;      // file or folder inside the manifest; empty: all of it
  bool empty() const { return path.empty() && manifest.empty(); }
};

struct TaskProgress {
  double done = 0;
  double total = 0;  // 0: not known
  std::string unit;
  std::string message;
};

// What a handler gives back: the files lie under TaskContext::output().
struct StageOutput {
  std::map<std::string, int64_t> counts;  // near_duplicates: 12
  std::map<std::string, double> figures;  // dev_contains: 0.41
  std::vector<std::string> warnings;      // for the user
};

class TaskContext {
 public:
  virtual ~TaskContext() = default;

  // Cancelled when the job is, the lease is lost or the process drains. Poll it in every loop.
  virtual const CancelToken& cancel() const = 0;

  // A local read-only path of the input; downloaded at most once. NotFound names what is missing.
  virtual absl::StatusOr<std::filesystem::path> Fetch(const InputRef& input) = 0;

  // An empty folder: every file left in it at success is the task's output. An attempt that fails
  // leaves nothing visible.
  virtual const std::filesystem::path& output() const = 0;

  // A folder for intermediate files. A later attempt of the same task on this machine finds what an
  // earlier one left (checkpoints, caches); nothing else may rely on it.
  virtual const std::filesystem::path& scratch() const = 0;

  // Where the task is run by several workers together, this one's part of it; null: it is not.
  virtual Gang* gang() { return nullptr; }

  // Takes over a folder from which an attempt on any worker could go on, and stores it in its own
  // time, not more often than the worker was told to. Here: removes it.
  virtual void KeepState(const std::filesystem::path& folder) {
    std::error_code ignored;
    std::filesystem::remove_all(folder, ignored);
  }
  // The state that an earlier attempt kept, read-only; empty: none.
  virtual absl::StatusOr<std::filesystem::path> KeptState() { return std::filesystem::path(); }

  // A folder that all tasks of this worker share, later jobs' too, for what is named by everything
  // that it depends on. What nobody opened for a month goes. Empty: there is none.
  virtual std::filesystem::path cache() const { return {}; }

  // Cheap; sent with the next heartbeat.
  virtual void Progress(const TaskProgress& progress) = 0;
  virtual void Metric(const std::string& name, int64_t step, double value) = 0;
  // One line for the job's event log.
  virtual void Message(const std::string& text) = 0;
};

}  // namespace foundry::worker
