#include "server/commands/transaction_commands.h"

#include <algorithm>

#include "command/errors.h"
#include "server/node.h"
#include "server/node_context.h"

namespace quoris::server {
namespace {

namespace errors = command::errors;

// A writer that emits nothing: looking at a version must not touch the outbox. An expired key is
// seen as absent without being removed.
store::Version version_now(Node& node, DbIndex db, std::string_view key) {
  store::Writer writer(node.store(), node.stats().keyspace, node.env().rng, node.now_ms(),
                       node.listeners());
  return writer.watched_version(db, node.store().db(db).hashed(key));
}

}  // namespace

bool watched_keys_changed(Node& node, Session& session) {
  if (!session.is_watching()) return false;
  return std::ranges::any_of(session.watched(), [&](const WatchedKey& watched) {
    return version_now(node, watched.db, watched.key) != watched.version;
  });
}

void handle_multi(NodeContext& context) {
  Session& session = context.session();
  if (session.in_multi()) {
    context.reply().error(errors::kNestedMulti);
    return;
  }
  session.begin_transaction();
  context.reply().ok();
}

void handle_discard(NodeContext& context) {
  Session& session = context.session();
  if (!session.in_multi()) {
    context.reply().error(errors::kDiscardWithoutMulti);
    return;
  }
  session.end_transaction();
  session.unwatch();
  context.reply().ok();
}

void handle_exec(NodeContext& context) {
  Session& session = context.session();
  resp::ReplyWriter& reply = context.reply();
  if (!session.in_multi()) {
    reply.error(errors::kExecWithoutMulti);
    return;
  }
  Node& node = context.node();
  const bool broken = session.transaction()->broken;
  const bool changed = watched_keys_changed(node, session);
  const std::vector<QueuedCommand> queue = std::move(session.transaction()->queue);
  session.end_transaction();
  session.unwatch();
  if (broken) {
    reply.error(errors::kExecAborted);
    return;
  }
  if (changed) {
    reply.null_array();
    return;
  }
  session.set_in_exec(true);
  reply.array(queue.size());
  // A writer of their own: their errors count for them, not for EXEC.
  resp::ReplyWriter inner(reply.out(), reply.protocol());
  std::vector<std::string_view> arguments;
  for (const QueuedCommand& queued : queue) {
    arguments.clear();
    queued.arguments(arguments);
    node.dispatcher().call(session, *queued.command, arguments, {}, inner);
    // It killed itself or passed its output limit: nobody will read the rest.
    if (session.closes_now()) reply.out().clear();
  }
  session.set_in_exec(false);
  node.refresh_time();
}

void handle_watch(NodeContext& context) {
  Session& session = context.session();
  if (session.in_multi()) {
    context.reply().error(errors::kWatchInsideMulti);
    return;
  }
  std::vector<WatchedKey>& watched = session.watched();
  for (size_t index = 1; index < context.count(); ++index) {
    const std::string_view key = context.argument(index);
    const bool known = std::ranges::any_of(watched, [&](const WatchedKey& other) {
      return other.db == session.db && other.key == key;
    });
    if (known) continue;
    watched.push_back({.db = session.db,
                       .key = std::string(key),
                       .version = version_now(context.node(), session.db, key)});
  }
  context.reply().ok();
}

void handle_unwatch(NodeContext& context) {
  context.session().unwatch();
  context.reply().ok();
}

}  // namespace quoris::server
