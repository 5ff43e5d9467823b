#include "sim/history.h"

#include <fmt/format.h>

namespace quoris::sim {

namespace {

constexpr size_t kShownMax = 60;

std::string shown(std::string_view text) {
  if (text.size() <= kShownMax) return fmt::format("'{}'", text);
  return fmt::format("'{}...' ({} bytes)", text.substr(0, kShownMax), text.size());
}

std::string result_of(const Action& action) {
  switch (action.kind) {
    case ActionKind::read:
    case ActionKind::swap:
      return action.text ? shown(*action.text) : "nothing";
    case ActionKind::write:
      return "done";
    case ActionKind::write_if_absent:
      return action.done ? "done" : "was there";
    case ActionKind::remove:
      return action.done ? "done" : "nothing was there";
    case ActionKind::append:
    case ActionKind::increment:
      return fmt::format("{}", action.number);
  }
  return {};
}

std::string_view verb_of(ActionKind kind) {
  switch (kind) {
    case ActionKind::read:
      return "reads";
    case ActionKind::write:
      return "writes";
    case ActionKind::write_if_absent:
      return "writes if absent";
    case ActionKind::remove:
      return "removes";
    case ActionKind::swap:
      return "swaps";
    case ActionKind::append:
      return "appends to";
    case ActionKind::increment:
      return "increments";
  }
  return {};
}

}  // namespace

std::string_view name_of(Outcome outcome) {
  switch (outcome) {
    case Outcome::pending:
      return "pending";
    case Outcome::ok:
      return "ok";
    case Outcome::refused:
      return "refused";
    case Outcome::unknown:
      return "unknown";
  }
  return {};
}

std::string describe(const Action& action, bool with_result) {
  std::string text = fmt::format("{} {}", verb_of(action.kind), action.target);
  if (!action.argument.empty()) text += " " + shown(action.argument);
  if (action.ttl_us > 0) text += fmt::format(" for {} ms", action.ttl_us / 1'000);
  if (with_result) text += " -> " + result_of(action);
  return text;
}

}  // namespace quoris::sim
