#include "services/teacher/teacher_service.h"

#include <atomic>
#include <map>
#include <mutex>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "common/base/files.h"
#include "common/dataset/io.h"
#include "common/testing/http_server.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace foundry::teacher {
namespace {

using ::foundry::testing::HttpServer;
using ::foundry::testing::HttpServerRequest;
using ::foundry::testing::HttpServerResponse;
using ::testing::HasSubstr;

class FakeContext : public worker::TaskContext {
 public:
  FakeContext() : folder_(*TempFolder::Make()) {
    output_ = folder_.path() / "out";
    (void)MakeFolders(output_);
  }
  const CancelToken& cancel() const override { return cancel_; }
  absl::StatusOr<std::filesystem::path> Fetch(const worker::InputRef& input) override {
    return std::filesystem::path(input.path);
  }
  const std::filesystem::path& output() const override { return output_; }
  const std::filesystem::path& scratch() const override { return folder_.path(); }
  void Progress(const worker::TaskProgress&) override {}
  void Metric(const std::string&, int64_t, double) override {}
  void Message(const std::string&) override {}

  CancelToken cancel_;

 private:
  TempFolder folder_;
  std::filesystem::path output_;
};

constexpr char kText[] =
    "John Smeaton designed the third tower in 1756. The tower was built of granite blocks. The "
    "keepers lit the lamp every night because ships passed the reef.";

class TeacherStage : public ::testing::Test {
 protected:
  TeacherStage() : folder_(*TempFolder::Make()), stage_(MakeTeacherStage({})) {}

  std::string WriteDocuments(const std::vector<std::string>& texts) {
    std::vector<Json> rows;
    for (size_t i = 0; i < texts.size(); ++i) {
      rows.push_back({{"id", absl::StrCat("d", i)},
                      {"url", absl::StrCat("d", i, ".pdf")},
                      {"title", absl::StrCat("Tower ", i)},
                      {"text", texts[i]}});
    }
    const auto path = folder_.path() / "documents.jsonl";
    EXPECT_TRUE(dataset::WriteJsonLines(path, rows).ok());
    return path.string();
  }

  absl::StatusOr<worker::StageOutput> Run(const v1::GeneratePairsRequest& request,
                                          FakeContext& context) {
    worker::StageRequest wrapped;
    *wrapped.mutable_generate_pairs() = request;
    return stage_.handlers.at(worker::StageRequest::kGeneratePairs)(wrapped, context);
  }

  v1::GeneratePairsRequest Endpoint(const std::string& url) {
    v1::GeneratePairsRequest request;
    auto* teacher = request.add_teachers();
    teacher->set_model("big-model");
    teacher->set_endpoint(url);
    teacher->set_temperature(0);
    request.mutable_settings()->set_pairs_per_document(8);
    request.mutable_settings()->set_max_attempts(2);
    request.set_seed(7);
    return request;
  }

  TempFolder folder_;
  worker::Stage stage_;
};

HttpServerResponse Reply(const std::string& text) {
  const Json body = {{"choices", Json::array({{{"message", {{"content", text}}}}})}};
  return {200, {}, DumpJson(body)};
}

TEST_F(TeacherStage, ExtractsShardsAndJoinsThem) {
  const std::string path = WriteDocuments({kText, kText, kText, kText, kText});
  v1::GeneratePairsRequest join;
  std::vector<std::unique_ptr<FakeContext>> contexts;
  size_t parts_pairs = 0;
  for (int i = 0; i < 2; ++i) {
    v1::GeneratePairsRequest request;
    request.add_teachers()->set_model("extractive");
    request.mutable_documents()->set_path(path);
    request.mutable_shard()->set_index(i);
    request.mutable_shard()->set_count(2);
    contexts.push_back(std::make_unique<FakeContext>());
    const auto output = Run(request, *contexts.back());
    ASSERT_TRUE(output.ok()) << output.status();
    parts_pairs += output->counts.count("pairs") ? output->counts.at("pairs") : 0;
    join.add_parts()->set_path(contexts.back()->output().string());
  }
  FakeContext context;
  const auto output = Run(join, context);
  ASSERT_TRUE(output.ok()) << output.status();
  EXPECT_EQ(output->counts.at("pairs"), parts_pairs);
  const auto lines = dataset::ReadPairs(context.output() / "pairs.jsonl");
  const auto array = dataset::ReadPairs(context.output() / "teacher_pairs.json");
  ASSERT_TRUE(lines.ok() && array.ok());
  EXPECT_EQ(lines->size(), parts_pairs);
  EXPECT_EQ(array->size(), parts_pairs);
  int held_out = 0;
  for (const dataset::Pair& pair : *lines) {
    EXPECT_FALSE(pair.id.empty());
    held_out += pair.split != "train";
  }
  EXPECT_GT(held_out, 0);
}

TEST_F(TeacherStage, AsksAnEndpointAndFiltersWhatItSays) {
  std::atomic<int> calls{0};
  HttpServer server([&](const HttpServerRequest& request) {
    if (absl::StrContains(request.body, "Say OK.")) return Reply("OK");
    if (calls++ == 0) return Reply("I do not feel like it.");
    return Reply(
        "Question 1: Who designed the third tower?\nAnswer 1: John Smeaton designed it.\n"
        "Reasoning 1: The text says so.\n"
        "Question 2: Who paid for the tower?\nAnswer 2: The Bank of Wonderland paid.");
  });
  v1::GeneratePairsRequest request = Endpoint(server.url() + "/v1");
  request.mutable_documents()->set_path(WriteDocuments({kText}));
  FakeContext context;
  const auto output = Run(request, context);
  ASSERT_TRUE(output.ok()) << output.status();
  EXPECT_EQ(output->counts.at("retried_replies"), 1);
  EXPECT_GT(output->counts.at("unsupported"), 0);
  EXPECT_GT(output->counts.at("duplicate"), 0);
  const auto pairs = dataset::ReadPairs(context.output() / "pairs.jsonl");
  ASSERT_TRUE(pairs.ok());
  ASSERT_EQ(pairs->size(), 1);
  EXPECT_EQ(pairs->front().target, "John Smeaton designed it.");
  EXPECT_EQ(pairs->front().reasoning, "The text says so.");
  EXPECT_THAT(pairs->front().input, HasSubstr("Tower 0"));
  EXPECT_THAT(pairs->front().teacher, HasSubstr("big-model"));
}

TEST_F(TeacherStage, UnreadableRepliesAreCountedAndNothingIsAnError) {
  HttpServer server([&](const HttpServerRequest&) { return Reply("No."); });
  v1::GeneratePairsRequest request = Endpoint(server.url());
  request.mutable_documents()->set_path(WriteDocuments({kText}));
  FakeContext context;
  const auto output = Run(request, context);
  EXPECT_EQ(output.status().code(), absl::StatusCode::kFailedPrecondition);
  EXPECT_THAT(output.status().message(), HasSubstr("replies unreadable"));
}

TEST_F(TeacherStage, UnreachableEndpointFailsAtOnce) {
  std::string url;
  {
    HttpServer server([](const HttpServerRequest&) { return Reply(""); });
    url = server.url();
  }
  v1::GeneratePairsRequest request = Endpoint(url);
  request.add_teachers()->set_model("extractive");
  request.mutable_documents()->set_path(WriteDocuments({kText}));
  FakeContext context;
  const auto output = Run(request, context);
  EXPECT_EQ(output.status().code(), absl::StatusCode::kUnavailable);
  EXPECT_THAT(output.status().message(), HasSubstr(url));
}

TEST_F(TeacherStage, FillsEmptyTargetsWithEveryTeacher) {
  auto answer = [](const std::string& text) {
    return [text](const HttpServerRequest&) { return Reply(text); };
  };
  HttpServer one(answer("John Smeaton designed the third tower."));
  HttpServer two(answer("Answer: It was Smeaton."));
  std::vector<Json> rows = {{{"input", "Who designed it?"},
                             {"target", ""},
                             {"source", {{"document", "d"}, {"passage", kText}}}},
                            {{"input", "Of what is it built?"}, {"target", "Of granite."}}};
  const auto path = folder_.path() / "pairs.jsonl";
  ASSERT_TRUE(dataset::WriteJsonLines(path, rows).ok());
  v1::GeneratePairsRequest request = Endpoint(one.url());
  auto* second = request.add_teachers();
  second->set_model("other");
  second->set_endpoint(two.url());
  second->set_weight(0.5);
  request.mutable_pairs()->set_path(path.string());
  FakeContext context;
  const auto output = Run(request, context);
  ASSERT_TRUE(output.ok()) << output.status();
  EXPECT_EQ(output->counts.at("targets_filled"), 1);
  const auto pairs = dataset::ReadPairs(context.output() / "pairs.jsonl");
  ASSERT_TRUE(pairs.ok());
  ASSERT_EQ(pairs->size(), 3);
  EXPECT_EQ((*pairs)[0].target, "Of granite.");
  EXPECT_EQ((*pairs)[2].target, "It was Smeaton.");
  EXPECT_DOUBLE_EQ((*pairs)[2].weight, 0.5);

  v1::GeneratePairsRequest nobody;
  nobody.mutable_pairs()->set_path(path.string());
  FakeContext other;
  EXPECT_EQ(Run(nobody, other).status().code(), absl::StatusCode::kFailedPrecondition);
}

TEST_F(TeacherStage, FilledPairsWithoutSplitsGetThem) {
  HttpServer server([](const HttpServerRequest&) { return Reply("Of granite."); });
  std::vector<Json> rows = {{{"input", "Of what is it built?"}, {"target", ""}}};
  for (int i = 0; i < 60; ++i) {
    rows.push_back({{"input", absl::StrCat("Question ", i, "?")}, {"target", "An answer."}});
  }
  const auto path = folder_.path() / "pairs.jsonl";
  ASSERT_TRUE(dataset::WriteJsonLines(path, rows).ok());
  v1::GeneratePairsRequest request = Endpoint(server.url());
  request.mutable_pairs()->set_path(path.string());
  FakeContext context;
  ASSERT_TRUE(Run(request, context).ok());
  std::map<std::string, int> splits;
  for (const auto& pair : *dataset::ReadPairs(context.output() / "pairs.jsonl"))
    ++splits[pair.split];
  EXPECT_GT(splits["dev"], 0);
  EXPECT_GT(splits["test"], 0);
  EXPECT_GT(splits["train"], 40);
  EXPECT_EQ(splits.count(""), 0u);
}

TEST_F(TeacherStage, CancelStops) {
  v1::GeneratePairsRequest request;
  request.mutable_documents()->set_path(WriteDocuments({kText}));
  FakeContext context;
  context.cancel_.Cancel("cancelled by the user");
  EXPECT_TRUE(absl::IsCancelled(Run(request, context).status()));
}

}  // namespace
}  // namespace foundry::teacher
