#include "server/commands/admin_commands.h"

#include "command/args.h"
#include "command/errors.h"
#include "server/node.h"
#include "server/node_context.h"

namespace quoris::server {
namespace {

namespace errors = command::errors;
using command::is;

struct ShutdownOptions {
  bool save = false;
  bool nosave = false;
  bool abort = false;
  bool now = false;  // nothing to wait for
  bool force = false;
};

command::Parsed<ShutdownOptions> parse_shutdown(const NodeContext& context) {
  ShutdownOptions options;
  for (const std::string_view word : context.arguments().subspan(1)) {
    if (is(word, "SAVE")) {
      options.save = true;
    } else if (is(word, "NOSAVE")) {
      options.nosave = true;
    } else if (is(word, "ABORT")) {
      options.abort = true;
    } else if (is(word, "NOW")) {
      options.now = true;
    } else if (is(word, "FORCE")) {
      options.force = true;
    } else {
      return std::string(errors::kSyntax);
    }
  }
  const bool stops = options.save || options.nosave || options.now || options.force;
  if ((options.abort && stops) || (options.save && options.nosave)) {
    return std::string(errors::kSyntax);
  }
  return options;
}

}  // namespace

void handle_time(NodeContext& context) {
  const int64_t now_us = context.node().env().clock.wall_us();
  context.reply().array(2);
  context.reply().bulk_integer(now_us / 1'000'000);
  context.reply().bulk_integer(now_us % 1'000'000);
}

void handle_role(NodeContext& context) {
  context.reply().array(3);
  context.reply().bulk("master");
  context.reply().integer(0);
  context.reply().array(0);
}

// There are no replicas in Redis's sense: a caller that wants none goes on at once, another one
// waits its time and learns that there were none.
void handle_wait(NodeContext& context) {
  const auto replicas = command::integer_argument(context.argument(1));
  if (!replicas) return context.reply().error(replicas.error());
  const auto timeout_ms = parse_int64(context.argument(2));
  if (!timeout_ms) return context.reply().error(errors::kTimeoutNotInteger);
  if (*timeout_ms < 0) return context.reply().error(errors::kTimeoutNegative);
  if (*replicas <= 0 || !context.may_block()) return context.reply().integer(0);
  // A time that no client sees the end of; keeps sums in range.
  constexpr int64_t kLongestMs = int64_t{100} * 365 * 24 * 3600 * 1000;
  context.node().block(context.session(), std::min(*timeout_ms, kLongestMs),
                       [](resp::ReplyWriter& reply, UnblockReason reason) {
                         if (reason == UnblockReason::client_unblock) {
                           reply.error(errors::kUnblocked);
                         } else {
                           reply.integer(0);
                         }
                       });
}

// Answers nothing: the connection's end is the answer.
void handle_shutdown(NodeContext& context) {
  const auto options = parse_shutdown(context);
  if (!options) return context.reply().error(options.error());
  Node& node = context.node();
  if (options->abort) {
    if (!node.abort_shutdown()) return context.reply().error(errors::kNoShutdown);
    return context.reply().ok();
  }
  if (options->save && node.durability().directory() == nullptr) {
    return context.reply().error(errors::kShutdownFailed);
  }
  node.log().write(LogLevel::notice, "shutdown requested by client {}",
                   context.session().stream().peer_address());
  std::optional<bool> save;
  if (options->save || options->nosave) save = options->save;
  if (node.is_stopping()) return;
  node.block(context.session(), 0, [](resp::ReplyWriter& reply, UnblockReason reason) {
    reply.error(reason == UnblockReason::client_unblock ? errors::kUnblocked
                                                        : errors::kShutdownFailed);
  });
  node.shutdown({.save = save, .force = options->force}, [&node, id = context.session().id()] {
    Session* session = node.find_session(id);
    if (session != nullptr && session->is_blocked()) {
      node.unblock(*session, UnblockReason::ready);
    }
  });
}

}  // namespace quoris::server
