#include "services/coordinator/job_edit.h"

#include <algorithm>

#include "absl/strings/str_cat.h"
#include "common/base/json.h"
#include "common/base/status.h"
#include "common/text/utf8.h"
#include "services/coordinator/database.h"
#include "services/coordinator/lease_sql.h"

namespace foundry::coordinator {
namespace {

constexpr size_t kLongestMessage = 4096;  // bytes of one event

// What the constructor reads.
#define FOUNDRY_JOB_COLUMNS                                     \
  "job_id, state, reason, last_event_id, max_running, period, " \
  "period < foundry_period(clock_timestamp())"

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

JobEdit::JobEdit(pqxx::work& work, const pqxx::row& row)
    : work_(work),
      id_(row[0].as<std::string>()),
      state_(static_cast<State>(row[1].as<int>())),
      reason_(row[2].as<std::string>()),
      last_event_id_(row[3].as<int64_t>()),
      limited_(row[4].as<int>() > 0),
      period_(row[5].as<std::string>()),
      old_(row[6].as<bool>()) {}

absl::StatusOr<JobEdit> JobEdit::Lock(pqxx::work& work, const std::string& job_id) {
  const pqxx::result rows =
      Exec(work, "SELECT " FOUNDRY_JOB_COLUMNS " FROM jobs WHERE job_id = $1 FOR UPDATE", job_id);
  if (rows.empty()) return absl::NotFoundError(absl::StrCat("no job ", job_id));
  JobEdit job(work, rows[0]);
  ReadSteps(work, {&job});
  return job;
}

std::map<std::string, JobEdit> JobEdit::LockFree(pqxx::work& work,
                                                 const std::vector<std::string>& job_ids) {
  std::map<std::string, JobEdit> jobs;
  std::map<std::string, std::vector<JobEdit*>> of_period;
  for (const auto& row : Exec(work,
                              "SELECT " FOUNDRY_JOB_COLUMNS
                              " FROM jobs WHERE job_id = ANY($1::text[]) FOR UPDATE SKIP LOCKED",
                              TextArray(job_ids))) {
    JobEdit job(work, row);
    const std::string id = job.id_, period = job.period_;
    of_period[period].push_back(&jobs.emplace(id, std::move(job)).first->second);
  }
  for (const auto& [period, of_it] : of_period) ReadSteps(work, of_it);
  return jobs;
}

// A statement of its own: its snapshot is younger than the lock, so it sees what the lock's holder
// before wrote. The period is a parameter, so that all partitions but one are left out at once.
void JobEdit::ReadSteps(pqxx::work& work, const std::vector<JobEdit*>& jobs) {
  std::map<std::string, JobEdit*> by_id;
  std::vector<std::string> ids;
  for (JobEdit* job : jobs) {
    by_id[job->id_] = job;
    ids.push_back(job->id_);
  }
  for (const auto& row :
       Exec(work,
            "SELECT j.job_id, j.last, s.name, s.state, s.expected_weight, s.manifest, s.exported "
            "FROM (SELECT w.job_id, (SELECT e.event_id FROM events e WHERE e.period = $2::date "
            "AND e.job_id = w.job_id ORDER BY e.event_id DESC LIMIT 1) AS last "
            "FROM unnest($1::text[]) AS w(job_id) OFFSET 0) j JOIN steps s USING (job_id)",
            TextArray(ids), jobs[0]->period_)) {
    JobEdit& job = *by_id.at(row[0].as<std::string>());
    if (!row[1].is_null()) {
      job.last_event_id_ = std::max(job.last_event_id_, row[1].as<int64_t>());
    }
    StepRow& step = job.steps_[row[2].as<std::string>()];
    step.state = static_cast<State>(row[3].as<int>());
    step.expected_weight = row[4].as<double>();
    step.manifest = row[5].as<std::string>();
    step.exported = row[6].as<bool>();
  }
}

absl::Status JobEdit::LoadSpec() {
  if (spec_loaded_) return absl::OkStatus();
  const pqxx::result rows = Exec(work_, "SELECT spec, facts FROM jobs WHERE job_id = $1", id_);
  if (!spec_.ParseFromString(FromBytes(rows[0][0]))) {
    return absl::DataLossError(absl::StrCat("the spec of job ", id_, " cannot be read"));
  }
  facts_ = FactsFromJson(rows[0][1].as<std::string>());
  spec_loaded_ = true;
  return absl::OkStatus();
}

void JobEdit::Event(const std::string& step, const std::string& key, State state,
                    const std::string& message, const std::string& severity, int64_t time) {
  events_.push_back(
      {step, key, state, std::string(text::Utf8Prefix(message, kLongestMessage)), severity, time});
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
  row.reason = reason;
  row.started |= to == State::STATE_RUNNING;
  row.changed = row.moved = true;
  Event(step, "", to, reason, to == State::STATE_FAILED ? "error" : "info");
  return absl::OkStatus();
}

absl::Status JobEdit::SetStepPlan(const std::string& step, double expected_weight,
                                  const std::string& manifest) {
  StepRow& row = steps_.at(step);
  if (row.expected_weight == expected_weight && row.manifest == manifest) return absl::OkStatus();
  row.expected_weight = expected_weight;
  row.manifest = manifest;
  row.changed = true;
  return absl::OkStatus();
}

absl::Status JobEdit::SetExported(const std::string& step) {
  StepRow& row = steps_.at(step);
  row.exported = row.changed = true;
  return absl::OkStatus();
}

absl::Status JobEdit::Started(const std::string& step) {
  if (state_ == State::STATE_READY) FOUNDRY_RETURN_IF_ERROR(MoveJob(State::STATE_RUNNING));
  if (steps_.at(step).state == State::STATE_READY) {
    FOUNDRY_RETURN_IF_ERROR(MoveStep(step, State::STATE_RUNNING));
  }
  return absl::OkStatus();
}

absl::Status JobEdit::Announce(const LeaseStart& start) {
  FOUNDRY_RETURN_IF_ERROR(Started(start.step));
  Event(start.step, start.key, State::STATE_RUNNING,
        absl::StrCat("attempt ", start.attempt, " on worker ", start.worker_id), "info",
        start.time);
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
  if (to != State::STATE_CANCELLING) TaskLeft();
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
  std::vector<std::string> ids;
  for (const auto& row : rows) {
    Event(row[0].as<std::string>(), row[1].as<std::string>(), to, reason);
    ids.push_back(row[2].as<std::string>());
  }
  if (ready && !ids.empty()) Exec(work_, kEndLeasesSql, TextArray(ids));
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
  // From the last task backwards: the earlier ones end first, and their dead index entries would
  // have to be stepped over.
  return !Exec(work_,
               "SELECT task_id FROM tasks WHERE job_id = $1 AND state IN (2, 3, 6) "
               "ORDER BY position DESC LIMIT 1",
               id_)
              .empty();
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

void JobEdit::SaveSteps() {
  std::vector<std::string> names, reasons, weights, manifests;
  std::vector<int> states, moved, started, ended, exported;
  for (auto& [name, row] : steps_) {
    if (!row.changed) continue;
    names.push_back(name);
    reasons.push_back(row.reason);
    weights.push_back(pqxx::to_string(row.expected_weight));
    manifests.push_back(row.manifest);
    states.push_back(static_cast<int>(row.state));
    moved.push_back(row.moved);
    started.push_back(row.started);
    ended.push_back(IsEnd(row.state));
    exported.push_back(row.exported);
    row.changed = row.moved = row.started = false;
  }
  if (names.empty()) return;
  Exec(work_,
       "UPDATE steps s SET state = c.state, expected_weight = c.weight, manifest = c.manifest, "
       "exported = c.exported <> 0, "
       "reason = CASE WHEN c.moved <> 0 THEN c.reason ELSE s.reason END, "
       "start_time = CASE WHEN c.started <> 0 THEN coalesce(s.start_time, clock_timestamp()) "
       "  ELSE s.start_time END, "
       "end_time = CASE WHEN c.moved = 0 THEN s.end_time WHEN c.ended <> 0 THEN clock_timestamp() "
       "  END "
       "FROM unnest($2::text[], $3::smallint[], $4::float8[], $5::text[], $6::smallint[], "
       "$7::text[], $8::smallint[], $9::smallint[], $10::smallint[]) "
       "AS c(name, state, weight, manifest, exported, reason, moved, started, ended) "
       "WHERE s.job_id = $1 AND s.name = c.name",
       id_, TextArray(names), NumberArray(states), TextArray(weights), TextArray(manifests),
       NumberArray(exported), TextArray(reasons), NumberArray(moved), NumberArray(started),
       NumberArray(ended));
}

void JobEdit::Save() { SaveAll(work_, {this}); }

void JobEdit::SaveAll(pqxx::work& work, const std::vector<JobEdit*>& jobs) {
  std::vector<std::string> periods, ids, steps, keys, messages, severities;
  std::vector<int> states;
  std::vector<int64_t> numbers, times;
  for (JobEdit* job : jobs) {
    job->SaveSteps();
    // The partitions of a job's own week exist since its creation, unless they were dropped by age.
    if (job->old_ && !job->events_.empty()) {
      Exec(work, "SELECT foundry_ensure_history($1::date)", job->period_);
    }
    for (NewEvent& event : job->events_) {
      periods.push_back(job->period_);
      ids.push_back(job->id_);
      numbers.push_back(++job->last_event_id_);
      steps.push_back(std::move(event.step));
      keys.push_back(std::move(event.key));
      states.push_back(static_cast<int>(event.state));
      messages.push_back(std::move(event.message));
      severities.push_back(std::move(event.severity));
      times.push_back(event.time);
    }
    job->events_.clear();
  }
  if (ids.empty()) return;
  Exec(work,
       "INSERT INTO events (period, job_id, event_id, time, step, task_key, state, message, "
       "severity) SELECT period, job_id, event_id, CASE WHEN micros = 0 THEN clock_timestamp() "
       "ELSE timestamptz 'epoch' + micros * interval '1 microsecond' END, "
       "step, key, state, message, severity "
       "FROM unnest($1::date[], $2::text[], $3::bigint[], $4::text[], $5::text[], $6::smallint[], "
       "$7::text[], $8::text[], $9::bigint[]) "
       "AS e(period, job_id, event_id, step, key, state, message, severity, micros)",
       TextArray(periods), TextArray(ids), NumberArray(numbers), TextArray(steps), TextArray(keys),
       NumberArray(states), TextArray(messages), TextArray(severities), NumberArray(times));
}

}  // namespace foundry::coordinator
