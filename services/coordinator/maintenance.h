// What nobody asks for but must happen: leases run out, outputs reach output_dir, blobs that no row
// names are collected, old history is dropped, gauges move, an outage of the database is told.
//
// Any number of coordinators run it; all but the gauges is done by one of them at a time, the
// leader (leadership.h). It would be harmless but wasteful if two did it for a moment; exports are
// renames of files with one content. Thread-safe.
#pragma once

#include <condition_variable>
#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <thread>

#include "absl/status/status.h"
#include "absl/time/time.h"
#include "common/base/cancel.h"
#include "common/storage/artifact_store.h"
#include "common/telemetry/metrics.h"
#include "services/coordinator/file_ages.h"
#include "services/coordinator/leadership.h"
#include "services/coordinator/store.h"

namespace foundry::coordinator {

class Maintenance {
 public:
  struct Options {
    std::string connection_info;
    absl::Duration period = absl::Seconds(1);  // of looks, when they are quick
    absl::Duration gauge_period = absl::Seconds(5);
    // Events and metrics of jobs that were made longer ago are dropped; infinite: kept.
    absl::Duration history = absl::Hours(24 * 90);
    absl::Duration housekeeping_period = absl::Hours(1);
    // Collection of blobs: first this long after the start, then every hour; blobs younger than the
    // age stay, because an attempt under way may still commit them.
    absl::Duration first_collection = absl::Minutes(1);
    absl::Duration collection_period = absl::Hours(1);
    absl::Duration least_blob_age = absl::Hours(24);
    // Told when the database stops or begins again to answer; it is taken to answer at first. Must
    // not block.
    std::function<void(bool)> on_database = [](bool) {};
  };

  // Everything passed in must outlive it. No artifacts: nothing is exported.
  Maintenance(Store* store, storage::ArtifactStore* artifacts, telemetry::Metrics* metrics,
              const Options& options);
  ~Maintenance();
  Maintenance(const Maintenance&) = delete;

  // A step may have finished.
  void Wake();

  // Writes the outputs of a job that succeeded earlier again if some are missing, as when the user
  // removed the folder; waits for that until `deadline`.
  absl::Status RestoreOutputs(const std::string& job_id, absl::Time deadline);

 private:
  void ExpireLoop();
  void ArtifactLoop();
  void UpdateGauges();
  // Tells of an outage once when it begins and once when it ends.
  void NoteDatabase(const absl::Status& status);
  absl::Status ExpireLeases();
  // Drops what is old.
  void KeepHouse();
  // Exports what is due; only the leader does.
  absl::Status ExportPending();
  absl::Status ExportStep(const PendingExport& pending);
  // A step's files under their names in output_dir.
  absl::StatusOr<common::v1::Manifest> FilesOf(const PendingExport& step);
  absl::Status CollectBlobs();

  Store* const store_;
  storage::ArtifactStore* const artifacts_;
  telemetry::Metrics* const metrics_;
  const Options options_;
  absl::Time away_since_ = absl::InfiniteFuture();  // of the database; of the expiring thread
  FileAges blob_ages_;                              // of the artifacts' thread
  Leadership leadership_;
  CancelToken stop_;
  std::mutex mutex_;
  std::condition_variable woken_;
  bool look_ = true;  // guarded by mutex_
  std::thread expire_thread_, artifact_thread_;
};

}  // namespace foundry::coordinator
