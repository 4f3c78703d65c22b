#include "tools/foundry/view/progress_view.h"

#include <sys/ioctl.h>
#include <unistd.h>

#include <algorithm>
#include <cmath>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"

namespace foundry::cli {
namespace {

using coordinator::v1::Job;
using coordinator::v1::State;
using coordinator::v1::Step;

constexpr int kBarWidth = 24;
constexpr char kReset[] = "\033[0m";

bool Ended(State state) {
  return state == State::STATE_SUCCEEDED || state == State::STATE_SKIPPED ||
         state == State::STATE_FAILED || state == State::STATE_CANCELLED ||
         state == State::STATE_QUARANTINED;
}

const char* Color(State state) {
  switch (state) {
    case State::STATE_SUCCEEDED:
      return "\033[32m";
    case State::STATE_FAILED:
    case State::STATE_QUARANTINED:
      return "\033[31m";
    case State::STATE_RUNNING:
      return "\033[36m";
    default:
      return "\033[2m";
  }
}

std::string StateWord(State state) {
  switch (state) {
    case State::STATE_SUCCEEDED:
      return "done";
    case State::STATE_SKIPPED:
      return "skipped";
    case State::STATE_FAILED:
      return "failed";
    case State::STATE_CANCELLED:
      return "cancelled";
    case State::STATE_CANCELLING:
      return "stopping";
    case State::STATE_QUARANTINED:
      return "quarantined";
    case State::STATE_RUNNING:
      return "running";
    default:
      return "waiting";
  }
}

double Fraction(const Step& step) {
  if (step.state() == State::STATE_SUCCEEDED || step.state() == State::STATE_SKIPPED) return 1;
  return std::clamp(step.fraction(), 0.0, 1.0);
}

std::string Bar(double fraction) {
  const int full = static_cast<int>(std::floor(fraction * kBarWidth));
  std::string bar;
  for (int i = 0; i < kBarWidth; ++i) bar += i < full ? "█" : "░";
  return bar;
}

// What the running task says, or how long the step took.
std::string Detail(const Step& step) {
  if (step.state() == State::STATE_SUCCEEDED && step.has_start_time() && step.has_end_time()) {
    return HumanDuration(step.end_time().seconds() - step.start_time().seconds());
  }
  if (Ended(step.state())) return "";
  std::string detail;
  for (const coordinator::v1::Task& task : step.tasks()) {
    if (task.state() != State::STATE_RUNNING) {
      if (detail.empty() && task.state() == State::STATE_READY) detail = task.reason();
      continue;
    }
    const auto& progress = task.progress();
    detail = progress.message();
    if (detail.empty() && progress.total() > 0) {
      detail = absl::StrFormat("%.0f/%.0f %s", progress.done(), progress.total(), progress.unit());
    }
    if (detail.empty()) detail = task.key();
    break;
  }
  if (step.eta_seconds() > 0 && step.state() == State::STATE_RUNNING) {
    absl::StrAppend(&detail, detail.empty() ? "" : "  ", "ETA ", HumanDuration(step.eta_seconds()));
  }
  return detail;
}

int TerminalColumns(std::FILE* out) {
  winsize size{};
  if (ioctl(fileno(out), TIOCGWINSZ, &size) != 0 || size.ws_col == 0) return 100;
  return size.ws_col;
}

// Cuts plain text to `columns` characters, never inside a UTF-8 sequence.
std::string Cut(const std::string& text, int columns) {
  int width = 0;
  size_t end = 0;
  while (end < text.size() && width < columns) {
    ++end;
    while (end < text.size() && (text[end] & 0xC0) == 0x80) ++end;
    ++width;
  }
  return text.substr(0, end);
}

}  // namespace

std::string HumanDuration(double seconds) {
  if (seconds < 0) return "";
  const int64_t whole = std::llround(seconds);
  if (whole < 60) return absl::StrCat(whole, "s");
  if (whole < 3600) return absl::StrFormat("%dm%02ds", whole / 60, whole % 60);
  return absl::StrFormat("%dh%02dm", whole / 3600, whole % 3600 / 60);
}

std::string StepLine(const Step& step, int columns, bool color) {
  const double fraction = Fraction(step);
  const std::string head = absl::StrFormat("  %-13s ", step.name());
  const std::string tail = absl::StrFormat(" %3.0f%%  %-9s %s", std::floor(fraction * 100),
                                           StateWord(step.state()), Detail(step));
  const int left = columns - static_cast<int>(head.size()) - kBarWidth - 1;
  return absl::StrCat(head, color ? Color(step.state()) : "", Bar(fraction), color ? kReset : "",
                      Cut(tail, std::max(left, 6)));
}

ProgressView::ProgressView(std::FILE* out) : out_(out), terminal_(isatty(fileno(out))) {}

void ProgressView::Erase() {
  if (drawn_lines_ > 0) std::fprintf(out_, "\033[%dA\033[J", drawn_lines_);
  drawn_lines_ = 0;
}

void ProgressView::Draw() {
  const int columns = TerminalColumns(out_);
  for (const Step& step : last_.steps()) {
    std::fprintf(out_, "%s\n", StepLine(step, columns, true).c_str());
    ++drawn_lines_;
  }
  std::fflush(out_);
}

void ProgressView::PrintChanges(const Job& job) {
  for (const Step& step : job.steps()) {
    if (step.state() == State::STATE_PENDING) continue;
    const std::string now =
        absl::StrCat(StateWord(step.state()), " ", static_cast<int>(Fraction(step) * 10));
    std::string& printed = printed_[step.name()];
    if (printed == now) continue;
    printed = now;
    std::fprintf(out_, "%s\n", StepLine(step, 100, false).c_str());
  }
  std::fflush(out_);
}

void ProgressView::Show(const Job& job) {
  last_ = job;
  if (!terminal_) return PrintChanges(job);
  Erase();
  Draw();
}

void ProgressView::Note(const coordinator::v1::Event& event) {
  if (terminal_) Erase();
  std::fprintf(out_, "%s: %s%s%s\n", event.severity().c_str(), event.step().c_str(),
               event.step().empty() ? "" : ": ", event.message().c_str());
  if (terminal_) Draw();
}

void ProgressView::Finish() {
  drawn_lines_ = 0;
  std::fflush(out_);
}

}  // namespace foundry::cli
