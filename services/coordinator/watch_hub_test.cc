#include "services/coordinator/watch_hub.h"

#include <atomic>
#include <thread>

#include "gmock/gmock.h"
#include "services/coordinator/state.h"
#include "services/coordinator/store_fixture.h"

namespace foundry::coordinator {
namespace {

using ::testing::ElementsAre;

// A client that takes one message at a time, when the test lets it.
class Client : public WatchHub::Stream {
 public:
  bool TryWrite(std::shared_ptr<const v1::WatchJobResponse> message) override {
    std::lock_guard lock(mutex_);
    if (busy_ || over_) return false;
    busy_ = true;
    if (message->has_event()) {
      events_.push_back(message->event().event_id());
    } else {
      ++snapshots_;
      last_state_ = message->snapshot().state();
    }
    return true;
  }
  bool Over() const override {
    std::lock_guard lock(mutex_);
    return over_;
  }
  void Finish(absl::Status status) override {
    std::lock_guard lock(mutex_);
    EXPECT_FALSE(end_.has_value()) << "finished twice";
    end_ = std::move(status);
  }

  // Takes what is on its way, as gRPC's OnWriteDone does.
  void Take() {
    {
      std::lock_guard lock(mutex_);
      if (!busy_) return;
      busy_ = false;
    }
    moved();
  }
  void GoAway() {
    {
      std::lock_guard lock(mutex_);
      over_ = true;
    }
    moved();
  }
  std::optional<absl::Status> end() const {
    std::lock_guard lock(mutex_);
    return end_;
  }
  std::vector<int64_t> events() const {
    std::lock_guard lock(mutex_);
    return events_;
  }
  int snapshots() const {
    std::lock_guard lock(mutex_);
    return snapshots_;
  }
  State last_state() const {
    std::lock_guard lock(mutex_);
    return last_state_;
  }
  std::function<void()> moved;

 private:
  mutable std::mutex mutex_;
  bool busy_ = false, over_ = false;
  std::vector<int64_t> events_;
  int snapshots_ = 0;
  State last_state_ = v1::STATE_UNSPECIFIED;
  std::optional<absl::Status> end_;
};

class WatchHubTest : public StoreFixture {
 protected:
  WatchHubTest() {
    options_.on_job_changed = [this](const std::string& job) {
      if (WatchHub* hub = hub_) hub->Changed(job);
    };
  }
  ~WatchHubTest() override {
    hub_ = nullptr;
    owned_.reset();
  }
  WatchHub& Hub(const WatchHub::Options& options) {
    owned_ = std::make_unique<WatchHub>(&store(), options);
    hub_ = owned_.get();
    return *owned_;
  }
  std::shared_ptr<Client> Watch(const std::string& job, int64_t after = 0) {
    auto client = std::make_shared<Client>();
    client->moved = hub_.load()->Watch(job, after, client);
    return client;
  }
  // Every client takes its messages until all have ended.
  static void RunToEnd(const std::vector<std::shared_ptr<Client>>& clients) {
    const absl::Time give_up = absl::Now() + absl::Seconds(60);
    for (bool open = true; open && absl::Now() < give_up;) {
      open = false;
      for (const auto& client : clients) {
        client->Take();
        open |= !client->end().has_value();
      }
    }
    for (const auto& client : clients) ASSERT_TRUE(client->end().has_value());
  }
  std::vector<int64_t> NumbersFrom(const std::string& job, int64_t first) {
    std::vector<int64_t> numbers;
    for (int64_t n = first; n <= Get(job).last_event_id(); ++n) numbers.push_back(n);
    return numbers;
  }

  std::atomic<WatchHub*> hub_{nullptr};
  std::unique_ptr<WatchHub> owned_;
};

const WatchHub::Options kQuick = {.least_period = absl::Milliseconds(1),
                                  .period = absl::Milliseconds(50)};

TEST_F(WatchHubTest, ManyStreamsGetEveryEventInOrderAndEndWithTheJob) {
  const std::string job = Create("r1", SmallSpec());
  Hub(kQuick);
  std::vector<std::shared_ptr<Client>> clients;
  for (int i = 0; i < 2000; ++i) clients.push_back(Watch(job));
  std::thread work([&] { RunAll(); });
  RunToEnd(clients);
  work.join();
  const auto all = NumbersFrom(job, 1);
  for (const auto& client : clients) {
    EXPECT_TRUE(client->end()->ok()) << *client->end();
    EXPECT_EQ(client->events(), all);
    EXPECT_GE(client->snapshots(), 1);
    EXPECT_EQ(client->last_state(), v1::STATE_SUCCEEDED);
  }
}

TEST_F(WatchHubTest, ResumedStreamsGoOnAfterTheirNumber) {
  const std::string job = Create("r1", SmallSpec());
  RunAll();
  Hub(kQuick);
  const auto client = Watch(job, 4), ended = Watch(job, Get(job).last_event_id());
  RunToEnd({client, ended});
  EXPECT_EQ(client->events(), NumbersFrom(job, 5));
  EXPECT_THAT(ended->events(), ElementsAre());
  EXPECT_EQ(ended->snapshots(), 1);
}

TEST_F(WatchHubTest, WhoIsBehindWhatIsKeptReadsItFromTheDatabase) {
  const std::string job = Create("r1", SmallSpec());
  RunAll();
  WatchHub::Options options = kQuick;
  options.recent_events = 3;
  options.catch_up = 2;
  Hub(options);
  const auto client = Watch(job);
  RunToEnd({client});
  EXPECT_EQ(client->events(), NumbersFrom(job, 1));
}

TEST_F(WatchHubTest, ASlowClientSkipsSnapshotsButNoEvents) {
  const std::string job = Create("r1", SmallSpec());
  Hub(kQuick);
  const auto slow = Watch(job);
  std::vector<std::shared_ptr<Client>> quick = {Watch(job)};
  std::thread work([&] { RunAll(); });
  RunToEnd(quick);
  work.join();
  EXPECT_LE(slow->snapshots() + static_cast<int>(slow->events().size()), 1);
  RunToEnd({slow});
  EXPECT_LE(slow->snapshots(), 2);
  EXPECT_EQ(slow->events(), NumbersFrom(job, 1));
}

TEST_F(WatchHubTest, EndsThatAreNotTheJobs) {
  const std::string job = Create("r1", SmallSpec());
  WatchHub& hub = Hub(kQuick);
  const auto unknown = Watch("nope"), gone = Watch(job), waiting = Watch(job);
  RunToEnd({unknown});
  EXPECT_TRUE(absl::IsNotFound(*unknown->end()));
  gone->GoAway();
  EXPECT_TRUE(absl::IsCancelled(*gone->end()));
  EXPECT_FALSE(waiting->end().has_value());
  hub.Drain();
  EXPECT_TRUE(absl::IsUnavailable(*waiting->end()));
  EXPECT_TRUE(absl::IsUnavailable(*Watch(job)->end()));
}

}  // namespace
}  // namespace foundry::coordinator
