// A training whose ranks run on two trainer processes, all real: the same as on one, and whatever
// is killed, the same losses in the end.
#include <signal.h>

#include <cstdlib>
#include <fstream>
#include <map>

#include "absl/strings/match.h"
#include "absl/strings/str_format.h"
#include "absl/strings/str_split.h"
#include "common/base/files.h"
#include "common/base/json.h"
#include "common/testing/cluster.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace foundry {
namespace {

namespace v1 = coordinator::v1;
namespace fs = std::filesystem;
using testing::ChildProcess;
using testing::Cluster;
using ::testing::HasSubstr;

constexpr absl::Duration kLong = absl::Seconds(150);
constexpr char kMissing[] = "needs 2 devices, workers of stage trainer offer 1";

class GangTest : public ::testing::Test {
 protected:
  GangTest() : cluster_({"--lease-seconds=4"}) {
    // As many for each rank wherever it runs: sums are the same then, bit for bit.
    setenv("OMP_NUM_THREADS", "1", 1);
    MakeStudent();
    Json pairs = Json::array();
    for (int i = 0; i < 24; ++i) {
      pairs.push_back({{"input", absl::StrCat("What is ", i * 37, "?")},
                       {"target", absl::StrCat("It is ", i * 91)},
                       {"split", "train"}});
    }
    pairs_ = DumpJson(pairs);
  }

  // The tiny model, with a tokenizer of bytes.
  void MakeStudent() {
    const fs::path folder = cluster_.folder() / "student";
    fs::create_directories(folder);
    const fs::path source =
        fs::path(std::getenv("FOUNDRY_SOURCE_DIR")) / "tests/data/goldens/tiny/llama";
    for (const char* file : {"config.json", "model.safetensors"}) {
      fs::copy(source / file, folder / file);
    }
    Json vocab, added = Json::array();
    for (const char* token : {"<unk>", "<s>", "</s>", "<|im_start|>", "<|im_end|>"}) {
      const int id = static_cast<int>(added.size());
      vocab[token] = id;
      added.push_back({{"id", id},
                       {"content", token},
                       {"single_word", false},
                       {"lstrip", false},
                       {"rstrip", false},
                       {"normalized", false},
                       {"special", true}});
    }
    for (int byte = 0; byte < 256; ++byte) vocab[absl::StrFormat("<0x%02X>", byte)] = 5 + byte;
    Json tokenizer = {{"version", "1.0"},      {"added_tokens", added},
                      {"normalizer", nullptr}, {"pre_tokenizer", nullptr},
                      {"decoder", nullptr},    {"post_processor", nullptr}};
    tokenizer["decoder"] = {{"type", "ByteFallback"}};
    tokenizer["model"] = {{"type", "BPE"},    {"unk_token", "<unk>"},
                          {"fuse_unk", true}, {"byte_fallback", true},
                          {"vocab", vocab},   {"merges", Json::array()}};
    EXPECT_TRUE(WriteJsonFile(folder / "tokenizer.json", tokenizer).ok());
    EXPECT_TRUE(WriteJsonFile(folder / "tokenizer_config.json",
                              {{"bos_token", "<s>"},
                               {"eos_token", "<|im_end|>"},
                               {"unk_token", "<unk>"},
                               {"chat_template",
                                "{% for message in messages %}{{'<|im_start|>' + message['role'] + "
                                "'\n' + message['content'] + '<|im_end|>\n'}}{% endfor %}"
                                "{% if add_generation_prompt %}{{ '<|im_start|>assistant\n' }}"
                                "{% endif %}"}})
                    .ok());
  }

  // Starts a job of 6 steps an epoch, all of them checkpoints.
  std::string Train(const std::string& output, int epochs, const std::string& devices) {
    // The same pairs in another file: the output of an earlier job does not serve.
    const std::string file = absl::StrCat("pairs-", output, ".json");
    std::ofstream(cluster_.folder() / file) << pairs_ << std::string(output.size(), '\n');
    return cluster_.CreateJob(absl::StrCat(
        "name: ", output, "\ninputs: {teacher_pairs: ", file, "}\nsteps: [distillation]\n",
        "output_dir: ", output, "\nuse_gpu: \"false\"\n",
        "models: {student: ", (cluster_.folder() / "student").string(), ", soft_teacher: none}\n",
        "distillation: {", devices, ", epochs: ", epochs,
        ", batch_size: 4, checkpoint_every: 1, replay_share: 0, passage_items: false, "
        "max_length: 128, learning_rate: 0.002, soft_target_weight: 0, lora: {rank: 4}}\n"));
  }
  std::unique_ptr<ChildProcess> StartNode(const std::string& name, int devices = 1) {
    return cluster_.StartNode(name, testing::BuiltProgram("foundry-trainer"),
                              {absl::StrCat("--devices=", devices), "--state-seconds=0"});
  }
  v1::Task TaskOf(const std::string& job) {
    const v1::Job now = cluster_.GetJob(job);
    for (const v1::Step& step : now.steps()) {
      for (const v1::Task& task : step.tasks()) return task;
    }
    return {};
  }
  // Waits until the training under way has done so many steps.
  v1::Task WaitForStep(const std::string& job, int64_t step) {
    const absl::Time end = absl::Now() + kLong;
    for (v1::Task task; absl::Now() < end; absl::SleepFor(absl::Milliseconds(50))) {
      task = TaskOf(job);
      if (task.state() == v1::STATE_RUNNING && task.progress().done() >= step) return task;
      if (cluster_.GetJob(job).state() > v1::STATE_RUNNING) break;
    }
    ADD_FAILURE() << "step " << step << " does not come: " << cluster_.GetJob(job).DebugString();
    return {};
  }
  // Every event's message, after the job succeeded.
  std::string Finish(const std::string& job) {
    std::string messages;
    for (const v1::Event& event : cluster_.WatchToEnd(job, kLong)) {
      absl::StrAppend(&messages, event.message(), "\n");
    }
    EXPECT_EQ(cluster_.GetJob(job).state(), v1::STATE_SUCCEEDED) << messages;
    return messages;
  }
  // The loss of each step.
  std::map<int64_t, double> Losses(const std::string& output) {
    std::map<int64_t, double> losses;
    for (const auto& entry : fs::recursive_directory_iterator(cluster_.folder() / output)) {
      if (entry.path().filename() != "metrics.jsonl") continue;
      const std::string text = *ReadFile(entry.path());
      for (absl::string_view line : absl::StrSplit(text, '\n', absl::SkipEmpty())) {
        const Json json = *ParseJson(line, output);
        if (!json.contains("loss")) continue;
        EXPECT_TRUE(losses.emplace(json["step"].get<int64_t>(), json["loss"].get<double>()).second)
            << "a step that is there twice";
      }
    }
    return losses;
  }
  // Who runs rank 0, by what its log says of its id.
  static bool Leads(const ChildProcess& node, const v1::Task& task) {
    return node.Log().find(task.worker_id()) != std::string::npos;
  }

  Cluster cluster_;
  std::string pairs_;
};

TEST_F(GangTest, TwoWorkersTrainAsOneDoesAndWhateverIsKilledChangesNothing) {
  auto whole = StartNode("whole", 2);
  Finish(Train("one", 40, "devices: 1"));
  Finish(Train("local", 40, "devices: 2, min_devices: 2"));
  whole->Signal(SIGTERM);
  EXPECT_EQ(whole->Wait(kLong), 0) << whole->Log();
  const std::map<int64_t, double> expected = Losses("local");
  ASSERT_EQ(expected.size(), 240u);
  for (const auto& [step, loss] : Losses("one")) {
    if (step > 48) break;  // the roundings of half precision add up
    EXPECT_NEAR(loss, expected.at(step), 0.01 * expected.at(step)) << "step " << step;
  }

  std::map<std::string, std::unique_ptr<ChildProcess>> nodes;
  nodes["a"] = StartNode("a");
  const std::string job = Train("gang", 40, "devices: 2, min_devices: 2");
  const absl::Time gathers = absl::Now() + kLong;
  while (!absl::StartsWith(TaskOf(job).reason(), kMissing) && absl::Now() < gathers) {
    absl::SleepFor(absl::Milliseconds(20));
  }
  EXPECT_THAT(TaskOf(job).reason(), HasSubstr(kMissing));
  nodes["b"] = StartNode("b");
  v1::Task task = WaitForStep(job, 10);
  const auto kill_one = [&](bool leader) {
    for (auto& [name, node] : nodes) {
      if (Leads(*node, task) != leader) continue;
      node->Signal(SIGKILL);
      node->Wait(kLong);
      nodes.erase(name);
      return;
    }
    ADD_FAILURE() << "no such node";
  };
  kill_one(/*leader=*/false);
  nodes["c"] = StartNode("c");
  task = WaitForStep(job, static_cast<int64_t>(task.progress().done()) + 20);
  EXPECT_GE(task.attempt(), 2);
  // With the leader its folder is gone: another one goes on from what it stored.
  const int attempts = task.attempt();
  kill_one(/*leader=*/true);
  nodes["d"] = StartNode("d");
  task = WaitForStep(job, static_cast<int64_t>(task.progress().done()) + 20);
  EXPECT_GT(task.attempt(), attempts);
  // Nobody notices that the coordinator is another one.
  cluster_.coordinator().Signal(SIGKILL);
  cluster_.coordinator().Wait(kLong);
  cluster_.StartCoordinator();
  const std::string messages = Finish(job);
  EXPECT_THAT(messages, HasSubstr("training with 2 ranks, 1 of them on this worker"));
  EXPECT_THAT(messages, HasSubstr("resuming after step"));
  EXPECT_EQ(Losses("gang"), expected) << messages;
}

TEST_F(GangTest, ADrainedWorkerIsReplacedByFewerRanksWhereTheSpecAllowsIt) {
  auto a = StartNode("a"), b = StartNode("b");
  const std::string job = Train("fewer", 40, "devices: 2, min_devices: 1");
  const v1::Task task = WaitForStep(job, 10);
  ChildProcess& leaves = Leads(*a, task) ? *b : *a;
  leaves.Signal(SIGTERM);
  EXPECT_EQ(leaves.Wait(kLong), 0) << leaves.Log();
  EXPECT_THAT(leaves.Log(), HasSubstr("task released"));
  const std::string messages = Finish(job);
  EXPECT_THAT(messages, HasSubstr("of the gang gave its seat back"));
  EXPECT_THAT(messages, Not(HasSubstr("failed"))) << "a drain counts as no attempt";
  EXPECT_THAT(messages, HasSubstr("resuming after step"));
  EXPECT_EQ(Losses("fewer").size(), 240u);
}

TEST_F(GangTest, CancellationEndsEveryRank) {
  auto a = StartNode("a"), b = StartNode("b");
  const std::string job = Train("cancelled", 1000, "devices: 2, min_devices: 2");
  WaitForStep(job, 5);
  cluster_.CancelJob(job);
  cluster_.WatchToEnd(job, kLong);
  EXPECT_EQ(cluster_.GetJob(job).state(), v1::STATE_CANCELLED);
  for (ChildProcess* node : {a.get(), b.get()}) {
    EXPECT_TRUE(node->WaitForLog("task released", kLong)) << node->Log();
  }
}

}  // namespace
}  // namespace foundry
