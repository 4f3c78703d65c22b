#include "tools/foundry/run/preflight.h"

#include <gtest/gtest.h>
#include <sys/stat.h>

#include <cstdlib>

#include "common/base/files.h"

namespace foundry::cli {
namespace {

// The exit code of `foundry run` follows: no such model, no such service.
TEST(Preflight, SaysWhatKindOfThingIsMissing) {
  const TempFolder folder = *TempFolder::Make();
  pipeline::v1::PipelineSpec spec;
  spec.set_output_dir((folder.path() / "out").string());
  spec.mutable_models()->set_student("no-such-model");
  spec.mutable_models()->set_embedder("no-such-model-either");
  EXPECT_EQ(Preflight(spec).code(), absl::StatusCode::kNotFound);
  ASSERT_TRUE(WriteFileAtomic(folder.path() / "file", "").ok());
  spec.set_output_dir((folder.path() / "file/out").string());
  EXPECT_EQ(Preflight(spec).code(), absl::StatusCode::kFailedPrecondition);
}

TEST(Preflight, FindsPostgresWhereTheServicesDo) {
  const TempFolder folder = *TempFolder::Make();
  for (const char* program : {"initdb", "pg_ctl"}) {
    ASSERT_TRUE(WriteFileAtomic(folder.path() / program, "#!/bin/sh\n").ok());
    chmod((folder.path() / program).c_str(), 0755);
  }
  setenv("FOUNDRY_POSTGRES_BIN", folder.path().c_str(), 1);
  setenv("FOUNDRY_HOME", (folder.path() / "state").c_str(), 1);
  std::string found;
  for (const Check& check : CheckMachine()) {
    if (check.name == "PostgreSQL" && check.ok) found = check.detail;
  }
  EXPECT_EQ(found, folder.path().string());
  unsetenv("FOUNDRY_POSTGRES_BIN");
  unsetenv("FOUNDRY_HOME");
}

}  // namespace
}  // namespace foundry::cli
