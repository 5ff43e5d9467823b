// NodeContext: what the handler of a node command (CLIENT, CONFIG, INFO, MULTI ...) sees: the node,
// the calling session, arguments and reply.
//
// Made by Dispatcher for one command.
#pragma once

#include <span>
#include <string_view>
#include <vector>

#include "command/table.h"
#include "resp/reply_writer.h"
#include "server/session.h"

namespace quoris::server {

class Node;

class NodeContext {
 public:
  NodeContext(Node& node, Session& session, const command::Command& command,
              std::span<const std::string_view> arguments, resp::ReplyWriter& reply,
              std::vector<size_t>& redacted)
      : node_(node),
        session_(session),
        command_(command),
        arguments_(arguments),
        reply_(reply),
        redacted_(redacted) {}

  [[nodiscard]] Node& node() { return node_; }

  [[nodiscard]] Session& session() { return session_; }

  // The row that was called; for a container's subcommand the subcommand's.
  [[nodiscard]] const command::Command& command() const { return command_; }

  // arguments()[0] is the command's name.
  [[nodiscard]] std::span<const std::string_view> arguments() const { return arguments_; }

  [[nodiscard]] std::string_view argument(size_t index) const { return arguments_[index]; }

  [[nodiscard]] size_t count() const { return arguments_.size(); }

  [[nodiscard]] resp::ReplyWriter& reply() { return reply_; }

  // Keeps an argument (a password) out of the slow log and MONITOR.
  void redact(size_t index) { redacted_.push_back(index); }

  // ... and all that follow it.
  void redact_from(size_t index) {
    for (; index < arguments_.size(); ++index) redact(index);
  }

  // False inside EXEC: what would wait answers at once as if its time were up.
  [[nodiscard]] bool may_block() const { return !session_.in_exec(); }

 private:
  Node& node_;
  Session& session_;
  const command::Command& command_;
  std::span<const std::string_view> arguments_;
  resp::ReplyWriter& reply_;
  std::vector<size_t>& redacted_;
};

}  // namespace quoris::server
