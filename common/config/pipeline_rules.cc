#include "common/config/pipeline_rules.h"

#include <algorithm>
#include <filesystem>
#include <set>
#include <string>
#include <vector>

#include "absl/algorithm/container.h"
#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/strip.h"
#include "absl/time/civil_time.h"
#include "common/config/settings.h"

namespace foundry::config {
namespace {

using pipeline::v1::Evaluation;
using pipeline::v1::PipelineSpec;
using pipeline::v1::Source;
using pipeline::v1::Teacher;

bool IsHttp(absl::string_view text) {
  return absl::StartsWith(text, "http://") || absl::StartsWith(text, "https://");
}

// Exactly one of `kinds` (fields of text) must be set.
void CheckOneKind(const google::protobuf::Message& message, const std::vector<std::string>& kinds,
                  const std::string& path, Problems* problems) {
  std::vector<std::string> set;
  for (const std::string& kind : kinds) {
    const auto* field = message.GetDescriptor()->FindFieldByName(kind);
    if (message.GetReflection()->HasField(message, field)) set.push_back(kind);
  }
  if (set.size() == 1) return;
  problems->Add(path, set.empty() ? absl::StrCat("needs one of ", absl::StrJoin(kinds, ", "))
                                  : absl::StrCat("has ", absl::StrJoin(set, " and "),
                                                 "; give each an entry of its own"));
}

void CheckSource(const Source& source, const std::string& path, Problems* problems) {
  CheckOneKind(source, {"pdf", "huggingface", "cve", "json"}, path, problems);
  const auto only_with = [&](bool set, bool kind, absl::string_view name, absl::string_view needs) {
    if (set && !kind) {
      problems->Add(JoinPath(path, name), absl::StrCat("only goes with a ", needs, " source"));
    }
  };
  only_with(source.has_password(), source.has_pdf(), "password", "pdf");
  only_with(source.has_split(), source.has_huggingface(), "split", "huggingface");
  only_with(source.text_fields_size() > 0, source.has_huggingface(), "text_fields", "huggingface");
  only_with(source.has_published_after(), source.has_cve(), "published_after", "cve");
  absl::CivilDay day;
  if (source.has_published_after() && (source.published_after().size() != 10 ||
                                       !absl::ParseCivilTime(source.published_after(), &day))) {
    problems->Add(
        JoinPath(path, "published_after"),
        absl::StrCat("must be a date YYYY-MM-DD, got \"", source.published_after(), "\""));
  }
}

void CheckTeacher(const Teacher& teacher, const std::string& path, Problems* problems) {
  if (teacher.has_endpoint() && !IsHttp(teacher.endpoint())) {
    problems->Add(JoinPath(path, "endpoint"), "must be an http:// or https:// address");
  }
  if (teacher.has_endpoint() && teacher.model() == "extractive") {
    problems->Add(JoinPath(path, "endpoint"), "the extractive teacher has no endpoint");
  }
  const auto only_with_endpoint = [&](bool set, absl::string_view name) {
    if (set && !teacher.has_endpoint()) {
      problems->Add(JoinPath(path, name), "only goes with an endpoint");
    }
  };
  only_with_endpoint(teacher.has_api_key(), "api_key");
  only_with_endpoint(teacher.requests_per_minute() > 0, "requests_per_minute");
}

void SetPrevious(const std::string& value, const std::string& item, Evaluation* evaluation,
                 Problems* problems) {
  if (value.empty()) {
    problems->Add(item, "previous needs the path of the earlier model, as in `previous: PATH`");
  } else if (evaluation->has_previous() && evaluation->previous() != value) {
    problems->Add(item, absl::StrCat("only one earlier model can be compared, and ",
                                     evaluation->previous(), " is named already"));
  } else {
    evaluation->set_previous(value);
    problems->SetOrigin("evaluation.previous", problems->OriginOf(item));
  }
}

void CheckCompare(Evaluation* evaluation, Problems* problems) {
  std::set<std::string> seen;
  for (int i = 0; i < evaluation->compare_size(); ++i) {
    const std::string item = IndexPath("evaluation.compare", i);
    absl::string_view entry = evaluation->compare(i);
    if (absl::ConsumePrefix(&entry, "previous:")) {
      SetPrevious(std::string(absl::StripAsciiWhitespace(entry)), item, evaluation, problems);
      evaluation->set_compare(i, "previous");
    } else if (entry == "previous") {
      if (!evaluation->has_previous()) SetPrevious("", item, evaluation, problems);
    } else if (entry != "base" && entry != "student" && entry != "teacher") {
      problems->Add(item, absl::StrCat("must be base, student, teacher or previous: PATH, got \"",
                                       entry, "\""));
    }
    if (!seen.insert(evaluation->compare(i)).second) {
      problems->Add(item, absl::StrCat("\"", evaluation->compare(i), "\" is listed twice"));
    }
  }
  // Naming an earlier model alone means comparing with it.
  if (evaluation->has_previous() && seen.count("previous") == 0) {
    if (evaluation->compare_size() == 0) {
      evaluation->add_compare("base");
      evaluation->add_compare("student");
    }
    evaluation->add_compare("previous");
  }
}

bool HasChatTeacher(const PipelineSpec& spec) {
  for (const Teacher& teacher : spec.models().teachers()) {
    if (teacher.model() != "extractive") return true;
  }
  return false;
}

void CheckJudges(const PipelineSpec& spec, Problems* problems) {
  for (int i = 0; i < spec.evaluation().judges_size(); ++i) {
    const std::string& judge = spec.evaluation().judges(i);
    const std::string item = IndexPath("evaluation.judges", i);
    if (judge == "llm") {
      if (!HasChatTeacher(spec)) {
        problems->Add(item, "llm needs a chat model in models.teachers (extractive cannot judge)");
      }
    } else if (judge != "exact" && judge != "f1" && judge != "embedding" && !IsHttp(judge)) {
      problems->Add(item,
                    absl::StrCat("must be exact, f1, embedding, llm or an http(s) address, got \"",
                                 judge, "\""));
    }
  }
}

void CheckMerge(const pipeline::v1::Merge& merge, Problems* problems) {
  const bool gguf = merge.formats_size() == 0 ||  // the default has both
                    absl::c_linear_search(merge.formats(), "gguf");
  if (!gguf && merge.quantization_size() > 0) {
    problems->Add("merge.quantization", "only goes with gguf in merge.formats");
  }
}

void CheckDistillation(const pipeline::v1::Distillation& distillation, Problems* problems) {
  if (distillation.lora().dora() && distillation.lora().dropout() > 0) {
    problems->Add("distillation.lora.dropout", "does not go with dora: remove one of the two");
  }
  if (distillation.has_tensor_parallel() && distillation.tensor_parallel() > 1) {
    const int devices = std::max(1, distillation.devices());
    if (devices % distillation.tensor_parallel() != 0) {
      problems->Add("distillation.tensor_parallel",
                    absl::StrCat("must divide distillation.devices, which is ", devices));
    }
  }
}

void CheckNoRepeats(const google::protobuf::RepeatedPtrField<std::string>& values,
                    const std::string& path, Problems* problems) {
  std::set<std::string> seen;
  for (int i = 0; i < values.size(); ++i) {
    if (!seen.insert(values[i]).second) {
      problems->Add(IndexPath(path, i), absl::StrCat("\"", values[i], "\" is listed twice"));
    }
  }
}

}  // namespace

void ApplyPipelineRules(PipelineSpec* spec, Problems* problems) {
  const pipeline::v1::Inputs& inputs = spec->inputs();
  if (spec->sources_size() == 0 && !inputs.has_enriched_data() && !inputs.has_teacher_pairs() &&
      !inputs.has_adapter() && !inputs.has_merged_model()) {
    problems->Add("sources",
                  "nothing to work on: list at least one source (pdf, huggingface, cve, json), or "
                  "hand in a file under inputs");
  }
  if (inputs.has_adapter() && inputs.has_merged_model()) {
    problems->Add("inputs.merged_model", "replaces the adapter: hand in one of the two");
  }
  for (int i = 0; i < spec->sources_size(); ++i) {
    CheckSource(spec->sources(i), IndexPath("sources", i), problems);
  }
  for (int i = 0; i < spec->self_study().documents_size(); ++i) {
    CheckSource(spec->self_study().documents(i), IndexPath("self_study.documents", i), problems);
  }
  for (int i = 0; i < spec->models().teachers_size(); ++i) {
    CheckTeacher(spec->models().teachers(i), IndexPath("models.teachers", i), problems);
  }
  for (int i = 0; i < spec->evaluation().datasets_size(); ++i) {
    CheckOneKind(spec->evaluation().datasets(i), {"builtin", "qa", "commands", "domain"},
                 IndexPath("evaluation.datasets", i), problems);
  }
  if (spec->has_evaluation()) CheckCompare(spec->mutable_evaluation(), problems);
  if (spec->enrichment().entity_model() == "teacher" && !HasChatTeacher(*spec)) {
    problems->Add("enrichment.entity_model",
                  "teacher needs a chat model in models.teachers (extractive finds no entities)");
  }
  CheckJudges(*spec, problems);
  CheckDistillation(spec->distillation(), problems);
  CheckMerge(spec->merge(), problems);
  CheckNoRepeats(spec->steps(), "steps", problems);
  CheckNoRepeats(spec->merge().formats(), "merge.formats", problems);
  CheckNoRepeats(spec->merge().quantization(), "merge.quantization", problems);
}

void FinishPipeline(PipelineSpec* spec, Problems* problems) {
  if (!absl::c_linear_search(spec->merge().formats(), "gguf")) {
    spec->mutable_merge()->clear_quantization();  // the default would contradict the formats
  }
  std::set<std::string> names;
  for (int i = 0; i < spec->evaluation().datasets_size(); ++i) {
    pipeline::v1::Dataset* dataset = spec->mutable_evaluation()->mutable_datasets(i);
    if (!dataset->has_name()) {
      const std::string& file = dataset->has_qa()         ? dataset->qa()
                                : dataset->has_commands() ? dataset->commands()
                                                          : dataset->domain();
      dataset->set_name(dataset->has_builtin() ? dataset->builtin()
                                               : std::filesystem::path(file).stem().string());
    }
    if (!names.insert(dataset->name()).second) {
      problems->Add(IndexPath("evaluation.datasets", i),
                    absl::StrCat("a data set called \"", dataset->name(),
                                 "\" is listed before: set its `name`"));
    }
  }
}

}  // namespace foundry::config
