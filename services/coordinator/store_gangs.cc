// Gathering workers for tasks that want more ranks than one of them has devices.
#include <algorithm>

#include "absl/strings/str_cat.h"
#include "common/base/status.h"
#include "services/coordinator/schedule.h"
#include "services/coordinator/store.h"
#include "services/coordinator/store_lease.h"

namespace foundry::coordinator {
namespace {

// $1 stages, $2 whether there is a GPU, $3 devices. The task whose turn it is among those that no
// such worker can run alone; one that pauses because it did not fill goes behind the others.
constexpr char kFirstGang[] =
    "SELECT t.task_id, t.ranks, t.min_ranks, t.job_id, t.position, j.priority, j.max_running, "
    "extract(epoch FROM clock_timestamp() - t.state_time)::float8, "
    "coalesce(g.hold_after > clock_timestamp(), false) AS pauses "
    "FROM tasks t JOIN jobs j USING (job_id) LEFT JOIN gangs g USING (task_id) "
    "WHERE t.state = 2 AND t.ranks > 1 AND t.ranks > $3 AND t.stage = ANY($1::text[]) "
    "AND (NOT t.needs_gpu OR $2) AND t.not_before <= clock_timestamp() AND j.state IN (2, 3) "
    "ORDER BY pauses, j.priority DESC, t.position LIMIT 1";

// The same, and $4 a priority and $5 a position: whether something claimable goes before.
constexpr char kClaimableBefore[] =
    "SELECT EXISTS (SELECT FROM jobs j CROSS JOIN unnest($1::text[]) AS s(stage) "
    "CROSS JOIN LATERAL (SELECT t.position FROM tasks t WHERE t.job_id = j.job_id "
    "  AND t.stage = s.stage AND t.state = 2 AND t.ranks <= $3 AND (NOT t.needs_gpu OR $2) "
    "  AND t.not_before <= clock_timestamp() ORDER BY t.position LIMIT 1) f "
    "WHERE j.state IN (2, 3) AND (j.priority > $4 OR (j.priority = $4 AND f.position < $5)))";

// $1 workers. What generations have for them.
constexpr char kGrantSeats[] =
    "UPDATE seats s SET granted = true FROM tasks t WHERE s.worker_id = ANY($1::text[]) "
    "AND s.epoch > 0 AND NOT s.granted AND t.task_id = s.task_id AND t.epoch = s.epoch "
    "AND t.state = 3 RETURNING t.task_id, t.epoch, t.job_id, t.step, t.key, t.attempt, t.request, "
    "s.worker_id, s.first_rank, s.ranks, s.world_size";

// $1 the task, $2 and $3 workers and their addresses, $4 devices of each, $5 how long a seat lasts.
constexpr char kTakeSeats[] =
    "INSERT INTO seats (task_id, worker_id, address, devices, lease_until) "
    "SELECT $1, worker_id, min(address), $4, clock_timestamp() + $5::interval "
    "FROM unnest($2::text[], $3::text[]) AS w(worker_id, address) GROUP BY worker_id "
    "ON CONFLICT (task_id, worker_id) DO UPDATE SET address = excluded.address, "
    "devices = excluded.devices, lease_until = excluded.lease_until";

// $1 the task, $2 its new epoch, $3 to $5 workers, first ranks and ranks, $6 ranks of all, $7 how
// long a seat lasts until its worker is heard from.
constexpr char kGiveShares[] =
    "UPDATE seats s SET epoch = $2, first_rank = w.first_rank, ranks = w.ranks, world_size = $6, "
    "granted = false, acknowledged = false, lease_until = clock_timestamp() + $7::interval "
    "FROM unnest($3::text[], $4::int[], $5::int[]) AS w(worker_id, first_rank, ranks) "
    "WHERE s.task_id = $1 AND s.worker_id = w.worker_id";

}  // namespace

struct Store::GangTask {
  std::string task_id, job_id;
  RankWish wish;
  int max_running = 0;
};

absl::StatusOr<Gathered> Store::Gather(const LeaseQuery& query, GangTurn turn,
                                       absl::Time deadline) {
  Gathered gathered;
  if (query.devices == 0 || query.worker_ids.empty()) return gathered;
  bool formed = false;
  const auto gather = [&](pqxx::work& work) -> absl::Status {
    gathered = {};
    formed = false;
    FOUNDRY_ASSIGN_OR_RETURN(gathered.granted, GrantSeats(work, query));
    LeaseQuery left = query;
    left.worker_ids.clear();
    left.rank_addresses.clear();
    for (size_t i = 0; i < query.worker_ids.size(); ++i) {
      const std::string& worker = query.worker_ids[i];
      const bool granted =
          std::any_of(gathered.granted.begin(), gathered.granted.end(),
                      [&](const GrantedLease& grant) { return grant.worker_id == worker; });
      if (granted) continue;
      left.worker_ids.push_back(worker);
      left.rank_addresses.push_back(i < query.rank_addresses.size() ? query.rank_addresses[i] : "");
    }
    if (left.worker_ids.empty()) return absl::OkStatus();
    const pqxx::result first =
        Exec(work, kFirstGang, TextArray(query.stages), query.has_gpu, query.devices);
    if (first.empty()) return absl::OkStatus();
    const bool overdue = absl::Seconds(first[0][7].as<double>()) > kOverdue;
    if (turn == GangTurn::kInOrder) {
      if (first[0][8].as<bool>()) return absl::OkStatus();
      if (!overdue && Exec(work, kClaimableBefore, TextArray(query.stages), query.has_gpu,
                           query.devices, first[0][5].as<int>(), first[0][4].as<int64_t>())[0][0]
                          .as<bool>()) {
        return absl::OkStatus();
      }
    }
    GangTask task;
    task.task_id = first[0][0].as<std::string>();
    task.wish = {first[0][1].as<int>(), first[0][2].as<int>()};
    task.job_id = first[0][3].as<std::string>();
    task.max_running = first[0][6].as<int>();
    FOUNDRY_ASSIGN_OR_RETURN(formed, SeatWorkers(work, task, left, &gathered.seated));
    if (!formed) return absl::OkStatus();
    FOUNDRY_ASSIGN_OR_RETURN(const auto granted, GrantSeats(work, left));
    for (const GrantedLease& grant : granted) {
      gathered.seated.erase(grant.worker_id);
      gathered.granted.push_back(grant);
    }
    return absl::OkStatus();
  };
  FOUNDRY_RETURN_IF_ERROR(relaxed_.Transact("gather workers", deadline, gather));
  NoteGrants(gathered.granted);
  if (formed) options_.on_tasks_ready();  // its workers may wait elsewhere
  return gathered;
}

absl::StatusOr<bool> Store::SeatWorkers(pqxx::work& work, const GangTask& task,
                                        const LeaseQuery& workers, std::set<std::string>* seated) {
  // One gathering at a time changes a task's seats.
  Exec(work, "SELECT pg_advisory_xact_lock(hashtextextended($1, 8))", task.task_id);
  // A worker's seat is with the task whose turn it is; seats of generations before are of no use.
  Exec(work,
       "DELETE FROM seats WHERE (worker_id = ANY($2::text[]) AND epoch = 0 AND task_id <> $1) "
       "OR (task_id = $1 AND (epoch > 0 OR lease_until < clock_timestamp()) AND EXISTS "
       "(SELECT FROM tasks t WHERE t.task_id = $1 AND t.state = 2))",
       task.task_id, TextArray(workers.worker_ids));
  Exec(work,
       "INSERT INTO gangs (task_id) SELECT $1 WHERE NOT EXISTS "
       "(SELECT FROM gangs WHERE task_id = $1) ON CONFLICT DO NOTHING",
       task.task_id);
  Exec(work,
       "UPDATE gangs g SET gathering_since = clock_timestamp() WHERE task_id = $1 AND "
       "(gathering_since IS NULL OR NOT EXISTS (SELECT FROM seats WHERE task_id = $1))",
       task.task_id);
  Exec(work, kTakeSeats, task.task_id, TextArray(workers.worker_ids),
       TextArray(workers.rank_addresses), workers.devices, Interval(options_.gangs.seat));
  std::vector<SeatOffer> offers;
  absl::Duration gathered;
  for (const auto& row :
       Exec(work,
            "SELECT s.worker_id, s.devices, s.worker_id = g.leader, "
            "extract(epoch FROM clock_timestamp() - g.gathering_since)::float8 "
            "FROM seats s JOIN gangs g USING (task_id) WHERE s.task_id = $1 AND s.epoch = 0 "
            // Another gathering may be taking a worker for its own task: not one to count on.
            "ORDER BY s.taken, s.worker_id FOR UPDATE OF s SKIP LOCKED",
            task.task_id)) {
    offers.push_back({row[0].as<std::string>(), row[1].as<int>(), row[2].as<bool>()});
    gathered = absl::Seconds(row[3].as<double>());
  }
  const GangPlan plan = PlanGang(task.wish, std::move(offers), gathered, options_.gangs);
  bool formed = false;
  if (!plan.shares.empty()) {
    FOUNDRY_ASSIGN_OR_RETURN(formed, FormGang(work, task, plan));
  }
  if (formed) return true;
  seated->insert(workers.worker_ids.begin(), workers.worker_ids.end());
  // A hold begins with the gathering or the end of the last pause, whichever is later.
  Exec(work,
       "UPDATE gangs SET hold_after = clock_timestamp() + $2::interval WHERE task_id = $1 AND "
       "greatest(gathering_since, hold_after) + $3::interval < clock_timestamp()",
       task.task_id, Interval(options_.gangs.pause), Interval(options_.gangs.hold));
  return false;
}

absl::StatusOr<bool> Store::FormGang(pqxx::work& work, const GangTask& task, const GangPlan& plan) {
  if (task.max_running > 0) {
    // As for claims: who holds this lock sees every lease of the job.
    const bool first =
        Exec(work, "SELECT pg_try_advisory_xact_lock(hashtextextended($1, 7))", task.job_id)[0][0]
            .as<bool>();
    if (!first || Exec(work, "SELECT count(*) FROM heartbeats WHERE job_id = $1", task.job_id)[0][0]
                          .as<int>() >= task.max_running) {
      return false;
    }
  }
  if (Exec(work, "SELECT FROM tasks WHERE task_id = $1 AND state = 2 FOR UPDATE SKIP LOCKED",
           task.task_id)
          .empty()) {
    return false;
  }
  const std::string& leader = plan.shares.front().worker_id;
  // Short until the leader, which may wait at another coordinator, is heard from.
  const std::string wait = Interval(std::min(options_.lease, options_.gangs.seat));
  const auto epoch =
      Exec(work,
           "UPDATE tasks SET state = 3, epoch = epoch + 1, attempt = attempt + 1, reason = '', "
           "worker_id = $2, state_time = clock_timestamp() WHERE task_id = $1 RETURNING epoch",
           task.task_id, leader)[0][0]
          .as<int64_t>();
  Exec(work,
       "INSERT INTO heartbeats (task_id, job_id, epoch, lease_until) "
       "VALUES ($1, $2, $3, clock_timestamp() + $4::interval) "
       "ON CONFLICT (task_id) DO UPDATE SET epoch = excluded.epoch,"
       " lease_until = excluded.lease_until, acknowledged = false, announced = false, done = 0,"
       " total = 0, unit = '', message = ''",
       task.task_id, task.job_id, epoch, wait);
  Exec(work,
       "UPDATE gangs SET leader = $2, rendezvous = '', inputs = '', gathering_since = NULL "
       "WHERE task_id = $1",
       task.task_id, leader);
  std::vector<std::string> workers;
  std::vector<int> first_ranks, ranks;
  for (const SeatShare& share : plan.shares) {
    workers.push_back(share.worker_id);
    first_ranks.push_back(share.first_rank);
    ranks.push_back(share.ranks);
  }
  Exec(work, kGiveShares, task.task_id, epoch, TextArray(workers), NumberArray(first_ranks),
       NumberArray(ranks), plan.world_size, wait);
  Exec(work, "DELETE FROM seats WHERE task_id = $1 AND epoch = 0", task.task_id);
  return true;
}

absl::StatusOr<std::vector<GrantedLease>> Store::GrantSeats(pqxx::work& work,
                                                            const LeaseQuery& query) {
  std::vector<GrantedLease> granted;
  for (const auto& row : Exec(work, kGrantSeats, TextArray(query.worker_ids))) {
    FOUNDRY_ASSIGN_OR_RETURN(GrantedLease grant, ReadLease(row, options_.lease));
    v1::Seat* seat = grant.lease.mutable_seat();
    seat->set_first_rank(row[8].as<int>());
    seat->set_ranks(row[9].as<int>());
    seat->set_world_size(row[10].as<int>());
    granted.push_back(std::move(grant));
  }
  FOUNDRY_RETURN_IF_ERROR(FillCheckpoints(work, &granted));
  return granted;
}

absl::Status Store::FillCheckpoints(pqxx::transaction_base& work,
                                    std::vector<GrantedLease>* granted) {
  for (GrantedLease& grant : *granted) {
    if (!grant.lease.request().has_train()) continue;  // the others keep no state
    const pqxx::result rows =
        Exec(work, "SELECT manifest FROM checkpoints WHERE task_id = $1", grant.lease.task_id());
    if (!rows.empty()) grant.lease.set_checkpoint(rows[0][0].as<std::string>());
  }
  return absl::OkStatus();
}

}  // namespace foundry::coordinator
