#include "services/coordinator/wakeups.h"

#include <poll.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include <chrono>
#include <exception>
#include <pqxx/pqxx>
#include <utility>

#include "absl/time/time.h"
#include "common/base/steady_time.h"
#include "common/telemetry/log.h"
#include "services/coordinator/database.h"

namespace foundry::coordinator {
namespace {

constexpr char kTasksChannel[] = "foundry_tasks";
constexpr char kJobsChannel[] = "foundry_jobs";
constexpr int kReconnectMillis = 500;
// A listener hears nothing from a connection that is gone: it asks after so much silence …
constexpr int kSilenceMillis = 10'000;
// … and waits so long for any answer.
constexpr absl::Duration kAnswerTime = absl::Seconds(5);
// Notifications are transactions: a burst of changes is told together.
constexpr absl::Duration kTellPeriod = absl::Milliseconds(20);
// More changed jobs than this are told as "any".
constexpr size_t kMostJobs = 64;

class Receiver : public pqxx::notification_receiver {
 public:
  Receiver(pqxx::connection& connection, const char* channel,
           std::function<void(const std::string&)> hook)
      : notification_receiver(connection, channel), hook_(std::move(hook)) {}
  void operator()(const std::string& payload, int backend_pid) override {
    // What this process told was hinted here when it told it.
    if (backend_pid != conn().backendpid()) hook_(payload);
  }

 private:
  const std::function<void(const std::string&)> hook_;
};

}  // namespace

Wakeups::Wakeups(std::string connection_info, Hooks hooks)
    : connection_info_(std::move(connection_info)),
      hooks_(std::move(hooks)),
      event_fd_(eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)),
      thread_([this] { Run(); }) {}

Wakeups::~Wakeups() {
  Stop();
  close(event_fd_);
}

void Wakeups::Stop() {
  {
    std::lock_guard lock(mutex_);
    stopping_ = true;
  }
  Nudge();
  if (thread_.joinable()) thread_.join();
}

bool Wakeups::Stopped() {
  std::lock_guard lock(mutex_);
  return stopping_;
}

void Wakeups::Nudge() {
  const uint64_t one = 1;
  (void)!write(event_fd_, &one, sizeof(one));
}

void Wakeups::TasksReady() {
  if (Stopped()) return;
  hooks_.tasks_ready();
  Tell([this] { tasks_ = true; });
}

void Wakeups::JobChanged(const std::string& job_id) {
  if (Stopped()) return;
  hooks_.job_changed(job_id);
  Tell([&] { jobs_.insert(jobs_.size() < kMostJobs ? job_id : ""); });
}

void Wakeups::Tell(const std::function<void()>& note) {
  bool first;
  {
    std::lock_guard lock(mutex_);
    first = !tasks_ && jobs_.empty();
    note();
  }
  if (first) Nudge();  // else the thread knows that there is something to tell
}

void Wakeups::Run() {
  for (bool first = true;; first = false) {
    try {
      Listen();
      return;
    } catch (const std::exception& error) {
      if (first)
        telemetry::LogWarning("no wake-up hints for now; polling goes on",
                              {{"error", error.what()}});
    }
    pollfd end = {event_fd_, POLLIN, 0};
    if (Stopped()) return;
    // A nudge may be the end; hints that come meanwhile wait for the connection.
    poll(&end, 1, kReconnectMillis);
    uint64_t count = 0;
    (void)!read(event_fd_, &count, sizeof(count));
  }
}

void Wakeups::Listen() {
  const auto connection = Connect(connection_info_);
  Receiver tasks(*connection, kTasksChannel, [this](const std::string&) { hooks_.tasks_ready(); });
  Receiver jobs(*connection, kJobsChannel,
                [this](const std::string& job_id) { hooks_.job_changed(job_id); });
  // A hint that a crash of PostgreSQL loses is missed by nobody.
  pqxx::nontransaction(*connection).exec("SET synchronous_commit = off");
  hooks_.tasks_ready();
  hooks_.job_changed("");
  absl::Time next_tell = absl::InfinitePast();
  for (;;) {
    bool tell_tasks = false;
    std::set<std::string> tell_jobs;
    int wait_millis = -1;
    {
      std::lock_guard lock(mutex_);
      if (stopping_) return;
      const absl::Duration early = next_tell - SteadyNow();
      if (early > absl::ZeroDuration()) {
        if (tasks_ || !jobs_.empty()) {
          wait_millis =
              static_cast<int>(absl::ToInt64Milliseconds(absl::Ceil(early, absl::Milliseconds(1))));
        }
      } else {
        std::swap(tell_tasks, tasks_);
        tell_jobs.swap(jobs_);
      }
    }
    if (tell_tasks || !tell_jobs.empty()) {
      const StallGuard::Watch watch(&guard_, connection->sock(), SteadyNow() + kAnswerTime);
      pqxx::nontransaction work(*connection);
      if (tell_tasks) Exec(work, "SELECT pg_notify($1, '')", kTasksChannel);
      if (!tell_jobs.empty()) {
        Exec(work, "SELECT pg_notify($1, job) FROM unnest($2::text[]) AS j(job)", kJobsChannel,
             TextArray(tell_jobs));
      }
      next_tell = SteadyNow() + kTellPeriod;
    }
    connection->get_notifs();
    pollfd ready[] = {{event_fd_, POLLIN, 0}, {connection->sock(), POLLIN, 0}};
    if (poll(ready, 2, wait_millis >= 0 ? wait_millis : kSilenceMillis) == 0 && wait_millis < 0) {
      const StallGuard::Watch watch(&guard_, connection->sock(), SteadyNow() + kAnswerTime);
      pqxx::nontransaction(*connection).exec("SELECT 1");
    }
    uint64_t count = 0;
    (void)!read(event_fd_, &count, sizeof(count));
  }
}

}  // namespace foundry::coordinator
