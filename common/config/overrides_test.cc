#include "common/config/overrides.h"

#include "common/config/spec.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace foundry::config {
namespace {

using ::testing::HasSubstr;

absl::StatusOr<pipeline::v1::PipelineSpec> Parse(const LoadOptions& options) {
  return ParseSpec("sources: [{json: a.json}]\ndistillation: {epochs: 4}\nseed: 1", "p.yaml", ".",
                   options);
}

TEST(Overrides, FlagsOverEnvironmentOverFile) {
  LoadOptions options{.paths_must_exist = false};
  EXPECT_EQ(Parse(options)->distillation().epochs(), 4);
  options.environment = {{"FOUNDRY_DISTILLATION_EPOCHS", "5"}, {"FOUNDRY_SEED", "3"}};
  EXPECT_EQ(Parse(options)->distillation().epochs(), 5);
  options.set = {"distillation.epochs=6", "distillation.lora.rank=4", "name=a: b",
                 "merge.formats=[gguf]"};
  const auto spec = Parse(options);
  ASSERT_TRUE(spec.ok()) << spec.status();
  EXPECT_EQ(spec->distillation().epochs(), 6);
  EXPECT_EQ(spec->distillation().lora().rank(), 4);
  EXPECT_EQ(spec->seed(), 3);
  EXPECT_EQ(spec->name(), "a: b");
  EXPECT_EQ(spec->merge().formats_size(), 1);
}

TEST(Overrides, ReachIntoLists) {
  const auto spec = Parse({.set = {"sources[1].json=b.json", "models.teachers=[extractive, m]",
                                   "models.teachers[1].weight=2"},
                           .paths_must_exist = false});
  ASSERT_TRUE(spec.ok()) << spec.status();
  EXPECT_THAT(spec->sources(1).json(), HasSubstr("b.json"));
  EXPECT_EQ(spec->models().teachers(1).weight(), 2);
}

TEST(Overrides, ErrorsNameTheFlagOrVariable) {
  const auto error = [](const LoadOptions& options) {
    return std::string(Parse(options).status().message());
  };
  EXPECT_THAT(error({.set = {"distillation.epochs=0"}, .paths_must_exist = false}),
              HasSubstr("--set: distillation.epochs: must be between"));
  EXPECT_THAT(error({.set = {"distilation.epochs=1"}, .paths_must_exist = false}),
              HasSubstr("unknown setting \"distilation\"; did you mean \"distillation\"?"));
  EXPECT_THAT(error({.set = {"seed"}, .paths_must_exist = false}), HasSubstr("not of the form"));
  EXPECT_THAT(error({.set = {"sources[5].pdf=x"}, .paths_must_exist = false}),
              HasSubstr("has 1 items, counted from 0"));
  EXPECT_THAT(error({.set = {"merge.formats=[gguf"}, .paths_must_exist = false}),
              HasSubstr("--set: merge.formats: not valid YAML"));
  EXPECT_THAT(
      error({.environment = {{"FOUNDRY_TEACHER_MINSCORE", "1"}}, .paths_must_exist = false}),
      HasSubstr("FOUNDRY_TEACHER_MINSCORE: is not a setting; did you mean "
                "FOUNDRY_TEACHER_MIN_SCORE?"));
}

TEST(Overrides, LeaveOtherVariablesAlone) {
  EXPECT_TRUE(Parse({.environment = {{"FOUNDRY_MODELS", "/m"}, {"FOUNDRY_SOURCE_DIR", "/s"}},
                     .paths_must_exist = false})
                  .ok());
}

}  // namespace
}  // namespace foundry::config
