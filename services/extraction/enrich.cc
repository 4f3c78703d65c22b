#include "services/extraction/enrich.h"

#include "absl/strings/str_cat.h"
#include "common/base/json.h"
#include "common/base/status.h"
#include "common/dataset/io.h"
#include "common/text/entities.h"
#include "common/text/keywords.h"
#include "common/text/language.h"
#include "common/text/normalize.h"
#include "common/text/structure.h"
#include "services/extraction/chat_entities.h"

namespace foundry::extraction {
namespace {

using dataset::Document;

constexpr size_t kMostEntities = 200;  // of one document, most frequent first

// Spans that a handed-in file brings are checked: they index into the text.
bool SpansHold(const Document& document) {
  const auto size = static_cast<int64_t>(document.text.size());
  const auto holds = [size](const dataset::Span& s) {
    return s.begin >= 0 && s.begin <= s.end && s.end <= size;
  };
  for (const dataset::Span& s : document.sentences) {
    if (!holds(s)) return false;
  }
  for (const dataset::Span& s : document.paragraphs) {
    if (!holds(s)) return false;
  }
  for (const dataset::Section& s : document.sections) {
    if (!holds(s.span)) return false;
  }
  return true;
}

void CompleteStructure(Document* document) {
  if (document->text.empty()) document->text = document->content;
  if (!document->sentences.empty() && SpansHold(*document)) return;
  document->text = text::Normalize(document->text);
  text::FillStructure(text::DetectHeadings(document->text), document);
}

int64_t CountWords(const Document& document) {
  return static_cast<int64_t>(text::WordSpans(document.text).size());
}

}  // namespace

absl::Status EnrichDocument(const EnrichOptions& options, const CancelToken& cancel,
                            Document* document, EnrichCounts* counts) {
  CompleteStructure(document);
  if (!document->metadata.is_object()) document->metadata = Json::object();
  // A file that is handed in may have anything there.
  std::string language = JsonString(document->metadata, "language").value_or("");
  if (language.empty()) language = text::GuessLanguage(document->text).code;
  document->metadata["language"] = language;
  document->metadata["words"] = CountWords(*document);
  document->metadata["sentences"] = document->sentences.size();
  text::KeywordOptions keywords;
  keywords.count = options.keyword_count;
  keywords.language = language;
  document->keywords = text::ExtractKeywords(document->text, document->sentences, keywords);
  text::SummaryOptions summary;
  summary.sentences = options.summary_sentences;
  summary.language = language;
  summary.embed = options.embed;
  FOUNDRY_ASSIGN_OR_RETURN(document->summary,
                           text::Summarize(document->text, document->sentences, summary));
  document->entities.clear();
  if (options.chat != nullptr) {
    FOUNDRY_ASSIGN_OR_RETURN(ChatEntities found,
                             FindEntitiesByChat(*document, *options.chat, cancel));
    counts->unparsed_entity_replies += found.unparsed;
    counts->entities_not_in_text += found.not_in_text;
    if (found.parsed > 0) document->entities = std::move(found.entities);
  }
  if (document->entities.empty())
    document->entities = text::FindEntities(document->text, document->sentences);
  if (document->entities.size() > kMostEntities) document->entities.resize(kMostEntities);
  return absl::OkStatus();
}

absl::StatusOr<worker::StageOutput> Enrich(const worker::InputRef& input,
                                           const EnrichOptions& options,
                                           worker::TaskContext& context) {
  FOUNDRY_ASSIGN_OR_RETURN(const std::filesystem::path path, context.Fetch(input));
  FOUNDRY_ASSIGN_OR_RETURN(std::vector<Document> documents, dataset::ReadDocuments(path));
  if (documents.empty()) {
    return absl::FailedPreconditionError(absl::StrCat(path.string(), ": no documents to enrich"));
  }
  worker::StageOutput output;
  EnrichCounts counts;
  std::vector<Json> full, guide;
  for (size_t i = 0; i < documents.size(); ++i) {
    FOUNDRY_RETURN_IF_ERROR(context.cancel().Check());
    Document& document = documents[i];
    const absl::Status done = EnrichDocument(options, context.cancel(), &document, &counts);
    if (!done.ok()) return Annotate(done, document.url);
    for (const dataset::Entity& entity : document.entities)
      ++output.counts[absl::StrCat("entities_", entity.type)];
    output.counts["keywords"] += static_cast<int64_t>(document.keywords.size());
    output.counts["summaries"] += !document.summary.empty();
    full.push_back(dataset::ToJson(document));
    guide.push_back(dataset::ToGuideJson(document));
    context.Progress({static_cast<double>(i + 1), static_cast<double>(documents.size()),
                      "documents", document.title});
  }
  FOUNDRY_RETURN_IF_ERROR(dataset::WriteJsonLines(context.output() / "documents.jsonl", full));
  FOUNDRY_RETURN_IF_ERROR(dataset::WriteJsonArray(context.output() / "enriched_data.json", guide));
  output.counts["documents"] = static_cast<int64_t>(documents.size());
  if (options.chat != nullptr) {
    output.counts["unparsed_entity_replies"] = counts.unparsed_entity_replies;
    output.counts["entities_not_in_text"] = counts.entities_not_in_text;
  }
  if (counts.unparsed_entity_replies > 0) {
    output.warnings.push_back(
        absl::StrCat(counts.unparsed_entity_replies, " entity replies of ", options.chat->name(),
                     " did not parse; where none did, rules found the entities"));
  }
  context.Message(absl::StrCat(documents.size(), " documents enriched"));
  return output;
}

}  // namespace foundry::extraction
