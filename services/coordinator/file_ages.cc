#include "services/coordinator/file_ages.h"

namespace foundry::coordinator {
namespace {

// More than the clocks drift apart while a process lives.
constexpr absl::Duration kSlack = absl::Minutes(10);

}  // namespace

absl::Duration FileAges::Look(absl::Time wall, absl::Time steady) {
  const absl::Duration set_by = wall - steady - set_by_;
  if (absl::AbsDuration(set_by) <= kSlack) return absl::ZeroDuration();
  set_by_ += set_by;
  known_from_ = steady + hold_;
  return set_by;
}

}  // namespace foundry::coordinator
