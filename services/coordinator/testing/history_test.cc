// Doctored histories: each fault must be found, and the sound history passed.
#include "services/coordinator/testing/history.h"

#include <functional>

#include "absl/strings/str_cat.h"
#include "common/config/spec.h"
#include "gtest/gtest.h"

namespace foundry::coordinator {
namespace {

constexpr char kFirst[] = "extraction/extract/0";
constexpr char kSecond[] = "extraction/extract/1";
constexpr char kJoin[] = "extraction/extract/join";

Call On(CallKind kind, const std::string& task, int64_t epoch, const std::string& worker, int at,
        const std::string& manifest = "", std::vector<std::string> inputs = {}) {
  Call call{kind, "j", task, epoch, worker};
  call.time = absl::Seconds(at);
  call.manifest = manifest;
  call.inputs = std::move(inputs);
  return call;
}
Call Leased(const std::string& task, int64_t epoch, const std::string& worker, int at,
            std::vector<std::string> inputs = {}) {
  return On(CallKind::kLease, task, epoch, worker, at, "", std::move(inputs));
}
Call Completed(const std::string& task, int64_t epoch, const std::string& worker, int at,
               const std::string& manifest) {
  return On(CallKind::kComplete, task, epoch, worker, at, manifest);
}
Call Refused(Call call) {
  call.accepted = false;
  return call;
}

v1::Event Event(int64_t number, const std::string& step, const std::string& key, v1::State state) {
  v1::Event event;
  event.set_event_id(number);
  event.set_step(step);
  event.set_task_key(key);
  event.set_state(state);
  return event;
}

// Two shards and their join; the first worker of extract/0 falls silent, its late result is
// refused.
class HistoryTest : public ::testing::Test {
 protected:
  HistoryTest() {
    history_.lease = absl::Seconds(30);
    history_.must_succeed = true;
    history_.calls = {
        Leased(kFirst, 1, "a", 0),
        Leased(kSecond, 1, "b", 1),
        Completed(kSecond, 1, "b", 5, "m1"),
        On(CallKind::kExpire, "", 0, "", 31),
        Leased(kFirst, 2, "c", 32),
        Refused(Completed(kFirst, 1, "a", 33, "stale")),
        On(CallKind::kHeartbeat, kFirst, 2, "c", 40),
        Completed(kFirst, 2, "c", 50, "m0"),
        Completed(kFirst, 2, "c", 51, "m0"),  // the answer got lost
        Leased(kJoin, 1, "b", 60, {"m0", "m1"}),
        Completed(kJoin, 1, "b", 61, "m2"),
    };
    Record& record = history_.records.emplace_back();
    record.job = "j";
    auto spec =
        config::ParseSpec("sources: [{pdf: docs}]\nsteps: [extraction]\nextraction: {shards: 2}\n",
                          "t.yaml", "/data", {.paths_must_exist = false});
    EXPECT_TRUE(spec.ok()) << spec.status();
    *record.view.mutable_spec() = *spec;
    record.view.set_state(v1::STATE_SUCCEEDED);
    auto* step = record.view.add_steps();
    step->set_name("extraction");
    step->set_state(v1::STATE_SUCCEEDED);
    const char* manifests[] = {"m0", "m1", "m2"};
    const char* keys[] = {"extract/0", "extract/1", "extract/join"};
    for (int i = 0; i < 3; ++i) {
      auto* task = step->add_tasks();
      task->set_key(keys[i]);
      task->set_state(v1::STATE_SUCCEEDED);
      task->mutable_result()->mutable_manifest()->add_artifacts()->set_sha256(manifests[i]);
    }
    const auto tell = [&](const std::string& step, const std::string& key, v1::State state) {
      record.events.push_back(
          Event(static_cast<int64_t>(record.events.size()) + 1, step, key, state));
    };
    tell("", "", v1::STATE_READY);
    tell("extraction", "", v1::STATE_READY);
    for (const char* key : keys) {
      tell("extraction", key, v1::STATE_READY);
      if (key == keys[0]) tell("", "", v1::STATE_RUNNING);
      if (key == keys[0]) tell("extraction", "", v1::STATE_RUNNING);
      tell("extraction", key, v1::STATE_RUNNING);
      tell("extraction", key, v1::STATE_SUCCEEDED);
    }
    tell("extraction", "", v1::STATE_SUCCEEDED);
    tell("", "", v1::STATE_SUCCEEDED);
    record.view.set_last_event_id(static_cast<int64_t>(record.events.size()));
  }

  v1::Task& TaskAt(int index) {
    return *history_.records[0].view.mutable_steps(0)->mutable_tasks(index);
  }
  std::vector<v1::Event>& events() { return history_.records[0].events; }
  void Insert(size_t at, Call call) {
    history_.calls.insert(history_.calls.begin() + static_cast<int64_t>(at), std::move(call));
  }
  void ExpectOnly(Problem problem) {
    const auto violations = CheckHistory(history_);
    EXPECT_FALSE(violations.empty());
    for (const Violation& violation : violations) {
      EXPECT_EQ(violation.problem, problem) << Describe(violations);
    }
  }
  void ExpectFound(Problem problem) {
    const auto violations = CheckHistory(history_);
    bool found = false;
    for (const Violation& violation : violations) found |= violation.problem == problem;
    EXPECT_TRUE(found) << Describe(violations);
  }

  History history_;
};

TEST_F(HistoryTest, ASoundHistoryPasses) { EXPECT_EQ(Describe(CheckHistory(history_)), ""); }

TEST_F(HistoryTest, AStaleCommit) {
  history_.calls[5].accepted = true;
  ExpectFound(Problem::kStale);
}

TEST_F(HistoryTest, AStaleHeartbeat) {
  Insert(5, On(CallKind::kHeartbeat, kFirst, 1, "a", 33));
  ExpectOnly(Problem::kStale);
}

TEST_F(HistoryTest, AnotherWorkersCommit) {
  history_.calls[2].worker = "thief";
  ExpectOnly(Problem::kStale);
}

TEST_F(HistoryTest, AnEpochThatDoesNotRise) {
  history_.calls[4].epoch = history_.calls[6].epoch = 1;
  history_.calls[7].epoch = history_.calls[8].epoch = 1;
  ExpectFound(Problem::kStale);
}

TEST_F(HistoryTest, ACommitAfterRetryTookTheTaskBack) {
  Insert(7, On(CallKind::kRevive, "", 0, "", 41));
  ExpectFound(Problem::kStale);
}

TEST_F(HistoryTest, AResultThatIsNotTheCommittedOne) {
  TaskAt(0).mutable_result()->mutable_manifest()->mutable_artifacts(0)->set_sha256("stale");
  ExpectOnly(Problem::kStale);
}

TEST_F(HistoryTest, AnInputThatNobodyCommitted) {
  history_.calls[9].inputs = {"stale", "m1"};
  ExpectOnly(Problem::kStale);
}

TEST_F(HistoryTest, ATaskLeasedTwiceAtOnce) {
  Insert(1, Leased(kFirst, 2, "d", 1));
  ExpectFound(Problem::kDouble);
}

TEST_F(HistoryTest, ATaskLeasedAfterItsCommit) {
  Insert(3, Leased(kSecond, 2, "d", 6));
  ExpectOnly(Problem::kDouble);
}

TEST_F(HistoryTest, ATaskCommittedTwice) {
  Insert(8, Completed(kFirst, 1, "a", 51, "stale"));
  ExpectOnly(Problem::kDouble);
}

TEST_F(HistoryTest, AnotherOutputToldThatItCounts) {
  history_.calls[8].manifest = "another";
  ExpectFound(Problem::kDouble);
}

TEST_F(HistoryTest, APartCountedTwice) {
  history_.calls[9].inputs = {"m0", "m1", "m0"};
  ExpectOnly(Problem::kDouble);
}

TEST_F(HistoryTest, ATaskThatGoesOnAfterItsEnd) {
  events().push_back(Event(static_cast<int64_t>(events().size()) + 1, "extraction", "extract/0",
                           v1::STATE_SUCCEEDED));
  history_.records[0].view.set_last_event_id(static_cast<int64_t>(events().size()));
  ExpectOnly(Problem::kDouble);
}

TEST_F(HistoryTest, ALostCommit) {
  TaskAt(2).set_state(v1::STATE_READY);
  ExpectFound(Problem::kLost);
}

TEST_F(HistoryTest, ALostTask) {
  history_.records[0].view.mutable_steps(0)->mutable_tasks()->RemoveLast();
  history_.calls.resize(9);
  ExpectFound(Problem::kLost);
}

TEST_F(HistoryTest, AJobThatStaysOpen) {
  Call settled{CallKind::kSettled, "j"};
  settled.state = v1::STATE_RUNNING;
  history_.calls.push_back(settled);
  ExpectOnly(Problem::kNeverEnds);
}

TEST_F(HistoryTest, AStepThatNeverEnds) {
  history_.records[0].view.mutable_steps(0)->set_state(v1::STATE_RUNNING);
  ExpectFound(Problem::kNeverEnds);
}

TEST_F(HistoryTest, AGapInTheEvents) {
  events().erase(events().begin() + 4);
  ExpectFound(Problem::kIllegal);
}

TEST_F(HistoryTest, AnIllegalTransition) {
  events().back().set_state(v1::STATE_PENDING);
  ExpectFound(Problem::kIllegal);
}

TEST_F(HistoryTest, ARefusalOfAStandingLease) {
  history_.calls[6].accepted = false;
  ExpectOnly(Problem::kRefused);
}

TEST_F(HistoryTest, ARefusalOfARepeatedCommit) {
  history_.calls[8].accepted = false;
  ExpectOnly(Problem::kRefused);
}

}  // namespace
}  // namespace foundry::coordinator
