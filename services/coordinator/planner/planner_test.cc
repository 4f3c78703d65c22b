#include "services/coordinator/planner/planner.h"

#include "gmock/gmock.h"
#include "services/coordinator/planner/plan_simulation.h"

namespace foundry::coordinator {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

constexpr char kFull[] = R"(
name: fhs
sources: [{pdf: docs}]
extraction: {shards: 2}
teacher: {shards: 2}
self_study: {iterations: 2, shards: 1}
evaluation: {compare: [base, student]}
)";

TEST(Planner, FullPipelineInOrder) {
  PlanSimulation run(kFull);
  run.scores = {{0, 0.2}, {1, 0.3}, {2, 0.4}};
  run.RunToEnd();
  EXPECT_THAT(
      run.order,
      ElementsAre("extraction/extract/0", "extraction/extract/1", "extraction/extract/join",
                  "enrichment/enrich", "teacher/pairs/0", "teacher/pairs/1", "teacher/pairs/join",
                  "distillation/train", "merge/merge", "self_study/r0/score",
                  "self_study/r1/study/0", "self_study/r1/mix", "self_study/r1/train",
                  "self_study/r1/score", "self_study/r2/study/0", "self_study/r2/mix",
                  "self_study/r2/train", "self_study/r2/score", "self_study/merge",
                  "evaluation/evaluate/base", "evaluation/evaluate/student",
                  "evaluation/evaluate/self_study", "evaluation/report"));
  for (const PlannedStep& step : run.plan.steps)
    EXPECT_EQ(step.phase, StepPhase::kDone) << step.name;
}

TEST(Planner, InputsNameEarlierOutputs) {
  PlanSimulation run(kFull);
  run.scores = {{0, 0.2}, {1, 0.3}, {2, 0.4}};
  run.RunToEnd();
  const auto expect = [&](const common::v1::Input& input, const std::string& task,
                          const std::string& name) {
    EXPECT_EQ(input.manifest(), run.ManifestOf(task));
    EXPECT_EQ(input.name(), name);
  };
  const auto& join = run.Request("extraction/extract/join").extract();
  ASSERT_EQ(join.parts_size(), 2);
  expect(join.parts(1), "extraction/extract/1", "");
  EXPECT_EQ(join.sources_size(), 0);
  EXPECT_EQ(run.Request("extraction/extract/1").extract().shard().index(), 1);
  EXPECT_EQ(run.Request("extraction/extract/1").extract().shard().count(), 2);
  expect(run.Request("enrichment/enrich").enrich().documents(), "extraction/extract/join",
         "documents.jsonl");
  expect(run.Request("teacher/pairs/0").generate_pairs().documents(), "enrichment/enrich",
         "documents.jsonl");
  const auto& train = run.Request("distillation/train").train();
  expect(train.pairs(0), "teacher/pairs/join", "pairs.jsonl");
  EXPECT_FALSE(train.student().has_adapter());
  expect(run.Request("merge/merge").merge().model().adapter(), "distillation/train",
         "best_checkpoint");

  // Round 2 continues from round 1's adapter on the cumulative mix and looks at its results.
  const auto& second = run.Request("self_study/r2/train").train();
  expect(second.student().adapter(), "self_study/r1/train", "best_checkpoint");
  expect(second.pairs(0), "self_study/r2/mix", "pairs.jsonl");
  EXPECT_EQ(second.settings().epochs(), run.spec.self_study().epochs());
  expect(run.Request("self_study/r2/mix").mix().pairs(0), "self_study/r1/mix", "pairs.jsonl");
  expect(run.Request("self_study/r2/study/0").study().previous(0), "self_study/r1/study/0", "");
  EXPECT_EQ(run.Request("self_study/r2/score").evaluate().split(), "dev_unprobed");
  expect(run.Request("self_study/r2/score").evaluate().baseline(), "self_study/r1/score", "");
  // The mix holds no test pairs; what is held out is known from the teacher's pairs.
  expect(run.Request("self_study/r2/mix").mix().pairs(1), "teacher/pairs/join", "pairs.jsonl");
  expect(run.Request("self_study/r2/study/0").study().pairs(1), "teacher/pairs/join",
         "pairs.jsonl");
  expect(run.Request("self_study/merge").merge().model().adapter(), "self_study/r2/train",
         "best_checkpoint");

  const auto& student = run.Request("evaluation/evaluate/student").evaluate();
  expect(student.model().files(), "merge/merge", "merged");
  EXPECT_EQ(student.label(), "distilled");
  EXPECT_EQ(student.split(), "test");
  expect(run.Request("evaluation/evaluate/self_study").evaluate().model().files(),
         "self_study/merge", "merged");
  const auto& report = run.Request("evaluation/report").report();
  ASSERT_EQ(report.evaluations_size(), 3);
  expect(report.evaluations(0), "evaluation/evaluate/base", "");
  expect(report.curves().at("distillation"), "distillation/train", "metrics.jsonl");
  EXPECT_EQ(report.curves_size(), 3);
}

TEST(Planner, SelfStudyStopsAtARoundThatGainsNothing) {
  PlanSimulation run(kFull);
  run.scores = {{0, 0.2}, {1, 0.2}};
  run.RunToEnd();
  EXPECT_TRUE(run.Has("self_study/r1/train"));
  EXPECT_FALSE(run.Has("self_study/r2/study/0"));
  // The distilled model stays; the round is measured all the same.
  EXPECT_FALSE(run.Has("self_study/merge"));
  const auto& evaluated = run.Request("evaluation/evaluate/self_study").evaluate();
  EXPECT_EQ(evaluated.model().adapter().manifest(), run.ManifestOf("self_study/r1/train"));
  EXPECT_EQ(evaluated.label(), "self_study_not_kept");
  EXPECT_THAT(run.Request("evaluation/report").report().warnings(0),
              HasSubstr("no round clearly beat"));
}

TEST(Planner, AGainThatMayBeChanceKeepsTheEarlierModel) {
  PlanSimulation run(kFull);
  run.scores = {{0, 0.40}, {1, 0.44}};
  run.gain_p = {{1, 0.5}};
  run.RunToEnd();
  EXPECT_FALSE(run.Has("self_study/r2/study/0"));
  EXPECT_FALSE(run.Has("self_study/merge"));
  EXPECT_THAT(run.Request("evaluation/report").report().warnings(0), HasSubstr("p = 0.5"));
}

TEST(Planner, BestRoundWinsNotTheLast) {
  PlanSimulation run(kFull);
  run.scores = {{0, 0.2}, {1, 0.5}, {2, 0.4}};
  run.RunToEnd();
  EXPECT_EQ(run.Request("self_study/merge").merge().model().adapter().manifest(),
            run.ManifestOf("self_study/r1/train"));
  EXPECT_EQ(run.Request("evaluation/evaluate/self_study").evaluate().label(), "self_study");
}

TEST(Planner, WithoutDevQuestionsNoRoundRuns) {
  PlanSimulation run(kFull);
  while (!run.Has("self_study/r0/score") && run.Step()) {
  }
  run.finished.back().result.clear_figures();
  run.RunToEnd();
  EXPECT_FALSE(run.Has("self_study/r1/study/0"));
  EXPECT_FALSE(run.Has("evaluation/evaluate/self_study"));
  EXPECT_THAT(run.Request("evaluation/report").report().warnings(0), HasSubstr("no dev questions"));
}

TEST(Planner, PairsAloneNeedNoDocuments) {
  PlanSimulation run("inputs: {teacher_pairs: pairs.json}\n");
  run.facts.pairs_need_targets = false;
  run.RunToEnd();
  EXPECT_EQ(run.order.front(), "distillation/train");
  const auto& train = run.Request("distillation/train").train();
  EXPECT_EQ(train.pairs(0).path(), "/data/pairs.json");
  EXPECT_FALSE(train.has_documents());
  EXPECT_EQ(run.Skipped("extraction"), "no sources");
  EXPECT_EQ(run.Skipped("teacher"), "inputs.teacher_pairs is handed in");
  EXPECT_EQ(run.Skipped("self_study"), "no documents");
}

TEST(Planner, EmptyTargetsAreFilled) {
  PlanSimulation run("inputs: {teacher_pairs: pairs.json}\n");
  run.facts.pairs_need_targets = true;
  run.RunToEnd();
  EXPECT_EQ(run.order.front(), "teacher/pairs/fill");
  EXPECT_EQ(run.Request("teacher/pairs/fill").generate_pairs().pairs().path(), "/data/pairs.json");
  EXPECT_EQ(run.Request("distillation/train").train().pairs(0).manifest(),
            run.ManifestOf("teacher/pairs/fill"));
}

TEST(Planner, EnrichedDataSkipsExtraction) {
  PlanSimulation run("inputs: {enriched_data: e.json}\nself_study: {iterations: 0}\n");
  run.RunToEnd();
  EXPECT_EQ(run.Request("teacher/pairs/0").generate_pairs().documents().path(), "/data/e.json");
  EXPECT_EQ(run.Skipped("self_study"), "self_study.iterations is 0");
}

TEST(Planner, AdapterSkipsDistillation) {
  PlanSimulation run(
      "inputs: {adapter: a}\nevaluation: {datasets: [{qa: q.jsonl}], compare: [base, student]}\n");
  run.RunToEnd();
  EXPECT_THAT(run.order, ElementsAre("merge/merge", "evaluation/evaluate/base",
                                     "evaluation/evaluate/student", "evaluation/report"));
}

TEST(Planner, MergedModelIsEvaluatedAsItIs) {
  PlanSimulation run("inputs: {merged_model: m}\nevaluation: {datasets: [{qa: q.jsonl}]}\n");
  run.RunToEnd();
  EXPECT_EQ(run.Request("evaluation/evaluate/student").evaluate().model().files().path(),
            "/data/m");
  EXPECT_EQ(run.Skipped("merge"), "inputs.merged_model is handed in");
}

TEST(Planner, StepsRestrict) {
  PlanSimulation run("sources: [{pdf: d}]\nsteps: [extraction, teacher]\nteacher: {shards: 1}\n");
  run.RunToEnd();
  EXPECT_EQ(run.order.back(), "teacher/pairs/join");
  EXPECT_EQ(run.Skipped("enrichment"), "not among `steps`");
  EXPECT_EQ(run.Request("teacher/pairs/0").generate_pairs().documents().manifest(),
            run.ManifestOf("extraction/extract/join"));
}

TEST(Planner, StepWithoutItsInputIsRefused) {
  const auto error = [](const char* yaml) {
    PlanSimulation run(yaml);
    const auto plan = MakePlan(run.spec, run.facts, {});
    EXPECT_EQ(plan.status().code(), absl::StatusCode::kInvalidArgument);
    return std::string(plan.status().message());
  };
  EXPECT_THAT(error("sources: [{pdf: d}]\nsteps: [distillation]\n"),
              HasSubstr("inputs.teacher_pairs"));
  EXPECT_THAT(error("sources: [{pdf: d}]\nsteps: [merge]\n"), HasSubstr("inputs.adapter"));
  EXPECT_THAT(error("inputs: {adapter: a}\nsteps: [extraction]\n"), HasSubstr("sources"));
}

TEST(Planner, GpuOnlyWhereAskedFor) {
  PlanSimulation any(kFull), gpu(std::string(kFull) + "use_gpu: true\n");
  any.RunToEnd();
  gpu.RunToEnd();
  for (const auto& [name, task] : any.planned) EXPECT_FALSE(task.needs_gpu) << name;
  EXPECT_TRUE(gpu.planned.at("distillation/train").needs_gpu);
  EXPECT_FALSE(gpu.planned.at("extraction/extract/0").needs_gpu);
  EXPECT_FALSE(gpu.planned.at("teacher/pairs/join").needs_gpu);
}

TEST(Planner, CountsReachTheReport) {
  PlanSimulation run("sources: [{pdf: d}]\nextraction: {shards: 2}\nself_study: {iterations: 0}\n");
  while (run.Step()) {
    for (FinishedTask& task : run.finished) {
      task.result.clear_counts();
      const auto count = [&](const char* name, int value) {
        auto* added = task.result.add_counts();
        added->set_name(name);
        added->set_value(value);
      };
      if (task.key == "extract/0" || task.key == "extract/1")
        count("documents", 5), count("refused", 1);
      if (task.key == "extract/join") count("documents", 8);
    }
  }
  std::map<std::string, int64_t> counts;
  for (const auto& count : run.Request("evaluation/report").report().counts()) {
    counts[count.name()] = count.value();
  }
  EXPECT_EQ(counts["extraction.documents"], 8);  // what the join counted
  EXPECT_EQ(counts["extraction.refused"], 2);    // the shards' sum
}

TEST(Planner, SameInputsSamePlan) {
  PlanSimulation first(kFull), second(kFull);
  first.RunToEnd();
  second.RunToEnd();
  ASSERT_EQ(first.order, second.order);
  for (const auto& [name, task] : first.planned) {
    EXPECT_EQ(task.request.SerializeAsString().size(),
              second.Request(name).SerializeAsString().size());
    EXPECT_EQ(task.fingerprint, second.planned.at(name).fingerprint) << name;
  }
}

}  // namespace
}  // namespace foundry::coordinator
