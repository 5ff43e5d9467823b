// The arguments of FAULT: parsed and written here, nowhere else.
//
//   FAULT ENABLE | DISABLE | FAIL | RECOVER | CLEAR | STATUS
//   FAULT DELAY ms [jitter] [which]      each message, by ms to ms + jitter
//   FAULT DROP percent [which]           0 takes the rule back, as with all of these
//   FAULT DUPLICATE percent [which]
//   FAULT PARTITION node ... | which     until CLEAR
//   which: WITH node ... | TO node ... | FROM node ... | ALL; ALL is every node, present and
//   future, also behind WITH, TO and FROM; without `which`: WITH ALL
//
// Words are case-insensitive, nodes are named as the caller's resolver understands them.
// Limits: kDelayMaxMs; percent from 0 to 100 with up to four decimals.
// Used by: the command FAULT, FaultRules, tests. Pure. Errors: invalid_argument with a text that
// fits behind "-ERR ".
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/ids.h"
#include "base/result.h"

namespace quoris::fault {

inline constexpr uint64_t kDelayMaxMs = 60'000;

// In millionths.
enum class Share : uint32_t {};
inline constexpr uint32_t kWhole = 1'000'000;

struct Delay {
  uint64_t ms = 0;
  uint64_t jitter_ms = 0;

  bool operator==(const Delay&) const = default;
};

enum class Way : uint8_t { both, outgoing, incoming };

struct FaultCommand {
  enum class Kind : uint8_t {
    enable,
    disable,
    delay,
    drop,
    duplicate,
    partition,
    fail,
    recover,
    clear,
    status,
  };

  Kind kind = Kind::status;
  Delay delay{};                    // delay
  Share share{0};                   // drop, duplicate
  Way way = Way::both;              // delay, drop, duplicate, partition
  std::vector<NodeNumber> nodes{};  // the same; empty: all

  bool operator==(const FaultCommand&) const = default;
};

// Nothing for a word that names no node.
using NodeResolver = std::function<std::optional<NodeNumber>(std::string_view)>;

// `words` without FAULT itself. `self`: the node that is told, which no rule can name; 0: unknown.
[[nodiscard]] Result<FaultCommand> parse_fault(std::span<const std::string_view> words,
                                               const NodeResolver& resolve,
                                               NodeNumber self = NodeNumber{0});

// What a node is called where FAULT is written. Empty: by its number.
using NodeNamer = std::function<std::string(NodeNumber)>;

// The words that parse to it, with a resolver that knows the names. A node whose name would be
// taken for a word of FAULT goes by its number, and so do all without a namer.
[[nodiscard]] std::string format_fault(const FaultCommand& command, const NodeNamer& namer = {});

// A resolver for numbers, 1 to 1023.
[[nodiscard]] std::optional<NodeNumber> node_by_number(std::string_view word);

}  // namespace quoris::fault
