// Which state may follow which, for jobs, steps and tasks: the one table that every write obeys.
//
// Job   READY at creation; RUNNING from its first lease on. RetryJob leads back to READY.
// Step  PENDING until its first task exists, READY until one is leased.
// Task  READY at creation. SUCCEEDED and SKIPPED carry an output. A worker's lease ends RUNNING in
//       READY (retry, release, lost lease), in an end state, or, when the job was cancelled, leads
//       through CANCELLING.
//
// Thread-safe (constant data).
#pragma once

#include <cstdint>
#include <vector>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"
#include "foundry/coordinator/v1/jobs.pb.h"

namespace foundry::coordinator {

using v1::State;

enum class Entity : uint8_t { kJob = 1, kStep = 2, kTask = 4 };

// Staying in a state is no transition and not legal.
bool IsLegal(Entity entity, State from, State to);

// FailedPrecondition that names both states, unless the transition is legal.
absl::Status CheckTransition(Entity entity, State from, State to);

// SUCCEEDED, FAILED, CANCELLED, QUARANTINED, SKIPPED: nothing moves until somebody retries.
bool IsEnd(State state);

// Every value of State, for exhaustive tests.
const std::vector<State>& AllStates();

// "READY"; for messages.
absl::string_view StateName(State state);

}  // namespace foundry::coordinator
