// Ranks of one training that several callers start.
#include <future>
#include <thread>

#include "gmock/gmock.h"
#include "services/trainer/rank_losses.h"
#include "services/trainer/rank_processes_fixture.h"

namespace foundry::trainer {
namespace {

namespace fs = std::filesystem;
using ::testing::ElementsAre;
using ::testing::HasSubstr;

// Two callers, as two workers of a gang are, each with a rank.
class SpreadRanksTest : public RankProcessesFixture {
 protected:
  // As many threads for each rank wherever it runs: sums are the same then, bit for bit.
  void SetUp() override {
    RankProcessesFixture::SetUp();
    setenv("OMP_NUM_THREADS", "1", 1);
  }
  void TearDown() override { unsetenv("OMP_NUM_THREADS"); }
  struct Outcome {
    absl::StatusOr<lm::TrainSummary> leader = absl::UnknownError("not run");
    absl::StatusOr<lm::TrainSummary> other = absl::UnknownError("not run");
  };
  Outcome RunSpread(const std::string& name, int64_t generation) {
    Outcome outcome;
    std::promise<std::string> met;
    RankProcessHooks leader = hooks_;
    leader.on_listening = [&](const std::string& rendezvous) {
      met.set_value(rendezvous);
      return absl::OkStatus();
    };
    job_.output = (folder_->path() / name).string();
    std::thread thread([&] {
      outcome.leader = TrainInProcesses(
          job_, folder_->path(),
          {.ranks = 1, .spread = {.world_size = 2, .generation = generation}}, leader, cancel_);
    });
    RankJob job = job_;
    job.output = (folder_->path() / "elsewhere").string();
    const TempFolder elsewhere = TempFolder::Make().value();
    RankProcessHooks other;
    other.on_start = other_start_;
    RankProcessOptions options{.ranks = 1};
    options.spread = {.first_rank = 1, .world_size = 2, .generation = generation};
    options.spread.rendezvous = met.get_future().get();
    outcome.other = TrainInProcesses(job, elsewhere.path(), options, other, cancel_);
    thread.join();
    return outcome;
  }
  std::function<void(int, pid_t)> other_start_;
};

TEST_F(SpreadRanksTest, RanksOfSeveralCallersTrainAsThoseOfOne) {
  ASSERT_TRUE(Run("whole", {.ranks = 2}).ok());
  const Outcome outcome = RunSpread("spread", 7);
  ASSERT_TRUE(outcome.leader.ok()) << outcome.leader.status();
  ASSERT_TRUE(outcome.other.ok()) << outcome.other.status();
  EXPECT_EQ(outcome.leader->steps, 20);
  ExpectSameBitForBit("spread", "whole");
}

TEST_F(SpreadRanksTest, ALossEndsBothAndTheNextGenerationGoesOn) {
  ASSERT_TRUE(Run("whole", {.ranks = 2}).ok());
  pid_t other = 0;
  other_start_ = [&](int rank, pid_t pid) {
    EXPECT_EQ(rank, 1);
    other = pid;
  };
  hooks_.train.on_step = [&](const lm::StepReport& report) {
    if (report.step == 6) kill(other, SIGKILL);
  };
  std::vector<std::string> snapshots;
  hooks_.on_snapshot = [&](const fs::path& folder) { snapshots.push_back(folder.string()); };
  const Outcome lost = RunSpread("spread", 1);
  EXPECT_TRUE(absl::IsAborted(lost.leader.status())) << lost.leader.status();
  EXPECT_TRUE(absl::IsUnavailable(lost.other.status())) << lost.other.status();
  EXPECT_THAT(std::string(lost.other.status().message()), HasSubstr("rank 1 of 2 killed"));
  ASSERT_GE(snapshots.size(), 4u);
  EXPECT_TRUE(fs::exists(snapshots[3] + "/checkpoints/step-4/manifest.json"));
  hooks_.train.on_step = nullptr;
  EXPECT_THAT(messages_, ElementsAre());
  const Outcome next = RunSpread("spread", 2);
  ASSERT_TRUE(next.leader.ok()) << next.leader.status();
  ASSERT_TRUE(next.other.ok()) << next.other.status();
  ExpectSameBitForBit("spread", "whole");
}

// The next generation's leader is another process, maybe: it is told by a file.
TEST_F(SpreadRanksTest, LossesWithoutAStepForwardShrinkThePacksOfTheNextGeneration) {
  ASSERT_TRUE(Run("whole", {.ranks = 2}).ok());
  RankLosses losses(folder_->path() / "rank_losses.json");
  losses.Lost(12);
  ASSERT_TRUE(losses.Save().ok());
  pid_t other = 0;
  other_start_ = [&](int, pid_t pid) { other = pid; };
  hooks_.train.on_step = [&](const lm::StepReport& report) {
    if (report.step == 3) kill(other, SIGKILL);
  };
  EXPECT_FALSE(RunSpread("spread", 1).leader.ok());
  EXPECT_THAT(messages_, ElementsAre(HasSubstr("with packs of at most 512 tokens")));
  hooks_.train.on_step = nullptr;
  ASSERT_TRUE(RunSpread("spread", 2).leader.ok());
  EXPECT_EQ(ReadRankJob(folder_->path() / "rank_job.json")->options.max_pack_tokens, 512);
  EXPECT_LT(Difference("spread/final", "whole/final"), 1e-4);
}

}  // namespace
}  // namespace foundry::trainer
