#include "services/trainer/rank_processes.h"

#include <signal.h>

#include <algorithm>
#include <condition_variable>
#include <cstdlib>
#include <mutex>
#include <optional>
#include <thread>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "common/base/status.h"
#include "common/base/subprocess.h"
#include "services/trainer/rank_events.h"
#include "services/trainer/rank_losses.h"

namespace foundry::trainer {
namespace {

constexpr absl::Duration kNever = absl::Hours(24 * 365);

struct Loss {
  std::string what;     // "rank 1 of 2 was killed by signal 9 (Killed)"
  bool died = false;    // by a signal that nobody here sent
  bool killed = false;  // SIGKILL
};

// All ranks that run here, once: from their start to the end of the last one.
class Gang {
 public:
  Gang(std::string program, std::string job_file, int ranks, const RankSpread& spread,
       const RankProcessOptions& options, const RankProcessHooks& hooks, std::mutex& hook_mutex,
       const RankJob& job)
      : program_(std::move(program)),
        job_file_(std::move(job_file)),
        ranks_(ranks),
        spread_(spread),
        options_(options),
        hooks_(hooks),
        hook_mutex_(hook_mutex),
        job_(job),
        address_(spread.rendezvous) {}

  // The summary; nullopt when a rank was lost (see loss()); the error that a rank reported.
  absl::StatusOr<std::optional<lm::TrainSummary>> Run(const CancelToken& cancel);
  const Loss& loss() const { return loss_; }
  int64_t last_step() const { return last_step_; }

 private:
  // Of all workers.
  int World() const { return spread_.world_size > 0 ? spread_.world_size : ranks_; }
  void RunRank(int index);
  absl::Status OnEvent(int rank, const RankEvent& event);
  std::vector<std::string> Environment(int index) const;
  void Note(int rank, const absl::StatusOr<SubprocessResult>& result);

  const std::string program_, job_file_;
  const int ranks_;
  const RankSpread spread_;
  const RankProcessOptions& options_;
  const RankProcessHooks& hooks_;
  std::mutex& hook_mutex_;
  const RankJob& job_;
  CancelToken end_;  // of all ranks

  std::mutex mutex_;
  std::condition_variable changed_;
  std::string address_;
  int running_ = 0;
  absl::Status failure_;  // that a rank reported, of its own making
  Loss loss_;
  std::optional<lm::TrainSummary> summary_;
  int64_t last_step_ = 0;
};

std::vector<std::string> Gang::Environment(int index) const {
  if (ranks_ == 1) return {};
  std::vector<std::string> added;
  if (std::getenv("OMP_NUM_THREADS") == nullptr) {
    const int cores = static_cast<int>(std::thread::hardware_concurrency());
    added.push_back(absl::StrCat("OMP_NUM_THREADS=", std::max(1, cores / ranks_)));
  }
  if (job_.device != "cpu") {  // a GPU each
    const char* visible = std::getenv("CUDA_VISIBLE_DEVICES");
    const std::vector<std::string> devices =
        absl::StrSplit(visible == nullptr ? "" : visible, ',', absl::SkipEmpty());
    added.push_back(absl::StrCat("CUDA_VISIBLE_DEVICES=", devices.empty()
                                                              ? absl::StrCat(index)
                                                              : devices[index % devices.size()]));
  }
  return added;
}

absl::Status Gang::OnEvent(int rank, const RankEvent& event) {
  if (const auto* listening = std::get_if<Listening>(&event)) {
    const absl::Status told = hooks_.on_listening && World() > ranks_
                                  ? hooks_.on_listening(listening->address)
                                  : absl::OkStatus();
    std::lock_guard lock(mutex_);
    address_ = listening->address;
    if (failure_.ok()) failure_ = told;
    if (!told.ok()) end_.Cancel("the meeting could not be opened");
    changed_.notify_all();
    return absl::OkStatus();
  }
  if (const auto* failure = std::get_if<Failure>(&event)) {
    // Unavailable, Aborted and Cancelled are what other ranks' ends look like from here.
    const absl::Status& status = failure->status;
    std::lock_guard lock(mutex_);
    if (failure_.ok() && !absl::IsUnavailable(status) && !absl::IsAborted(status) &&
        !absl::IsCancelled(status)) {
      failure_ = status;
    }
    return absl::OkStatus();
  }
  if (const auto* summary = std::get_if<lm::TrainSummary>(&event)) {
    std::lock_guard lock(mutex_);
    if (rank == 0) summary_ = *summary;
    return absl::OkStatus();
  }
  std::lock_guard lock(hook_mutex_);
  if (const auto* step = std::get_if<lm::StepReport>(&event)) {
    last_step_ = step->step;
    if (hooks_.train.on_step) hooks_.train.on_step(*step);
  } else if (const auto* validation = std::get_if<lm::ValidationReport>(&event)) {
    if (hooks_.train.on_validation) hooks_.train.on_validation(*validation);
  } else if (const auto* snapshot = std::get_if<Snapshot>(&event)) {
    if (hooks_.on_snapshot) hooks_.on_snapshot(snapshot->folder);
  } else if (const auto* message = std::get_if<Message>(&event)) {
    if (hooks_.train.on_message) {
      hooks_.train.on_message(rank == 0 ? message->text
                                        : absl::StrCat("rank ", rank, ": ", message->text));
    }
  }
  return absl::OkStatus();
}

void Gang::Note(int rank, const absl::StatusOr<SubprocessResult>& result) {
  std::lock_guard lock(mutex_);
  --running_;
  changed_.notify_all();
  if (result.ok() && result->ok()) return;
  // The rank that died explains the others, which end for want of it or because the gang does.
  const bool died =
      result.ok() && result->end == SubprocessResult::End::kSignal && result->signal != SIGTERM;
  if (died ? !loss_.died : loss_.what.empty() && !end_.Cancelled()) {
    loss_.what = absl::StrCat("rank ", rank, " of ", World(), " ",
                              result.ok() ? result->Describe() : result.status().ToString());
    loss_.died = died;
    loss_.killed = died && result->signal == SIGKILL;
    if (result.ok() && !result->errors.empty()) {
      absl::StrAppend(&loss_.what, ": ", absl::string_view(result->errors).substr(0, 2000));
    }
  }
  end_.Cancel("another rank ended");
}

void Gang::RunRank(int index) {
  const int rank = spread_.first_rank + index;
  EventReader events([&](const RankEvent& event) { return OnEvent(rank, event); });
  SubprocessOptions process;
  {
    std::lock_guard lock(mutex_);
    process.argv = {program_,
                    job_file_,
                    absl::StrCat(rank),
                    absl::StrCat(World()),
                    options_.host,
                    absl::StrCat(spread_.generation),
                    address_};
  }
  process.environment = Environment(index);
  process.timeout = kNever;
  process.grace = options_.grace;
  process.memory_bytes = options_.memory_limit_mib << 20;
  process.cancel = end_;
  process.on_output = [&](absl::string_view piece) { return events.Read(piece); };
  process.on_start = [&](pid_t pid) {
    std::lock_guard lock(hook_mutex_);
    if (hooks_.on_start) hooks_.on_start(rank, pid);
  };
  Note(rank, RunSubprocess(process));
}

absl::StatusOr<std::optional<lm::TrainSummary>> Gang::Run(const CancelToken& cancel) {
  // A thread for each rank, alive as long as the rank: the kernel ends a child with the thread that
  // started it (see common/base/parent.h).
  std::vector<std::thread> threads;
  auto start = [&] {
    const int index = static_cast<int>(threads.size());
    {
      std::lock_guard lock(mutex_);
      ++running_;
    }
    threads.emplace_back([this, index] { RunRank(index); });
  };
  start();
  while (true) {
    if (cancel.WaitFor(absl::Milliseconds(20))) end_.Cancel("the training was cancelled");
    bool joinable = false;
    {
      std::lock_guard lock(mutex_);
      if (running_ == 0) break;
      joinable = !address_.empty() && !end_.Cancelled();
    }
    while (joinable && static_cast<int>(threads.size()) < ranks_) start();
    if (cancel.Cancelled()) {
      std::unique_lock lock(mutex_);
      changed_.wait(lock, [&] { return running_ == 0; });
    }
  }
  for (std::thread& thread : threads) thread.join();
  if (summary_) return summary_;
  FOUNDRY_RETURN_IF_ERROR(cancel.Check());
  FOUNDRY_RETURN_IF_ERROR(failure_);
  if (loss_.what.empty() && spread_.first_rank > 0) return lm::TrainSummary();
  return std::nullopt;
}

// Ranks that hold one model together cannot shrink their packs in the midst of a step.
bool NeedsSmallerPacks(const absl::Status& status, const RankJob& job) {
  return job.tensor_parallel > 1 && absl::IsResourceExhausted(status);
}

// One generation of ranks of which some run elsewhere.
absl::StatusOr<lm::TrainSummary> RunSpread(Gang& gang, const RankJob& job, bool leads,
                                           RankLosses& losses, const RankProcessHooks& hooks,
                                           const CancelToken& cancel) {
  const auto ran = gang.Run(cancel);
  if (ran.ok() && *ran) return **ran;
  const bool exhausted = NeedsSmallerPacks(ran.status(), job);
  if (!exhausted) FOUNDRY_RETURN_IF_ERROR(ran.status());
  const std::string what =
      exhausted ? std::string(ran.status().message()) : std::string(gang.loss().what);
  if (leads) {
    losses.Lost(gang.last_step());
    // Of what becomes of the others only the end is seen here: it may be a lack of memory, too.
    if ((exhausted || losses.in_a_row() > 1) && losses.Shrink(job.options.max_pack_tokens) &&
        hooks.train.on_message) {
      hooks.train.on_message(absl::StrCat(what, "; the next ranks go on with packs of at most ",
                                          losses.pack_tokens(), " tokens"));
    }
    FOUNDRY_RETURN_IF_ERROR(losses.Save());
  }
  if (exhausted || gang.loss().died) return absl::UnavailableError(what);
  return absl::AbortedError(what);
}

}  // namespace

absl::StatusOr<lm::TrainSummary> TrainInProcesses(const RankJob& job,
                                                  const std::filesystem::path& folder,
                                                  const RankProcessOptions& options,
                                                  const RankProcessHooks& hooks,
                                                  const CancelToken& cancel) {
  FOUNDRY_ASSIGN_OR_RETURN(const std::string program, FindProgram("foundry-train-rank"));
  const std::filesystem::path job_file = folder / "rank_job.json";
  RankJob now = job;
  now.snapshots = hooks.on_snapshot != nullptr;
  std::mutex hook_mutex;
  if (options.spread.world_size > options.ranks) {
    const bool leads = options.spread.first_rank == 0;
    RankLosses losses(leads ? folder / "rank_losses.json" : "");
    if (losses.pack_tokens() > 0) now.options.max_pack_tokens = losses.pack_tokens();
    FOUNDRY_RETURN_IF_ERROR(WriteRankJob(job_file, now));
    Gang gang(program, job_file.string(), options.ranks, options.spread, options, hooks, hook_mutex,
              now);
    return RunSpread(gang, now, leads, losses, hooks, cancel);
  }
  int ranks = options.ranks;
  RankLosses losses;
  for (int64_t generation = 0;; ++generation) {
    FOUNDRY_RETURN_IF_ERROR(WriteRankJob(job_file, now));
    Gang gang(program, job_file.string(), ranks, {.generation = generation}, options, hooks,
              hook_mutex, now);
    const auto ran = gang.Run(cancel);
    if (ran.ok() && *ran) return **ran;
    std::string what = gang.loss().what, changes;
    bool shrunk =
        NeedsSmallerPacks(ran.status(), job) && losses.Shrink(now.options.max_pack_tokens);
    if (shrunk) {
      what = std::string(ran.status().message());
    } else {
      FOUNDRY_RETURN_IF_ERROR(ran.status());
      losses.Lost(gang.last_step());
      if (losses.in_a_row() >= options.losses) {
        return absl::UnavailableError(
            absl::StrCat(what, "; ", losses.in_a_row(), " times without a step forward between"));
      }
      if (losses.in_a_row() > 1 && ranks - job.tensor_parallel >= std::max(options.min_ranks, 1)) {
        ranks -= job.tensor_parallel;
        absl::StrAppend(&changes, " with ", ranks, ranks == 1 ? " rank" : " ranks");
      }
      // As the kernel does when memory runs out.
      shrunk =
          losses.in_a_row() > 1 && gang.loss().killed && losses.Shrink(now.options.max_pack_tokens);
    }
    if (shrunk) {
      now.options.max_pack_tokens = losses.pack_tokens();
      absl::StrAppend(&changes, " with packs of at most ", now.options.max_pack_tokens, " tokens");
    }
    std::lock_guard lock(hook_mutex);
    if (hooks.train.on_message) {
      hooks.train.on_message(absl::StrCat(what, "; going on from the last checkpoint", changes));
    }
  }
}

}  // namespace foundry::trainer
