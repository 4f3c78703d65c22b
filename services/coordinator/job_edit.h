// One job whose row is locked, and the changes made to it in one transaction.
//
// All changes of states go through here: they are checked against state.h and leave events. The
// caller calls Save() before the commit. Internal to the store; not thread-safe.
#pragma once

#include <functional>
#include <map>
#include <pqxx/pqxx>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "services/coordinator/planner/planner.h"
#include "services/coordinator/state.h"

namespace foundry::coordinator {

struct StepRow {
  State state;
  double expected_weight = 0;
  std::string manifest;
  bool exported = false;

  // What Save() has to write.
  bool changed = false;
  bool moved = false;    // to `state`, for `reason`
  bool started = false;  // was RUNNING meanwhile
  std::string reason;
};

// A lease as the event of its start tells it.
struct LeaseStart {
  std::string step, key, worker_id;
  int attempt = 0;
  int64_t time = 0;  // microseconds since the epoch
};

class JobEdit {
 public:
  // Locks the row until the transaction ends. NotFound.
  static absl::StatusOr<JobEdit> Lock(pqxx::work& work, const std::string& job_id);
  // The same for those of the jobs that are there and that nobody else holds: waits for nobody.
  static std::map<std::string, JobEdit> LockFree(pqxx::work& work,
                                                 const std::vector<std::string>& job_ids);

  const std::string& id() const { return id_; }
  State state() const { return state_; }
  // What planning reads; most changes do without, so it is loaded on demand.
  absl::Status LoadSpec();
  // After LoadSpec.
  const pipeline::v1::PipelineSpec& spec() const { return spec_; }
  const InputFacts& facts() const { return facts_; }
  const std::map<std::string, StepRow>& steps() const { return steps_; }
  pqxx::work& work() { return work_; }

  // `time` in microseconds since the epoch; 0: now.
  void Event(const std::string& step, const std::string& key, State state,
             const std::string& message, const std::string& severity = "info", int64_t time = 0);

  absl::Status MoveJob(State to, const std::string& reason = "");
  absl::Status MoveStep(const std::string& step, State to, const std::string& reason = "");
  absl::Status SetStepPlan(const std::string& step, double expected_weight,
                           const std::string& manifest);
  absl::Status SetExported(const std::string& step);

  // READY → RUNNING of a job and a step, where they are not yet; what a lease or a result implies.
  absl::Status Started(const std::string& step);
  // The event of a lease's start, which its claim did not write.
  absl::Status Announce(const LeaseStart& start);

  // A locked task. Ends its lease when `to` is not RUNNING.
  absl::Status MoveTask(const std::string& task_id, const std::string& step, const std::string& key,
                        State from, State to, const std::string& reason,
                        const std::string& severity, const std::string& message);
  // Every task of the job in state `from`.
  absl::Status MoveTasks(State from, State to, const std::string& reason);

  // The job fails: other tasks are cancelled. Does nothing when it has ended already.
  absl::Status Fail(const std::string& step, const std::string& reason);
  // After a task left its worker: a cancelled job without open tasks is CANCELLED.
  absl::Status EndIfCancelled();
  absl::StatusOr<bool> HasOpenTasks();

  // Writes the steps and the events, each in one statement; the rest was written as it was done.
  void Save();
  // The same for several jobs, whose events share a statement.
  static void SaveAll(pqxx::work& work, const std::vector<JobEdit*>& jobs);
  // A task became READY.
  bool tasks_ready() const { return tasks_ready_; }
  void set_tasks_ready() { tasks_ready_ = true; }
  // A task left its worker: where the job has a limit, another may be leased now.
  void TaskLeft() { tasks_ready_ |= limited_; }

 private:
  // Of a row of FOUNDRY_JOB_COLUMNS (job_edit.cc).
  JobEdit(pqxx::work& work, const pqxx::row& row);
  // Of jobs of one period.
  static void ReadSteps(pqxx::work& work, const std::vector<JobEdit*>& jobs);
  absl::Status CancelOpenTasks(const std::string& reason);
  void SaveSteps();

  struct NewEvent {
    std::string step, key;
    State state;
    std::string message, severity;
    int64_t time;
  };

  pqxx::work& work_;
  std::string id_;
  State state_ = v1::STATE_UNSPECIFIED;
  std::string reason_;
  bool spec_loaded_ = false;
  pipeline::v1::PipelineSpec spec_;
  InputFacts facts_;
  std::map<std::string, StepRow> steps_;
  int64_t last_event_id_ = 0;
  std::vector<NewEvent> events_;
  bool tasks_ready_ = false;
  bool limited_ = false;
  std::string period_;  // whose partitions hold its history
  bool old_ = false;    // not of this week
};

// Tasks with an output, in the order they were planned; empty step: of all steps.
absl::StatusOr<std::vector<FinishedTask>> ReadFinishedTasks(pqxx::work& work,
                                                            const std::string& job_id,
                                                            const std::string& step);

// Facts as JSON text, for the jobs table.
std::string FactsToJson(const InputFacts& facts);

}  // namespace foundry::coordinator
