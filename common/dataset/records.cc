#include "common/dataset/records.h"

#include "absl/strings/str_cat.h"
#include "common/base/status.h"

namespace foundry::dataset {
namespace {

Json SpanJson(const Span& span) { return Json::array({span.begin, span.end}); }

Json SpansJson(const std::vector<Span>& spans) {
  Json out = Json::array();
  for (const Span& span : spans) out.push_back(SpanJson(span));
  return out;
}

absl::StatusOr<Span> SpanFrom(const Json& json, absl::string_view key) {
  if (!json.is_array() || json.size() != 2 || !json[0].is_number_integer() ||
      !json[1].is_number_integer()) {
    return absl::InvalidArgumentError(absl::StrCat("\"", key, "\" must be [begin, end]"));
  }
  const Span span{json[0].get<int64_t>(), json[1].get<int64_t>()};
  if (span.begin < 0 || span.end < span.begin) {
    return absl::InvalidArgumentError(
        absl::StrCat("\"", key, "\" has an impossible range ", span.begin, "…", span.end));
  }
  return span;
}

// Spans of a document must lie inside its text.
absl::StatusOr<std::vector<Span>> SpansFrom(const Json& json, absl::string_view key, size_t size) {
  std::vector<Span> out;
  auto it = json.find(std::string(key));
  if (it == json.end() || it->is_null()) return out;
  if (!it->is_array())
    return absl::InvalidArgumentError(absl::StrCat("\"", key, "\" must be a list"));
  for (const Json& item : *it) {
    FOUNDRY_ASSIGN_OR_RETURN(const Span span, SpanFrom(item, key));
    if (span.end > static_cast<int64_t>(size)) {
      return absl::InvalidArgumentError(absl::StrCat("\"", key, "\" reaches beyond the text"));
    }
    out.push_back(span);
  }
  return out;
}

absl::Status RequireObject(const Json& json) {
  if (json.is_object()) return absl::OkStatus();
  return absl::InvalidArgumentError(absl::StrCat("must be a JSON object, not ", json.type_name()));
}

absl::Status ReadSections(const Json& json, Document& document) {
  auto it = json.find("sections");
  if (it == json.end() || !it->is_array()) return absl::OkStatus();
  for (const Json& item : *it) {
    FOUNDRY_RETURN_IF_ERROR(RequireObject(item));
    Section section;
    FOUNDRY_ASSIGN_OR_RETURN(section.heading, JsonString(item, "heading"));
    FOUNDRY_ASSIGN_OR_RETURN(const int64_t level, JsonInt(item, "level"));
    section.level = static_cast<int>(level);
    if (!item.contains("span")) return absl::InvalidArgumentError("a section has no \"span\"");
    FOUNDRY_ASSIGN_OR_RETURN(section.span, SpanFrom(item["span"], "sections.span"));
    if (section.span.end > static_cast<int64_t>(document.text.size())) {
      return absl::InvalidArgumentError("\"sections\" reach beyond the text");
    }
    document.sections.push_back(std::move(section));
  }
  return absl::OkStatus();
}

absl::Status ReadEntities(const Json& json, Document& document) {
  auto it = json.find("entities");
  if (it == json.end() || !it->is_array()) return absl::OkStatus();
  for (const Json& item : *it) {
    Entity entity;
    if (item.is_string()) {  // a plain list of names is accepted too
      entity.text = item.get<std::string>();
      entity.count = 1;
    } else {
      FOUNDRY_RETURN_IF_ERROR(RequireObject(item));
      FOUNDRY_ASSIGN_OR_RETURN(entity.text, JsonString(item, "text"));
      FOUNDRY_ASSIGN_OR_RETURN(entity.type, JsonString(item, "type"));
      FOUNDRY_ASSIGN_OR_RETURN(entity.count, JsonInt(item, "count", 1));
    }
    document.entities.push_back(std::move(entity));
  }
  return absl::OkStatus();
}

// A pair's source: an object, or just the name of the document or passage.
absl::StatusOr<PairSource> SourceFrom(const Json& json) {
  PairSource source;
  auto it = json.find("source");
  if (it == json.end() || it->is_null()) return source;
  if (it->is_string()) {
    source.document = it->get<std::string>();
    return source;
  }
  FOUNDRY_RETURN_IF_ERROR(RequireObject(*it));
  FOUNDRY_ASSIGN_OR_RETURN(source.document, JsonString(*it, "document"));
  FOUNDRY_ASSIGN_OR_RETURN(source.passage, JsonString(*it, "passage"));
  if (it->contains("span")) {
    FOUNDRY_ASSIGN_OR_RETURN(source.span, SpanFrom((*it)["span"], "source.span"));
  }
  return source;
}

}  // namespace

Json ToGuideJson(const Document& document) {
  Json entities = Json::array();
  for (const Entity& entity : document.entities) {
    entities.push_back({{"text", entity.text}, {"type", entity.type}, {"count", entity.count}});
  }
  Json metadata = document.metadata;
  metadata["id"] = document.id;
  metadata["title"] = document.title;
  return {{"url", document.url},         {"text", document.text}, {"content", document.content},
          {"summary", document.summary}, {"entities", entities},  {"keywords", document.keywords},
          {"metadata", metadata}};
}

Json ToJson(const Document& document) {
  Json json = ToGuideJson(document);
  json["id"] = document.id;
  json["title"] = document.title;
  json["sections"] = Json::array();
  for (const Section& section : document.sections) {
    json["sections"].push_back(
        {{"heading", section.heading}, {"level", section.level}, {"span", SpanJson(section.span)}});
  }
  json["paragraphs"] = SpansJson(document.paragraphs);
  json["sentences"] = SpansJson(document.sentences);
  return json;
}

absl::StatusOr<Document> DocumentFromJson(const Json& json) {
  FOUNDRY_RETURN_IF_ERROR(RequireObject(json));
  Document document;
  FOUNDRY_ASSIGN_OR_RETURN(document.url, JsonString(json, "url"));
  FOUNDRY_ASSIGN_OR_RETURN(document.text, JsonString(json, "text"));
  FOUNDRY_ASSIGN_OR_RETURN(document.content, JsonString(json, "content"));
  if (document.text.empty()) document.text = document.content;
  if (document.text.empty()) return absl::InvalidArgumentError("has no \"text\"");
  FOUNDRY_ASSIGN_OR_RETURN(document.summary, JsonString(json, "summary"));
  FOUNDRY_ASSIGN_OR_RETURN(document.keywords, JsonStrings(json, "keywords"));
  FOUNDRY_RETURN_IF_ERROR(ReadEntities(json, document));
  if (auto it = json.find("metadata"); it != json.end() && it->is_object()) document.metadata = *it;
  FOUNDRY_ASSIGN_OR_RETURN(const std::string inner_id, JsonString(document.metadata, "id"));
  FOUNDRY_ASSIGN_OR_RETURN(const std::string inner_title, JsonString(document.metadata, "title"));
  FOUNDRY_ASSIGN_OR_RETURN(document.id, JsonString(json, "id", inner_id));
  FOUNDRY_ASSIGN_OR_RETURN(document.title, JsonString(json, "title", inner_title));
  if (document.id.empty()) document.id = document.url;
  FOUNDRY_RETURN_IF_ERROR(ReadSections(json, document));
  FOUNDRY_ASSIGN_OR_RETURN(document.paragraphs,
                           SpansFrom(json, "paragraphs", document.text.size()));
  FOUNDRY_ASSIGN_OR_RETURN(document.sentences, SpansFrom(json, "sentences", document.text.size()));
  return document;
}

Json ToJson(const Outcome& outcome) {
  return {{"source", outcome.source},       {"status", outcome.status},
          {"reason", outcome.reason},       {"message", outcome.message},
          {"pages", outcome.pages},         {"scanned_pages", outcome.scanned_pages},
          {"documents", outcome.documents}, {"seconds", outcome.seconds}};
}

Json ToJson(const Pair& pair) {
  Json json = {{"id", pair.id},       {"input", pair.input},   {"target", pair.target},
               {"type", pair.type},   {"level", pair.level},   {"teacher", pair.teacher},
               {"split", pair.split}, {"weight", pair.weight}, {"scores", pair.scores}};
  json["source"] = {{"document", pair.source.document},
                    {"span", SpanJson(pair.source.span)},
                    {"passage", pair.source.passage}};
  if (!pair.fact.empty()) json["fact"] = pair.fact;
  if (!pair.reasoning.empty()) json["reasoning"] = pair.reasoning;
  if (!pair.related.empty()) json["related"] = pair.related;
  return json;
}

absl::StatusOr<Pair> PairFromJson(const Json& json) {
  FOUNDRY_RETURN_IF_ERROR(RequireObject(json));
  Pair pair;
  FOUNDRY_ASSIGN_OR_RETURN(pair.id, JsonString(json, "id"));
  FOUNDRY_ASSIGN_OR_RETURN(pair.input, JsonString(json, "input"));
  FOUNDRY_ASSIGN_OR_RETURN(pair.target, JsonString(json, "target"));
  if (pair.input.empty()) return absl::InvalidArgumentError("has no \"input\"");
  FOUNDRY_ASSIGN_OR_RETURN(pair.type, JsonString(json, "type"));
  FOUNDRY_ASSIGN_OR_RETURN(pair.level, JsonString(json, "level"));
  FOUNDRY_ASSIGN_OR_RETURN(pair.source, SourceFrom(json));
  FOUNDRY_ASSIGN_OR_RETURN(pair.teacher, JsonString(json, "teacher"));
  FOUNDRY_ASSIGN_OR_RETURN(pair.split, JsonString(json, "split"));
  if (!pair.split.empty() && pair.split != "train" && pair.split != "dev" && pair.split != "test") {
    return absl::InvalidArgumentError(
        absl::StrCat("\"split\" must be train, dev or test, not \"", pair.split, "\""));
  }
  FOUNDRY_ASSIGN_OR_RETURN(pair.fact, JsonString(json, "fact"));
  FOUNDRY_ASSIGN_OR_RETURN(pair.reasoning, JsonString(json, "reasoning"));
  FOUNDRY_ASSIGN_OR_RETURN(pair.related, JsonStrings(json, "related"));
  FOUNDRY_ASSIGN_OR_RETURN(pair.weight, JsonDouble(json, "weight", 1.0));
  if (auto it = json.find("scores"); it != json.end() && it->is_object()) {
    for (const auto& [name, value] : it->items()) {
      if (value.is_number()) pair.scores[name] = value.get<double>();
    }
  }
  return pair;
}

absl::StatusOr<Question> QuestionFromJson(const Json& json) {
  FOUNDRY_RETURN_IF_ERROR(RequireObject(json));
  Question question;
  FOUNDRY_ASSIGN_OR_RETURN(question.id, JsonString(json, "id"));
  FOUNDRY_ASSIGN_OR_RETURN(question.question, JsonString(json, "question"));
  FOUNDRY_ASSIGN_OR_RETURN(question.answers, JsonStrings(json, "answers"));
  if (question.question.empty()) return absl::InvalidArgumentError("has no \"question\"");
  if (question.answers.empty()) return absl::InvalidArgumentError("has no \"answers\"");
  FOUNDRY_ASSIGN_OR_RETURN(question.passage, JsonString(json, "passage"));
  FOUNDRY_ASSIGN_OR_RETURN(const std::string title, JsonString(json, "title"));
  FOUNDRY_ASSIGN_OR_RETURN(question.document, JsonString(json, "document", title));
  FOUNDRY_ASSIGN_OR_RETURN(question.type, JsonString(json, "type"));
  return question;
}

}  // namespace foundry::dataset
