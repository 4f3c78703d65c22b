// Runs a plan to its end without workers, for tests: every task "finishes" at once with a manifest
// named after its fingerprint-free identity and the figures that the test gives.
#pragma once

#include <functional>
#include <map>
#include <set>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "common/base/hash.h"
#include "common/config/spec.h"
#include "gtest/gtest.h"
#include "services/coordinator/planner/planner.h"

namespace foundry::coordinator {

struct PlanSimulation {
  pipeline::v1::PipelineSpec spec;
  InputFacts facts;
  // Dev score of r<k>/score, and how likely its gain is by chance.
  std::map<int, double> scores, gain_p;

  std::vector<FinishedTask> finished;
  std::map<std::string, PlannedTask> planned;  // "step/key"
  std::vector<std::string> order;
  Plan plan;

  explicit PlanSimulation(const std::string& yaml) {
    auto parsed = config::ParseSpec(yaml, "test.yaml", "/data", {.paths_must_exist = false});
    EXPECT_TRUE(parsed.ok()) << parsed.status();
    if (parsed.ok()) spec = *std::move(parsed);
  }

  // One round of planning; false on an error or when nothing is left to run.
  bool Step() {
    auto made = MakePlan(spec, facts, finished);
    EXPECT_TRUE(made.ok()) << made.status();
    if (!made.ok()) return false;
    plan = *std::move(made);
    for (const PlannedTask& task : plan.tasks) {
      const std::string name = absl::StrCat(task.step, "/", task.key);
      EXPECT_TRUE(planned.emplace(name, task).second) << name << " was planned twice";
      order.push_back(name);
      FinishedTask done{task.step, task.key, {}, Sha256Hex(name)};
      if (task.key.size() > 6 && task.key.substr(task.key.size() - 6) == "/score") {
        const int round = std::stoi(task.key.substr(1));
        auto& figures = *done.result.mutable_figures();
        figures["dev_contains"] = scores[round];
        const auto& baseline = task.request.evaluate().baseline();
        for (int before = 0; before < round; ++before) {
          if (baseline.manifest() != ManifestOf(absl::StrCat("self_study/r", before, "/score")))
            continue;
          figures["gain"] = scores[round] - scores[before];
          figures["gain_p"] = gain_p.count(round) > 0 ? gain_p[round] : 0.01;
        }
      }
      finished.push_back(done);
    }
    return !plan.tasks.empty();
  }

  void RunToEnd() {
    for (int i = 0; i < 1000 && Step(); ++i) {
    }
    EXPECT_TRUE(plan.complete);
  }

  std::string Skipped(const std::string& step) const {
    for (const PlannedStep& planned_step : plan.steps) {
      if (planned_step.name == step) {
        return planned_step.phase == StepPhase::kSkipped ? planned_step.reason : "";
      }
    }
    return "no such step";
  }

  bool Has(const std::string& name) const { return planned.count(name) != 0; }
  const v1::StageRequest& Request(const std::string& name) const {
    return planned.at(name).request;
  }
  std::string ManifestOf(const std::string& name) const { return Sha256Hex(name); }
};

}  // namespace foundry::coordinator
