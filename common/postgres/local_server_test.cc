#include "common/postgres/local_server.h"

#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <pqxx/pqxx>
#include <string>

#include "absl/strings/str_cat.h"
#include "common/base/files.h"
#include "gtest/gtest.h"

namespace foundry::postgres {
namespace {

class LocalServerTest : public testing::Test {
 protected:
  LocalServerTest() : folder_(TempFolder::Make().value()) {
    // The server's account must be able to pass through.
    std::filesystem::permissions(folder_.path(), std::filesystem::perms(0755));
    options_.folder = folder_.path() / "pg";
    options_.durable = false;
  }
  ~LocalServerTest() override {
    if (server_ == nullptr) return;
    EXPECT_TRUE(server_->Stop().ok());
  }
  void Start() {
    auto server = LocalServer::Start(options_);
    ASSERT_TRUE(server.ok()) << server.status();
    server_ = *std::move(server);
  }
  int Query(const std::string& sql) {
    pqxx::connection connection(server_->ConnectionInfo());
    pqxx::work work(connection);
    const pqxx::result rows = work.exec(sql);
    work.commit();
    return rows.empty() ? 0 : rows[0][0].as<int>();
  }

  TempFolder folder_;
  LocalServerOptions options_;
  std::unique_ptr<LocalServer> server_;
};

TEST_F(LocalServerTest, StateStaysAfterStopAndCrash) {
  Start();
  Query("CREATE TABLE numbers (n int)");
  Query("INSERT INTO numbers VALUES (7)");
  ASSERT_TRUE(server_->Stop().ok());
  EXPECT_FALSE(server_->Running());
  Start();
  EXPECT_EQ(Query("SELECT n FROM numbers"), 7);

  // A crash leaves postmaster.pid; recovery brings the committed row back.
  Query("INSERT INTO numbers VALUES (8)");
  ASSERT_TRUE(server_->Kill().ok());
  EXPECT_TRUE(std::filesystem::exists(server_->data() / "postmaster.pid"));
  Start();
  EXPECT_EQ(Query("SELECT count(*) FROM numbers"), 2);
}

TEST_F(LocalServerTest, SecondStartAttaches) {
  Start();
  Query("CREATE TABLE here (n int)");
  auto other = LocalServer::Start(options_);
  ASSERT_TRUE(other.ok()) << other.status();
  EXPECT_EQ((*other)->ConnectionInfo(), server_->ConnectionInfo());
  EXPECT_EQ(Query("SELECT count(*) FROM here"), 0);
}

TEST_F(LocalServerTest, PidFileOfAnotherProcessIsStale) {
  Start();
  ASSERT_TRUE(server_->Stop().ok());
  // The pid now belongs to this test: PostgreSQL alone might take it for a running server.
  std::ofstream(server_->data() / "postmaster.pid") << getpid() << "\n"
                                                    << server_->data().string() << "\n";
  Start();
  EXPECT_EQ(Query("SELECT 1"), 1);
}

TEST_F(LocalServerTest, LongFolderStillGetsASocket) {
  options_.folder = folder_.path() / std::string(120, 'x');
  Start();
  EXPECT_EQ(Query("SELECT 1"), 1);
}

TEST_F(LocalServerTest, FolderOfAnyName) {
  options_.folder = folder_.path() / "it's a, b folder";
  Start();
  EXPECT_EQ(Query("SELECT 1"), 1);
}

// Whoever works with other databases has these set, and perhaps not in every terminal.
TEST_F(LocalServerTest, VariablesOfOtherDatabasesDoNotCount) {
  setenv("PGPORT", "6543", 1);
  Start();
  unsetenv("PGPORT");
  EXPECT_EQ(Query("SELECT 1"), 1);
  setenv("PGPORT", "6544", 1);
  setenv("PGHOSTADDR", "127.0.0.1", 1);
  EXPECT_EQ(Query("SELECT 1"), 1);
  auto other = LocalServer::Start(options_);
  EXPECT_TRUE(other.ok()) << other.status();
  unsetenv("PGPORT");
  unsetenv("PGHOSTADDR");
}

TEST_F(LocalServerTest, UnreachableFolderFallsBack) {
  if (geteuid() != 0) GTEST_SKIP() << "only root runs the server as another account";
  std::filesystem::permissions(folder_.path(), std::filesystem::perms(0700));
  auto fallback = TempFolder::Make().value();
  std::filesystem::permissions(fallback.path(), std::filesystem::perms(0755));
  options_.fallback_parent = fallback.path();
  Start();
  EXPECT_EQ(Query("SELECT 1"), 1);
  EXPECT_EQ(server_->data().parent_path().parent_path(), fallback.path());
  ASSERT_TRUE(server_->Stop().ok());
}

TEST(LocalServer, MissingProgramsAreNamed) {
  LocalServerOptions options;
  options.folder = "/nonexistent/pg";
  options.bin_folder = "/nonexistent/bin";
  const auto server = LocalServer::Start(options);
  EXPECT_EQ(server.status().code(), absl::StatusCode::kNotFound);
  EXPECT_NE(server.status().message().find("/nonexistent/bin"), std::string::npos);
}

}  // namespace
}  // namespace foundry::postgres
