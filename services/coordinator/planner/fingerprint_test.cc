#include "services/coordinator/planner/fingerprint.h"

#include <set>

#include "services/coordinator/planner/plan_simulation.h"

namespace foundry::coordinator {
namespace {

constexpr char kSpec[] = R"(
sources: [{pdf: docs}]
models: {teachers: [extractive, {model: llm, endpoint: "http://x/v1", api_key: "env:KEY"}]}
distillation: {batch_size: 8, gradient_accumulation: 2, epochs: 3}
evaluation: {datasets: [{qa: q.jsonl}]}
)";

// Names of the tasks whose fingerprint a change of the spec changes.
std::set<std::string> Changed(const std::function<void(PlanSimulation&)>& change) {
  const auto run = [](const std::function<void(PlanSimulation&)>& edit) {
    PlanSimulation simulation(kSpec);
    simulation.facts.hashes = {{"/data/docs", "d1"}, {"/data/q.jsonl", "q1"}};
    simulation.scores = {{0, 0.1}, {1, 0.2}, {2, 0.3}, {3, 0.4}};
    edit(simulation);
    simulation.RunToEnd();
    return simulation;
  };
  const PlanSimulation before = run([](PlanSimulation&) {});
  const PlanSimulation after = run(change);
  std::set<std::string> changed;
  for (const auto& [name, task] : before.planned) {
    EXPECT_FALSE(task.fingerprint.empty()) << name;
    if (!after.Has(name) || after.planned.at(name).fingerprint != task.fingerprint)
      changed.insert(name);
  }
  return changed;
}

// The simulation names manifests after tasks, so a change does not spread to later tasks here.
using Names = std::set<std::string>;

TEST(Fingerprint, DeviceMicroBatchSecretsAndLimitsDoNotCount) {
  EXPECT_EQ(Changed([](PlanSimulation& run) {
              auto& spec = run.spec;
              spec.set_use_gpu("false");
              spec.mutable_teacher()->set_batch_size(3);
              spec.mutable_distillation()->set_batch_size(16);
              spec.mutable_distillation()->set_gradient_accumulation(1);
              spec.mutable_distillation()->set_gradient_checkpointing(true);
              spec.mutable_distillation()->set_devices(4);
              spec.mutable_distillation()->set_tensor_parallel(2);
              auto* teacher = spec.mutable_models()->mutable_teachers(1);
              teacher->set_api_key("file:/run/key");
              teacher->set_max_concurrency(64);
              teacher->set_requests_per_minute(1);
              spec.mutable_sources(0)->set_password("env:P");
            }),
            Names{});
}

TEST(Fingerprint, MovedFilesAreTheSame) {
  EXPECT_EQ(Changed([](PlanSimulation& run) {
              run.spec.mutable_sources(0)->set_pdf("/elsewhere/docs");
              run.facts.hashes["/elsewhere/docs"] = "d1";
            }),
            Names{});
}

TEST(Fingerprint, ChangedFilesAreNot) {
  EXPECT_EQ(Changed([](PlanSimulation& run) { run.facts.hashes["/data/docs"] = "d2"; }),
            (Names{"extraction/extract/0", "extraction/extract/1", "extraction/extract/2",
                   "extraction/extract/3"}));
}

TEST(Fingerprint, LateSettingTouchesLateStepsOnly) {
  EXPECT_EQ(Changed([](PlanSimulation& run) { run.spec.mutable_distillation()->set_epochs(4); }),
            (Names{"distillation/train"}));
  EXPECT_EQ(Changed([](PlanSimulation& run) {
              run.spec.mutable_evaluation()->mutable_datasets(0)->set_qa("/data/other.jsonl");
              run.facts.hashes["/data/other.jsonl"] = "q2";
            }),
            (Names{"evaluation/evaluate/base", "evaluation/evaluate/student",
                   "evaluation/evaluate/self_study"}));
}

TEST(Fingerprint, WhatIsLearnedFromATeacherAndHowCounts) {
  const auto distillation = [](const std::function<void(pipeline::v1::Distillation&)>& change) {
    return Changed([&](PlanSimulation& run) { change(*run.spec.mutable_distillation()); })
        .count("distillation/train");
  };
  EXPECT_TRUE(distillation([](auto& settings) { settings.set_soft_divergence("js"); }));
  EXPECT_TRUE(distillation([](auto& settings) { settings.set_soft_temperature(3); }));
  EXPECT_TRUE(distillation([](auto& settings) { settings.set_label_smoothing(0.1); }));
  EXPECT_TRUE(distillation([](auto& settings) { settings.mutable_lora()->set_dora(true); }));
}

TEST(Fingerprint, MoreRoundsKeepTheEarlierOnes) {
  const Names changed =
      Changed([](PlanSimulation& run) { run.spec.mutable_self_study()->set_iterations(3); });
  EXPECT_EQ(changed.count("self_study/r1/study/0"), 0u);
  EXPECT_EQ(changed.count("self_study/r2/train"), 0u);
}

TEST(Fingerprint, EffectiveBatchCounts) {
  EXPECT_TRUE(Changed([](PlanSimulation& run) {
                run.spec.mutable_distillation()->set_gradient_accumulation(4);
              }).count("distillation/train"));
}

TEST(Fingerprint, UnreadFilesAreNeverReused) {
  PlanSimulation run(kSpec);
  run.RunToEnd();
  EXPECT_EQ(run.planned.at("extraction/extract/0").fingerprint, "");
  EXPECT_NE(run.planned.at("enrichment/enrich").fingerprint, "");
}

TEST(Fingerprint, TasksOfOneJobDiffer) {
  PlanSimulation run(kSpec);
  run.facts.hashes = {{"/data/docs", "d1"}, {"/data/q.jsonl", "q1"}};
  run.scores = {{0, 0.1}, {1, 0.2}};
  run.RunToEnd();
  std::set<std::string> seen;
  for (const auto& [name, task] : run.planned)
    EXPECT_TRUE(seen.insert(task.fingerprint).second) << name;
}

}  // namespace
}  // namespace foundry::coordinator
