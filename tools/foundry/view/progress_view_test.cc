#include "tools/foundry/view/progress_view.h"

#include <cstdlib>

#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace foundry::cli {
namespace {

using coordinator::v1::State;
using coordinator::v1::Step;
using ::testing::HasSubstr;

TEST(ProgressView, DurationsForPeople) {
  EXPECT_EQ(HumanDuration(-1), "");
  EXPECT_EQ(HumanDuration(7.4), "7s");
  EXPECT_EQ(HumanDuration(192), "3m12s");
  EXPECT_EQ(HumanDuration(7500), "2h05m");
}

TEST(ProgressView, RunningStepShowsShareAndEta) {
  Step step;
  step.set_name("teacher");
  step.set_state(State::STATE_RUNNING);
  step.set_fraction(0.5);
  step.set_eta_seconds(64);
  auto* task = step.add_tasks();
  task->set_state(State::STATE_RUNNING);
  task->mutable_progress()->set_done(12);
  task->mutable_progress()->set_total(24);
  task->mutable_progress()->set_unit("documents");
  const std::string line = StepLine(step, 120, false);
  EXPECT_THAT(line, HasSubstr("teacher"));
  EXPECT_THAT(line, HasSubstr("████████████░░░░░░░░░░░░  50%"));
  EXPECT_THAT(line, HasSubstr("12/24 documents  ETA 1m04s"));
}

TEST(ProgressView, FinishedStepIsFullWhateverItsTasksSay) {
  Step step;
  step.set_name("merge");
  step.set_state(State::STATE_SUCCEEDED);
  EXPECT_THAT(StepLine(step, 80, false), HasSubstr("100%"));
}

TEST(ProgressView, NarrowTerminalsGetShortLines) {
  Step step;
  step.set_name("merge");
  step.set_state(State::STATE_RUNNING);
  step.add_tasks()->set_state(State::STATE_RUNNING);
  step.mutable_tasks(0)->mutable_progress()->set_message(std::string(200, 'x'));
  EXPECT_EQ(StepLine(step, 60, false).find(std::string(60, 'x')), std::string::npos);
}

TEST(ProgressView, PlainOutputPrintsAStepOncePerChange) {
  char* text = nullptr;
  size_t size = 0;
  std::FILE* out = open_memstream(&text, &size);
  ProgressView view(out);
  coordinator::v1::Job job;
  auto* step = job.add_steps();
  step->set_name("merge");
  step->set_state(State::STATE_RUNNING);
  view.Show(job);
  view.Show(job);
  step->set_state(State::STATE_SUCCEEDED);
  view.Show(job);
  std::fclose(out);
  const std::string printed(text, size);
  std::free(text);
  EXPECT_EQ(std::count(printed.begin(), printed.end(), '\n'), 2);
}

}  // namespace
}  // namespace foundry::cli
