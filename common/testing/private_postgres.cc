#include "common/testing/private_postgres.h"

#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <pqxx/pqxx>

#include "absl/strings/str_cat.h"
#include "common/base/ids.h"

namespace foundry::testing {
namespace {

template <typename T>
T OrDie(absl::StatusOr<T> value) {
  if (value.ok()) return *std::move(value);
  std::fprintf(stderr, "private PostgreSQL: %s\n", value.status().ToString().c_str());
  std::abort();
}

}  // namespace

PrivatePostgres::PrivatePostgres(const Options& own)
    : folder_(OrDie(own.parent.empty() ? TempFolder::Make() : TempFolder::Make(own.parent))) {
  // As root the server runs as another account, which must be able to pass through.
  std::filesystem::permissions(folder_.path(), std::filesystem::perms(0755));
  postgres::LocalServerOptions options;
  options.folder = folder_.path() / "pg";
  options.durable = false;
  options.environment = own.environment;
  server_ = OrDie(postgres::LocalServer::Start(options));
}

PrivatePostgres::~PrivatePostgres() { (void)server_->Kill(); }

PrivatePostgres& PrivatePostgres::Shared() {
  static PrivatePostgres shared;
  return shared;
}

std::string PrivatePostgres::NewDatabase() {
  const std::string name = absl::StrCat("test_", RandomId());
  pqxx::connection connection(server_->ConnectionInfo());
  pqxx::nontransaction work(connection);
  work.exec(absl::StrCat("CREATE DATABASE ", name));
  return server_->ConnectionInfo(name);
}

}  // namespace foundry::testing
