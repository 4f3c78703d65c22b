#include "common/tokenizer/chat_template.h"

#include <algorithm>
#include <utility>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "common/base/status.h"
#include "common/tokenizer/chat_template_source.h"
#include "common/tokenizer/jinja/budget.h"
#include "common/tokenizer/jinja/builtins.h"
#include "common/tokenizer/jinja/compare.h"
#include "common/tokenizer/unicode.h"

namespace foundry::tokenizer {
namespace fs = std::filesystem;
namespace {

// The conversation that the end of a turn is learnt from.
constexpr char kQuestion[] = "A question 4710", kAnswer[] = "An answer 4711",
               kNextQuestion[] = "The next question 4712";

absl::string_view HowToGoOn() {
  return "give prompts as text or ids instead of messages, or put another template into the "
         "model's chat_template.jinja";
}

// Words such as "/no_think" that the template has in quotes: it acts on them, and some templates
// then take them out of the text (SmolLM3, Nemotron Nano).
std::vector<std::string> SwitchesIn(absl::string_view source) {
  std::vector<std::string> switches;
  for (size_t at = source.find('/', 1); at < source.size(); at = source.find('/', at + 1)) {
    size_t end = at + 1;
    while (end < source.size() && (absl::ascii_isalpha(source[end]) || source[end] == '_')) ++end;
    const char quote = source[at - 1];
    const bool quoted = (quote == '"' || quote == '\'') && end < source.size() &&
                        source[end] == quote && end > at + 1;
    if (quoted) switches.emplace_back(source.substr(at, end - at));
  }
  return switches;
}

}  // namespace

absl::StatusOr<ChatTemplate::TurnEnd> ChatTemplate::EndOfTurnIn(
    std::vector<ChatMessage> messages, const std::vector<std::string>& ends) const {
  absl::StatusOr<std::string> rendered = Render(messages, /*add_generation_prompt=*/false);
  if (!rendered.ok()) {  // ShieldGemma's wants a system message
    messages.insert(messages.begin(), {"system", "A system message"});
    if (auto again = Render(messages, false); again.ok()) rendered = std::move(again);
  }
  FOUNDRY_ASSIGN_OR_RETURN(const std::string chat, std::move(rendered));
  const size_t answer = chat.rfind(kAnswer);
  if (answer == chat.npos) return absl::UnimplementedError("it does not show what a model said");
  absl::string_view rest = absl::string_view(chat).substr(answer + sizeof(kAnswer) - 1);
  rest = rest.substr(0, rest.find(kNextQuestion));
  const size_t begin = rest.find_first_not_of(" \n");
  if (begin == rest.npos) return absl::UnimplementedError("nothing ends what a model said");
  absl::string_view eos;
  for (const auto& [name, text] : tokens_) {
    if (name == "eos_token") eos = text;
  }
  const bool eos_first = !eos.empty() && absl::StartsWith(rest.substr(begin), eos);
  const size_t end = eos_first ? begin + eos.size() : rest.find('>', begin) + 1;
  if (!eos_first && (rest[begin] != '<' || end == 0)) {
    return absl::UnimplementedError("no special token ends what a model said");
  }
  const absl::string_view token = rest.substr(begin, end - begin);
  const absl::string_view before = absl::string_view(chat).substr(0, chat.find(kQuestion));
  const bool opens_a_turn = !eos_first && messages.back().role == "user" &&
                            absl::StartsWith(before.substr(before.rfind('<') + 1), token.substr(1));
  if (opens_a_turn && std::find(ends.begin(), ends.end(), token) == ends.end()) {
    return absl::UnimplementedError(
        absl::StrCat("only the next turn's ", token,
                     " ends what a model said, and the model does not name it as an end "
                     "(eos_token_id in generation_config.json)"));
  }
  const bool eos_follows = !eos_first && absl::StartsWith(rest.substr(end), eos);
  return TurnEnd{std::string(token), std::string(rest.substr(0, end)),
                 std::string(eos_follows ? eos : "")};
}

absl::Status ChatTemplate::LearnEndOfTurn(const std::vector<std::string>& ends) {
  std::vector<ChatMessage> messages = {{"user", kQuestion}, {"assistant", kAnswer}};
  absl::StatusOr<TurnEnd> end = EndOfTurnIn(messages, ends);
  messages.push_back({"user", kNextQuestion});
  const absl::StatusOr<TurnEnd> before_next = EndOfTurnIn(std::move(messages), ends);
  // Qwen1.5 and others write the end of a turn where the next one begins.
  if (!end.ok() && !absl::IsInvalidArgument(before_next.status())) end = before_next;
  FOUNDRY_RETURN_IF_ERROR(end.status());
  end_token_ = end->token;
  end_of_turn_ = end->text;
  // Phi writes its eos_token once, behind the last turn; Command R7B behind each.
  if (before_next.ok() && before_next->text == end->text && before_next->eos == end->eos) {
    end_of_turn_ += end->eos;
  }
  return absl::OkStatus();
}

absl::StatusOr<ChatTemplate> ChatTemplate::FromSource(absl::string_view source,
                                                      const SpecialTokens& tokens,
                                                      const std::vector<std::string>& ends) {
  const auto unusable = [](const absl::Status& status) {
    return absl::UnimplementedError(
        absl::StrCat("the chat template cannot be used: ", status.message(), "; ", HowToGoOn()));
  };
  ChatTemplate out;
  out.source_ = std::string(source);
  out.switches_ = SwitchesIn(source);
  for (const auto& [name, text] : tokens) out.tokens_.emplace_back(name, ToValidUtf8(text));
  auto parsed = jinja::Template::Parse(ToValidUtf8(source));
  if (!parsed.ok()) return unusable(parsed.status());
  out.template_ = *std::move(parsed);
  const absl::Status learnt = out.LearnEndOfTurn(ends);
  if (!learnt.ok()) return unusable(learnt);
  return out;
}

namespace {

// Switches go where they are words by themselves: a template that also takes them out of "</think>"
// or "/thinking" changes what was said.
std::string WithoutSwitches(absl::string_view text, const std::vector<std::string>& switches) {
  std::string out;
  for (size_t at = 0; at < text.size();) {
    size_t end = at, next = at;  // of the word here, and of the blank behind it
    for (bool blank = false; !blank && next < text.size();) {
      end = next;
      blank = jinja::IsBlank(NextCodePoint(text, &next));
      if (!blank) end = next;
    }
    const absl::string_view word = text.substr(at, end - at);
    const bool is_switch = std::find(switches.begin(), switches.end(), word) != switches.end();
    absl::StrAppend(&out, is_switch ? "" : word, text.substr(end, next - end));
    at = next;
  }
  return out;
}

// Templates pass over what they have no place for, as Phi-3's first one does with system messages.
absl::Status CheckNoneIsLeftOut(const std::vector<ChatMessage>& messages,
                                const std::vector<std::string>& contents,
                                const std::vector<std::string>& switches, const std::string& text) {
  const jinja::Budget budget;  // a template could put them so that each is looked for everywhere
  size_t end = 0;              // of the one before, behind which the next one is likely
  const auto shows = [&](absl::string_view content) -> absl::StatusOr<bool> {
    // As |trim leaves it.
    const std::string said = jinja::Strip(content, nullptr, true, true);
    FOUNDRY_ASSIGN_OR_RETURN(size_t at, jinja::Search(text, said, end));
    if (at == text.npos) {
      FOUNDRY_ASSIGN_OR_RETURN(at, jinja::Search(text, said));
    }
    if (at != text.npos) end = at + said.size();
    return at != text.npos;
  };
  for (size_t i = 0; i < messages.size(); ++i) {
    if (messages[i].role == "assistant") continue;  // thoughts of earlier turns may go
    FOUNDRY_ASSIGN_OR_RETURN(bool shown, shows(contents[i]));
    if (!shown && !switches.empty()) {
      FOUNDRY_ASSIGN_OR_RETURN(shown, shows(WithoutSwitches(contents[i], switches)));
    }
    if (shown) continue;
    return absl::InvalidArgumentError(absl::StrCat("this model's chat template leaves out message ",
                                                   i + 1, " (", messages[i].role,
                                                   "): put its text into a user message"));
  }
  return absl::OkStatus();
}

}  // namespace

absl::StatusOr<std::string> ChatTemplate::Render(const std::vector<ChatMessage>& messages,
                                                 bool add_generation_prompt) const {
  if (messages.empty()) return absl::InvalidArgumentError("a chat needs at least one message");
  jinja::List list;
  std::vector<std::string> contents;
  for (size_t i = 0; i < messages.size(); ++i) {
    const std::string& role = messages[i].role;
    if (role != "system" && role != "user" && role != "assistant") {
      return absl::InvalidArgumentError(absl::StrCat("message ", i + 1, " has the role '", role,
                                                     "': system, user or assistant is expected"));
    }
    contents.push_back(ToValidUtf8(messages[i].content));
    list.push_back(jinja::Dict({{"role", role}, {"content", contents.back()}}));
  }
  std::vector<std::pair<std::string, jinja::Value>> names(tokens_.begin(), tokens_.end());
  names.emplace_back("messages", std::move(list));
  names.emplace_back("tools", jinja::Value::MakeNone());
  names.emplace_back("documents", jinja::Value::MakeNone());
  names.emplace_back("add_generation_prompt", add_generation_prompt);
  auto text = template_.Render(std::move(names));
  if (!text.ok()) {
    return Annotate(text.status(), "this model's chat template does not take the messages");
  }
  FOUNDRY_RETURN_IF_ERROR(CheckNoneIsLeftOut(messages, contents, switches_, *text));
  return text;
}

absl::StatusOr<ChatTemplate> ChatTemplate::Load(const fs::path& path) {
  FOUNDRY_ASSIGN_OR_RETURN(const TemplateSource source, FindTemplateSource(path));
  if (source.text.empty()) {
    return absl::NotFoundError(absl::StrCat(path.string(), ": the model has no chat template"));
  }
  absl::StatusOr<ChatTemplate> out = FromSource(source.text, source.tokens, source.ends);
  if (!out.ok()) return Annotate(out.status(), path.string());
  return out;
}

}  // namespace foundry::tokenizer
