#include "common/postgres/local_server.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <string>
#include <vector>

#include "absl/cleanup/cleanup.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "absl/time/clock.h"
#include "common/base/files.h"
#include "common/base/hash.h"
#include "common/base/status.h"
#include "common/base/steady_time.h"

namespace foundry::postgres {
namespace fs = std::filesystem;
namespace {

constexpr char kUser[] = "foundry";
// sockaddr_un holds 107 characters; ".s.PGSQL.5432.lock" and a slash need some of them.
constexpr size_t kLongestSocketFolder = 85;
// Said everywhere: $PGPORT would count otherwise.
constexpr char kPort[] = "5432";

absl::Status OwnedFolder(const fs::path& folder, const Account& account) {
  FOUNDRY_RETURN_IF_ERROR(MakeFolders(folder));
  if (chmod(folder.c_str(), 0700) != 0 && errno != EPERM) {
    return absl::ErrnoToStatus(errno, absl::StrCat(folder.string(), ": cannot restrict access"));
  }
  if (!account.name.empty() && chown(folder.c_str(), account.uid, account.gid) != 0) {
    return absl::ErrnoToStatus(errno,
                               absl::StrCat(folder.string(), ": cannot give it to ", account.name));
  }
  return absl::OkStatus();
}

// The first line of postmaster.pid; 0: none.
pid_t PostmasterPid(const fs::path& data) {
  std::ifstream in(data / "postmaster.pid");
  pid_t pid = 0;
  in >> pid;
  return in ? pid : 0;
}

// A postmaster works in its data folder, which tells it from a stranger that got the same pid.
bool IsPostmasterOf(pid_t pid, const fs::path& data) {
  std::error_code error;
  if (pid <= 0) return false;
  const fs::path cwd = fs::read_symlink(absl::StrCat("/proc/", pid, "/cwd"), error);
  return !error && fs::equivalent(cwd, data, error) && !error;
}

// Children of `pid` (backends live in sessions of their own).
std::vector<pid_t> ChildrenOf(pid_t pid) {
  std::vector<pid_t> children;
  std::ifstream in(absl::StrCat("/proc/", pid, "/task/", pid, "/children"));
  for (pid_t child; in >> child;) children.push_back(child);
  return children;
}

}  // namespace

absl::StatusOr<fs::path> FindPrograms(const fs::path& wanted) {
  std::vector<fs::path> candidates;
  if (!wanted.empty()) {
    candidates = {wanted};
  } else if (const char* variable = getenv("FOUNDRY_POSTGRES_BIN"); variable != nullptr) {
    candidates = {variable};
  } else {
    std::vector<std::pair<int, fs::path>> versions;
    std::error_code error;
    for (const auto& entry : fs::directory_iterator("/usr/lib/postgresql", error)) {
      int version = 0;
      if (absl::SimpleAtoi(entry.path().filename().string(), &version)) {
        versions.emplace_back(-version, entry.path() / "bin");
      }
    }
    std::sort(versions.begin(), versions.end());
    for (auto& version : versions) candidates.push_back(version.second);
    const char* path = getenv("PATH");
    for (absl::string_view folder : absl::StrSplit(path == nullptr ? "" : path, ':')) {
      candidates.emplace_back(std::string(folder));
    }
  }
  for (const fs::path& candidate : candidates) {
    if (access((candidate / "pg_ctl").c_str(), X_OK) == 0 &&
        access((candidate / "initdb").c_str(), X_OK) == 0) {
      return candidate;
    }
  }
  return absl::NotFoundError(absl::StrCat(
      "no initdb and pg_ctl ", wanted.empty() ? "found" : absl::StrCat("in ", wanted.string()),
      ": install PostgreSQL (Debian package `postgresql`) or set FOUNDRY_POSTGRES_BIN"));
}

absl::StatusOr<std::unique_ptr<LocalServer>> LocalServer::Start(const LocalServerOptions& options) {
  std::unique_ptr<LocalServer> server(new LocalServer);
  server->options_ = options;
  FOUNDRY_ASSIGN_OR_RETURN(server->bin_, FindPrograms(options.bin_folder));
  FOUNDRY_ASSIGN_OR_RETURN(server->account_, UnprivilegedAccount(options.account));
  FOUNDRY_RETURN_IF_ERROR(server->Prepare());
  FOUNDRY_RETURN_IF_ERROR(server->Restart());
  return server;
}

absl::Status LocalServer::Prepare() {
  std::error_code error;
  root_ = fs::absolute(options_.folder, error).lexically_normal();
  FOUNDRY_RETURN_IF_ERROR(MakeFolders(root_));
  const std::string tag = Sha256Hex(root_.string()).substr(0, 12);
  if (!account_.name.empty()) {
    FOUNDRY_RETURN_IF_ERROR(OwnedFolder(root_, account_));
    if (!RunAs(account_, {"test", "-x", root_.string()}, absl::Seconds(10)).ok()) {
      root_ = options_.fallback_parent / absl::StrCat("postgres-", tag);
      FOUNDRY_RETURN_IF_ERROR(OwnedFolder(root_, account_));
      FOUNDRY_RETURN_IF_ERROR(
          Annotate(RunAs(account_, {"test", "-x", root_.string()}, absl::Seconds(10)),
                   absl::StrCat(account_.name, " cannot reach the database's folder")));
    }
  }
  data_ = root_ / "data";
  log_ = root_ / "server.log";
  socket_folder_ = root_ / "run";
  // Its settings and connection strings would need quotes in quotes, and a comma begins another
  // folder there.
  const bool plain = socket_folder_.string().find_first_of("'\"\\,\n") == std::string::npos;
  if (!plain || socket_folder_.string().size() > kLongestSocketFolder) {
    socket_folder_ = fs::path("/tmp") / absl::StrCat("foundry-postgres-", tag);
  }
  return OwnedFolder(socket_folder_, account_);
}

absl::Status LocalServer::Initialise() {
  // Made aside and renamed, so that a kill half-way leaves no half cluster.
  const fs::path fresh = root_ / "data.new";
  std::error_code error;
  fs::remove_all(fresh, error);
  FOUNDRY_RETURN_IF_ERROR(OwnedFolder(fresh, account_));
  std::vector<std::string> command = {bin_ / "initdb", "--pgdata",    fresh,    "--auth-local",
                                      "trust",         "--auth-host", "reject", "--username",
                                      kUser,           "--encoding",  "UTF8",   "--locale",
                                      "C.UTF-8"};
  if (!options_.durable) command.push_back("--no-sync");
  FOUNDRY_RETURN_IF_ERROR(RunAs(account_, command, options_.start_timeout));
  fs::rename(fresh, data_, error);
  if (error) return absl::InternalError(absl::StrCat(data_.string(), ": ", error.message()));
  return absl::OkStatus();
}

absl::Status LocalServer::WriteConfiguration() {
  std::string settings = absl::StrCat(
      "# Written by Foundry at every start.\n"
      "listen_addresses = ''\n"
      "port = ",
      kPort,
      "\n"
      "unix_socket_directories = '",
      socket_folder_.string(),
      "'\n"
      "unix_socket_permissions = 0700\n"
      "max_connections = ",
      options_.max_connections,
      "\n"
      "timezone = 'UTC'\nlog_timezone = 'UTC'\n"
      "log_min_messages = warning\n");
  if (!options_.durable) {
    absl::StrAppend(&settings,
                    "fsync = off\nfull_page_writes = off\n"
                    "shared_buffers = 16MB\nmax_wal_size = 256MB\n");
  }
  // postgresql.auto.conf outranks postgresql.conf, needs no editing, and belongs to this cluster.
  const fs::path file = data_ / "postgresql.auto.conf";
  FOUNDRY_RETURN_IF_ERROR(WriteFileAtomic(file, settings));
  if (!account_.name.empty() && chown(file.c_str(), account_.uid, account_.gid) != 0) {
    return absl::ErrnoToStatus(errno, file.string());
  }
  return absl::OkStatus();
}

void LocalServer::RemoveStaleLocks() {
  // PostgreSQL clears the files of a dead postmaster itself, but not when another process of this
  // account has got its pid meanwhile, as happens in containers.
  const pid_t pid = PostmasterPid(data_);
  if (pid == 0 || IsPostmasterOf(pid, data_)) return;
  std::error_code error;
  fs::remove(data_ / "postmaster.pid", error);
  fs::remove(socket_folder_ / ".s.PGSQL.5432", error);
  fs::remove(socket_folder_ / ".s.PGSQL.5432.lock", error);
}

absl::Status LocalServer::StartLocked() {
  if (Running()) {
    // Alive, perhaps still recovering: wait until it takes connections.
    const absl::Time deadline = SteadyNow() + options_.start_timeout;
    absl::Status ready;
    do {
      ready = RunAs(account_, {bin_ / "pg_isready", "--quiet", "-d", ConnectionInfo()},
                    absl::Seconds(10));
      if (ready.ok()) return ready;
      absl::SleepFor(absl::Milliseconds(50));
    } while (Running() && SteadyNow() < deadline);
    if (Running()) return Annotate(ready, "the running PostgreSQL takes no connections");
  }
  std::error_code error;
  if (!fs::exists(data_ / "PG_VERSION", error)) FOUNDRY_RETURN_IF_ERROR(Initialise());
  RemoveStaleLocks();
  FOUNDRY_RETURN_IF_ERROR(WriteConfiguration());
  std::vector<std::string> command = {"env"};
  command.insert(command.end(), options_.environment.begin(), options_.environment.end());
  const std::vector<std::string> start = {
      bin_ / "pg_ctl", "start",
      "--silent",      "--wait",
      "--pgdata",      data_,
      "--log",         log_,
      "--timeout",     absl::StrCat(absl::ToInt64Seconds(options_.start_timeout))};
  command.insert(command.end(), start.begin(), start.end());
  return Annotate(RunAs(account_, command, options_.start_timeout + absl::Seconds(5)),
                  absl::StrCat("PostgreSQL does not start; see ", log_.string()));
}

absl::Status LocalServer::Restart() {
  const fs::path lock = root_ / "start.lock";
  const int fd = open(lock.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600);
  if (fd < 0) return absl::ErrnoToStatus(errno, absl::StrCat(lock.string(), ": cannot open"));
  const auto close_lock = absl::MakeCleanup([fd] { close(fd); });
  while (flock(fd, LOCK_EX) != 0) {
    if (errno != EINTR)
      return absl::ErrnoToStatus(errno, absl::StrCat(lock.string(), ": cannot lock"));
  }
  return StartLocked();
}

absl::Status LocalServer::Stop() {
  if (!Running()) return absl::OkStatus();
  return RunAs(account_,
               {bin_ / "pg_ctl", "stop", "--silent", "--wait", "--mode", "fast", "--pgdata", data_,
                "--timeout", "60"},
               absl::Seconds(70));
}

absl::Status LocalServer::Kill() {
  const pid_t postmaster = PostmasterPid(data_);
  if (!IsPostmasterOf(postmaster, data_)) return absl::OkStatus();
  std::vector<pid_t> all = ChildrenOf(postmaster);
  all.insert(all.begin(), postmaster);
  for (pid_t pid : all) kill(pid, SIGKILL);
  // Shared memory is free once the last backend is gone; starting earlier is refused.
  for (pid_t pid : all) {
    while (IsPostmasterOf(pid, data_)) absl::SleepFor(absl::Milliseconds(2));
  }
  return absl::OkStatus();
}

bool LocalServer::Running() const { return IsPostmasterOf(PostmasterPid(data_), data_); }

std::string LocalServer::ConnectionInfo(const std::string& database) const {
  // Each of these has a variable ($PGHOSTADDR) that would count otherwise.
  return absl::StrCat("host='", socket_folder_.string(), "' hostaddr='' port=", kPort,
                      " user=", kUser, " dbname=", database);
}

}  // namespace foundry::postgres
