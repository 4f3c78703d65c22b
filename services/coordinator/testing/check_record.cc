// The record of one job: its events, and what the planner says must be there.
#include <map>
#include <optional>
#include <set>
#include <utility>

#include "absl/strings/str_cat.h"
#include "services/coordinator/planner/planner.h"
#include "services/coordinator/state.h"
#include "services/coordinator/testing/history.h"

namespace foundry::coordinator {
namespace {

using google::protobuf::FieldDescriptor;
using google::protobuf::Message;

class RecordChecker {
 public:
  explicit RecordChecker(const Record& record) : record_(record), job_(record.view) {}

  std::vector<Violation> Check() {
    ReplayEvents();
    CompareStates();
    CheckNothingOpen();
    CheckPlan();
    return std::move(violations_);
  }

 private:
  // Step and key; both empty: the job, key empty: a step.
  using Name = std::pair<std::string, std::string>;

  void Add(Problem problem, const std::string& what) {
    violations_.push_back({problem, absl::StrCat(record_.job, ": ", what)});
  }
  static Entity KindOf(const Name& name) {
    return name.first.empty() ? Entity::kJob : name.second.empty() ? Entity::kStep : Entity::kTask;
  }
  static std::string Text(const Name& name) {
    return name.first.empty() ? "the job" : absl::StrCat(name.first, "/", name.second);
  }

  // The start of a lease is told by an event of its own, which may be missing when the coordinator
  // died in between or the lease ended first; and told twice, when a commit's outcome was in doubt.
  static bool Follows(Entity entity, State from, State to) {
    if (IsLegal(entity, from, to)) return true;
    if (entity != Entity::kTask) return false;
    return (from == v1::STATE_RUNNING && to == v1::STATE_RUNNING) ||
           (from == v1::STATE_READY && IsLegal(entity, v1::STATE_RUNNING, to));
  }

  void ReplayEvents() {
    int64_t number = 0;
    for (const v1::Event& event : record_.events) {
      if (event.event_id() != ++number) {
        Add(Problem::kIllegal,
            absl::StrCat("event ", event.event_id(), " comes where ", number, " should"));
        number = event.event_id();
      }
      if (event.state() == v1::STATE_UNSPECIFIED) continue;
      const Name name(event.step(), event.task_key());
      const auto [at, first] = states_.emplace(name, event.state());
      if (first) {
        const bool task_begins =
            event.state() == v1::STATE_READY || event.state() == v1::STATE_SKIPPED;
        const bool legal = KindOf(name) == Entity::kStep
                               ? IsLegal(Entity::kStep, v1::STATE_PENDING, event.state())
                               : task_begins;
        if (!legal) {
          Add(Problem::kIllegal, absl::StrCat(Text(name), " begins as ", StateName(event.state())));
        }
        continue;
      }
      const State from = std::exchange(at->second, event.state());
      if (from == v1::STATE_SUCCEEDED && KindOf(name) == Entity::kTask) {
        Add(Problem::kDouble, absl::StrCat(Text(name), " goes on after it had succeeded, to ",
                                           StateName(event.state())));
      } else if (!Follows(KindOf(name), from, event.state())) {
        Add(Problem::kIllegal, absl::StrCat(Text(name), " went from ", StateName(from), " to ",
                                            StateName(event.state())));
      }
    }
    if (job_.last_event_id() != number) {
      Add(Problem::kIllegal,
          absl::StrCat("the last event is ", number, ", the job says ", job_.last_event_id()));
    }
  }

  void CompareStates() {
    std::map<Name, State> now;
    now[{"", ""}] = job_.state();
    for (const v1::Step& step : job_.steps()) {
      if (step.state() != v1::STATE_PENDING) now[{step.name(), ""}] = step.state();
      for (const v1::Task& task : step.tasks()) {
        if (!now.emplace(Name(step.name(), task.key()), task.state()).second) {
          Add(Problem::kDouble, absl::StrCat(step.name(), "/", task.key(), " is there twice"));
        }
      }
    }
    for (const auto& [name, state] : states_) {
      const auto found = now.find(name);
      if (found == now.end()) {
        if (state != v1::STATE_PENDING) {
          Add(Problem::kLost, absl::StrCat(Text(name), " has events and is not there"));
        }
      } else if (found->second != state &&
                 !(state == v1::STATE_READY && found->second == v1::STATE_RUNNING)) {
        Add(Problem::kIllegal, absl::StrCat(Text(name), " is ", StateName(found->second),
                                            ", its last event says ", StateName(state)));
      }
    }
    for (const auto& [name, state] : now) {
      if (states_.count(name) == 0) {
        Add(Problem::kIllegal, absl::StrCat(Text(name), " has no events"));
      }
    }
  }

  // A worker may still hold a task of a failed job, to be told; nothing else may be open.
  void CheckNothingOpen() {
    if (!IsEnd(job_.state())) return;
    for (const v1::Step& step : job_.steps()) {
      const bool failed = job_.state() == v1::STATE_FAILED;
      if (!IsEnd(step.state()) && !failed) {
        Add(Problem::kNeverEnds, absl::StrCat("step ", step.name(), " is ", StateName(step.state()),
                                              " in a job that ended"));
      }
      for (const v1::Task& task : step.tasks()) {
        if (IsEnd(task.state()) || (failed && task.state() == v1::STATE_CANCELLING)) continue;
        Add(Problem::kNeverEnds, absl::StrCat("task ", step.name(), "/", task.key(), " is ",
                                              StateName(task.state()), " in a job that ended"));
      }
    }
  }

  // Everything the planner asks for, given what is finished, is there; in a job that succeeded it
  // is finished.
  void CheckPlan() {
    std::vector<FinishedTask> finished;
    std::set<Name> known;
    for (const v1::Step& step : job_.steps()) {
      for (const v1::Task& task : step.tasks()) {
        known.emplace(step.name(), task.key());
        if (task.state() != v1::STATE_SUCCEEDED && task.state() != v1::STATE_SKIPPED) continue;
        finished.push_back({step.name(), task.key(), task.result(), ""});
      }
    }
    const auto plan = MakePlan(job_.spec(), record_.facts, finished);
    if (!plan.ok()) return Add(Problem::kIllegal, plan.status().ToString());
    const bool succeeded = job_.state() == v1::STATE_SUCCEEDED;
    if (succeeded && !plan->complete) Add(Problem::kLost, "it succeeded before its plan was done");
    for (const PlannedTask& task : plan->tasks) {
      if (succeeded || (!IsEnd(job_.state()) && known.count({task.step, task.key}) == 0)) {
        Add(Problem::kLost, absl::StrCat("task ", task.step, "/", task.key, " is missing"));
      }
    }
  }

  const Record& record_;
  const v1::Job& job_;
  std::map<Name, State> states_;  // by the events
  std::vector<Violation> violations_;
};

// Inputs in fields of their own, and those of lists (of which none may be there twice).
void Collect(const Message& message, std::set<std::string>* single,
             std::vector<std::string>* listed) {
  std::vector<const FieldDescriptor*> fields;
  const auto* reflection = message.GetReflection();
  reflection->ListFields(message, &fields);
  for (const FieldDescriptor* field : fields) {
    if (field->cpp_type() != FieldDescriptor::CPPTYPE_MESSAGE) continue;
    const int size = field->is_repeated() ? reflection->FieldSize(message, field) : 1;
    for (int i = 0; i < size; ++i) {
      const Message& part = field->is_repeated() ? reflection->GetRepeatedMessage(message, field, i)
                                                 : reflection->GetMessage(message, field);
      const auto* input = dynamic_cast<const common::v1::Input*>(&part);
      if (input == nullptr) {
        Collect(part, single, listed);
      } else if (!input->manifest().empty()) {
        if (field->is_repeated()) listed->push_back(input->manifest());
        if (!field->is_repeated()) single->insert(input->manifest());
      }
    }
  }
}

}  // namespace

std::vector<Violation> CheckRecord(const Record& record) { return RecordChecker(record).Check(); }

std::vector<std::string> InputManifests(const v1::StageRequest& request) {
  std::set<std::string> single;
  std::vector<std::string> inputs;
  Collect(request, &single, &inputs);
  for (const std::string& input : inputs) single.erase(input);
  inputs.insert(inputs.end(), single.begin(), single.end());
  return inputs;
}

}  // namespace foundry::coordinator
