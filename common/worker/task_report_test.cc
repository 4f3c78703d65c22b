#include "common/worker/task_report.h"

#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace foundry::worker {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

TEST(TaskReport, TakesTheLatestProgressAndEveryPoint) {
  TaskReport report;
  report.Progress({.done = 1});
  report.Progress({.done = 2, .total = 4, .unit = "pairs"});
  report.Metric("loss", 1, 0.5);
  report.Metric("loss", 2, 0.4);
  report.Message("hello");
  const ReportBatch batch = report.Take();
  EXPECT_EQ(batch.progress->done(), 2);
  EXPECT_EQ(batch.metrics.size(), 2u);
  EXPECT_THAT(batch.messages, ElementsAre("hello"));
  EXPECT_TRUE(report.Take().empty());
}

TEST(TaskReport, WhatWasNotSentComesFirstNextTime) {
  TaskReport report;
  report.Progress({.done = 1});
  report.Message("a");
  ReportBatch batch = report.Take();
  report.Progress({.done = 2});
  report.Message("b");
  report.Return(std::move(batch));
  const ReportBatch again = report.Take();
  EXPECT_EQ(again.progress->done(), 2);
  EXPECT_THAT(again.messages, ElementsAre("a", "b"));
}

// A heartbeat of other bytes cannot be read by the coordinator: the worker would seem silent.
TEST(TaskReport, TextIsUtf8WhateverFilesAreCalled) {
  TaskReport report;
  report.Progress({.message = "caf\xe9.pdf"});
  report.Message(std::string("a\0b", 3));
  report.Message(std::string((8 << 10) - 1, 'x') + "é and more");
  const ReportBatch batch = report.Take();
  EXPECT_EQ(batch.progress->message(), "caf\uFFFD.pdf");
  EXPECT_EQ(batch.messages[0], "a\uFFFDb");
  EXPECT_EQ(batch.messages[1], std::string((8 << 10) - 1, 'x') + " …");
}

TEST(TaskReport, TellsWhatItDrops) {
  TaskReport report;
  for (int i = 0; i < 1'005; ++i) report.Message(std::to_string(i));
  const ReportBatch batch = report.Take();
  EXPECT_EQ(batch.messages.front(), "5");
  EXPECT_THAT(batch.messages.back(), HasSubstr("5 metric points or messages were dropped"));
}

}  // namespace
}  // namespace foundry::worker
