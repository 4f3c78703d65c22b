#include "services/trainer/rank_events.h"

#include <cmath>
#include <limits>

#include "common/base/files.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "services/trainer/example_file.h"
#include "services/trainer/rank_job.h"

namespace foundry::trainer {
namespace {

using ::testing::HasSubstr;

TEST(RankEventsTest, EventsComeThroughWhateverThePieces) {
  lm::StepReport step{.step = 3, .total_steps = 9, .loss = 1.25, .grad_norm = 0.5};
  lm::TrainSummary summary;
  summary.tokens = 1234567890123;
  summary.best_figures = {{"dev_contains", 0.5}, {"dev_f1", 0.25}};
  const std::string text =
      ToLine(Listening{"127.0.0.1:4"}) + ToLine(step) + ToLine(Message{"a \"line\"\nbreak"}) +
      ToLine(
          lm::ValidationReport{.step = 3, .score = -2, .figures = {{"f1", 0.25}}, .best = true}) +
      ToLine(summary) + ToLine(Failure{absl::ResourceExhaustedError("no memory")}) +
      ToLine(Snapshot{"snapshots/step-3", 3});
  for (size_t piece : {size_t{1}, size_t{7}, text.size()}) {
    std::vector<RankEvent> events;
    EventReader reader([&](const RankEvent& event) {
      events.push_back(event);
      return absl::OkStatus();
    });
    for (size_t at = 0; at < text.size(); at += piece) {
      ASSERT_TRUE(reader.Read(absl::string_view(text).substr(at, piece)).ok());
    }
    ASSERT_EQ(events.size(), 7u);
    EXPECT_EQ(std::get<Listening>(events[0]).address, "127.0.0.1:4");
    EXPECT_EQ(std::get<lm::StepReport>(events[1]).loss, 1.25);
    EXPECT_EQ(std::get<Message>(events[2]).text, "a \"line\"\nbreak");
    EXPECT_TRUE(std::get<lm::ValidationReport>(events[3]).best);
    EXPECT_EQ(std::get<lm::ValidationReport>(events[3]).figures.at("f1"), 0.25);
    EXPECT_EQ(std::get<lm::TrainSummary>(events[4]).tokens, 1234567890123);
    EXPECT_EQ(std::get<lm::TrainSummary>(events[4]).best_figures, summary.best_figures);
    EXPECT_EQ(std::get<Failure>(events[5]).status, absl::ResourceExhaustedError("no memory"));
    EXPECT_EQ(std::get<Snapshot>(events[6]).folder, "snapshots/step-3");
  }
}

TEST(RankEventsTest, WhatIsNoEventIsRefused) {
  EXPECT_FALSE(FromLine("terminate called").ok());
  EXPECT_FALSE(FromLine("[1]").ok());
  EXPECT_THAT(std::string(FromLine(R"({"event": "dance"})").status().message()),
              HasSubstr("'dance'"));
  EXPECT_FALSE(FromLine(R"({"event": "listening"})").ok());
  // JSON has no infinity.
  const auto report = FromLine(ToLine(lm::ValidationReport{.score = -INFINITY}));
  ASSERT_TRUE(report.ok()) << report.status();
  EXPECT_TRUE(std::isnan(std::get<lm::ValidationReport>(*report).score));
}

TEST(RankJobTest, ComesThroughWithEveryOption) {
  const TempFolder folder = TempFolder::Make().value();
  RankJob job{.student = "models/x", .device = "cpu", .examples = "e", .output = "o"};
  job.options.lora = {
      .rank = 3, .alpha = 5, .dropout = 0.1, .rslora = true, .dora = true, .targets = {"q_proj"}};
  job.options.soft_divergence = lm::Divergence::kJensenShannon;
  job.options.label_smoothing = 0.2;
  job.options.learning_rate = 0.1;  // no finite binary fraction
  job.options.schedule = "cosine";
  job.options.early_stopping = 4;
  job.options.compute = lm::ComputeType::kBFloat16;
  job.options.seed = std::numeric_limits<int64_t>::max();
  ASSERT_TRUE(WriteRankJob(folder.path() / "job", job).ok());
  const RankJob read = ReadRankJob(folder.path() / "job").value();
  EXPECT_EQ(read.student, "models/x");
  EXPECT_EQ(read.options.lora.targets, job.options.lora.targets);
  EXPECT_EQ(read.options.lora.dropout, 0.1);
  EXPECT_TRUE(read.options.lora.rslora);
  EXPECT_TRUE(read.options.lora.dora);
  EXPECT_EQ(read.options.soft_divergence, lm::Divergence::kJensenShannon);
  EXPECT_EQ(read.options.label_smoothing, 0.2);
  EXPECT_EQ(read.options.learning_rate, 0.1);
  EXPECT_EQ(read.options.early_stopping, 4);
  EXPECT_EQ(read.options.compute, lm::ComputeType::kBFloat16);
  EXPECT_EQ(read.options.seed, job.options.seed);
  ASSERT_TRUE(WriteFileAtomic(folder.path() / "job", "{}").ok());
  EXPECT_THAT(std::string(ReadRankJob(folder.path() / "job").status().message()),
              HasSubstr("member student"));
}

TEST(ExampleFileTest, ComesThroughAndNoticesCuts) {
  const TempFolder folder = TempFolder::Make().value();
  const auto path = folder.path() / "examples";
  auto soft = std::make_shared<lm::SoftTargets>();
  *soft = {.k = 2, .ids = {7, -1}, .logprobs = {-0.5f, -3}};
  ExampleSets sets;
  sets.train = {{{1, 2, 3}, {0, 1, 0.5f}, nullptr}, {{4, 5}, {0, 1}, soft}};
  sets.validation = {{{6, 7}, {0, 1}, nullptr}};
  ASSERT_TRUE(WriteExamples(path, sets).ok());
  const ExampleSets read = ReadExamples(path).value();
  ASSERT_EQ(read.train.size(), 2u);
  EXPECT_EQ(read.train[0].ids, sets.train[0].ids);
  EXPECT_EQ(read.train[0].loss_weights, sets.train[0].loss_weights);
  EXPECT_EQ(read.train[0].soft, nullptr);
  EXPECT_EQ(read.train[1].soft->logprobs, soft->logprobs);
  EXPECT_EQ(read.validation[0].ids, sets.validation[0].ids);
  const std::string content = ReadFile(path).value();
  for (size_t size = 0; size < content.size(); size += 9) {
    ASSERT_TRUE(WriteFileAtomic(path, content.substr(0, size)).ok());
    EXPECT_FALSE(ReadExamples(path).ok()) << size;
  }
  ASSERT_TRUE(WriteFileAtomic(path, content + "x").ok());
  EXPECT_EQ(ReadExamples(path).status().code(), absl::StatusCode::kDataLoss);
}

}  // namespace
}  // namespace foundry::trainer
