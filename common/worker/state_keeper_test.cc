#include "common/worker/state_keeper.h"

#include <fstream>
#include <future>

#include "absl/time/clock.h"
#include "common/base/files.h"
#include "common/storage/manifest.h"
#include "gtest/gtest.h"

namespace foundry::worker {
namespace {

namespace fs = std::filesystem;

class StateKeeperTest : public ::testing::Test {
 protected:
  fs::path State(const std::string& name) {
    fs::create_directories(folder_.path() / name);
    std::ofstream(folder_.path() / name / "state") << name;
    return folder_.path() / name;
  }
  TempFolder folder_ = *TempFolder::Make();
  std::unique_ptr<storage::ArtifactStore> store_ =
      *storage::OpenStore((folder_.path() / "store").string());
};

TEST_F(StateKeeperTest, StoresAndRemovesAndLeavesOutWhatComesTooSoon) {
  std::promise<std::string> stored;
  const fs::path first = State("first"), second = State("second");
  {
    StateKeeper keeper(store_.get(), absl::Hours(1), [&](const std::string& manifest) {
      stored.set_value(manifest);  // a second time would throw
      return absl::OkStatus();
    });
    keeper.Keep(first);
    const auto manifest = storage::GetManifest(stored.get_future().get(), store_.get());
    ASSERT_TRUE(manifest.ok()) << manifest.status();
    EXPECT_EQ(*store_->GetBytes(manifest->artifacts(0).sha256()), "first");
    keeper.Keep(second);
    EXPECT_FALSE(fs::exists(second));
  }
  EXPECT_FALSE(fs::exists(first));
}

TEST_F(StateKeeperTest, OfThoseThatWaitTheNewestIsStored) {
  std::promise<void> entered, go;
  std::vector<std::string> stored;
  {
    StateKeeper keeper(store_.get(), absl::ZeroDuration(), [&](const std::string& manifest) {
      stored.push_back(manifest);
      if (stored.size() == 1) {
        entered.set_value();
        go.get_future().wait();
      }
      return absl::UnavailableError("told, and gone on from");
    });
    keeper.Keep(State("1"));
    entered.get_future().wait();
    for (const char* name : {"2", "3", "4"}) keeper.Keep(State(name));
    EXPECT_FALSE(fs::exists(folder_.path() / "3"));
    EXPECT_TRUE(fs::exists(folder_.path() / "4"));
    go.set_value();
    while (fs::exists(folder_.path() / "4")) absl::SleepFor(absl::Milliseconds(1));
  }
  ASSERT_EQ(stored.size(), 2u);
  const auto manifest = storage::GetManifest(stored[1], store_.get());
  EXPECT_EQ(*store_->GetBytes(manifest->artifacts(0).sha256()), "4");
}

TEST_F(StateKeeperTest, AnOutageIsToldOnceWhenItBeginsAndWhenItEnds) {
  ::testing::internal::CaptureStderr();
  int tries = 0;
  for (const char* name : {"1", "2", "3", "4", "5"}) State(name);
  {
    std::promise<void> tried[5];
    StateKeeper keeper(store_.get(), absl::ZeroDuration(), [&](const std::string&) {
      tried[tries].set_value();
      return ++tries == 2 || tries == 3 ? absl::UnavailableError("away") : absl::OkStatus();
    });
    for (const char* name : {"1", "2", "3", "4", "5"}) {
      const int before = *name - '1';
      keeper.Keep(folder_.path() / name);
      tried[before].get_future().wait();
    }
  }
  const std::string log = ::testing::internal::GetCapturedStderr();
  const auto count = [&log](const std::string& text) {
    int found = 0;
    for (size_t at = log.find(text); at != log.npos; at = log.find(text, at + 1)) ++found;
    return found;
  };
  EXPECT_EQ(count("states are not stored for now"), 1) << log;
  EXPECT_EQ(count("states are stored again"), 1) << log;
}

}  // namespace
}  // namespace foundry::worker
