#include "services/coordinator/testing/simulation.h"

#include <algorithm>
#include <map>
#include <random>
#include <utility>

#include "absl/strings/str_cat.h"
#include "common/base/error_details.h"
#include "services/coordinator/testing/by_hand.h"

namespace foundry::coordinator {
namespace {

// Far above what a schedule takes on a real database, whose clock goes on by itself.
constexpr absl::Duration kLease = absl::Seconds(3500);  // never a whole number of ticks
constexpr absl::Duration kUncertainty = absl::Seconds(400);
constexpr absl::Duration kTick = absl::Seconds(1000);
constexpr absl::Duration kBackoff =
    absl::Seconds(500);  // over by the next tick, whatever the jitter
// Sums of these, too, are no whole number of ticks.
constexpr GangTimes kGangTimes = {.patience = absl::Seconds(1500),
                                  .hold = absl::Seconds(2300),
                                  .pause = absl::Seconds(1400),
                                  .seat = absl::Seconds(2500)};

// Shapes of jobs: shards and joins, one after another; the third reuses what the second made.
const std::vector<pipeline::v1::PipelineSpec>& Specs() {
  static const auto* const specs = new std::vector<pipeline::v1::PipelineSpec>{
      SmallSpec(),
      SpecOf("sources: [{pdf: docs}]\nsteps: [extraction, enrichment]\n"
             "extraction: {shards: 3}\n"),
      SpecOf("sources: [{pdf: docs}]\nsteps: [extraction, enrichment, teacher]\n"
             "extraction: {shards: 3}\nteacher: {shards: 2}\n")};
  return *specs;
}

const std::vector<pipeline::v1::PipelineSpec>& GangSpecs() {
  static const auto* const specs = new std::vector<pipeline::v1::PipelineSpec>{
      SpecOf("inputs: {teacher_pairs: docs}\nsteps: [distillation]\n"
             "distillation: {devices: 2, min_devices: 2}\n"),
      SpecOf("inputs: {teacher_pairs: docs}\nsteps: [distillation]\n"
             "distillation: {devices: 3, min_devices: 2}\n"),
      SmallSpec()};
  return *specs;
}

class Simulation {
 public:
  Simulation(const SimulationOptions& options, StoreWorld& world)
      : options_(options), world_(world), random_(options.seed) {}

  History Run() {
    history_.lease = kLease;
    history_.uncertainty = kUncertainty;
    history_.seat = kGangTimes.seat;
    history_.must_succeed = true;
    workers_.resize(options_.workers);
    for (int i = 0; i < options_.jobs; ++i) CreateJob(i);
    for (int turn = 0; turn < options_.turns; ++turn) Turn();
    Settle();
    for (int i = 0; i < options_.jobs; ++i) Retry(i);
    Behave();
    for (int i = 0; i < options_.jobs; ++i) Remember(i);
    return std::move(history_);
  }

 private:
  // What a worker believes it holds.
  struct Worker {
    std::string id;
    int devices = 0;  // any number
    std::vector<GrantedLease> leases;
  };
  // A worker's word on its way.
  struct Message {
    CallKind kind;
    GrantedLease grant;
    bool retryable = true;
    double progress = 0;
    v1::LeaveReason leave = v1::LEAVE_REASON_UNSPECIFIED;
  };

  int Draw(int below) { return static_cast<int>(random_() % below); }
  TaskStore& AnyStore() { return world_.store(Draw(world_.coordinators())); }

  Call& Note(CallKind kind) {
    Call& call = history_.calls.emplace_back();
    call.kind = kind;
    call.time = now_;
    return call;
  }

  void CreateJob(int index) {
    Job& job = jobs_.emplace_back();
    job.name = absl::StrCat("j", index);
    const auto& specs = options_.gangs ? GangSpecs() : Specs();
    job.spec = &specs[Draw(static_cast<int>(specs.size()))];
    job.facts.pairs_need_targets = options_.gangs ? std::optional(false) : std::nullopt;
    // Known inputs: an output of one job serves the other. Unknown ones: nothing is reused.
    if (Draw(2) == 0) job.facts.hashes["/data/docs"] = "d";
    auto id = AnyStore().CreateJob(job.name, *job.spec, job.facts);
    job.id = id.value_or(absl::StrCat("(", id.status().ToString(), ")"));
    names_[job.id] = job.name;
  }

  // Gangs need several workers at one time, who live for more than one word.
  void GangTurn() {
    const int choice = Draw(10);
    if (choice < 4) {
      for (Worker& worker : workers_) {
        if (worker.leases.empty() || Draw(4) == 0) Lease(worker, 1, Draw(12) != 0);
      }
    } else if (choice < 9) {
      Speak(workers_[Draw(options_.workers)]);
    } else {
      Retry(Draw(options_.jobs));
    }
  }

  void Turn() {
    if (options_.gangs && Draw(3) != 0) return GangTurn();
    const int choice = Draw(100);
    if (choice < 25) {
      Lease(workers_[Draw(options_.workers)], 1 + Draw(2), Draw(10) != 0);
    } else if (choice < 60) {
      Speak(workers_[Draw(options_.workers)]);
    } else if (choice < 80) {
      if (!network_.empty()) Deliver(Draw(static_cast<int>(network_.size())));
    } else if (choice < 88) {
      Tick(1 + Draw(3));
    } else if (choice < 92) {
      Expire();
    } else if (choice < 94) {
      workers_[Draw(options_.workers)] = {};  // a crash: the next life has another name
    } else if (choice < 96) {
      world_.Restart(Draw(world_.coordinators()));
    } else if (choice < 98) {
      Cancel(Draw(options_.jobs));
    } else {
      Retry(Draw(options_.jobs));
    }
  }

  void Tick(int ticks) {
    world_.Advance(ticks * kTick);
    now_ += ticks * kTick;
  }

  void Expire() {
    if (AnyStore().ExpireLeases().ok()) Note(CallKind::kExpire);
  }

  // As a coordinator does with a worker that waits: gangs whose turn it is, what the worker can run
  // alone, any gang.
  static absl::StatusOr<std::vector<GrantedLease>> Ask(TaskStore& store, const LeaseQuery& query) {
    if (query.devices == 0) return store.Lease(query);
    auto gathered = store.Gather(query, Store::GangTurn::kInOrder);
    if (!gathered.ok()) return gathered.status();
    if (!gathered->granted.empty() || !gathered->seated.empty()) return gathered->granted;
    auto granted = store.Lease(query);
    if (!granted.ok() || !granted->empty()) return granted;
    gathered = store.Gather(query, Store::GangTurn::kNow);
    if (!gathered.ok()) return gathered.status();
    return gathered->granted;
  }

  void Lease(Worker& worker, int count, bool answer_arrives) {
    if (worker.id.empty()) {
      worker.id = absl::StrCat("w", ++lives_);
      if (options_.gangs) worker.devices = 1 + Draw(2);
    }
    if (options_.gangs) count = 1;
    auto granted = Ask(AnyStore(), {.stages = EveryStage(),
                                    .worker_ids = std::vector<std::string>(count, worker.id),
                                    .devices = worker.devices});
    if (!granted.ok()) return;
    for (GrantedLease& grant : *granted) {
      const v1::Seat& seat = grant.lease.seat();
      Call& call = Note(seat.first_rank() > 0 ? CallKind::kSeat : CallKind::kLease);
      Fill(grant, &call);
      call.inputs = InputManifests(grant.lease.request());
      call.manifest = grant.lease.checkpoint();
      call.first_rank = seat.first_rank();
      call.ranks = seat.ranks();
      call.world_size = seat.world_size();
      const RankWish wish = RankWishOf(grant.lease.request());
      call.fewest_ranks = wish.min_ranks;
      call.most_ranks = wish.ranks;
      if (answer_arrives) worker.leases.push_back(std::move(grant));
    }
  }

  static bool IsLast(CallKind kind) {
    return kind == CallKind::kComplete || kind == CallKind::kFail || kind == CallKind::kRelease ||
           kind == CallKind::kLeave;
  }

  // What a worker of a gang may say that others do not.
  void SpeakOfGang(Message* message) {
    if (!message->grant.lease.request().has_train()) return;
    const bool gang = message->grant.lease.has_seat();
    const int choice = Draw(100);
    message->progress = Draw(20);
    if (message->grant.lease.seat().first_rank() > 0) {
      message->kind = choice < 60 ? CallKind::kSeatBeat : CallKind::kLeave;
      message->leave = choice < 75   ? v1::LEAVE_REASON_DONE
                       : choice < 90 ? v1::LEAVE_REASON_RELEASED
                                     : v1::LEAVE_REASON_LOST;
      if (message->kind == CallKind::kSeatBeat) message->leave = v1::LEAVE_REASON_UNSPECIFIED;
    } else if (choice < 15 && gang) {
      message->kind = CallKind::kOpen;
    } else if (choice < 40) {
      message->kind = CallKind::kKeep;
    } else if (choice < 70) {
      message->kind = CallKind::kHeartbeat;
    }
  }

  // A worker has something to say of one of its leases, however old: now, later, twice or never.
  void Speak(Worker& worker) {
    if (worker.leases.empty()) return;
    const size_t at = Draw(static_cast<int>(worker.leases.size()));
    const int choice = Draw(100);
    Message message{choice < 40   ? CallKind::kHeartbeat
                    : choice < 75 ? CallKind::kComplete
                    : choice < 88 ? CallKind::kFail
                                  : CallKind::kRelease,
                    worker.leases[at], Draw(8) != 0};
    if (options_.gangs) SpeakOfGang(&message);
    // Most workers are done with the lease then; a few repeat themselves.
    if (IsLast(message.kind) && Draw(5) != 0) {
      worker.leases.erase(worker.leases.begin() + static_cast<int64_t>(at));
    }
    const int fate = Draw(100);
    if (fate < 10) return;  // lost
    network_.push_back(message);
    if (fate < 20) network_.push_back(message);  // twice
    if (fate < 70) Deliver(static_cast<int>(network_.size()) - 1);
  }

  void Deliver(int at) {
    const Message message = std::move(network_[at]);
    network_.erase(network_.begin() + at);
    Send(message);
  }

  void Fill(const GrantedLease& grant, Call* call) {
    call->job = names_[grant.lease.job_id()];
    call->task = absl::StrCat(grant.lease.step(), "/", grant.lease.key());
    call->epoch = grant.lease.epoch();
    call->worker = grant.worker_id;
  }

  void Send(const Message& message) {
    TaskStore& store = AnyStore();
    const GrantedLease& grant = message.grant;
    Call call{message.kind};
    call.time = now_;
    Fill(grant, &call);
    absl::Status status;
    const LeaseKey key = KeyOf(grant);
    if (message.kind == CallKind::kHeartbeat) {
      auto request = RequestFor<v1::HeartbeatRequest>(grant);
      if (message.progress > 0) request.mutable_progress()->set_done(message.progress);
      status = store.Heartbeat(request).status();
    } else if (message.kind == CallKind::kSeatBeat) {
      const auto told = store.HeartbeatSeat(key);
      status = told.status();
      if (told.ok()) call.manifest = told->rendezvous();
    } else if (message.kind == CallKind::kLeave) {
      auto request = RequestFor<v1::LeaveSeatRequest>(grant);
      request.set_reason(message.leave);
      call.leave = message.leave;
      status = store.LeaveSeat(request);
    } else if (message.kind == CallKind::kOpen) {
      auto request = RequestFor<v1::OpenMeetingRequest>(grant);
      call.manifest = absl::StrCat(grant.worker_id, "@", call.epoch);
      request.set_rendezvous(call.manifest);
      status = store.OpenMeeting(request);
    } else if (message.kind == CallKind::kKeep) {
      call.manifest = absl::StrCat("state ", ++states_, " of ", call.job, "@", call.epoch);
      status = store.RegisterCheckpoint(key, call.manifest);
    } else if (message.kind == CallKind::kComplete) {
      auto request = RequestFor<v1::CompleteTaskRequest>(grant);
      // Every attempt's output is its own.
      call.manifest = absl::StrCat(call.job, "/", call.task, "@", call.epoch);
      request.set_manifest(call.manifest);
      request.mutable_result()->mutable_manifest()->add_artifacts()->set_sha256(call.manifest);
      status = store.Complete(request);
    } else if (message.kind == CallKind::kFail) {
      auto request = RequestFor<v1::FailTaskRequest>(grant);
      request.set_retryable(message.retryable);
      request.set_message("simulated");
      status = store.Fail(request);
    } else {
      status = store.Release(key);
    }
    call.accepted = status.ok();
    if (!status.ok() && ReasonOf(status) != "STALE_LEASE") {
      call.task = absl::StrCat(call.task, " (", status.ToString(), ")");  // no such task: illegal
    }
    history_.calls.push_back(std::move(call));
  }

  void Cancel(int index) {
    Call call{CallKind::kCancel, jobs_[index].name};
    call.time = now_;
    call.accepted = AnyStore().CancelJob(jobs_[index].id, "simulated").ok();
    history_.calls.push_back(call);
  }

  State StateOf(int index) {
    const auto job = world_.store(0).GetJob(jobs_[index].id);
    return job.ok() ? job->state() : v1::STATE_UNSPECIFIED;
  }

  void Retry(int index) {
    const State before = StateOf(index);
    const bool stopped = before != v1::STATE_READY && before != v1::STATE_RUNNING;
    const bool accepted = AnyStore().RetryJob(jobs_[index].id).ok();
    if (!stopped || !accepted) return;
    Call& call = Note(CallKind::kRevive);
    call.job = jobs_[index].name;
  }

  // Everything in flight arrives, then workers behave until nothing is left to do.
  void Settle() {
    while (!network_.empty()) Deliver(Draw(static_cast<int>(network_.size())));
    workers_.assign(workers_.size(), {});
    Behave();
  }

  void Behave() {
    // More rounds than the longest job has tasks one after another.
    for (int round = 0; round < 12; ++round) {
      // Old leases run out, pauses end.
      Tick(4);
      Expire();
      if (options_.gangs) {
        WorkTogether();
        continue;
      }
      Lease(workers_[0], 16, true);
      for (const GrantedLease& grant : std::exchange(workers_[0].leases, {})) {
        Send({CallKind::kComplete, grant});
      }
    }
    for (int i = 0; i < options_.jobs; ++i) {
      Call& call = Note(CallKind::kSettled);
      call.job = jobs_[i].name;
      call.state = StateOf(i);
    }
  }

  // Everybody asks until it has work or waits in vain, and every rank does its part.
  void WorkTogether() {
    for (int asked = 0; asked < 2; ++asked) {
      for (Worker& worker : workers_) {
        if (worker.leases.empty()) Lease(worker, 1, true);
      }
    }
    std::vector<GrantedLease> leaders;
    for (Worker& worker : workers_) {
      for (const GrantedLease& grant : std::exchange(worker.leases, {})) {
        if (grant.lease.seat().first_rank() == 0) {
          leaders.push_back(grant);
        } else {
          Send({CallKind::kSeatBeat, grant});
        }
      }
    }
    for (const GrantedLease& grant : leaders) Send({CallKind::kComplete, grant});
  }

  void Remember(int index) {
    const Job& job = jobs_[index];
    Record& record = history_.records.emplace_back();
    record.job = job.name;
    record.facts = job.facts;
    auto view = world_.store(0).GetJob(job.id);
    auto events = world_.store(0).Events(job.id);
    if (view.ok()) record.view = *std::move(view);
    if (events.ok()) record.events = *std::move(events);
  }

  struct Job {
    std::string name, id;
    const pipeline::v1::PipelineSpec* spec = nullptr;
    InputFacts facts;
  };

  const SimulationOptions options_;
  StoreWorld& world_;
  std::mt19937_64 random_;
  History history_;
  absl::Duration now_;
  std::vector<Job> jobs_;
  std::map<std::string, std::string> names_;  // by the store's ids
  std::vector<Worker> workers_;
  std::vector<Message> network_;
  int lives_ = 0;
  int states_ = 0;
};

}  // namespace

StoreOptions SimulatedStoreOptions() {
  StoreOptions options;
  options.lease = kLease;
  options.first_backoff = options.longest_backoff = kBackoff;
  options.gangs = kGangTimes;
  return options;
}

History Simulate(const SimulationOptions& options, StoreWorld& world) {
  return Simulation(options, world).Run();
}

}  // namespace foundry::coordinator
