#include "common/base/subprocess.h"

#include <gtest/gtest.h>
#include <signal.h>

#include <stdexcept>
#include <thread>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"

namespace foundry {
namespace {

SubprocessOptions Shell(const std::string& script) {
  SubprocessOptions options;
  options.argv = {"/bin/sh", "-c", script};
  options.timeout = absl::Seconds(30);
  return options;
}

TEST(SubprocessTest, PassesInputAndCollectsBothOutputs) {
  SubprocessOptions options = Shell("cat; echo oops >&2; exit 3");
  options.input = "hello";
  const auto result = RunSubprocess(options);
  ASSERT_TRUE(result.ok()) << result.status();
  EXPECT_EQ(result->output, "hello");
  EXPECT_EQ(result->errors, "oops\n");
  EXPECT_EQ(result->exit_code, 3);
  EXPECT_FALSE(result->ok());
  EXPECT_EQ(result->Describe(), "exited with status 3");
}

TEST(SubprocessTest, KillsTheWholeGroupAtTheTimeLimit) {
  SubprocessOptions options = Shell("sleep 1000 & sleep 1000");
  options.timeout = absl::Milliseconds(200);
  const auto result = RunSubprocess(options);
  ASSERT_TRUE(result.ok());
  EXPECT_EQ(result->end, SubprocessResult::End::kTimeout);
}

TEST(SubprocessTest, LimitsMemory) {
  SubprocessOptions options =
      Shell("read x; head -c 400000000 /dev/zero | tail -c 300000000 >/dev/null");
  options.input = "go\n";
  options.memory_bytes = 100 << 20;
  const auto result = RunSubprocess(options);
  ASSERT_TRUE(result.ok());
  EXPECT_FALSE(result->ok());
}

TEST(SubprocessTest, StopsAtTheOutputLimit) {
  SubprocessOptions options = Shell("yes");
  options.output_bytes = 1 << 20;
  const auto result = RunSubprocess(options);
  ASSERT_TRUE(result.ok());
  EXPECT_EQ(result->end, SubprocessResult::End::kOutput);
}

TEST(SubprocessTest, TellsSignals) {
  const auto result = RunSubprocess(Shell("kill -SEGV $$"));
  ASSERT_TRUE(result.ok());
  EXPECT_EQ(result->end, SubprocessResult::End::kSignal);
  EXPECT_EQ(result->signal, SIGSEGV);
}

TEST(SubprocessTest, StreamsAndStopsOnTheReceiversError) {
  SubprocessOptions options = Shell("yes");
  int64_t seen = 0;
  options.on_output = [&](absl::string_view piece) -> absl::Status {
    seen += piece.size();
    return seen > 100000 ? absl::DataLossError("enough") : absl::OkStatus();
  };
  EXPECT_EQ(RunSubprocess(options).status().code(), absl::StatusCode::kDataLoss);
}

TEST(SubprocessTest, CancelEndsIt) {
  SubprocessOptions options = Shell("echo started; sleep 1000");
  CancelToken cancel = options.cancel;
  options.on_output = [cancel](absl::string_view) mutable {
    cancel.Cancel("no longer wanted");
    return absl::OkStatus();
  };
  EXPECT_EQ(RunSubprocess(options).status().code(), absl::StatusCode::kCancelled);
}

TEST(SubprocessTest, GraceLetsItEndByItself) {
  SubprocessOptions options =
      Shell("trap 'echo saved; exit 7' TERM; echo started; while true; do sleep 0.01; done");
  options.grace = absl::Seconds(60);
  CancelToken cancel = options.cancel;
  std::string seen;
  options.on_output = [&, cancel](absl::string_view piece) mutable {
    cancel.Cancel("no longer wanted");
    absl::StrAppend(&seen, piece);
    return absl::OkStatus();
  };
  const auto result = RunSubprocess(options);
  ASSERT_TRUE(result.ok()) << result.status();
  EXPECT_EQ(result->exit_code, 7);
  EXPECT_EQ(seen, "started\nsaved\n");
}

TEST(SubprocessTest, GraceEnds) {
  SubprocessOptions options = Shell("trap '' TERM; echo started; while true; do sleep 0.01; done");
  options.grace = absl::Milliseconds(20);
  CancelToken cancel = options.cancel;
  options.on_output = [cancel](absl::string_view) mutable {
    cancel.Cancel("no longer wanted");
    return absl::OkStatus();
  };
  EXPECT_EQ(RunSubprocess(options).status().code(), absl::StatusCode::kCancelled);
}

TEST(SubprocessTest, NamesAMissingProgram) {
  SubprocessOptions options;
  options.argv = {"/nowhere/program"};
  EXPECT_TRUE(absl::StrContains(RunSubprocess(options).status().message(), "/nowhere/program"));
  EXPECT_TRUE(
      absl::StrContains(FindProgram("no-such-program").status().message(), "no-such-program"));
}

TEST(SubprocessTest, WhatTheReaderThrowsLeavesNoProgramBehind) {
  SubprocessOptions options = Shell("echo x; exec sleep 1000");
  pid_t pid = 0;
  options.on_start = [&pid](pid_t started) { pid = started; };
  options.on_output = [](absl::string_view) -> absl::Status { throw std::runtime_error("odd"); };
  const auto result = RunSubprocess(options);
  EXPECT_EQ(result.status().code(), absl::StatusCode::kInternal);
  EXPECT_NE(kill(pid, 0), 0);
}

}  // namespace
}  // namespace foundry
