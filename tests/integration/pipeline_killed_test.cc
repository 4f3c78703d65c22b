// The promise of the job model on a real pipeline: whichever process is killed at whichever
// instant, the job ends with the same files as without, and no result is recorded twice.
#include <signal.h>

#include <algorithm>
#include <cstdlib>
#include <fstream>
#include <map>
#include <random>

#include "absl/strings/str_cat.h"
#include "common/base/ids.h"
#include "common/testing/cluster.h"
#include "gtest/gtest.h"

namespace foundry {
namespace {

namespace v1 = coordinator::v1;
namespace fs = std::filesystem;
using testing::ChildProcess;
using testing::Cluster;

constexpr absl::Duration kLong = absl::Minutes(5);

constexpr char kExtracts[] = R"([
 {"url": "file:///bridges.txt", "text": "The Halden Bridge was opened in 1931. It was designed by Ingrid Solberg, an engineer from Bergen. The bridge is 412 metres long and carries two railway tracks. It replaced a wooden crossing that burned down in 1927. The city of Halden paid for the bridge with a toll that ended in 1958."},
 {"url": "file:///rivers.txt", "text": "The river Orva rises in the Tarn Hills and flows for 230 kilometres to the sea at Port Ellis. Its largest tributary is the Semmel, which joins it below Karlsheim. Floods in 1954 destroyed four mills on the lower Orva. A dam built by the Orva Water Board in 1961 now regulates the flow."},
 {"url": "file:///observatory.txt", "text": "The Mount Kessel Observatory stands 2140 metres above the sea. Its main telescope has a mirror of 1.8 metres. Marta Lindqvist directed the observatory from 1972 to 1990 and discovered eleven comets there. The observatory is open to visitors on the first Friday of every month."},
 {"url": "file:///library.txt", "text": "The Arvid Library holds 640000 volumes. It was founded by the merchant Jonas Arvid in 1788. The reading room was rebuilt after the fire of 1902 by the architect Clara Voss. The library lends about 90000 books a year and employs 34 people."}
])";

class PipelineKilledTest : public ::testing::Test {
 protected:
  void SetUp() override {
    const char* source = std::getenv("FOUNDRY_SOURCE_DIR");
    const char* models = std::getenv("FOUNDRY_MODELS");
    if (models == nullptr) {
      const fs::path beside = fs::path(source == nullptr ? "." : source) / "models";
      if (!fs::exists(beside)) GTEST_SKIP() << beside << " is missing: run tools/setup.sh";
      setenv("FOUNDRY_MODELS", beside.c_str(), 1);
    }
    cluster_ = std::make_unique<Cluster>(std::vector<std::string>{"--lease-seconds=3"});
    std::ofstream(cluster_->folder() / "extracts.json") << kExtracts;
  }
  void StartNode() { node_ = cluster_->StartNode("node", testing::BuiltProgram("foundry-node")); }

  std::string CreateJob(const std::string& output, int seed) {
    // Another seed makes another fingerprint: nothing of the first run is used again.
    return cluster_->CreateJob(
        absl::StrCat("profile: smoke\nsources: [{json: extracts.json}]\n"
                     "steps: [extraction, enrichment, teacher]\nextraction: {shards: 2}\n"
                     "teacher: {shards: 2, pairs_per_document: 12}\nseed: ",
                     seed, "\noutput_dir: ", output, "\n"));
  }
  // Contents of the files that the user sees.
  std::map<std::string, std::string> Outputs(const std::string& output) {
    std::map<std::string, std::string> files;
    for (const char* name : {"enriched_data.json", "teacher_pairs.json", "documents.jsonl"}) {
      files[name] = ReadFile(cluster_->folder() / output / name).value_or("missing");
    }
    return files;
  }
  void ExpectEachTaskOnce(const std::vector<v1::Event>& events) {
    std::map<std::string, int> successes;
    for (const v1::Event& event : events) {
      if (event.state() == v1::STATE_SUCCEEDED && !event.task_key().empty()) {
        ++successes[absl::StrCat(event.step(), "/", event.task_key())];
      }
    }
    EXPECT_GE(successes.size(), 7u);
    for (const auto& [task, count] : successes) EXPECT_EQ(count, 1) << task;
  }

  std::unique_ptr<Cluster> cluster_;
  std::unique_ptr<ChildProcess> node_;
};

TEST_F(PipelineKilledTest, AnyProcessMayDieAtAnyInstant) {
  StartNode();
  const absl::Time start = absl::Now();
  std::string job = CreateJob("quiet", 1);
  ExpectEachTaskOnce(cluster_->WatchToEnd(job, kLong));
  ASSERT_EQ(cluster_->GetJob(job).state(), v1::STATE_SUCCEEDED) << cluster_->GetJob(job).reason();
  const absl::Duration quiet = absl::Now() - start;
  const std::map<std::string, std::string> expected = Outputs("quiet");
  for (const auto& [name, content] : expected) EXPECT_GT(content.size(), 1000u) << name;

  // The same work on a cluster of its own, with the artifacts of nobody.
  cluster_ = std::make_unique<Cluster>(std::vector<std::string>{"--lease-seconds=3"});
  std::ofstream(cluster_->folder() / "extracts.json") << kExtracts;
  StartNode();
  const uint64_t seed = RandomSeed();
  RecordProperty("seed", std::to_string(seed));
  std::mt19937_64 random(seed);
  job = CreateJob("killed", 1);
  // Three crashes on one task would set it aside, so the node dies twice.
  std::vector<bool> nodes = {true, true, false, false};
  std::shuffle(nodes.begin(), nodes.end(), random);
  for (const bool node : nodes) {
    absl::SleepFor(quiet * std::uniform_real_distribution<>(0.02, 0.4)(random));
    ChildProcess& victim = node ? *node_ : cluster_->coordinator();
    victim.Signal(SIGKILL);
    victim.Wait(kLong);
    node ? StartNode() : cluster_->StartCoordinator();
  }
  ExpectEachTaskOnce(cluster_->WatchToEnd(job, kLong));
  const v1::Job ended = cluster_->GetJob(job);
  EXPECT_EQ(ended.state(), v1::STATE_SUCCEEDED) << "seed " << seed << ": " << ended.reason();
  EXPECT_EQ(Outputs("killed"), expected) << "seed " << seed;
}

}  // namespace
}  // namespace foundry
