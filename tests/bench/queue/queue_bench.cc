// queue_bench: task lives a second and pickup latency of foundry-coordinator beside procrastinate,
// on one private PostgreSQL. See README.md in this folder.
//
//   queue_bench                                    both, in turn (A B A B)
//   queue_bench --history 1000000 --no-peer        ours with a million finished tasks, beside none
//   queue_bench --hold-seconds 120 --no-peer       ours beside a transaction held open that long
//   queue_bench --streams 10000                    open WatchJob streams on one coordinator
//   queue_bench --plan 100000                      how long one large job takes to plan
#include <sys/utsname.h>

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <map>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "CLI/CLI.hpp"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "absl/time/clock.h"
#include "common/base/json.h"
#include "common/base/subprocess.h"
#include "tests/bench/queue/load.h"
#include "tests/bench/queue/stack.h"

namespace foundry::bench {
namespace {

constexpr int kMostLivesPerSecond = 6000;  // for the stock of tasks
constexpr int kPeerJobsPerSecond = 1500;

struct Flags {
  std::vector<int> workers = {1, 16, 64};
  int rounds = 2;
  double seconds = 5;
  double pickup_seconds = 10;
  int64_t history = 0;
  double hold_seconds = 0;
  int streams = 0;
  int plan = 0;
  int job_tasks = 10'000;
  bool no_peer = false;
  bool held_only = false;
  bool durable = false;
  std::string python;
  std::string coordinator;
  std::string peer;
};

double Median(std::vector<double> values) {
  if (values.empty()) return 0;
  std::sort(values.begin(), values.end());
  const size_t half = values.size() / 2;
  return values.size() % 2 == 1 ? values[half] : (values[half - 1] + values[half]) / 2;
}

double Percentile(std::vector<double> values, double share) {
  if (values.empty()) return 0;
  std::sort(values.begin(), values.end());
  return values[std::min(values.size() - 1, static_cast<size_t>(share * values.size()))];
}

void PrintMachine() {
  std::string cpu = "unknown";
  std::ifstream info("/proc/cpuinfo");
  for (std::string line; std::getline(info, line);) {
    if (!absl::StartsWith(line, "model name")) continue;
    cpu = std::string(absl::StripAsciiWhitespace(line.substr(line.find(':') + 1)));
    break;
  }
  utsname names;
  uname(&names);
  double load = 0;
  std::ifstream("/proc/loadavg") >> load;
  std::printf("machine: %u x %s, Linux %s, load %.1f at the start\n",
              std::thread::hardware_concurrency(), cpu.c_str(), names.release, load);
  std::fflush(stdout);
}

// Jobs with enough tasks that workers never run dry.
void Stock(const Flags& flags, const std::string& address, const std::string& prefix, int tasks) {
  for (int i = 0; i * flags.job_tasks < tasks; ++i) {
    CreateJob(address, absl::StrCat(prefix, "-", i), flags.job_tasks);
  }
}

double OurLives(const Flags& flags, Postgres& postgres, int workers) {
  const std::string database = postgres.NewDatabase();
  Coordinator coordinator(flags.coordinator, database, postgres.folder(), flags.durable);
  Stock(flags, coordinator.address(), "lives",
        static_cast<int>(flags.seconds + 1) * kMostLivesPerSecond);
  return MeasureLives(coordinator.address(),
                      {.workers = workers, .duration = absl::Seconds(flags.seconds)});
}

Json Peer(const Flags& flags, Postgres& postgres, const std::string& what, int workers,
          double seconds, int number) {
  SubprocessOptions options;
  options.argv = {flags.python,
                  flags.peer,
                  what,
                  postgres.NewDatabase(),
                  absl::StrCat(workers),
                  absl::StrCat(seconds),
                  absl::StrCat(number)};
  options.timeout = absl::Seconds(seconds + 120);
  const auto output = RunSubprocess(options);
  if (!output.ok() || !output->ok()) {
    std::fprintf(stderr, "procrastinate: %s\n",
                 output.ok() ? output->errors.c_str() : output.status().ToString().c_str());
    std::exit(1);
  }
  const auto json = ParseJson(output->output, "procrastinate");
  if (!json.ok()) {
    std::fprintf(stderr, "procrastinate: %s\n%s\n", output->output.c_str(), output->errors.c_str());
    std::exit(1);
  }
  return *json;
}

void CompareLives(const Flags& flags, Postgres& postgres) {
  std::printf(
      "\n| workers | foundry lives/s | procrastinate jobs/s | ratio | without statistics | ratio "
      "|\n"
      "|---|---|---|---|---|---|\n");
  for (int workers : flags.workers) {
    std::vector<double> ours, peers, blind_peers;
    const auto ratio = [&ours](const std::vector<double>& others) {
      return others.empty() ? 0 : Median(ours) / Median(others);
    };
    for (int round = 0; round < flags.rounds; ++round) {
      ours.push_back(OurLives(flags, postgres, workers));
      if (flags.no_peer) continue;
      const int jobs = static_cast<int>(flags.seconds + 1) * kPeerJobsPerSecond;
      const auto peer = [&](const char* what) {
        return Peer(flags, postgres, what, workers, flags.seconds, jobs)
            .at("per_second")
            .get<double>();
      };
      peers.push_back(peer("lives"));
      blind_peers.push_back(peer("lives-without-statistics"));
    }
    std::printf("| %d | %.0f | %.0f | %.1f | %.0f | %.1f |\n", workers, Median(ours), Median(peers),
                ratio(peers), Median(blind_peers), ratio(blind_peers));
    std::fflush(stdout);
  }
}

void PrintPickup(const char* name, const std::vector<double>& millis) {
  std::printf("| %s | %zu | %.1f | %.1f | %.1f |\n", name, millis.size(), Percentile(millis, 0.5),
              Percentile(millis, 0.95), Percentile(millis, 0.99));
  std::fflush(stdout);
}

std::vector<double> OurPickup(const Flags& flags, const std::string& address) {
  return MeasurePickup(address, {.duration = absl::Seconds(flags.pickup_seconds)});
}

void ComparePickup(const Flags& flags, Postgres& postgres) {
  std::vector<double> ours, peers;
  for (int round = 0; round < flags.rounds; ++round) {
    {
      Coordinator coordinator(flags.coordinator, postgres.NewDatabase(), postgres.folder(),
                              flags.durable);
      for (double value : OurPickup(flags, coordinator.address())) ours.push_back(value);
    }
    if (flags.no_peer) continue;
    const Json measured = Peer(flags, postgres, "pickup", 16, flags.pickup_seconds, 100);
    for (const Json& value : measured.at("millis")) peers.push_back(value.get<double>());
  }
  std::printf(
      "\n| pickup at 100 tasks/s, 16 workers | tasks | p50 ms | p95 ms | p99 ms |\n"
      "|---|---|---|---|---|\n");
  PrintPickup("foundry", ours);
  if (!flags.no_peer) PrintPickup("procrastinate", peers);
}

// A fresh database without history, then one with it. Pickup comes before lives, which leave
// unfinished tasks behind.
void CompareHistory(const Flags& flags, Postgres& postgres) {
  const int workers = flags.workers.back();
  std::printf(
      "\n| finished tasks | filled in s | lives/s with %d workers | pickup p50 ms | p95 ms "
      "| p99 ms |\n|---|---|---|---|---|---|\n",
      workers);
  for (int64_t history : {int64_t{0}, flags.history}) {
    const std::string database = postgres.NewDatabase();
    Coordinator coordinator(flags.coordinator, database, postgres.folder(), flags.durable);
    const absl::Time start = absl::Now();
    if (history > 0) {
      OurPickup(flags, coordinator.address());  // finished jobs, the model of the history
      FillHistory(database, history);
    }
    const double filled = absl::ToDoubleSeconds(absl::Now() - start);
    const auto pickup = OurPickup(flags, coordinator.address());
    Stock(flags, coordinator.address(), "stock",
          static_cast<int>(flags.seconds + 1) * kMostLivesPerSecond);
    const double lives = MeasureLives(
        coordinator.address(), {.workers = workers, .duration = absl::Seconds(flags.seconds)});
    std::printf("| %ld | %.0f | %.0f | %.1f | %.1f | %.1f |\n", history, filled, lives,
                Percentile(pickup, 0.5), Percentile(pickup, 0.95), Percentile(pickup, 0.99));
    std::fflush(stdout);
  }
}

// Lives a second, slice after slice, on a database of its own; `begin` runs after the first slice.
template <typename Begin>
std::vector<double> LivesInSlices(const Flags& flags, Postgres& postgres, int slices,
                                  const Begin& begin) {
  const std::string database = postgres.NewDatabase();
  Coordinator coordinator(flags.coordinator, database, postgres.folder(), flags.durable);
  const LivesOptions lives = {.workers = flags.workers.back(),
                              .duration = absl::Seconds(flags.seconds)};
  const int stock = static_cast<int>(flags.seconds + 1) * kMostLivesPerSecond;
  std::vector<double> rates;
  const auto slice = [&] {
    Stock(flags, coordinator.address(), absl::StrCat("slice", rates.size()), stock);
    rates.push_back(MeasureLives(coordinator.address(), lives));
    std::fprintf(stderr, "slice %zu: %.0f lives/s\n", rates.size() - 1, rates.back());
  };
  slice();
  [[maybe_unused]] const auto held = begin(database);
  while (static_cast<int>(rates.size()) <= slices) slice();
  return rates;
}

// The same slices with and without the transaction: tables grow in both, so that one tells what
// the transaction costs and not what the growth does.
void CompareHeld(const Flags& flags) {
  const int slices = std::max(1, static_cast<int>(flags.hold_seconds / flags.seconds));
  std::vector<double> without;
  if (!flags.held_only) {
    Postgres postgres;  // one for each: what the first leaves to be vacuumed is not the second's
    without = LivesInSlices(flags, postgres, slices, [](const std::string&) { return 0; });
  }
  Postgres postgres;
  const auto with = LivesInSlices(flags, postgres, slices, [](const std::string& database) {
    return std::make_unique<HeldTransaction>(database);
  });
  std::printf(
      "\n| slice of %.0f s, %d workers | lives/s | beside a transaction held since slice 1 |\n"
      "|---|---|---|\n",
      flags.seconds, flags.workers.back());
  for (size_t i = 0; i < with.size(); ++i) {
    std::printf("| %zu | %.0f | %.0f |\n", i, i < without.size() ? without[i] : 0, with[i]);
  }
  if (flags.held_only) return;
  const auto later = [](std::vector<double> rates) {
    rates.erase(rates.begin());
    return Median(std::move(rates));
  };
  std::printf("| median from 1 | %.0f | %.0f (%.0f %%) |\n", later(without), later(with),
              100 * later(with) / later(without));
}

// "VmRSS" and "Threads" of a process, in KiB and numbers.
int64_t FromStatus(pid_t pid, const std::string& key) {
  std::ifstream status(absl::StrCat("/proc/", pid, "/status"));
  for (std::string line; std::getline(status, line);) {
    if (absl::StartsWith(line, key))
      return std::strtoll(line.c_str() + key.size() + 1, nullptr, 10);
  }
  return -1;
}

void Streams(const Flags& flags, Postgres& postgres) {
  std::printf(
      "\n| streams | jobs | opened in s | event p50 ms | p99 ms | coordinator MiB before, open "
      "| threads before, open |\n|---|---|---|---|---|---|---|\n");
  for (int jobs : {1, 100}) {
    Coordinator coordinator(flags.coordinator, postgres.NewDatabase(), postgres.folder(),
                            flags.durable);
    std::vector<std::string> ids;
    for (int i = 0; i < jobs; ++i) {
      ids.push_back(CreateJob(coordinator.address(), absl::StrCat("watched", i), 20));
    }
    const int64_t memory = FromStatus(coordinator.pid(), "VmRSS"),
                  threads = FromStatus(coordinator.pid(), "Threads");
    int64_t open_memory = 0, open_threads = 0;
    const Fanout fanout = MeasureStreams(coordinator.address(), ids, flags.streams, [&] {
      open_memory = FromStatus(coordinator.pid(), "VmRSS");
      open_threads = FromStatus(coordinator.pid(), "Threads");
    });
    std::printf("| %d | %d | %.1f | %.0f | %.0f | %ld, %ld | %ld, %ld |\n", fanout.streams, jobs,
                fanout.open_seconds, Percentile(fanout.event_millis, 0.5),
                Percentile(fanout.event_millis, 0.99), memory / 1024, open_memory / 1024, threads,
                open_threads);
    std::fflush(stdout);
  }
}

void Planning(const Flags& flags, Postgres& postgres) {
  Coordinator coordinator(flags.coordinator, postgres.NewDatabase(), postgres.folder(),
                          flags.durable);
  const absl::Time start = absl::Now();
  CreateJob(coordinator.address(), "planned", flags.plan);
  std::printf("\nCreateJob with %d tasks answered after %.1f s\n", flags.plan,
              absl::ToDoubleSeconds(absl::Now() - start));
}

int Main(int argc, char** argv) {
  Flags flags;
  const std::filesystem::path self = std::filesystem::canonical("/proc/self/exe");
  const std::filesystem::path source = FOUNDRY_SOURCE_DIR;
  flags.coordinator = self.parent_path() / "foundry-coordinator";
  flags.python = source / ".deps/venv/bin/python";
  flags.peer = source / "tests/bench/queue/procrastinate_peer.py";
  CLI::App app("Task lives and pickup latency of foundry-coordinator beside procrastinate.",
               "queue_bench");
  app.add_option("--workers", flags.workers, "numbers of workers")->delimiter(',');
  app.add_option("--rounds", flags.rounds, "runs of each, in turn")->capture_default_str();
  app.add_option("--seconds", flags.seconds, "of one throughput run; 0: none")
      ->capture_default_str();
  app.add_option("--pickup-seconds", flags.pickup_seconds, "of one latency run; 0: none")
      ->capture_default_str();
  app.add_option("--history", flags.history,
                 "instead: ours before and after this many finished tasks are put into the tables");
  app.add_option("--hold-seconds", flags.hold_seconds,
                 "instead: ours while a transaction is held open this long");
  app.add_flag("--held-only", flags.held_only, "with it: not without the transaction");
  app.add_option("--streams", flags.streams,
                 "instead: so many WatchJob streams on one coordinator");
  app.add_option("--plan", flags.plan, "instead: one job with so many tasks");
  app.add_option("--job-tasks", flags.job_tasks, "tasks of the jobs that workers run")
      ->capture_default_str();
  app.add_flag(
      "--durable", flags.durable,
      "ours with --durable-leases: each of our writes waits for the disk, as the peer's do");
  app.add_flag("--no-peer", flags.no_peer, "without procrastinate");
  app.add_option("--python", flags.python, "python that has procrastinate")->capture_default_str();
  app.add_option("--coordinator", flags.coordinator, "the program")->capture_default_str();
  CLI11_PARSE(app, argc, argv);
  PrintMachine();
  if (flags.hold_seconds > 0) {
    CompareHeld(flags);
    return 0;
  }
  Postgres postgres;
  if (flags.history > 0) {
    CompareHistory(flags, postgres);
  } else if (flags.streams > 0) {
    Streams(flags, postgres);
  } else if (flags.plan > 0) {
    Planning(flags, postgres);
  } else {
    if (flags.seconds > 0) CompareLives(flags, postgres);
    if (flags.pickup_seconds > 0) ComparePickup(flags, postgres);
  }
  return 0;
}

}  // namespace
}  // namespace foundry::bench

int main(int argc, char** argv) { return foundry::bench::Main(argc, argv); }
