#include "common/base/files.h"

#include <atomic>
#include <fstream>
#include <thread>

#include "absl/strings/str_cat.h"
#include "common/base/hash.h"
#include "common/base/reveal.h"
#include "gtest/gtest.h"

namespace foundry {
namespace {

namespace fs = std::filesystem;

class FilesTest : public ::testing::Test {
 protected:
  void Write(const std::string& name, const std::string& content) {
    const absl::Status written = WriteFileAtomic(Path(name), content);
    ASSERT_TRUE(written.ok()) << written;
  }
  std::string Read(const std::string& name) {
    const auto content = ReadFile(Path(name));
    return content.ok() ? *content : content.status().ToString();
  }
  fs::path Path(const std::string& name) const { return folder_.path() / name; }
  int Entries() const {
    return static_cast<int>(std::distance(fs::directory_iterator(folder_.path()), {}));
  }

  TempFolder folder_ = *TempFolder::Make();
};

TEST_F(FilesTest, ReadsWhatIsThere) {
  for (const size_t size : {0, 1, 4095, 4096, 4097, 300'000}) {
    std::string content(size, 'x');
    if (size > 2) content[size / 2] = '\0';
    Write("file", content);
    EXPECT_TRUE(Read("file") == content) << size;
  }
  EXPECT_GT(ReadFile("/proc/self/status")->size(), 100u);  // says it is empty
}

// A disk that fails is no short file, and what may not be looked at isn't missing.
TEST_F(FilesTest, ReadErrorsAreErrors) {
  EXPECT_FALSE(ReadFile("/proc/self/mem").ok());
  EXPECT_EQ(ReadFile(Path("none")).status().code(), absl::StatusCode::kNotFound);
  Write("file", "x");
  EXPECT_EQ(ReadFile(Path("file/none")).status().code(), absl::StatusCode::kNotFound);
  EXPECT_EQ(ReadFile(folder_.path()).status().code(), absl::StatusCode::kInvalidArgument);
  fs::create_symlink("loop", Path("loop"));
  for (const absl::Status& status :
       {ReadFile(Path("loop")).status(), Sha256HexOfFile(Path("loop")).status()}) {
    EXPECT_NE(status.code(), absl::StatusCode::kNotFound) << status;
    EXPECT_NE(status.code(), absl::StatusCode::kOk);
  }
}

TEST_F(FilesTest, LongestNamesCanBeWritten) {
  const std::string name(255, 'n');
  Write(name, "x");
  EXPECT_EQ(Read(name), "x");
}

TEST_F(FilesTest, RenameReplacesAnything) {
  for (const bool from_folder : {false, true}) {
    for (const bool to_folder : {false, true}) {
      Write(from_folder ? "from/inner" : "from", "new");
      Write(to_folder ? "to/other" : "to", "old");
      const absl::Status renamed = RenameDurably(Path("from"), Path("to"));
      EXPECT_TRUE(renamed.ok()) << renamed;
      EXPECT_EQ(Read(from_folder ? "to/inner" : "to"), "new");
      EXPECT_EQ(Entries(), 1);
      fs::remove_all(Path("to"));
    }
  }
  Write("to/other", "old");
  EXPECT_FALSE(RenameDurably(Path("none"), Path("to")).ok());
  EXPECT_EQ(Read("to/other"), "old");
}

// Somebody who looks, or a kill, at any moment finds the old or the new.
TEST_F(FilesTest, AReplacedFolderIsNeverAway) {
  Write("to/file", "0");
  std::atomic<bool> over = false;
  int away = 0;
  std::thread reader([&] {
    while (!over) away += !fs::exists(Path("to"));
  });
  for (int i = 0; i < 300; ++i) {
    Write("from/file", absl::StrCat(i));
    ASSERT_TRUE(RenameDurably(Path("from"), Path("to")).ok());
  }
  over = true;
  reader.join();
  EXPECT_EQ(away, 0);
}

TEST_F(FilesTest, RevealingLeavesTheRestAlone) {
  Write("from/a", "new");
  Write("from/b/inner", "new");
  Write("to/b/gone", "old");
  Write("to/mine", "kept");
  ASSERT_TRUE(RevealEntries(Path("from"), Path("to")).ok());
  EXPECT_EQ(Read("to/a"), "new");
  EXPECT_EQ(Read("to/b/inner"), "new");
  EXPECT_FALSE(fs::exists(Path("to/b/gone")));
  EXPECT_EQ(Read("to/mine"), "kept");
}

}  // namespace
}  // namespace foundry
