#include "services/trainer/train_share.h"

#include <algorithm>
#include <system_error>

#include "absl/strings/str_cat.h"
#include "common/base/files.h"
#include "common/base/status.h"
#include "common/lm/model_path.h"

namespace foundry::trainer {
namespace fs = std::filesystem;
namespace {

constexpr char kJob[] = "rank_job.json";
constexpr char kExamples[] = "examples.bin";
constexpr char kDevPairs[] = "dev_pairs.jsonl";

// The leader is the first to know of a worker that vanished; a worker that drains, or a rank that
// was killed, is told of by its own worker.
constexpr absl::Duration kLeaderWaits = absl::Seconds(3);
constexpr absl::Duration kOthersWait = absl::Seconds(10);

absl::Status Link(const fs::path& from, const fs::path& to) {
  std::error_code error;
  fs::copy(from, to, fs::copy_options::create_hard_links, error);
  if (!error) return absl::OkStatus();
  return absl::ErrnoToStatus(error.value(), absl::StrCat("cannot link ", from.string()));
}

}  // namespace

absl::StatusOr<fs::path> StudentPath(const TrainJob& job, worker::TaskContext& context) {
  if (!job.student_files.empty()) return context.Fetch(job.student_files);
  return lm::ResolveModel(job.student);
}

RankProcessOptions RankOptionsOf(const TrainJob& job, worker::TaskContext& context) {
  RankProcessOptions options;
  options.ranks = job.devices;
  options.min_ranks = job.min_devices;
  options.memory_limit_mib = job.memory_limit_mib;
  if (context.gang() == nullptr) return options;
  const worker::RankShare& share = context.gang()->share();
  options.ranks = share.ranks;
  options.min_ranks = std::min(job.min_devices, share.ranks);
  options.host = share.address;
  options.spread.first_rank = share.first_rank;
  options.spread.world_size = share.world_size;
  options.spread.generation = share.generation;
  return options;
}

absl::Status ShareRanks(const RankJob& ranks, worker::TaskContext& context) {
  FOUNDRY_ASSIGN_OR_RETURN(const TempFolder folder, TempFolder::Make(context.scratch()));
  FOUNDRY_RETURN_IF_ERROR(WriteRankJob(folder.path() / kJob, ranks));
  FOUNDRY_RETURN_IF_ERROR(Link(ranks.examples, folder.path() / kExamples));
  if (!ranks.dev_pairs.empty()) {
    FOUNDRY_RETURN_IF_ERROR(Link(ranks.dev_pairs, folder.path() / kDevPairs));
  }
  return context.gang()->Share(folder.path());
}

absl::StatusOr<worker::StageOutput> RunShare(const TrainJob& job, worker::TaskContext& context) {
  // What takes long comes before the leader is waited for.
  FOUNDRY_ASSIGN_OR_RETURN(const fs::path student, StudentPath(job, context));
  fs::path adapter;
  if (!job.init_adapter.empty()) {
    FOUNDRY_ASSIGN_OR_RETURN(adapter, context.Fetch(job.init_adapter));
  }
  FOUNDRY_ASSIGN_OR_RETURN(const worker::Meeting meeting, context.gang()->Await());
  FOUNDRY_ASSIGN_OR_RETURN(RankJob ranks, ReadRankJob(meeting.inputs / kJob));
  ranks.student = student.string();
  ranks.device = job.device;
  ranks.options.init_adapter = adapter.string();
  ranks.examples = (meeting.inputs / kExamples).string();
  if (!ranks.dev_pairs.empty()) ranks.dev_pairs = (meeting.inputs / kDevPairs).string();
  ranks.output = (context.scratch() / "run").string();
  RankProcessOptions options = RankOptionsOf(job, context);
  options.spread.rendezvous = meeting.rendezvous;
  const absl::Status status =
      TrainInProcesses(ranks, context.scratch(), options, {}, context.cancel()).status();
  FOUNDRY_RETURN_IF_ERROR(AfterOthers(status, context));
  return worker::StageOutput();
}

absl::Status AfterOthers(const absl::Status& status, worker::TaskContext& context) {
  if (context.gang() == nullptr || !absl::IsAborted(status)) return status;
  const bool leads = context.gang()->share().leads();
  if (context.cancel().WaitFor(leads ? kLeaderWaits : kOthersWait)) return context.cancel().Check();
  return status;
}

}  // namespace foundry::trainer
