#include "services/coordinator/ready_floors.h"

#include <algorithm>

namespace foundry::coordinator {
namespace {

constexpr absl::Duration kPeriod = absl::Seconds(1);
constexpr absl::Duration kLongestPeriod = absl::Seconds(30);
constexpr int kShare = 20;  // looks without floors take at most a twentieth of the time
constexpr absl::Duration kCheap = absl::Milliseconds(500);

}  // namespace

std::map<ReadyFloors::Key, int64_t> ReadyFloors::Snapshot() const {
  std::lock_guard lock(mutex_);
  return floors_;
}

bool ReadyFloors::empty() const {
  std::lock_guard lock(mutex_);
  return floors_.empty();
}

void ReadyFloors::Raise(const Key& key, int64_t position, int64_t generation) {
  std::lock_guard lock(mutex_);
  if (generation != generation_) return;
  int64_t& floor = floors_[key];
  floor = std::max(floor, position);
}

int64_t ReadyFloors::generation() const {
  std::lock_guard lock(mutex_);
  return generation_;
}

void ReadyFloors::Forget(const std::string& job_id) {
  std::lock_guard lock(mutex_);
  ++generation_;
  floors_.erase(floors_.lower_bound({job_id, ""}), floors_.lower_bound({job_id + '\0', ""}));
}

bool ReadyFloors::FullLookDue(absl::Time now) const {
  std::lock_guard lock(mutex_);
  return now - last_look_ >= std::clamp(cost_ * kShare, kPeriod, kLongestPeriod);
}

bool ReadyFloors::FullLookAllowed(absl::Time now) const {
  std::lock_guard lock(mutex_);
  return cost_ < kCheap || now - last_look_ >= std::min(cost_ * kShare, kLongestPeriod);
}

void ReadyFloors::ForgetAll(absl::Time now) {
  std::lock_guard lock(mutex_);
  ++generation_;
  floors_.clear();
  last_look_ = now;
}

void ReadyFloors::FullLookTook(absl::Duration cost) {
  std::lock_guard lock(mutex_);
  cost_ = cost;
}

}  // namespace foundry::coordinator
