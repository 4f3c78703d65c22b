// The sequence of calls: who holds which task, whose writes may be accepted.
#include <map>
#include <set>
#include <utility>

#include "absl/strings/str_cat.h"
#include "services/coordinator/state.h"
#include "services/coordinator/testing/checked_task.h"

namespace foundry::coordinator {
namespace {

constexpr size_t kEnough = 5;  // violations; what follows the first is often its echo

constexpr absl::string_view kKinds[] = {"lease",     "heartbeat", "complete", "fail",    "release",
                                        "expire",    "cancel",    "revive",   "settled", "seat",
                                        "seat beat", "leave",     "open",     "keep"};
constexpr absl::string_view kProblems[] = {"lost",       "stale",   "double",
                                           "never ends", "illegal", "refused"};

class CallChecker {
 public:
  explicit CallChecker(const History& history) : history_(history) {}

  std::vector<Violation> Check() {
    for (const Call& call : history_.calls) {
      Apply(call);
      if (violations_.size() >= kEnough) return violations_;
    }
    for (const Record& record : history_.records) Compare(record);
    return violations_;
  }

 private:
  void Add(Problem problem, const std::string& what) { violations_.push_back({problem, what}); }

  void Apply(const Call& call) {
    switch (call.kind) {
      case CallKind::kLease:
      case CallKind::kSeat:
        return Leased(call);
      case CallKind::kSeatBeat:
      case CallKind::kLeave:
        return CheckSeatWord(history_, call, &tasks_[{call.job, call.task}], report_);
      case CallKind::kOpen:
      case CallKind::kKeep:
        return CheckLeaderWord(history_, call, &tasks_[{call.job, call.task}], report_);
      case CallKind::kHeartbeat:
      case CallKind::kComplete:
      case CallKind::kFail:
      case CallKind::kRelease:
        return Written(call, tasks_[{call.job, call.task}]);
      case CallKind::kExpire:
        for (auto& [name, task] : tasks_) {
          if (task.Until() < call.time - history_.uncertainty) task.held = false;
        }
        return;
      case CallKind::kCancel:
        // The workers keep their leases until they let go.
        for (auto& [name, task] : tasks_) {
          if (name.first == call.job && call.accepted) task.cancelling |= task.held;
        }
        return;
      case CallKind::kRevive:
        for (auto& [name, task] : tasks_) {
          if (name.first != call.job || task.committed != 0) continue;
          task.held = false;
          task.fenced = true;
        }
        return;
      case CallKind::kSettled:
        if (!IsEnd(call.state)) {
          Add(Problem::kNeverEnds, absl::StrCat("job ", call.job, " is ", StateName(call.state),
                                                " after every worker has done its part"));
        }
        return;
    }
  }

  void Leased(const Call& call) {
    CheckedTask& task = tasks_[{call.job, call.task}];
    // Another seat of the generation that is under way?
    const bool joins = call.world_size > 0 && call.epoch == task.epoch && task.world_size > 0;
    if (task.committed != 0) {
      Add(Problem::kDouble, absl::StrCat("leased after its commit: ", Describe(call)));
    } else if (!joins && task.held && call.time < task.Until() - history_.uncertainty) {
      Add(Problem::kDouble, absl::StrCat("leased while ", task.worker, " holds it with epoch ",
                                         task.epoch, ": ", Describe(call)));
    }
    if (!joins && call.epoch <= task.epoch) {
      Add(Problem::kStale, absl::StrCat("the epoch does not rise: ", Describe(call)));
    }
    std::set<std::string> seen;
    for (const std::string& input : call.inputs) {
      if (manifests_.count(input) == 0) {
        Add(Problem::kStale,
            absl::StrCat("reads an output that nobody committed, ", input, ": ", Describe(call)));
      }
      if (!seen.insert(input).second) {
        Add(Problem::kDouble, absl::StrCat("reads ", input, " twice: ", Describe(call)));
      }
    }
    if (call.manifest != task.state) {
      Add(Problem::kStale, absl::StrCat("is to go on from ", call.manifest, ", stored was ",
                                        task.state, ": ", Describe(call)));
    }
    if (call.world_size > 0) return CheckSeatGiven(history_, call, &task, report_);
    task.Begin(call, call.time + history_.lease);
    task.worker = call.worker;
  }

  void Written(const Call& call, CheckedTask& task) {
    const bool current = call.epoch == task.epoch && call.worker == task.worker;
    const bool complete = call.kind == CallKind::kComplete;
    if (!call.accepted) {
      // A lease that has run out but was not ended yet may be refused or not.
      const bool stands = current && task.held && call.time < task.Until() - history_.uncertainty;
      if (stands) Add(Problem::kRefused, absl::StrCat("its lease stands: ", Describe(call)));
      if (complete && current && task.committed == call.epoch && task.manifest == call.manifest) {
        Add(Problem::kRefused, absl::StrCat("the repeated commit: ", Describe(call)));
      }
      return;
    }
    // The last word of a lease may be repeated, to no effect.
    if (complete && task.committed != 0 && task.committed == call.epoch &&
        task.manifest == call.manifest) {
      return;
    }
    const bool last_word = call.kind == CallKind::kFail || call.kind == CallKind::kRelease;
    if (current && !task.held && !task.fenced && last_word && task.committed == 0) return;
    if (complete && task.committed != 0) {
      Add(Problem::kDouble,
          absl::StrCat("committed before, with epoch ", task.committed, ": ", Describe(call)));
    } else if (!current || !task.held) {
      Add(Problem::kStale, absl::StrCat("the lease had ended: ", Describe(call)));
    }
    if (call.kind == CallKind::kHeartbeat) {
      task.until = call.time + history_.lease;
      return;
    }
    task.held = false;
    if (!complete) return;
    task.committed = call.epoch;
    task.manifest = call.manifest;
    manifests_.insert(call.manifest);
  }

  // Results are those of the commits, and every commit has its result.
  void Compare(const Record& record) {
    if (history_.must_succeed && record.view.state() != v1::STATE_SUCCEEDED) {
      Add(Problem::kNeverEnds,
          absl::StrCat("job ", record.job, " is ", StateName(record.view.state()),
                       ", nothing stops it: ", record.view.reason()));
    }
    std::set<std::string> succeeded;
    for (const v1::Step& step : record.view.steps()) {
      for (const v1::Task& view : step.tasks()) {
        const std::string name = absl::StrCat(step.name(), "/", view.key());
        const auto& artifacts = view.result().manifest().artifacts();
        const std::string result = artifacts.empty() ? "" : artifacts[0].sha256();
        if (view.state() == v1::STATE_SKIPPED && manifests_.count(result) == 0) {
          Add(Problem::kStale, absl::StrCat(record.job, "/", name,
                                            " uses again what nobody "
                                            "committed: ",
                                            result));
        }
        if (view.state() != v1::STATE_SUCCEEDED) continue;
        succeeded.insert(name);
        const auto found = tasks_.find({record.job, name});
        if (found == tasks_.end() || found->second.committed == 0) {
          Add(Problem::kStale, absl::StrCat(record.job, "/", name, " succeeded without a commit"));
          continue;
        }
        if (result != found->second.manifest) {
          Add(Problem::kStale,
              absl::StrCat(record.job, "/", name, " has the result ", result, ", committed was ",
                           found->second.manifest, " with epoch ", found->second.committed));
        }
      }
    }
    for (const auto& [name, task] : tasks_) {
      if (name.first == record.job && task.committed != 0 && succeeded.count(name.second) == 0) {
        Add(Problem::kLost, absl::StrCat(record.job, "/", name.second, " was committed with epoch ",
                                         task.committed, ", and the record does not have it"));
      }
    }
  }

  const History& history_;
  const Report report_ = [this](Problem problem, const std::string& what) { Add(problem, what); };
  std::map<std::pair<std::string, std::string>, CheckedTask> tasks_;
  std::set<std::string> manifests_;  // committed
  std::vector<Violation> violations_;
};

}  // namespace

std::vector<Violation> CheckHistory(const History& history) {
  std::vector<Violation> violations = CallChecker(history).Check();
  for (const Record& record : history.records) {
    if (violations.size() >= kEnough) break;
    for (Violation& violation : CheckRecord(record)) violations.push_back(std::move(violation));
  }
  return violations;
}

std::string Describe(const std::vector<Violation>& violations) {
  std::string text;
  for (const Violation& violation : violations) {
    absl::StrAppend(&text, kProblems[static_cast<size_t>(violation.problem)], ": ", violation.what,
                    "\n");
  }
  return text;
}

std::string Describe(const Call& call) {
  std::string text = absl::StrCat(kKinds[static_cast<size_t>(call.kind)], " ", call.job);
  if (!call.task.empty()) {
    absl::StrAppend(&text, "/", call.task, " epoch ", call.epoch, " by ", call.worker);
  }
  absl::StrAppend(&text, " at ", absl::FormatDuration(call.time), ": ",
                  call.accepted ? "accepted" : "refused");
  if (call.world_size > 0) {
    absl::StrAppend(&text, ", ", call.ranks, " ranks of ", call.world_size, " from ",
                    call.first_rank);
  }
  if (call.leave != v1::LEAVE_REASON_UNSPECIFIED) {
    absl::StrAppend(&text, ", ", v1::LeaveReason_Name(call.leave));
  }
  if (!call.manifest.empty()) absl::StrAppend(&text, ", ", call.manifest);
  if (call.state != v1::STATE_UNSPECIFIED) absl::StrAppend(&text, ", ", StateName(call.state));
  return text;
}

}  // namespace foundry::coordinator
