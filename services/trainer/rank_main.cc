// foundry-train-rank: one rank of a training, as a process of its own, so that a crash, a hung
// exchange or the kernel's answer to a lack of memory takes nothing else with it. Started by
// rank_processes.h; says what happens in lines of rank_events.h on its stdout.
//
//   foundry-train-rank JOB RANK RANKS HOST GENERATION [RENDEZVOUS]
//
// SIGTERM: ends after the step under way, with the state saved.
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/file.h>
#include <unistd.h>

#include <atomic>
#include <cstdio>
#include <string>
#include <thread>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "common/base/files.h"
#include "common/base/parent.h"
#include "common/base/status.h"
#include "common/base/steady_time.h"
#include "common/dataset/io.h"
#include "common/lm/distributed/rank_group.h"
#include "services/trainer/dev_score.h"
#include "services/trainer/example_file.h"
#include "services/trainer/rank_events.h"
#include "services/trainer/rank_job.h"
#include "services/trainer/run_snapshot.h"

namespace foundry::trainer {
namespace {

constexpr absl::Duration kLockLimit = absl::Seconds(60);

// Before this is set there is no state to save, and joining waits for the others uninterrupted.
std::atomic<bool> training{false};

void Tell(const RankEvent& event) {
  const std::string line = ToLine(event);
  std::fputs(line.c_str(), stdout);
  std::fflush(stdout);
}

// A rank 0 that outlives its starter by a moment may still write a checkpoint: the next one waits.
absl::Status LockRun(const std::string& output, const CancelToken& cancel) {
  FOUNDRY_RETURN_IF_ERROR(MakeFolders(output));
  const std::string path = output + "/lock";
  const int fd = open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600);
  if (fd < 0) return absl::ErrnoToStatus(errno, path);
  const absl::Time deadline = SteadyNow() + kLockLimit;
  while (flock(fd, LOCK_EX | LOCK_NB) != 0) {
    if (SteadyNow() > deadline) {
      return absl::UnavailableError(path + ": another training has this folder");
    }
    if (cancel.WaitFor(absl::Milliseconds(50))) return cancel.Check();
  }
  return absl::OkStatus();  // until the process ends
}

absl::Status RunRank(const std::string& job_file, const lm::RankGroupOptions& group_options,
                     const CancelToken& cancel) {
  FOUNDRY_ASSIGN_OR_RETURN(RankJob job, ReadRankJob(job_file));
  if (group_options.rank == 0) FOUNDRY_RETURN_IF_ERROR(LockRun(job.output, cancel));
  FOUNDRY_ASSIGN_OR_RETURN(const ExampleSets sets, ReadExamples(job.examples));
  std::vector<dataset::Pair> dev;
  if (!job.dev_pairs.empty()) {
    FOUNDRY_ASSIGN_OR_RETURN(dev, dataset::ReadPairs(job.dev_pairs));
  }
  if (!dev.empty()) {
    job.options.score = [&](const lm::LanguageModel& model) -> absl::StatusOr<lm::Score> {
      // Ranks that answer together end together.
      FOUNDRY_ASSIGN_OR_RETURN(
          const DevScore score,
          ScoreDev(model, dev, job.tensor_parallel > 1 ? CancelToken() : cancel));
      lm::Score result(score.combined(), {{"dev_contains", score.contains}, {"dev_f1", score.f1}});
      result.standard_error = score.standard_error;
      return result;
    };
  }
  std::unique_ptr<lm::RankGroup> group, copy;
  if (group_options.size > 1) {
    FOUNDRY_ASSIGN_OR_RETURN(
        group, lm::RankGroup::Join(group_options,
                                   [](const std::string& address) { Tell(Listening{address}); }));
    job.options.ranks = group.get();
  }
  lm::LoadOptions load = {.device = job.device, .weights = job.weights};
  FOUNDRY_ASSIGN_OR_RETURN(
      load.compute, lm::ChooseCompute(job.options.compute, job.device, group.get(), job.output));
  if (group_options.rank == 0) {
    const bool half = load.compute == lm::ComputeType::kBFloat16;
    Tell(Message{half ? "products are computed in bfloat16" : "products are computed in float32"});
  }
  job.options.compute = load.compute;
  job.options.use_up_base = true;
  if (job.tensor_parallel > 1) {
    if (group == nullptr) {
      return absl::InvalidArgumentError(
          absl::StrCat("tensor_parallel = ", job.tensor_parallel, " with one rank"));
    }
    const int together = job.tensor_parallel;
    FOUNDRY_ASSIGN_OR_RETURN(copy, group->Split(absl::StrCat("copy-", group->rank() / together),
                                                group->rank() % together, together));
    load.tensor_ranks = copy.get();
  }
  FOUNDRY_ASSIGN_OR_RETURN(const auto student, lm::LanguageModel::Load(job.student, load));
  training = true;
  lm::TrainHooks hooks;
  hooks.on_step = [](const lm::StepReport& report) { Tell(report); };
  hooks.on_validation = [](const lm::ValidationReport& report) { Tell(report); };
  if (job.snapshots) {
    hooks.on_checkpoint = [&](const std::filesystem::path& folder, int64_t step) -> absl::Status {
      const auto snapshot = SnapshotRun(job.output, folder, step, job.examples);
      // Nothing here depends on it.
      if (!snapshot.ok()) {
        Tell(Message{absl::StrCat("no snapshot: ", snapshot.status().message())});
      } else {
        Tell(Snapshot{snapshot->string(), step});
      }
      return absl::OkStatus();
    };
  }
  hooks.on_message = [](absl::string_view text) { Tell(Message{std::string(text)}); };
  FOUNDRY_ASSIGN_OR_RETURN(
      const lm::TrainSummary summary,
      lm::Train(*student, sets.train, sets.validation, job.options, job.output, hooks, cancel));
  Tell(summary);
  return absl::OkStatus();
}

// Takes SIGTERM and SIGINT from now on, in every thread.
void CancelOnSignals(CancelToken cancel) {
  sigset_t signals;
  sigemptyset(&signals);
  sigaddset(&signals, SIGTERM);
  sigaddset(&signals, SIGINT);
  pthread_sigmask(SIG_BLOCK, &signals, nullptr);
  signal(SIGPIPE, SIG_IGN);  // without a reader it still saves its state
  std::thread([signals, cancel]() mutable {
    int number = 0;
    sigwait(&signals, &number);
    cancel.Cancel("told to end");
    if (!training) _exit(1);
  }).detach();
}

}  // namespace
}  // namespace foundry::trainer

int main(int argc, char** argv) {
  foundry::EndWithParent();
  foundry::CancelToken cancel;
  foundry::trainer::CancelOnSignals(cancel);
  foundry::lm::RankGroupOptions options;
  if (argc < 6 || !absl::SimpleAtoi(argv[2], &options.rank) ||
      !absl::SimpleAtoi(argv[3], &options.size) ||
      !absl::SimpleAtoi(argv[5], &options.generation)) {
    std::fprintf(stderr, "usage: %s JOB RANK RANKS HOST GENERATION [RENDEZVOUS]\n", argv[0]);
    return 2;
  }
  options.host = argv[4];
  if (argc > 6) options.rendezvous = argv[6];
  const absl::Status status = foundry::trainer::RunRank(argv[1], options, cancel);
  if (!status.ok()) foundry::trainer::Tell(foundry::trainer::Failure{status});
  std::fflush(stdout);
  // Without destructors: a group that lost a rank may wait in its own.
  _exit(status.ok() ? 0 : 1);
}
