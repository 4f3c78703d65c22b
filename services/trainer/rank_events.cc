#include "services/trainer/rank_events.h"

#include <iterator>
#include <limits>
#include <type_traits>

#include "absl/strings/str_cat.h"
#include "common/base/json.h"
#include "common/base/status.h"

namespace foundry::trainer {
namespace {

// The members of each event, for both directions.
template <typename V>
void Visit(Listening& e, V visit) {
  visit("address", e.address);
}
template <typename V>
void Visit(lm::StepReport& e, V visit) {
  visit("step", e.step);
  visit("total_steps", e.total_steps);
  visit("loss", e.loss);
  visit("learning_rate", e.learning_rate);
  visit("grad_norm", e.grad_norm);
  visit("tokens_per_second", e.tokens_per_second);
  visit("examples_per_second", e.examples_per_second);
}
template <typename V>
void Visit(lm::ValidationReport& e, V visit) {
  visit("step", e.step);
  visit("loss", e.loss);
  visit("score", e.score);
  visit("figures", e.figures);
  visit("best", e.best);
}
template <typename V>
void Visit(Snapshot& e, V visit) {
  visit("folder", e.folder);
  visit("step", e.step);
}
template <typename V>
void Visit(Message& e, V visit) {
  visit("text", e.text);
}
template <typename V>
void Visit(lm::TrainSummary& e, V visit) {
  visit("steps", e.steps);
  visit("final_loss", e.final_loss);
  visit("best_score", e.best_score);
  visit("best_step", e.best_step);
  visit("best_figures", e.best_figures);
  visit("tokens", e.tokens);
  visit("seconds", e.seconds);
  visit("peak_memory_mib", e.peak_memory_mib);
}
struct FailureText {
  int code = 0;
  std::string message;
};
template <typename V>
void Visit(FailureText& e, V visit) {
  visit("code", e.code);
  visit("message", e.message);
}

constexpr const char* kNames[] = {"listening", "step",    "validation", "snapshot",
                                  "message",   "summary", "failure"};
static_assert(std::size(kNames) == std::variant_size_v<RankEvent>);

template <typename Event>
absl::StatusOr<RankEvent> Read(const Json& json, Event event) {
  absl::Status status;
  Visit(event, [&](const char* name, auto& value) {
    try {
      const Json& member = json.at(name);
      if constexpr (std::is_same_v<decltype(value), double&>) {
        // What isn't finite is null in JSON.
        value = member.is_null() ? std::numeric_limits<double>::quiet_NaN() : member.get<double>();
      } else {
        member.get_to(value);
      }
    } catch (const Json::exception& error) {
      status = absl::InvalidArgumentError(error.what());
    }
  });
  FOUNDRY_RETURN_IF_ERROR(status);
  if constexpr (std::is_same_v<Event, FailureText>) {
    return Failure{absl::Status(static_cast<absl::StatusCode>(event.code), event.message)};
  } else {
    return event;
  }
}

template <size_t I = 0>
absl::StatusOr<RankEvent> ReadNamed(const Json& json, const std::string& name) {
  if constexpr (I == std::size(kNames)) {
    return absl::InvalidArgumentError(absl::StrCat("no event '", name, "'"));
  } else {
    if (name != kNames[I]) return ReadNamed<I + 1>(json, name);
    using Event = std::variant_alternative_t<I, RankEvent>;
    if constexpr (std::is_same_v<Event, Failure>) {
      return Read(json, FailureText());
    } else {
      return Read(json, Event());
    }
  }
}

}  // namespace

std::string ToLine(const RankEvent& event) {
  Json json = {{"event", kNames[event.index()]}};
  auto add = [&](const char* name, const auto& value) { json[name] = value; };
  std::visit(
      [&](auto e) {
        if constexpr (std::is_same_v<decltype(e), Failure>) {
          FailureText text{static_cast<int>(e.status.code()), std::string(e.status.message())};
          Visit(text, add);
        } else {
          Visit(e, add);
        }
      },
      event);
  return DumpJson(json) + "\n";
}

absl::StatusOr<RankEvent> FromLine(absl::string_view line) {
  FOUNDRY_ASSIGN_OR_RETURN(const Json json, ParseJson(line, "a rank's output"));
  if (!json.is_object()) return absl::InvalidArgumentError("a rank's output is no object");
  FOUNDRY_ASSIGN_OR_RETURN(const std::string name, JsonString(json, "event"));
  return ReadNamed(json, name);
}

absl::Status EventReader::Read(absl::string_view piece) {
  absl::StrAppend(&rest_, piece);
  size_t begin = 0;
  for (size_t end; (end = rest_.find('\n', begin)) != std::string::npos; begin = end + 1) {
    FOUNDRY_ASSIGN_OR_RETURN(const RankEvent event,
                             FromLine(absl::string_view(rest_).substr(begin, end - begin)));
    FOUNDRY_RETURN_IF_ERROR(on_event_(event));
  }
  rest_.erase(0, begin);
  return absl::OkStatus();
}

}  // namespace foundry::trainer
