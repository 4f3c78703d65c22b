#include "services/extraction/parallel_read.h"

#include <algorithm>
#include <condition_variable>
#include <map>
#include <mutex>
#include <optional>
#include <thread>

#include "common/base/status.h"
#include "services/extraction/sources/read_file.h"

namespace foundry::extraction {
namespace {

class Reading {
 public:
  Reading(const std::vector<InputFile>& files, const ParallelReadOptions& options)
      : files_(files), options_(options), window_(static_cast<size_t>(options.jobs) * 4) {}

  void Work() {
    while (const std::optional<size_t> index = Take()) {
      ReadOptions read = options_.options_for(files_[*index]);
      read.cancel = options_.cancel;
      absl::StatusOr<FileResult> result = ReadInputFile(files_[*index], read);
      std::lock_guard lock(mutex_);
      done_.emplace(*index, std::move(result));
      changed_.notify_all();
    }
  }

  absl::StatusOr<FileResult> Next(size_t index) {
    std::unique_lock lock(mutex_);
    changed_.wait(lock, [&] { return done_.count(index) > 0; });
    absl::StatusOr<FileResult> result = std::move(done_.at(index));
    done_.erase(index);
    delivered_ = index + 1;
    changed_.notify_all();
    return result;
  }

  void Stop() {
    std::lock_guard lock(mutex_);
    stopped_ = true;
    changed_.notify_all();
  }

 private:
  // The next file, once it is not too far ahead of what was handed over.
  std::optional<size_t> Take() {
    std::unique_lock lock(mutex_);
    changed_.wait(
        lock, [&] { return stopped_ || next_ >= files_.size() || next_ < delivered_ + window_; });
    if (stopped_ || next_ >= files_.size()) return std::nullopt;
    return next_++;
  }

  const std::vector<InputFile>& files_;
  const ParallelReadOptions& options_;
  const size_t window_;
  std::mutex mutex_;
  std::condition_variable changed_;
  std::map<size_t, absl::StatusOr<FileResult>> done_;
  size_t next_ = 0, delivered_ = 0;
  bool stopped_ = false;
};

absl::Status Deliver(const std::vector<InputFile>& files, const ParallelReadOptions& options,
                     Reading* reading) {
  for (size_t i = 0; i < files.size(); ++i) {
    FOUNDRY_RETURN_IF_ERROR(options.cancel.Check());
    FOUNDRY_ASSIGN_OR_RETURN(FileResult result, reading->Next(i));
    FOUNDRY_ASSIGN_OR_RETURN(const bool more, options.on_result(i, std::move(result)));
    if (!more) break;
  }
  return absl::OkStatus();
}

}  // namespace

int CappedJobs(int wanted) {
  return std::clamp(wanted, 1, std::max(1, static_cast<int>(std::thread::hardware_concurrency())));
}

absl::Status ReadInParallel(const std::vector<InputFile>& files,
                            const ParallelReadOptions& options) {
  Reading reading(files, options);
  std::vector<std::thread> threads;
  const size_t count = std::min<size_t>(std::max(1, options.jobs), files.size());
  for (size_t i = 0; i < count; ++i) threads.emplace_back([&reading] { reading.Work(); });
  const absl::Status status = Deliver(files, options, &reading);
  reading.Stop();
  for (std::thread& thread : threads) thread.join();
  return status;
}

}  // namespace foundry::extraction
