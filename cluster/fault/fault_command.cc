#include "cluster/fault/fault_command.h"

#include <fmt/format.h>

#include <array>
#include <cmath>
#include <utility>

#include "base/assert.h"
#include "base/text.h"

namespace quoris::fault {

namespace {

using Kind = FaultCommand::Kind;

constexpr std::array<std::pair<std::string_view, Kind>, 10> kKinds{{
    {"ENABLE", Kind::enable},
    {"DISABLE", Kind::disable},
    {"DELAY", Kind::delay},
    {"DROP", Kind::drop},
    {"DUPLICATE", Kind::duplicate},
    {"PARTITION", Kind::partition},
    {"FAIL", Kind::fail},
    {"RECOVER", Kind::recover},
    {"CLEAR", Kind::clear},
    {"STATUS", Kind::status},
}};

Error wrong(std::string text) { return Error{Errc::invalid_argument, std::move(text)}; }

bool takes_nodes(Kind kind) {
  return kind == Kind::delay || kind == Kind::drop || kind == Kind::duplicate ||
         kind == Kind::partition;
}

std::optional<Way> way_of(std::string_view word) {
  if (equals_ignoring_case(word, "WITH")) return Way::both;
  if (equals_ignoring_case(word, "TO")) return Way::outgoing;
  if (equals_ignoring_case(word, "FROM")) return Way::incoming;
  return std::nullopt;
}

bool is_all(std::string_view word) { return equals_ignoring_case(word, "ALL"); }

// Takes the words of a FAULT one by one.
class Parser {
 public:
  Parser(std::span<const std::string_view> words, const NodeResolver& resolve, NodeNumber self)
      : words_(words), resolve_(resolve), self_(self) {}

  Result<FaultCommand> run() {
    if (words_.empty()) return wrong("FAULT needs a word that says what to do");
    const std::string_view name = next();
    bool known = false;
    for (const auto& [word, kind] : kKinds) {
      if (!equals_ignoring_case(word, name)) continue;
      command_.kind = kind;
      known = true;
    }
    if (!known) {
      return wrong(fmt::format("unknown subcommand {}. Try FAULT HELP.", quote_for_display(name)));
    }
    if (auto taken = values(); !taken) return taken.error();
    if (takes_nodes(command_.kind)) {
      if (auto taken = nodes(); !taken) return taken.error();
    }
    if (!words_.empty()) return wrong("too many arguments for FAULT");
    return command_;
  }

 private:
  std::string_view next() {
    const std::string_view word = words_.front();
    words_ = words_.subspan(1);
    return word;
  }

  Status values() {
    if (command_.kind == Kind::delay) {
      if (auto taken = milliseconds(command_.delay.ms); !taken) return taken;
      if (words_.empty() || way_of(words_.front()) || is_all(words_.front())) return ok();
      return milliseconds(command_.delay.jitter_ms);
    }
    if (command_.kind == Kind::drop || command_.kind == Kind::duplicate) return percent();
    return ok();
  }

  Status milliseconds(uint64_t& out) {
    const auto value = words_.empty() ? std::nullopt : parse_uint64(next());
    if (!value || *value > kDelayMaxMs) {
      return wrong(fmt::format("a delay is given in milliseconds, 0 to {}", kDelayMaxMs));
    }
    out = *value;
    return ok();
  }

  Status percent() {
    const auto value = words_.empty() ? std::nullopt : parse_double(next());
    if (!value || !(*value >= 0 && *value <= 100))
      return wrong("a share is given as 0 to 100 percent");
    command_.share = Share{static_cast<uint32_t>(std::lround(*value * kWhole / 100))};
    return ok();
  }

  Status nodes() {
    const bool is_partition = command_.kind == Kind::partition;
    if (words_.empty()) {
      return is_partition ? Status(wrong("a partition needs nodes to be cut off from")) : ok();
    }
    if (const auto way = way_of(words_.front())) {
      command_.way = *way;
      static_cast<void>(next());
      if (words_.empty()) return wrong("WITH, TO and FROM are followed by nodes or ALL");
    } else if (!is_partition && !is_all(words_.front())) {
      return wrong("nodes follow WITH, TO or FROM");
    }
    if (words_.size() == 1 && is_all(words_.front())) {
      static_cast<void>(next());
      return ok();
    }
    while (!words_.empty()) {
      const std::string_view word = next();
      if (is_all(word)) return wrong("ALL is every node: no other stands beside it");
      const auto node = resolve_(word);
      if (!node) return wrong(fmt::format("no node is called {}", quote_for_display(word)));
      if (*node == self_) {
        return wrong(
            fmt::format("{} is this node itself, which has no link to itself: name the "
                        "others",
                        quote_for_display(word)));
      }
      command_.nodes.push_back(*node);
    }
    return ok();
  }

  std::span<const std::string_view> words_;
  const NodeResolver& resolve_;
  const NodeNumber self_;
  FaultCommand command_;
};

std::string percent_text(Share share) {
  constexpr uint32_t kPercent = kWhole / 100;
  if (raw(share) % kPercent == 0) return fmt::format("{}", raw(share) / kPercent);
  std::string text = fmt::format("{}.{:04}", raw(share) / kPercent, raw(share) % kPercent);
  text.resize(text.find_last_not_of('0') + 1);
  return text;
}

std::string node_text(NodeNumber node, const NodeNamer& namer) {
  std::string name = namer ? namer(node) : std::string();
  if (name.empty() || is_all(name) || way_of(name)) return fmt::to_string(raw(node));
  return name;
}

}  // namespace

Result<FaultCommand> parse_fault(std::span<const std::string_view> words,
                                 const NodeResolver& resolve, NodeNumber self) {
  return Parser(words, resolve, self).run();
}

std::string format_fault(const FaultCommand& command, const NodeNamer& namer) {
  std::string text;
  for (const auto& [word, kind] : kKinds) {
    if (kind == command.kind) text = word;
  }
  QUORIS_ASSERT(!text.empty());
  if (command.kind == Kind::delay) {
    text += fmt::format(" {}", command.delay.ms);
    if (command.delay.jitter_ms > 0) text += fmt::format(" {}", command.delay.jitter_ms);
  }
  if (command.kind == Kind::drop || command.kind == Kind::duplicate) {
    text += ' ' + percent_text(command.share);
  }
  const bool all_both_ways = command.nodes.empty() && command.way == Way::both;
  if (!takes_nodes(command.kind) || (all_both_ways && command.kind != Kind::partition)) return text;
  text += command.way == Way::both ? " WITH" : command.way == Way::outgoing ? " TO" : " FROM";
  if (command.nodes.empty()) text += " ALL";
  for (const NodeNumber node : command.nodes) text += ' ' + node_text(node, namer);
  return text;
}

std::optional<NodeNumber> node_by_number(std::string_view word) {
  const auto number = parse_uint64(word);
  if (!number || *number == 0 || *number >= (1U << kNodeNumberBits)) return std::nullopt;
  return NodeNumber{static_cast<uint16_t>(*number)};
}

}  // namespace quoris::fault
