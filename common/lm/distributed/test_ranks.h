// Ranks for tests.
#pragma once

#include <functional>
#include <future>
#include <string>
#include <thread>
#include <vector>

#include "common/lm/distributed/rank_group.h"

namespace foundry::lm::testing {

// Ranks as threads: what they exchange is the same as between processes.
inline std::vector<absl::Status> RunRanks(int size,
                                          const std::function<absl::Status(RankGroup&)>& body,
                                          absl::Duration timeout = absl::Seconds(20)) {
  std::promise<std::string> listening;
  std::shared_future<std::string> address = listening.get_future().share();
  std::vector<absl::Status> results(size);
  std::vector<std::thread> threads;
  for (int rank = 0; rank < size; ++rank) {
    threads.emplace_back([&, rank] {
      RankGroupOptions options{.rank = rank, .size = size, .timeout = timeout};
      if (rank > 0) options.rendezvous = address.get();
      auto group =
          RankGroup::Join(options, [&](const std::string& at) { listening.set_value(at); });
      results[rank] = group.ok() ? body(**group) : group.status();
    });
  }
  for (std::thread& thread : threads) thread.join();
  return results;
}

}  // namespace foundry::lm::testing
