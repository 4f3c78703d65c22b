#include "tools/foundry/local/state_folder.h"

#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cstdlib>

#include "common/base/files.h"

namespace foundry::cli {
namespace {

mode_t ModeOf(const std::filesystem::path& path) {
  struct stat info {};
  EXPECT_EQ(stat(path.c_str(), &info), 0);
  return info.st_mode & 0777;
}

TEST(StateFolder, OthersCannotLookInside) {
  const TempFolder folder = *TempFolder::Make();
  const std::filesystem::path root = folder.path() / "deep/state";
  setenv("FOUNDRY_HOME", root.c_str(), 1);
  const auto state = OpenStateFolder();
  ASSERT_TRUE(state.ok()) << state.status();
  EXPECT_EQ(ModeOf(root), geteuid() == 0 ? 0711 : 0700);
  // A folder that was there is the user's.
  chmod(root.c_str(), 0750);
  ASSERT_TRUE(OpenStateFolder().ok());
  EXPECT_EQ(ModeOf(root), 0750);
  unsetenv("FOUNDRY_HOME");
}

}  // namespace
}  // namespace foundry::cli
