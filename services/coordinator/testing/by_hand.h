// What tests of stores ask by hand: specs of jobs, and calls of the workers that hold their tasks.
#pragma once

#include <cstdio>
#include <cstdlib>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "common/config/spec.h"
#include "services/coordinator/store.h"

namespace foundry::coordinator {

inline const std::vector<std::string>& EveryStage() {
  static const auto* const stages = new std::vector<std::string>{
      "extraction", "teacher", "trainer", "merger", "self_study", "evaluator"};
  return *stages;
}

// A spec that is wrong ends the program: the mistake is the test's.
inline pipeline::v1::PipelineSpec SpecOf(const std::string& yaml) {
  auto spec = config::ParseSpec(yaml, "test.yaml", "/data", {.paths_must_exist = false});
  if (!spec.ok()) {
    fprintf(stderr, "%s\n", spec.status().ToString().c_str());
    abort();
  }
  return *std::move(spec);
}

// Two shards of extraction and their join, nothing else.
inline pipeline::v1::PipelineSpec SmallSpec() {
  return SpecOf("sources: [{pdf: docs}]\nsteps: [extraction]\nextraction: {shards: 2}\n");
}

// One training. `distillation`: its settings; `more`: further lines of the spec.
inline pipeline::v1::PipelineSpec TrainingSpec(const std::string& distillation,
                                               const std::string& more = "") {
  return SpecOf(absl::StrCat("inputs: {teacher_pairs: pairs.json}\nsteps: [distillation]\n",
                             "distillation: {", distillation, "}\n", more));
}

inline LeaseKey KeyOf(const GrantedLease& grant) {
  return {grant.lease.task_id(), grant.worker_id, grant.lease.epoch()};
}

// What every call of a worker about its task says.
template <typename Request>
Request RequestFor(const GrantedLease& grant) {
  Request request;
  request.set_worker_id(grant.worker_id);
  request.set_task_id(grant.lease.task_id());
  request.set_epoch(grant.lease.epoch());
  return request;
}

}  // namespace foundry::coordinator
