#include "services/coordinator/job_edit.h"

#include "absl/strings/str_cat.h"
#include "common/base/json.h"
#include "common/base/status.h"
#include "services/coordinator/database.h"

namespace foundry::coordinator {
namespace {

constexpr size_t kLongestMessage = 4096;  // bytes of one event

InputFacts FactsFromJson(const std::string& text) {
  InputFacts facts;
  const auto json = ParseJson(text, "facts");
  if (!json.ok()) return facts;  // only written by FactsToJson; without facts nothing is reused
  for (const auto& [path, hash] : json->at("hashes").items()) facts.hashes[path] = hash;
  const Json& empty = json->at("pairs_need_targets");
  if (empty.is_boolean()) facts.pairs_need_targets = empty.get<bool>();
  return facts;
}

}  // namespace

std::string FactsToJson(const InputFacts& facts) {
  Json json = {{"hashes", facts.hashes}, {"pairs_need_targets", nullptr}};
  if (facts.pairs_need_targets.has_value()) json["pairs_need_targets"] = *facts.pairs_need_targets;
  return DumpJson(json);
}

absl::StatusOr<JobEdit> JobEdit::Lock(pqxx::work& work, const std::string& job_id) {
  const pqxx::result rows = Exec(work,
                                 "SELECT state, reason, spec, facts, last_event_id FROM jobs "
                                 "WHERE job_id = $1 FOR UPDATE",
                                 job_id);
  if (rows.empty()) return absl::NotFoundError(absl::StrCat("no job ", job_id));
  JobEdit job(work);
  job.id_ = job_id;
  job.state_ = static_cast<State>(rows[0][0].as<int>());
  job.reason_ = rows[0][1].as<std::string>();
  if (!job.spec_.ParseFromString(FromBytes(rows[0][2]))) {
    return absl::DataLossError(absl::StrCat("the spec of job ", job_id, " cannot be read"));
  }
  job.facts_ = FactsFromJson(rows[0][3].as<std::string>());
  job.last_event_id_ = rows[0][4].as<int64_t>();
  for (const auto& row : Exec(work,
                              "SELECT name, state, expected_weight, manifest, exported FROM steps "
                              "WHERE job_id = $1",
                              job_id)) {
    job.steps_[row[0].as<std::string>()] = {static_cast<State>(row[1].as<int>()),
                                            row[2].as<double>(), row[3].as<std::string>(),
                                            row[4].as<bool>()};
  }
  return job;
}

void JobEdit::Event(const std::string& step, const std::string& key, State state,
                    const std::string& message, const std::string& severity) {
  events_.push_back({step, key, state, message.substr(0, kLongestMessage), severity});
}

absl::Status JobEdit::MoveJob(State to, const std::string& reason) {
  FOUNDRY_RETURN_IF_ERROR(CheckTransition(Entity::kJob, state_, to));
  state_ = to;
  reason_ = reason;
  Exec(work_,
       "UPDATE jobs SET state = $2, reason = $3, "
       "end_time = CASE WHEN $4 THEN clock_timestamp() END WHERE job_id = $1",
       id_, static_cast<int>(to), reason, IsEnd(to));
  Event("", "", to, reason, to == State::STATE_FAILED ? "error" : "info");
  return absl::OkStatus();
}

absl::Status JobEdit::MoveStep(const std::string& step, State to, const std::string& reason) {
  StepRow& row = steps_.at(step);
  FOUNDRY_RETURN_IF_ERROR(CheckTransition(Entity::kStep, row.state, to));
  row.state = to;
  Exec(
      work_,
      "UPDATE steps SET state = $3, reason = $4, "
      "start_time = CASE WHEN $5 THEN coalesce(start_time, clock_timestamp()) ELSE start_time END, "
      "end_time = CASE WHEN $6 THEN clock_timestamp() END WHERE job_id = $1 AND name = $2",
      id_, step, static_cast<int>(to), reason, to == State::STATE_RUNNING, IsEnd(to));
  Event(step, "", to, reason, to == State::STATE_FAILED ? "error" : "info");
  return absl::OkStatus();
}

absl::Status JobEdit::SetStepPlan(const std::string& step, double expected_weight,
                                  const std::string& manifest) {
  StepRow& row = steps_.at(step);
  if (row.expected_weight == expected_weight && row.manifest == manifest) return absl::OkStatus();
  row.expected_weight = expected_weight;
  row.manifest = manifest;
  Exec(work_,
       "UPDATE steps SET expected_weight = $3, manifest = $4 WHERE job_id = $1 AND name = $2", id_,
       step, expected_weight, manifest);
  return absl::OkStatus();
}

absl::Status JobEdit::SetExported(const std::string& step) {
  steps_.at(step).exported = true;
  Exec(work_, "UPDATE steps SET exported = true WHERE job_id = $1 AND name = $2", id_, step);
  return absl::OkStatus();
}

absl::Status JobEdit::Started(const std::string& step) {
  if (state_ == State::STATE_READY) FOUNDRY_RETURN_IF_ERROR(MoveJob(State::STATE_RUNNING));
  if (steps_.at(step).state == State::STATE_READY) {
    FOUNDRY_RETURN_IF_ERROR(MoveStep(step, State::STATE_RUNNING));
  }
  return absl::OkStatus();
}

absl::Status JobEdit::MoveTask(const std::string& task_id, const std::string& step,
                               const std::string& key, State from, State to,
                               const std::string& reason, const std::string& severity,
                               const std::string& message) {
  FOUNDRY_RETURN_IF_ERROR(CheckTransition(Entity::kTask, from, to));
  Exec(work_,
       "UPDATE tasks SET state = $2, reason = $3, worker_id = '', state_time = clock_timestamp() "
       "WHERE task_id = $1",
       task_id, static_cast<int>(to), reason);
  if (to != State::STATE_CANCELLING)
    Exec(work_, "DELETE FROM heartbeats WHERE task_id = $1", task_id);
  tasks_ready_ |= to == State::STATE_READY;
  Event(step, key, to, message, severity);
  return absl::OkStatus();
}

absl::Status JobEdit::MoveTasks(State from, State to, const std::string& reason) {
  FOUNDRY_RETURN_IF_ERROR(CheckTransition(Entity::kTask, from, to));
  const bool ready = to == State::STATE_READY;
  // Back to READY is a fresh start; the next epoch fences off a worker that still holds the task.
  const pqxx::result rows =
      ready ? Exec(work_,
                   "UPDATE tasks SET state = $3, reason = $4, epoch = epoch + 1, worker_id = '', "
                   "failures = 0, crashes = 0, lost = 0, not_before = clock_timestamp(), "
                   "state_time = clock_timestamp() WHERE job_id = $1 AND state = $2 "
                   "RETURNING step, key, task_id",
                   id_, static_cast<int>(from), static_cast<int>(to), reason)
            : Exec(work_,
                   "UPDATE tasks SET state = $3, reason = $4, state_time = clock_timestamp() "
                   "WHERE job_id = $1 AND state = $2 RETURNING step, key, task_id",
                   id_, static_cast<int>(from), static_cast<int>(to), reason);
  for (const auto& row : rows) {
    if (ready) Exec(work_, "DELETE FROM heartbeats WHERE task_id = $1", row[2].as<std::string>());
    Event(row[0].as<std::string>(), row[1].as<std::string>(), to, reason);
  }
  tasks_ready_ |= ready && !rows.empty();
  return absl::OkStatus();
}

absl::Status JobEdit::CancelOpenTasks(const std::string& reason) {
  // In this order: a claim that slips in before the first statement is seen by the second, and
  // after it nothing is READY to be claimed.
  FOUNDRY_RETURN_IF_ERROR(MoveTasks(State::STATE_READY, State::STATE_CANCELLED, reason));
  return MoveTasks(State::STATE_RUNNING, State::STATE_CANCELLING, reason);
}

absl::Status JobEdit::Fail(const std::string& step, const std::string& reason) {
  if (state_ != State::STATE_READY && state_ != State::STATE_RUNNING) return absl::OkStatus();
  FOUNDRY_RETURN_IF_ERROR(CancelOpenTasks(absl::StrCat("the job failed: ", reason)));
  const auto found = steps_.find(step);
  if (found != steps_.end() && IsLegal(Entity::kStep, found->second.state, State::STATE_FAILED)) {
    FOUNDRY_RETURN_IF_ERROR(MoveStep(step, State::STATE_FAILED, reason));
  }
  return MoveJob(State::STATE_FAILED, step.empty() ? reason : absl::StrCat(step, ": ", reason));
}

absl::StatusOr<bool> JobEdit::HasOpenTasks() {
  return Exec(work_, "SELECT EXISTS (SELECT FROM tasks WHERE job_id = $1 AND state IN (2, 3, 6))",
              id_)[0][0]
      .as<bool>();
}

absl::Status JobEdit::EndIfCancelled() {
  if (state_ != State::STATE_CANCELLING) return absl::OkStatus();
  FOUNDRY_ASSIGN_OR_RETURN(const bool open, HasOpenTasks());
  if (open) return absl::OkStatus();
  for (const auto& [name, step] : steps_) {
    if (step.state == State::STATE_CANCELLING) {
      FOUNDRY_RETURN_IF_ERROR(MoveStep(name, State::STATE_CANCELLED));
    }
  }
  return MoveJob(State::STATE_CANCELLED, reason_);
}

absl::StatusOr<std::vector<FinishedTask>> ReadFinishedTasks(pqxx::work& work,
                                                            const std::string& job_id,
                                                            const std::string& step) {
  std::vector<FinishedTask> finished;
  for (const auto& row : Exec(work,
                              "SELECT step, key, result, manifest FROM tasks WHERE job_id = $1 "
                              "AND state IN (4, 9) AND ($2 = '' OR step = $2) ORDER BY position",
                              job_id, step)) {
    FinishedTask& task = finished.emplace_back();
    task.step = row[0].as<std::string>();
    task.key = row[1].as<std::string>();
    task.manifest = row[3].as<std::string>();
    if (!task.result.ParseFromString(FromBytes(row[2]))) {
      return absl::DataLossError(absl::StrCat("the result of ", task.key, " cannot be read"));
    }
  }
  return finished;
}

absl::Status JobEdit::Save() {
  for (const NewEvent& event : events_) {
    Exec(work_,
         "INSERT INTO events (job_id, event_id, step, task_key, state, message, severity) "
         "VALUES ($1, $2, $3, $4, $5, $6, $7)",
         id_, ++last_event_id_, event.step, event.key, static_cast<int>(event.state), event.message,
         event.severity);
  }
  if (!events_.empty()) {
    Exec(work_, "UPDATE jobs SET last_event_id = $2 WHERE job_id = $1", id_, last_event_id_);
  }
  events_.clear();
  return absl::OkStatus();
}

}  // namespace foundry::coordinator
