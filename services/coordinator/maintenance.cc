#include "services/coordinator/maintenance.h"

#include <algorithm>
#include <filesystem>
#include <map>
#include <set>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/time/clock.h"
#include "common/base/status.h"
#include "common/base/steady_time.h"
#include "common/storage/export.h"
#include "common/storage/garbage.h"
#include "common/storage/manifest.h"
#include "common/telemetry/log.h"
#include "services/coordinator/planner/exports.h"

namespace foundry::coordinator {
namespace fs = std::filesystem;
namespace {

constexpr absl::Duration kCallDeadline = absl::Seconds(10);
// An outage is noticed within this time and the period.
constexpr absl::Duration kProbeDeadline = absl::Seconds(5);
constexpr int kBatch = 16;
constexpr absl::Duration kLongestPeriod = absl::Seconds(10);
constexpr absl::Duration kLongestGaugePeriod = absl::Minutes(2);
constexpr int kShareOfTime = 20;  // looks take at most a twentieth of it
constexpr absl::Duration kExportPause = absl::Milliseconds(50);
constexpr absl::Duration kForgetWorkers = absl::Hours(24);
constexpr absl::Duration kPausesPeriod = absl::Minutes(1);

absl::Time Deadline() { return SteadyNow() + kCallDeadline; }

void Warn(const char* what, const absl::Status& status) {
  if (!status.ok()) telemetry::LogWarning(what, {{"error", status.ToString()}});
}

// Errors that pass by themselves; the others end the job.
bool MayPass(const absl::Status& status) {
  return absl::IsUnavailable(status) || absl::IsDeadlineExceeded(status) || absl::IsAborted(status);
}

}  // namespace

Maintenance::Maintenance(Store* store, storage::ArtifactStore* artifacts,
                         telemetry::Metrics* metrics, const Options& options)
    : store_(store),
      artifacts_(artifacts),
      metrics_(metrics),
      options_(options),
      blob_ages_(options.least_blob_age),
      leadership_(options.connection_info, {}) {
  expire_thread_ = std::thread([this] { ExpireLoop(); });
  if (artifacts_ != nullptr) artifact_thread_ = std::thread([this] { ArtifactLoop(); });
}

Maintenance::~Maintenance() {
  stop_.Cancel("shutting down");
  Wake();
  expire_thread_.join();
  if (artifact_thread_.joinable()) artifact_thread_.join();
}

void Maintenance::Wake() {
  {
    std::lock_guard lock(mutex_);
    look_ = true;
  }
  woken_.notify_all();
}

void Maintenance::ExpireLoop() {
  absl::Time next_gauges = absl::InfinitePast(), next_housekeeping = absl::InfinitePast(),
             next_pauses = absl::InfinitePast();
  absl::Duration pause;
  do {
    const absl::Time start = SteadyNow();
    const bool leads = leadership_.Held();
    NoteDatabase(leads ? ExpireLeases() : store_->Ping(start + kProbeDeadline));
    // Looks that have become slow (many row versions that cannot be vacuumed yet) are spaced out,
    // so that they take a small share of the time.
    pause = std::clamp((SteadyNow() - start) * kShareOfTime, options_.period, kLongestPeriod);
    if (leads && away_since_ == absl::InfiniteFuture()) {
      if (start >= next_housekeeping) {
        KeepHouse();
        next_housekeeping = start + options_.housekeeping_period;
      }
      if (start >= next_pauses) {
        Warn("shortening pauses failed", store_->ShortenPauses(Deadline()));
        next_pauses = start + kPausesPeriod;
      }
    }
    if (start >= next_gauges && away_since_ == absl::InfiniteFuture()) {
      const absl::Time counting = SteadyNow();
      UpdateGauges();
      next_gauges = start + std::clamp((SteadyNow() - counting) * kShareOfTime,
                                       options_.gauge_period, kLongestGaugePeriod);
    }
  } while (!stop_.WaitFor(pause));
}

absl::Status Maintenance::ExpireLeases() {
  const auto expired = store_->ExpireLeases(SteadyNow() + kProbeDeadline);
  if (!expired.ok()) {
    if (!MayPass(expired.status())) Warn("ending leases that ran out failed", expired.status());
  } else if (*expired > 0) {
    metrics_->Count("foundry_leases_expired_total", "Leases that ended in silence", {}, *expired);
  }
  return expired.status();
}

void Maintenance::KeepHouse() {
  Warn("dropping workers that are gone failed", store_->ForgetWorkers(kForgetWorkers, Deadline()));
  if (options_.history == absl::InfiniteDuration()) return;
  const auto dropped = store_->DropHistory(options_.history, Deadline());
  Warn("dropping old history failed", dropped.status());
  if (dropped.ok() && !dropped->empty()) {
    telemetry::LogInfo("dropped the events and metrics of old jobs",
                       {{"weeks", absl::StrJoin(*dropped, ", ")}});
  }
}

void Maintenance::NoteDatabase(const absl::Status& status) {
  const bool away = MayPass(status);
  const bool was_away = away_since_ != absl::InfiniteFuture();
  metrics_->Set("foundry_database_up", "1 while the database answers", {}, away ? 0 : 1);
  if (away == was_away) return;
  if (away) {
    away_since_ = SteadyNow();
    telemetry::LogError("the database does not answer: calls wait for it or end as UNAVAILABLE",
                        {{"error", status.ToString()}});
  } else {
    telemetry::LogInfo("the database answers again",
                       {{"after", absl::FormatDuration(
                                      absl::Trunc(SteadyNow() - away_since_, absl::Seconds(1)))}});
    away_since_ = absl::InfiniteFuture();
  }
  options_.on_database(!away);
}

void Maintenance::UpdateGauges() {
  const auto counts = store_->QueueCounts(Deadline());
  if (!counts.ok()) return;
  std::map<std::pair<std::string, std::string>, int64_t> now;
  for (const char* stage :
       {"extraction", "teacher", "trainer", "merger", "self_study", "evaluator"}) {
    for (const char* state : {"READY", "RUNNING", "CANCELLING"}) now[{stage, state}] = 0;
  }
  for (const auto& count : *counts)
    now[{count.stage, std::string(StateName(count.state))}] = count.count;
  for (const auto& [labels, count] : now) {
    metrics_->Set("foundry_tasks", "Open tasks",
                  {{"stage", labels.first}, {"state", labels.second}}, static_cast<double>(count));
  }
}

void Maintenance::ArtifactLoop() {
  absl::Time next_collection = SteadyNow() + options_.first_collection;
  while (!stop_.Cancelled()) {
    if (leadership_.Held()) {
      Warn("writing outputs failed", ExportPending());
      if (SteadyNow() >= next_collection) {
        Warn("collecting blobs failed", CollectBlobs());
        next_collection = SteadyNow() + options_.collection_period;
      }
    }
    // Changes come in bursts.
    if (stop_.WaitFor(kExportPause)) return;
    std::unique_lock lock(mutex_);
    woken_.wait_for(lock, absl::ToChronoMilliseconds(options_.period), [this] { return look_; });
    look_ = false;
  }
}

absl::Status Maintenance::ExportPending() {
  std::set<std::string> away;  // jobs whose folders cannot be written for now
  for (;;) {
    FOUNDRY_ASSIGN_OR_RETURN(const auto pending, store_->PendingExports(kBatch, away, Deadline()));
    if (pending.empty()) return absl::OkStatus();
    for (const PendingExport& item : pending) {
      if (stop_.Cancelled() || !leadership_.Held()) return absl::OkStatus();
      if (away.count(item.job_id) > 0) continue;
      const telemetry::LogScope scope({{"job", item.job_id}, {"step", item.step}});
      const absl::Status status = ExportStep(item);
      if (status.ok()) {
        FOUNDRY_RETURN_IF_ERROR(store_->ExportDone(item.job_id, item.step, Deadline()));
      } else if (MayPass(status)) {
        // Others' folders may be there; this job's is tried again with the next look.
        Warn("outputs cannot be written for now", status);
        away.insert(item.job_id);
      } else {
        telemetry::LogError("outputs cannot be written", {{"error", status.ToString()}});
        FOUNDRY_RETURN_IF_ERROR(store_->ExportFailed(
            item.job_id, item.step, absl::StrCat("cannot write its outputs: ", status.message()),
            Deadline()));
      }
    }
  }
}

absl::Status Maintenance::CollectBlobs() {
  const absl::Duration set_by = blob_ages_.Look(absl::Now(), SteadyNow());
  if (set_by != absl::ZeroDuration()) {
    telemetry::LogWarning("the machine's clock was set: blobs are not as old as they seem",
                          {{"by", absl::FormatDuration(absl::Trunc(set_by, absl::Seconds(1)))},
                           {"none_collected_for", absl::FormatDuration(options_.least_blob_age)}});
  }
  if (!blob_ages_.Known(SteadyNow())) return absl::OkStatus();
  const absl::Time put_before = absl::Now() - options_.least_blob_age;
  FOUNDRY_ASSIGN_OR_RETURN(const auto manifests,
                           store_->CommittedManifests(SteadyNow() + absl::Minutes(1)));
  FOUNDRY_ASSIGN_OR_RETURN(const auto report,
                           storage::CollectGarbage(manifests, put_before, artifacts_));
  if (report.missing > 0) {
    telemetry::LogError(
        "outputs of finished tasks are missing in the artifact store: they cannot be reused",
        {{"manifests", absl::StrCat(report.missing)}, {"one_of_them", report.a_missing_one}});
  }
  if (report.removed > 0) {
    telemetry::LogInfo(
        "collected blobs that no output needs",
        {{"removed", absl::StrCat(report.removed)}, {"kept", absl::StrCat(report.kept)}});
  }
  return absl::OkStatus();
}

absl::StatusOr<common::v1::Manifest> Maintenance::FilesOf(const PendingExport& step) {
  std::vector<TaskFiles> tasks;
  for (const FinishedTask& task : step.tasks) {
    FOUNDRY_ASSIGN_OR_RETURN(common::v1::Manifest manifest,
                             storage::GetManifest(task.manifest, artifacts_));
    tasks.push_back({task.key, std::move(manifest)});
  }
  return ExportedFiles(step.step, tasks);
}

absl::Status Maintenance::ExportStep(const PendingExport& pending) {
  FOUNDRY_ASSIGN_OR_RETURN(const common::v1::Manifest files, FilesOf(pending));
  return storage::ExportEntries(files, fs::path(pending.spec.output_dir()), artifacts_);
}

absl::Status Maintenance::RestoreOutputs(const std::string& job_id, absl::Time deadline) {
  if (artifacts_ == nullptr) return absl::OkStatus();
  FOUNDRY_ASSIGN_OR_RETURN(const auto steps, store_->StepsWithOutputs(job_id, deadline));
  std::map<fs::path, int64_t>
      sizes;  // a later step's file replaces an earlier one's of the same name
  for (const PendingExport& step : steps) {
    FOUNDRY_ASSIGN_OR_RETURN(const common::v1::Manifest files, FilesOf(step));
    for (const auto& file : files.artifacts()) {
      sizes[fs::path(step.spec.output_dir()) / file.name()] = file.size_bytes();
    }
  }
  bool missing = false;
  for (const auto& [path, size] : sizes) {
    std::error_code error;
    missing |= static_cast<int64_t>(fs::file_size(path, error)) != size || error;
  }
  if (!missing) return absl::OkStatus();
  FOUNDRY_RETURN_IF_ERROR(store_->ExportAgain(job_id, deadline));
  for (;;) {
    FOUNDRY_ASSIGN_OR_RETURN(const auto pending, store_->PendingExports(kBatch, {}, deadline));
    const bool open = std::any_of(pending.begin(), pending.end(),
                                  [&](const auto& item) { return item.job_id == job_id; });
    if (!open || SteadyNow() + options_.period >= deadline) return absl::OkStatus();
    if (stop_.WaitFor(absl::Milliseconds(50))) return stop_.Check();
  }
}

}  // namespace foundry::coordinator
