// Lines of CLIENT LIST and INFO, and the filters by which CLIENT LIST and KILL choose connections.
//
// Used by: client_commands.cc. Fields and their order are redis-server 7.0.15's, with lib-name and
// lib-ver behind them as in 7.2; what Quoris has not (pub/sub, tracking) stands as unused.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "base/ids.h"

namespace quoris::server {

class NodeContext;
class Session;

// Kinds of connections that TYPE names. All are `normal` today.
enum class ClientType : uint8_t { normal, replica, pubsub, master };

// "normal", "replica" or "slave", "pubsub", "master", whatever the case.
[[nodiscard]] std::optional<ClientType> parse_client_type(std::string_view word);

// One line with its line end. `context` is of the command that asks: its own session's fields
// tell of that command.
[[nodiscard]] std::string client_line(NodeContext& context, Session& session);

// CLIENT KILL's options; what is not set matches every connection.
struct ClientFilter {
  std::optional<SessionId> id = {};
  std::optional<ClientType> type = {};
  std::optional<std::string_view> address = {};
  std::optional<std::string_view> local_address = {};
  bool skip_caller = true;

  // REQUIRES: USER was checked by the parser: all connections are the user `default`.
  [[nodiscard]] bool matches(Session& session) const;
};

}  // namespace quoris::server
