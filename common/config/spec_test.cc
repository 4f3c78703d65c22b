#include "common/config/spec.h"

#include <algorithm>
#include <cstdlib>
#include <fstream>

#include "absl/strings/str_cat.h"
#include "common/base/files.h"
#include "common/config/settings.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace foundry::config {
namespace {

using pipeline::v1::PipelineSpec;
using ::testing::ElementsAre;
using ::testing::EndsWith;
using ::testing::HasSubstr;
using ::testing::Not;

class SpecTest : public ::testing::Test {
 protected:
  SpecTest() : folder_(*TempFolder::Make()) {
    std::filesystem::create_directory(folder_.path() / "docs");
    std::ofstream(folder_.path() / "q.jsonl") << "{}\n";
  }

  absl::StatusOr<PipelineSpec> Parse(const std::string& yaml, const LoadOptions& options = {}) {
    return ParseSpec(yaml, "p.yaml", folder_.path(), options);
  }
  // The error for a file with a valid source and `rest`, which starts at line 2.
  std::string Error(const std::string& rest, const LoadOptions& options = {}) {
    const auto spec = Parse("sources: [{pdf: docs}]\n" + rest, options);
    return spec.ok() ? "OK" : std::string(spec.status().message());
  }

  TempFolder folder_;
};

TEST_F(SpecTest, FillsEveryDefault) {
  const auto spec = Parse("sources: [{pdf: docs}]");
  ASSERT_TRUE(spec.ok()) << spec.status();
  EXPECT_EQ(spec->profile(), "laptop");
  EXPECT_EQ(spec->distillation().epochs(), 4);
  EXPECT_EQ(spec->distillation().batch_size(), 8);
  EXPECT_EQ(spec->teacher().batch_size(), 16);
  EXPECT_EQ(spec->distillation().lora().rank(), 32);
  EXPECT_DOUBLE_EQ(spec->distillation().learning_rate(), 1e-3);
  EXPECT_TRUE(spec->self_study().verify_with_teacher());
  EXPECT_EQ(spec->models().teachers(0).model(), "extractive");
  EXPECT_EQ(spec->models().teachers(0).max_concurrency(), 4);
  EXPECT_THAT(spec->merge().quantization(), ElementsAre("f16", "q8_0"));
  EXPECT_EQ(spec->evaluation().datasets(0).builtin(), "heldout_pairs");
  EXPECT_EQ(spec->evaluation().datasets(0).name(), "heldout_pairs");
  EXPECT_EQ(spec->sources(0).pdf(), (folder_.path() / "docs").string());
  EXPECT_EQ(spec->output_dir(), (folder_.path() / "Output").string());
}

TEST_F(SpecTest, BracketsInNamesOfFolders) {
  std::filesystem::create_directory(folder_.path() / "docs [2]");
  std::ofstream(folder_.path() / "docs [2]/a.json") << "{}\n";
  for (const char* json : {"docs [2]", "docs [2]/a.json", "docs [2]/*.json"}) {
    const auto spec = Parse(absl::StrCat("sources: [{json: \"", json, "\"}]"));
    ASSERT_TRUE(spec.ok()) << spec.status();
    EXPECT_EQ(spec->sources(0).json(), (folder_.path() / json).string());
  }
}

TEST_F(SpecTest, SecondDocumentIsNotPassedOver) {
  EXPECT_THAT(Error("name: a\n---\nname: b\n"), HasSubstr("p.yaml:4: a second document"));
  EXPECT_EQ(Error("name: a\n"), "OK");
  EXPECT_TRUE(Parse("---\nsources: [{pdf: docs}]\n").ok());
}

TEST_F(SpecTest, TextsAreUtf8WithoutNul) {
  EXPECT_THAT(Error("name: caf\xe9\n"), HasSubstr("p.yaml:2: name: must be UTF-8"));
  EXPECT_THAT(Error("name: \"a\\0b\"\n"), HasSubstr("p.yaml:2: name: must be UTF-8"));
  EXPECT_THAT(Error("", {.set = {"name=caf\xe9"}}), HasSubstr("--set: name: must be UTF-8"));
  const auto folder = folder_.path() / "caf\xe9";
  std::filesystem::create_directories(folder / "docs");
  const auto spec = ParseSpec("sources: [{pdf: docs}]", "p.yaml", folder, {});
  EXPECT_THAT(std::string(spec.status().message()), HasSubstr("sources[0].pdf: must be UTF-8"));
}

TEST_F(SpecTest, EveryDefaultOfEveryProfileIsValid) {
  for (const char* profile : {"smoke", "laptop", "full"}) {
    auto spec = Parse(std::string("sources: [{pdf: docs}]\nmerge: {formats: [huggingface]}\n") +
                      "profile: " + profile);
    ASSERT_TRUE(spec.ok()) << profile << spec.status();
    const PipelineSpec resolved = *spec;
    ASSERT_TRUE(ResolveSpec(&*spec).ok());
    EXPECT_EQ(spec->SerializeAsString(), resolved.SerializeAsString()) << "not idempotent";
  }
}

TEST_F(SpecTest, ProfilesScale) {
  const auto smoke = Parse("profile: smoke\nsources: [{pdf: docs}]\nself_study: {iterations: 5}");
  ASSERT_TRUE(smoke.ok()) << smoke.status();
  EXPECT_EQ(smoke->distillation().epochs(), 1);
  EXPECT_EQ(smoke->self_study().iterations(), 5);
  EXPECT_EQ(smoke->teacher().batch_size(), 8);
}

TEST_F(SpecTest, StepsFallBackToTheGlobalSettings) {
  const auto spec = Parse(
      "sources: [{pdf: docs}]\nbatch_size: 3\nmax_samples: 9\nteacher: {batch_size: 5}\n"
      "distillation: {max_samples: 2}");
  ASSERT_TRUE(spec.ok()) << spec.status();
  EXPECT_EQ(spec->teacher().batch_size(), 5);
  EXPECT_EQ(spec->teacher().max_samples(), 9);
  EXPECT_EQ(spec->distillation().batch_size(), 3);
  EXPECT_EQ(spec->distillation().max_samples(), 2);
}

TEST_F(SpecTest, NamesLineAndKey) {
  EXPECT_EQ(Error("distillation:\n  epochs: -3"),
            "p.yaml:3: distillation.epochs: must be between 0.01 and 1000, got -3");
  EXPECT_EQ(Error("distillation: {epoch: 3}"),
            "p.yaml:2: distillation.epoch: unknown key; did you mean \"epochs\"?");
  EXPECT_EQ(Error("seed: many"), "p.yaml:2: seed: must be a whole number, got \"many\"");
  EXPECT_EQ(Error("seed: 1.5"), "p.yaml:2: seed: must be a whole number, got \"1.5\"");
  EXPECT_EQ(Error("batch_size: 99999999999"),
            "p.yaml:2: batch_size: must be between 1 and 4096, got 99999999999");
  EXPECT_EQ(
      Error("distillation: {epochs: \"3\"}"),
      "p.yaml:2: distillation.epochs: must be a number, but \"3\" is text: remove the quotes");
  EXPECT_EQ(Error("self_study: {verify_with_teacher: yes}"),
            "p.yaml:2: self_study.verify_with_teacher: must be true or false, got \"yes\"");
  EXPECT_EQ(Error("use_gpu: maybe"),
            "p.yaml:2: use_gpu: must be one of auto, true, false, got \"maybe\"");
  EXPECT_EQ(Error("merge: {formats: [gguf, onnx]}"),
            "p.yaml:2: merge.formats[1]: must be one of huggingface, gguf, got \"onnx\"");
  EXPECT_EQ(Error("merge: {formats: gguf}"),
            "p.yaml:2: merge.formats: must be a list of text, such as [a, b]");
  EXPECT_EQ(Error("teacher: 7"),
            "p.yaml:2: teacher: must be a section (key: value), not a plain value");
  EXPECT_EQ(Error("seed: 1\nseed: 2"), "p.yaml:3: seed: is set twice");
  EXPECT_EQ(Error("merge: {formats: []}"), "p.yaml:2: merge.formats: must not be empty");
  EXPECT_THAT(Error("seed:"),
              HasSubstr("p.yaml:2: seed: must be a whole number, but nothing is set"));
  EXPECT_EQ(Error("teacher:"), "OK");
}

TEST_F(SpecTest, NamesTheLineOfASyntaxError) {
  EXPECT_THAT(Error("seed: [1\nname: x: y"), HasSubstr("p.yaml:3: not valid YAML"));
  EXPECT_THAT(Error("\tseed: 1"), HasSubstr("p.yaml:2: not valid YAML"));
  EXPECT_THAT(std::string(Parse("- a").status().message()), HasSubstr("must hold settings"));
}

TEST_F(SpecTest, CollectsEveryProblemInTheOrderOfTheFile) {
  EXPECT_EQ(Error("seed: -1\nnam: x\nevaluation: {datasets: [{qa: none.jsonl}]}"),
            "p.yaml:2: seed: must be between 0 and 9007199254740991, got -1\n"
            "p.yaml:3: nam: unknown key; did you mean \"name\"?\n"
            "p.yaml:4: evaluation.datasets[0].qa: no such file or folder: " +
                (folder_.path() / "none.jsonl").string());
}

TEST_F(SpecTest, SecretsAreReferencesAndNeverShown) {
  const std::string error =
      Error("models: {teachers: [{model: m, endpoint: \"http://x\", api_key: sk-1}]}");
  EXPECT_THAT(error, HasSubstr("p.yaml:2: models.teachers[0].api_key: must be a reference"));
  EXPECT_THAT(error, Not(HasSubstr("sk-1")));
  EXPECT_EQ(Error("models: {teachers: [{model: m, endpoint: \"http://x\", api_key: \"env:K\"}]}"),
            "OK");
}

TEST_F(SpecTest, ScalarsStandForTeachers) {
  const auto spec = Parse("sources: [{pdf: docs}]\nmodels: {teachers: [extractive, {model: m}]}");
  ASSERT_TRUE(spec.ok()) << spec.status();
  EXPECT_EQ(spec->models().teachers(0).model(), "extractive");
  EXPECT_EQ(spec->models().teachers(1).model(), "m");
  EXPECT_EQ(Error("models: {teachers: [{weight: 2}]}"),
            "p.yaml:2: models.teachers[0].model: is required");
}

TEST_F(SpecTest, SourcesHaveOneKindAndTheirOwnFilters) {
  EXPECT_EQ(std::string(Parse("sources: []").status().message()).substr(0, 36),
            "p.yaml:1: sources: nothing to work o");
  EXPECT_THAT(std::string(Parse("sources:\n  - {pdf: docs, cve: docs}").status().message()),
              HasSubstr("p.yaml:2: sources[0]: has pdf and cve"));
  EXPECT_THAT(std::string(Parse("sources:\n  - {split: a}").status().message()),
              HasSubstr("sources[0]: needs one of pdf, huggingface, cve, json"));
  EXPECT_THAT(
      std::string(
          Parse("sources:\n  - {cve: docs, published_after: 2024-13-01}").status().message()),
      HasSubstr("must be a date YYYY-MM-DD"));
  EXPECT_THAT(std::string(Parse("sources: [{json: 'x/*.json'}]").status().message()),
              HasSubstr("no file matches"));
  EXPECT_TRUE(Parse("sources: [{json: '*.jsonl'}]").ok());
  EXPECT_TRUE(Parse("inputs: {teacher_pairs: q.jsonl}").ok());
}

TEST_F(SpecTest, DoraTrainsWithoutDropout) {
  EXPECT_THAT(Error("distillation: {lora: {dora: true, dropout: 0.1}}"),
              HasSubstr("p.yaml:2: distillation.lora.dropout: does not go with dora"));
  EXPECT_EQ(Error("distillation: {lora: {dora: true}}"), "OK");
  EXPECT_THAT(Error("distillation: {soft_divergence: kl}"), HasSubstr("forward_kl"));
}

TEST_F(SpecTest, CopiesOfTheModelDivideTheDevices) {
  EXPECT_EQ(Error("distillation: {devices: 4, tensor_parallel: 2}"), "OK");
  EXPECT_THAT(Error("distillation: {devices: 3, tensor_parallel: 2}"),
              HasSubstr("must divide distillation.devices, which is 3"));
  EXPECT_THAT(Error("distillation: {tensor_parallel: 2}"), HasSubstr("which is 1"));
  EXPECT_EQ(Error("distillation: {devices: 2, tensor_parallel: 2, lora: {dora: true}}"), "OK");
}

TEST_F(SpecTest, AnEarlierModelMayBeNamedInThreeWays) {
  const std::string docs = (folder_.path() / "docs").string();
  for (const char* yaml : {"evaluation: {compare: [base, {previous: docs}]}",
                           "evaluation: {compare: [base, \"previous: docs\"]}",
                           "evaluation: {compare: [base], previous: docs}"}) {
    const auto spec = Parse(std::string("sources: [{pdf: docs}]\n") + yaml);
    ASSERT_TRUE(spec.ok()) << spec.status();
    EXPECT_THAT(spec->evaluation().compare(), ElementsAre("base", "previous"));
    EXPECT_EQ(spec->evaluation().previous(), docs);
  }
  EXPECT_THAT(Error("evaluation: {compare: [bass]}"),
              HasSubstr("evaluation.compare[0]: must be base"));
  EXPECT_THAT(Error("evaluation: {compare: [{previous: gone}]}"),
              HasSubstr("p.yaml:2: evaluation.previous: no such"));
}

TEST_F(SpecTest, RulesBetweenSettings) {
  EXPECT_THAT(Error("evaluation: {judges: [llm]}"), HasSubstr("llm needs a chat model"));
  EXPECT_THAT(Error("merge: {formats: [huggingface], quantization: [f16]}"),
              HasSubstr("only goes with gguf"));
  EXPECT_THAT(Error("evaluation: {datasets: [{qa: q.jsonl}, {domain: q.jsonl}]}"),
              HasSubstr("is listed before"));
  EXPECT_THAT(Error("steps: [merge, merge]"), HasSubstr("listed twice"));
}

TEST_F(SpecTest, ModelsArePathsOrNames) {
  std::filesystem::create_directory(folder_.path() / "mine");
  const auto spec = Parse("sources: [{pdf: docs}]\nmodels: {student: mine, embedder: some-name}");
  ASSERT_TRUE(spec.ok()) << spec.status();
  EXPECT_EQ(spec->models().student(), (folder_.path() / "mine").string());
  EXPECT_EQ(spec->models().embedder(), "some-name");
  EXPECT_THAT(Error("models: {student: ./gone}"),
              HasSubstr("models.student: no such file or folder"));
}

TEST_F(SpecTest, OutputsGoToAFolder) {
  EXPECT_THAT(Error("output_dir: ftp://host/x"),
              HasSubstr("p.yaml:2: output_dir: must name a folder"));
  EXPECT_EQ(Parse("sources: [{pdf: docs}]\noutput_dir: /o/../p")->output_dir(), "/p");
}

TEST_F(SpecTest, TheExampleParses) {
  const char* shared = std::getenv("FOUNDRY_SHARED_DIR");
  const char* source = std::getenv("FOUNDRY_SOURCE_DIR");
  const std::filesystem::path folder =
      shared != nullptr ? std::filesystem::path(shared)
                        : std::filesystem::path(source == nullptr ? "." : source) / "../shared";
  const std::filesystem::path example = folder / "pipeline.example.yaml";
  if (!std::filesystem::exists(example)) GTEST_SKIP() << example << " is not here";
  const auto spec = LoadSpec(example, {.paths_must_exist = false});
  ASSERT_TRUE(spec.ok()) << spec.status();
  EXPECT_EQ(spec->sources_size(), 4);
  EXPECT_EQ(spec->evaluation().datasets_size(), 3);
  // Its documents are not there: the error says which line wants which file.
  const std::string text = *ReadFile(example);
  const auto line = 1 + std::count(text.begin(), text.begin() + text.find("- pdf:"), '\n');
  EXPECT_THAT(std::string(LoadSpec(example, {}).status().message()),
              HasSubstr(absl::StrCat("pipeline.example.yaml:", line,
                                     ": sources[0].pdf: no such file or folder")));
}

}  // namespace
}  // namespace foundry::config
