// What clients read: jobs with steps and tasks, events, curves.
#include <algorithm>
#include <map>
#include <memory>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "common/base/status.h"
#include "services/coordinator/state.h"
#include "services/coordinator/store.h"
#include "services/coordinator/store_waiting.h"

namespace foundry::coordinator {
namespace {

constexpr int kDefaultPage = 50;
constexpr int kLargestPage = 500;

// Milliseconds since the epoch; NULL leaves the field unset.
template <typename Setter>
void SetTime(const pqxx::field& field, Setter mutable_timestamp) {
  if (field.is_null()) return;
  const int64_t millis = field.as<int64_t>();
  google::protobuf::Timestamp* timestamp = mutable_timestamp();
  timestamp->set_seconds(millis / 1000);
  timestamp->set_nanos(static_cast<int>(millis % 1000) * 1000000);
}

constexpr char kJobColumns[] =
    "job_id, name, state, reason, spec, greatest(last_event_id, (SELECT event_id FROM events e "
    "WHERE e.period = jobs.period AND e.job_id = jobs.job_id ORDER BY event_id DESC LIMIT "
    "1)), " FOUNDRY_MILLIS("create_time") ", " FOUNDRY_MILLIS("end_time");

absl::Status FillJob(const pqxx::row& row, v1::Job* job) {
  job->set_job_id(row[0].as<std::string>());
  job->set_name(row[1].as<std::string>());
  job->set_state(static_cast<State>(row[2].as<int>()));
  job->set_reason(row[3].as<std::string>());
  if (!job->mutable_spec()->ParseFromString(FromBytes(row[4]))) {
    return absl::DataLossError(absl::StrCat("the spec of job ", job->job_id(), " cannot be read"));
  }
  job->set_last_event_id(row[5].as<int64_t>());
  SetTime(row[6], [&] { return job->mutable_create_time(); });
  SetTime(row[7], [&] { return job->mutable_end_time(); });
  return absl::OkStatus();
}

// Work of a step, in task weights.
struct StepWork {
  double expected = 0;
  double known = 0;
  double done = 0;
  double done_now = 0;  // without what earlier jobs had done
  double elapsed = 0;   // seconds
};

void FillSteps(pqxx::work& work, v1::Job* job, std::map<std::string, StepWork>* works) {
  for (const auto& row :
       Exec(work,
            "SELECT name, state, manifest, expected_weight, " FOUNDRY_MILLIS(
                "start_time") ", " FOUNDRY_MILLIS("end_time") ", extract(epoch FROM "
                                                              "clock_timestamp() - start_time) "
                                                              "FROM steps WHERE job_id = $1 ORDER "
                                                              "BY position",
            job->job_id())) {
    v1::Step* step = job->add_steps();
    step->set_name(row[0].as<std::string>());
    step->set_state(static_cast<State>(row[1].as<int>()));
    step->set_manifest(row[2].as<std::string>());
    (*works)[step->name()].expected = row[3].as<double>();
    SetTime(row[4], [&] { return step->mutable_start_time(); });
    SetTime(row[5], [&] { return step->mutable_end_time(); });
    if (!row[6].is_null()) (*works)[step->name()].elapsed = row[6].as<double>();
  }
}

// Steps with more tasks are told in part.
constexpr int64_t kMostTasks = 1000;

// Counts and work of every step; answers those whose tasks are all told.
std::vector<std::string> FillCounts(pqxx::work& work, v1::Job* job,
                                    const std::map<std::string, v1::Step*>& steps,
                                    std::map<std::string, StepWork>* works) {
  std::map<std::string, int64_t> totals;
  for (const auto& row :
       Exec(work,
            "SELECT t.step, t.state, count(*), sum(t.weight), sum(CASE WHEN t.state IN (4, 9) THEN "
            "t.weight WHEN h.total > 0 THEN t.weight * least(1, greatest(0, h.done / h.total)) "
            "ELSE 0 END) FROM tasks t LEFT JOIN heartbeats h USING (task_id) "
            "WHERE t.job_id = $1 GROUP BY 1, 2 ORDER BY 1, 2",
            job->job_id())) {
    const std::string step = row[0].as<std::string>();
    const State state = static_cast<State>(row[1].as<int>());
    v1::TaskCount* count = steps.at(step)->add_task_counts();
    count->set_state(state);
    count->set_count(row[2].as<int64_t>());
    totals[step] += count->count();
    StepWork& step_work = (*works)[step];
    step_work.known += row[3].as<double>();
    step_work.done += row[4].as<double>();
    if (state != State::STATE_SKIPPED) step_work.done_now += row[4].as<double>();
  }
  std::vector<std::string> whole;
  for (const auto& [step, total] : totals) {
    if (total <= kMostTasks) whole.push_back(step);
  }
  return whole;
}

// $1 job, $2 steps that are told whole, $3 most tasks of the others.
constexpr char kTasksSql[] =
    "WITH told AS (SELECT task_id FROM tasks WHERE job_id = $1 AND step = ANY($2::text[])"
    "  UNION (SELECT task_id FROM tasks WHERE job_id = $1 AND state IN (2, 3, 6) "
    "         ORDER BY position LIMIT $3)"
    "  UNION (SELECT task_id FROM tasks WHERE job_id = $1 AND state IN (5, 7, 8) "
    "         ORDER BY position LIMIT $3)"
    "  UNION (SELECT task_id FROM (SELECT DISTINCT ON (step) task_id FROM tasks WHERE job_id = $1 "
    "         AND step <> ALL($2::text[]) ORDER BY step, position DESC) last)) "
    "SELECT t.task_id, t.step, t.key, t.stage, t.state, t.attempt, t.reason, t.worker_id, "
    FOUNDRY_MILLIS("t.state_time") ", t.position, t.result, h.done, h.total, h.unit, h.message, "
    "t.needs_gpu, extract(epoch FROM clock_timestamp() - t.state_time)::float8, "
    "extract(epoch FROM t.not_before - clock_timestamp())::float8, " FOUNDRY_MILLIS("t.not_before")
    ", t.ranks, t.min_ranks FROM told JOIN tasks t USING (task_id) LEFT JOIN heartbeats h USING (task_id) "
    "ORDER BY t.position";

absl::Status FillTask(const pqxx::row& row, v1::Task* task) {
  task->set_task_id(row[0].as<std::string>());
  task->set_key(row[2].as<std::string>());
  task->set_stage(row[3].as<std::string>());
  task->set_state(static_cast<State>(row[4].as<int>()));
  task->set_attempt(row[5].as<int>());
  task->set_reason(row[6].as<std::string>());
  task->set_worker_id(row[7].as<std::string>());
  SetTime(row[8], [&] { return task->mutable_state_time(); });
  if (task->state() == State::STATE_SKIPPED || task->state() == State::STATE_SUCCEEDED) {
    if (!task->mutable_result()->ParseFromString(FromBytes(row[10]))) {
      return absl::DataLossError(absl::StrCat("the result of ", task->key(), " cannot be read"));
    }
  } else if (!row[11].is_null()) {
    task->mutable_progress()->set_done(row[11].as<double>());
    task->mutable_progress()->set_total(row[12].as<double>());
    task->mutable_progress()->set_unit(row[13].as<std::string>());
    task->mutable_progress()->set_message(row[14].as<std::string>());
  }
  return absl::OkStatus();
}

absl::Status FillTasks(pqxx::work& work, v1::Job* job, std::map<std::string, StepWork>* works) {
  std::map<std::string, v1::Step*> steps;
  for (v1::Step& step : *job->mutable_steps()) steps[step.name()] = &step;
  const std::vector<std::string> whole = FillCounts(work, job, steps, works);
  std::unique_ptr<WaitingReasons> reasons;
  for (const auto& row : Exec(work, kTasksSql, job->job_id(), TextArray(whole), kMostTasks)) {
    v1::Task* task = steps.at(row[1].as<std::string>())->add_tasks();
    FOUNDRY_RETURN_IF_ERROR(FillTask(row, task));
    if (task->state() != State::STATE_READY) continue;
    if (reasons == nullptr) reasons = std::make_unique<WaitingReasons>(work, job->job_id());
    WaitingTask waiting;
    waiting.stage = task->stage();
    waiting.failure = task->reason();
    waiting.needs_gpu = row[15].as<bool>();
    waiting.age = absl::Seconds(row[16].as<double>());
    waiting.backoff = absl::Seconds(row[17].as<double>());
    waiting.not_before = absl::FromUnixMillis(row[18].as<int64_t>());
    waiting.ranks = row[19].as<int>();
    waiting.min_ranks = row[20].as<int>();
    task->set_reason(reasons->Of(work, task->task_id(), waiting, row[9].as<int64_t>()));
  }
  return absl::OkStatus();
}

// The share done counts running tasks by their own progress and tasks to come by their weight; the
// time left assumes that the work goes on at the pace seen so far.
void FillProgress(const StepWork& work, v1::Step* step) {
  step->set_eta_seconds(-1);
  if (step->state() == State::STATE_SUCCEEDED || step->state() == State::STATE_SKIPPED) {
    step->set_fraction(1);
    return;
  }
  const double total = std::max(work.expected, work.known);
  if (total <= 0) return;
  step->set_fraction(work.done / total);
  if (step->state() == State::STATE_RUNNING && work.done_now > 0.01 * total) {
    step->set_eta_seconds(work.elapsed * (total - work.done) / work.done_now);
  }
}

}  // namespace

absl::StatusOr<v1::Job> Store::GetJob(const std::string& job_id, absl::Time deadline) {
  v1::Job job;
  FOUNDRY_RETURN_IF_ERROR(
      database_.Transact("get job", deadline, [&](pqxx::work& work) -> absl::Status {
        job.Clear();
        // One snapshot, so that states and the number of the last event agree.
        work.exec("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ READ ONLY");
        static const auto* const sql =
            new std::string(absl::StrCat("SELECT ", kJobColumns, " FROM jobs WHERE job_id = $1"));
        const pqxx::result rows = Exec(work, sql->c_str(), job_id);
        if (rows.empty()) return absl::NotFoundError(absl::StrCat("no job ", job_id));
        FOUNDRY_RETURN_IF_ERROR(FillJob(rows[0], &job));
        std::map<std::string, StepWork> works;
        FillSteps(work, &job, &works);
        FOUNDRY_RETURN_IF_ERROR(FillTasks(work, &job, &works));
        for (v1::Step& step : *job.mutable_steps()) FillProgress(works[step.name()], &step);
        return absl::OkStatus();
      }));
  return job;
}

absl::StatusOr<JobPage> Store::ListJobs(int page_size, const std::string& page_token, State state,
                                        absl::Time deadline) {
  const int size = std::min(page_size <= 0 ? kDefaultPage : page_size, kLargestPage);
  // A token is the last job of the page before: microseconds of its creation, and its id.
  int64_t after_micros = std::numeric_limits<int64_t>::max();
  std::string after_id;
  if (!page_token.empty()) {
    const std::vector<std::string> parts = absl::StrSplit(page_token, '-');
    if (parts.size() != 2 || !absl::SimpleAtoi(parts[0], &after_micros) || after_micros < 0) {
      return absl::InvalidArgumentError("page_token: not one that ListJobs gave");
    }
    after_id = parts[1];
  }
  JobPage page;
  FOUNDRY_RETURN_IF_ERROR(
      database_.Transact("list jobs", deadline, [&](pqxx::work& work) -> absl::Status {
        page = {};
        static const auto* const sql = new std::string(absl::StrCat(
            "SELECT ", kJobColumns,
            ", (extract(epoch FROM create_time) * 1000000)::bigint FROM jobs "
            "WHERE ($1 OR (create_time, job_id) < (timestamptz 'epoch' + $2::bigint * interval '1 "
            "microsecond', $3))"
            " AND ($4 = 0 OR state = $4) ORDER BY create_time DESC, job_id DESC LIMIT $5"));
        const pqxx::result rows =
            Exec(work, sql->c_str(), page_token.empty(), page_token.empty() ? 0 : after_micros,
                 after_id, static_cast<int>(state), size + 1);
        for (const auto& row : rows) {
          if (static_cast<int>(page.jobs.size()) == size) {
            page.next_page_token = absl::StrCat(after_micros, "-", after_id);
            break;
          }
          FOUNDRY_RETURN_IF_ERROR(FillJob(row, &page.jobs.emplace_back()));
          after_micros = row[8].as<int64_t>();
          after_id = page.jobs.back().job_id();
        }
        for (v1::Job& job : page.jobs) {
          std::map<std::string, StepWork> works;
          FillSteps(work, &job, &works);
        }
        return absl::OkStatus();
      }));
  return page;
}

absl::StatusOr<std::vector<v1::Event>> Store::Events(const std::string& job_id,
                                                     int64_t after_event_id, int limit,
                                                     absl::Time deadline) {
  std::vector<v1::Event> events;
  FOUNDRY_RETURN_IF_ERROR(database_.Transact("read events", deadline, [&](pqxx::work& work) {
    events.clear();
    for (const auto& row :
         Exec(work,
              "SELECT event_id, " FOUNDRY_MILLIS(
                  "time") ", step, task_key, state, message, severity "
                          "FROM events WHERE period = (SELECT period FROM jobs WHERE job_id = $1) "
                          "AND job_id = $1 AND event_id > $2 ORDER "
                          "BY event_id LIMIT $3",
              job_id, after_event_id, limit)) {
      v1::Event& event = events.emplace_back();
      event.set_event_id(row[0].as<int64_t>());
      SetTime(row[1], [&] { return event.mutable_time(); });
      event.set_step(row[2].as<std::string>());
      event.set_task_key(row[3].as<std::string>());
      event.set_state(static_cast<State>(row[4].as<int>()));
      event.set_message(row[5].as<std::string>());
      event.set_severity(row[6].as<std::string>());
    }
    return absl::OkStatus();
  }));
  return events;
}

absl::StatusOr<std::vector<v1::Curve>> Store::Metrics(const std::string& job_id,
                                                      const std::string& step,
                                                      const std::string& name,
                                                      absl::Time deadline) {
  std::vector<v1::Curve> curves;
  FOUNDRY_RETURN_IF_ERROR(database_.Transact("read metrics", deadline, [&](pqxx::work& work) {
    curves.clear();
    std::string last_name;
    for (const auto& row : Exec(work,
                                "SELECT step, task_key, name, x, value FROM metrics WHERE period = "
                                "(SELECT period FROM "
                                "jobs WHERE job_id = $1) AND job_id = $1 "
                                "AND ($2 = '' OR step = $2) AND ($3 = '' OR name = $3) "
                                "ORDER BY step, task_key, name, x",
                                job_id, step, name)) {
      const auto row_step = row[0].as<std::string>(), key = row[1].as<std::string>(),
                 row_name = row[2].as<std::string>();
      if (curves.empty() || curves.back().step() != row_step || curves.back().task_key() != key ||
          last_name != row_name) {
        curves.emplace_back().set_step(row_step);
        curves.back().set_task_key(key);
        last_name = row_name;
      }
      auto* point = curves.back().add_points();
      point->set_name(row_name);
      point->set_step(row[3].as<int64_t>());
      point->set_value(row[4].as<double>());
    }
    return absl::OkStatus();
  }));
  return curves;
}

}  // namespace foundry::coordinator
