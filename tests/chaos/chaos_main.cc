// Kills, cuts and stalls real processes under load and judges what became of the work.
//
//   chaos_test                                    each fault once: what CI runs, under 8 minutes
//   chaos_test --minutes 60                       random faults, also two at a time, for an hour
//   chaos_test --fault "PostgreSQL killed"        only this one
//   chaos_test --back-within 15                   also judges how soon the rate was back
//
// After each fault every job must end with exactly its records, with sound events, and each task
// committed once, by its latest lease; a training over two trainers goes on from its last
// checkpoint to the undisturbed one's adapter. Prints a line a fault: tasks a second before it and
// how soon after it the rate was back above 95 %. The exit code is 1 when something was lost,
// stale, doubled or open.
#include <algorithm>
#include <cstdio>
#include <deque>
#include <memory>
#include <random>
#include <string>
#include <thread>

#include "CLI/CLI.hpp"
#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "common/base/ids.h"
#include "tests/chaos/chaos_cluster.h"
#include "tests/chaos/faults.h"
#include "tests/chaos/load.h"
#include "tests/chaos/training.h"

namespace foundry::chaos {
namespace {

// Generous: a half-open connection is found by keepalive, after 30 s.
constexpr absl::Duration kLimit = absl::Seconds(90);

struct Flags {
  double minutes = 0;
  uint64_t seed = 0;
  std::string fault;
  double before = 3;  // seconds of load before a fault
  double back_within = 0;
};

class Runner {
 public:
  explicit Runner(const Flags& flags) : flags_(flags), random_(flags.seed) {}

  int Run() {
    printf("seed %llu\n", static_cast<unsigned long long>(flags_.seed));
    printf("%-34s %6s %6s %9s %9s %9s %9s\n", "fault", "jobs", "tasks", "repeated", "before/s",
           "after/s", "back after");
    if (flags_.minutes > 0) {
      const absl::Time end = absl::Now() + absl::Minutes(flags_.minutes);
      while (absl::Now() < end && failures_ == 0) {
        const bool trains = random_() % 4 == 0;
        const bool two = random_() % 3 == 0;
        const Fault& first = Any(trains);
        const Fault* second = two ? &Any(trains) : nullptr;
        trains ? InflictOnTraining(first, second) : Inflict(first, second);
      }
    } else {
      const auto wanted = [&](const Fault& fault) {
        return flags_.fault.empty() || flags_.fault == fault.name;
      };
      for (const Fault& fault : Faults()) {
        if (wanted(fault)) Inflict(fault, nullptr);
      }
      for (const Fault& fault : TrainingFaults()) {
        if (wanted(fault)) InflictOnTraining(fault, nullptr);
      }
    }
    if (round_ == 0) {
      fprintf(stderr, "no fault is called \"%s\"\n", flags_.fault.c_str());
      return 2;
    }
    printf("%d of %d rounds went wrong\n", failures_, round_);
    return failures_ == 0 ? 0 : 1;
  }

 private:
  const Fault& Any(bool trains) {
    const size_t faults = Faults().size();
    const size_t drawn = random_() % (faults + (trains ? TrainingFaults().size() : 0));
    return drawn < faults ? Faults()[drawn] : TrainingFaults()[drawn - faults];
  }
  static std::string NameOf(const Fault& fault, const Fault* second) {
    return second == nullptr ? fault.name : absl::StrCat(fault.name, " + ", second->name);
  }
  bool Skips(const Fault& fault, const Fault* second) {
    for (const Fault* wanted : {&fault, second}) {
      if (wanted == nullptr || wanted->missing == nullptr) continue;
      const std::string missing = wanted->missing(cluster_);
      if (missing.empty()) continue;
      printf("%-34s skipped: %s\n", wanted->name, missing.c_str());
      ++round_;
      return true;
    }
    return false;
  }

  // Goes on with the load until two seconds have seen `rate` jobs a second and their tasks are told
  // with them, or for long enough to say that it never comes back.
  static void AwaitRate(const Load& load, double rate) {
    constexpr absl::Duration kStep = absl::Milliseconds(200);
    constexpr size_t kSteps = 10;
    std::deque<int> finished = {load.finished_jobs()};
    for (const absl::Time end = absl::Now() + kLimit; absl::Now() < end;) {
      absl::SleepFor(kStep);
      finished.push_back(load.finished_jobs());
      if (finished.size() <= kSteps) continue;
      if (finished.back() - finished.front() >= rate * absl::ToDoubleSeconds(kSteps * kStep)) {
        return absl::SleepFor(kSteps * kStep / 2);
      }
      finished.pop_front();
    }
  }

  // `second` comes after the first, while its consequences last.
  void Inflict(const Fault& fault, const Fault* second) {
    if (Skips(fault, second)) return;
    Load load(&cluster_, absl::StrCat("r", round_++));
    const absl::Time begin = absl::Now();
    while (load.finished_jobs() == 0 && absl::Now() < begin + kLimit) {
      absl::SleepFor(absl::Milliseconds(20));
    }
    const absl::Time warm = absl::Now();
    int jobs_before = -load.finished_jobs();
    absl::SleepFor(absl::Seconds(flags_.before));
    jobs_before += load.finished_jobs();
    const absl::Time fault_begins = absl::Now();
    fault.inflict(cluster_, random_);
    if (second != nullptr) second->inflict(cluster_, random_);
    const absl::Time healed = absl::Now();
    AwaitRate(load, 0.95 * jobs_before / flags_.before);
    const LoadReport report = load.Finish(kLimit);
    const double before = report.Rate(warm, fault_begins);
    const absl::Duration back = report.BackAt(0.95 * before, healed);
    const double after =
        report.Rate(healed + std::max(back, absl::ZeroDuration()),
                    healed + std::max(back, absl::ZeroDuration()) + absl::Seconds(2));
    printf("%-34s %6d %6d %9d %9.1f %9.1f %9s\n", NameOf(fault, second).c_str(), report.jobs,
           report.tasks, report.repeated_leases, before, after,
           back < absl::ZeroDuration()
               ? "-"
               : absl::StrCat(absl::FormatDuration(absl::Trunc(back, absl::Milliseconds(100))))
                     .c_str());
    for (const std::string& problem : report.problems) printf("  %s\n", problem.c_str());
    fflush(stdout);
    const bool late = back < absl::ZeroDuration() || back > absl::Seconds(flags_.back_within);
    failures_ += !report.problems.empty() || (flags_.back_within > 0 && late);
  }

  void InflictOnTraining(const Fault& fault, const Fault* second) {
    if (Skips(fault, second)) return;
    if (training_ == nullptr) {
      training_ = std::make_unique<Training>(&cluster_);
      Tell("training, undisturbed", training_->Run("undisturbed", random_, nullptr, false));
    }
    const auto inflict = [&] {
      fault.inflict(cluster_, random_);
      if (second != nullptr) second->inflict(cluster_, random_);
    };
    Tell(NameOf(fault, second),
         training_->Run(absl::StrCat("r", round_), random_, inflict, fault.interrupts_training));
  }
  void Tell(const std::string& name, const TrainingReport& report) {
    printf("%-34s fault at step %lld, %d generations, the last after step %lld, %.1f s\n",
           name.c_str(), static_cast<long long>(report.fault_step), report.generations,
           static_cast<long long>(std::max<int64_t>(report.resumed_after, 0)),
           absl::ToDoubleSeconds(report.took));
    for (const std::string& problem : report.problems) printf("  %s\n", problem.c_str());
    fflush(stdout);
    failures_ += !report.problems.empty();
    ++round_;
  }

  const Flags flags_;
  std::mt19937_64 random_;
  ChaosCluster cluster_;
  std::unique_ptr<Training> training_;  // once one is disturbed
  int round_ = 0;
  int failures_ = 0;
};

}  // namespace
}  // namespace foundry::chaos

int main(int argc, char** argv) {
  foundry::chaos::Flags flags;
  flags.seed = foundry::RandomSeed() % 1'000'000;
  CLI::App app("Faults of every kind against real processes under load.", "chaos");
  app.add_option("--minutes", flags.minutes, "random faults for this long; 0: each once");
  app.add_option("--seed", flags.seed, "of the random choices");
  app.add_option("--fault", flags.fault, "only this one, by its name");
  app.add_option("--before", flags.before, "seconds of load before a fault")
      ->check(CLI::Range(0.5, 600.0))
      ->capture_default_str();
  app.add_option(
         "--back-within", flags.back_within,
         "seconds in which the rate must be back above 95 % after a fault; 0: not judged, as "
         "on a machine that does other work too")
      ->check(CLI::Range(0.0, 600.0))
      ->capture_default_str();
  try {  // CLI11 reports by throwing
    app.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    return app.exit(error) == 0 ? 0 : 2;
  }
  return foundry::chaos::Runner(flags).Run();
}
