#include "common/worker/state_keeper.h"

#include <utility>

#include "common/base/steady_time.h"
#include "common/storage/manifest.h"
#include "common/telemetry/log.h"

namespace foundry::worker {
namespace {

void Remove(const std::filesystem::path& folder) {
  std::error_code ignored;
  std::filesystem::remove_all(folder, ignored);
}

}  // namespace

StateKeeper::StateKeeper(storage::ArtifactStore* store, absl::Duration period, Register registers)
    : store_(store), period_(period), register_(std::move(registers)), thread_([this] { Run(); }) {}

StateKeeper::~StateKeeper() {
  {
    std::lock_guard lock(mutex_);
    stopping_ = true;
  }
  changed_.notify_all();
  thread_.join();
  if (next_.has_value()) Remove(*next_);
}

void StateKeeper::Keep(const std::filesystem::path& folder) {
  std::optional<std::filesystem::path> unwanted = folder;
  {
    std::lock_guard lock(mutex_);
    if (SteadyNow() >= due_) std::swap(next_, unwanted);
  }
  changed_.notify_all();
  if (unwanted.has_value()) Remove(*unwanted);
}

void StateKeeper::Run() {
  std::unique_lock lock(mutex_);
  for (;;) {
    changed_.wait(lock, [this] { return stopping_ || next_.has_value(); });
    if (stopping_) return;
    const std::filesystem::path folder = *std::exchange(next_, std::nullopt);
    due_ = SteadyNow() + period_;
    lock.unlock();
    Store(folder);
    Remove(folder);
    lock.lock();
  }
}

void StateKeeper::Store(const std::filesystem::path& folder) {
  const auto stored = storage::PutFolder(folder, store_);
  const absl::Status status = stored.ok() ? register_(stored->sha256) : stored.status();
  const bool failed_before = std::exchange(failed_, !status.ok());
  if (failed_ == failed_before) return;  // one line an outage
  // The work goes on: a later state may fare better, and without one an attempt on another worker
  // begins anew.
  if (failed_) {
    telemetry::LogWarning("states are not stored for now",
                          {{"error", std::string(status.message())}});
  } else {
    telemetry::LogInfo("states are stored again");
  }
}

}  // namespace foundry::worker
