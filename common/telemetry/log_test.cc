#include "common/telemetry/log.h"

#include "common/base/json.h"
#include "gtest/gtest.h"

namespace foundry::telemetry {
namespace {

constexpr char kTime[] = "2026-01-02T03:04:05.678Z";

TEST(Log, JsonLinesParseAndKeepTheirFields) {
  const std::string line =
      FormatLogLine({.format = LogFormat::kJson, .process = "p"}, LogLevel::kWarning, kTime,
                    "two\n\"lines\" \xff", {{"job", "j1"}}, {{"attempt", "2"}});
  const auto parsed = ParseJson(line, "line");
  ASSERT_TRUE(parsed.ok()) << line;
  EXPECT_EQ((*parsed)["level"], "warning");
  EXPECT_EQ((*parsed)["process"], "p");
  EXPECT_EQ((*parsed)["job"], "j1");
  EXPECT_EQ((*parsed)["attempt"], "2");
  EXPECT_EQ((*parsed)["time"], kTime);
  EXPECT_EQ(line.find('\n'), std::string::npos);
}

TEST(Log, ConsoleLinesAreOneLine) {
  EXPECT_EQ(FormatLogLine({}, LogLevel::kInfo, kTime, "a\nb", {{"job", "j"}}, {}),
            "03:04:05.678 INFO a b job=j");
}

TEST(Log, SecretsAreMasked) {
  for (const LogFormat format : {LogFormat::kJson, LogFormat::kConsole}) {
    const std::string line =
        FormatLogLine({.format = format}, LogLevel::kInfo, kTime, "m", {},
                      {{"api_key", "hunter2"}, {"Authorization", "hunter2"}, {"tokens", "12"}});
    EXPECT_EQ(line.find("hunter2"), std::string::npos) << line;
    EXPECT_NE(line.find("12"), std::string::npos) << line;
  }
}

TEST(Log, ScopesNest) {
  const LogScope job(LogFields{{"job", "a"}});
  {
    const LogScope task(LogFields{{"task", "b"}});
    EXPECT_EQ(CurrentLogFields().size(), 2u);
  }
  EXPECT_EQ(CurrentLogFields(), (LogFields{{"job", "a"}}));
}

TEST(Log, OptionsAreChecked) {
  LogOptions options;
  EXPECT_TRUE(ParseLogOptions("json", "debug", &options).ok());
  EXPECT_EQ(options.level, LogLevel::kDebug);
  EXPECT_FALSE(ParseLogOptions("xml", "debug", &options).ok());
  EXPECT_FALSE(ParseLogOptions("json", "loud", &options).ok());
}

}  // namespace
}  // namespace foundry::telemetry
