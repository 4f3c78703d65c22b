#include "services/coordinator/state.h"

#include <set>
#include <string>
#include <utility>

#include "absl/strings/str_cat.h"
#include "gtest/gtest.h"

namespace foundry::coordinator {
namespace {

// Written out apart from the table, so that a change of the table shows here.
std::set<std::string> Legal(Entity entity) {
  std::set<std::string> pairs;
  for (State from : AllStates()) {
    for (State to : AllStates()) {
      if (IsLegal(entity, from, to))
        pairs.insert(absl::StrCat(StateName(from), ">", StateName(to)));
    }
  }
  return pairs;
}

TEST(State, JobTransitions) {
  EXPECT_EQ(Legal(Entity::kJob),
            (std::set<std::string>{"READY>SUCCEEDED", "READY>FAILED", "READY>RUNNING",
                                   "READY>CANCELLED", "RUNNING>SUCCEEDED", "RUNNING>FAILED",
                                   "RUNNING>CANCELLING", "CANCELLING>CANCELLED", "CANCELLING>READY",
                                   "FAILED>READY", "CANCELLED>READY"}));
}

TEST(State, StepTransitions) {
  EXPECT_EQ(Legal(Entity::kStep),
            (std::set<std::string>{
                "PENDING>READY", "PENDING>SKIPPED", "PENDING>CANCELLED", "READY>SKIPPED",
                "READY>FAILED", "READY>RUNNING", "READY>CANCELLED", "RUNNING>SUCCEEDED",
                "RUNNING>FAILED", "RUNNING>CANCELLED", "RUNNING>CANCELLING", "CANCELLING>CANCELLED",
                "CANCELLING>READY", "FAILED>READY", "CANCELLED>READY", "CANCELLED>PENDING"}));
}

TEST(State, TaskTransitions) {
  EXPECT_EQ(Legal(Entity::kTask),
            (std::set<std::string>{"READY>RUNNING", "READY>CANCELLED", "RUNNING>READY",
                                   "RUNNING>SUCCEEDED", "RUNNING>FAILED", "RUNNING>QUARANTINED",
                                   "RUNNING>CANCELLING", "CANCELLING>CANCELLED",
                                   "CANCELLING>SUCCEEDED", "CANCELLING>READY", "FAILED>READY",
                                   "CANCELLED>READY", "QUARANTINED>READY"}));
}

TEST(State, EveryPairIsAnsweredAlikeByBothFunctions) {
  for (Entity entity : {Entity::kJob, Entity::kStep, Entity::kTask}) {
    for (State from : AllStates()) {
      for (State to : AllStates()) {
        const absl::Status status = CheckTransition(entity, from, to);
        EXPECT_EQ(status.ok(), IsLegal(entity, from, to)) << status;
        EXPECT_TRUE(from != to || !status.ok());
        EXPECT_TRUE(status.ok() || absl::IsFailedPrecondition(status)) << status;
      }
    }
  }
}

TEST(State, OutputIsForever) {
  for (Entity entity : {Entity::kJob, Entity::kStep, Entity::kTask}) {
    for (State to : AllStates()) {
      EXPECT_FALSE(IsLegal(entity, State::STATE_SUCCEEDED, to));
      EXPECT_FALSE(IsLegal(entity, State::STATE_SKIPPED, to));
    }
  }
}

TEST(State, EveryEndButSuccessCanBeRetried) {
  for (Entity entity : {Entity::kJob, Entity::kStep, Entity::kTask}) {
    for (State end : {State::STATE_FAILED, State::STATE_CANCELLED}) {
      EXPECT_TRUE(IsLegal(entity, end, State::STATE_READY));
      EXPECT_TRUE(IsEnd(end));
    }
  }
  EXPECT_TRUE(IsLegal(Entity::kTask, State::STATE_QUARANTINED, State::STATE_READY));
}

}  // namespace
}  // namespace foundry::coordinator
