#include "server/commands/transaction_commands.h"

#include <algorithm>
#include <utility>

#include "command/errors.h"
#include "server/node.h"
#include "server/node_context.h"

namespace quoris::server {
namespace {

namespace errors = command::errors;

// Emits nothing: an expired key is seen as absent without being removed.
store::Version version_now(Node& node, DbIndex db, const store::HashedKey& key) {
  store::Writer writer(node.store(), node.stats().keyspace, node.env().rng, node.now_ms(),
                       node.listeners());
  return writer.watched_version(db, key);
}

// A reply that says no more than that what was watched has changed waits for what happened to it,
// as a reader of it would.
void await_change(Node& node, Session& session) {
  const Durability& durability = node.durability();
  if (!durability.is_behind()) return;
  store::Writer::Observed observed;
  session.watched().for_each([&](const WatchedKey& watched) {
    const store::Version version = version_now(node, watched.db, watched.hashed());
    observed.newest = std::max(observed.newest, version);
    observed.absence = observed.absence || version == store::kNoVersion;
  });
  session.await_log(durability.awaited_by(observed));
}

// Runs what was queued. Replies that the client does not want, or that nobody will read, take no
// memory: CLIENT REPLY counts from the command that gives it, and behind a connection's own end
// commands still run, in silence.
void run_queue(Node& node, Session& session, resp::ReplyWriter& reply) {
  const Transaction& transaction = session.begin_exec();
  ByteChain dropped;
  // A writer of their own: their errors count for them, not for EXEC.
  resp::ReplyWriter inner(dropped, reply.protocol());
  bool muted = session.muted();
  if (!muted) reply.array(transaction.queue.size());
  std::vector<std::string_view> arguments;
  for (const QueuedCommand& queued : transaction.queue) {
    arguments.clear();
    queued.arguments(arguments);
    inner.redirect(muted || session.closing() ? dropped : session.out());
    node.dispatcher().call(session, *queued.command, arguments, {}, inner);
    if (muted && session.reply_mode == ReplyMode::on) {
      session.out().splice(std::exchange(dropped, {}));  // CLIENT REPLY ON is answered
      muted = false;
    }
    if (session.reply_mode == ReplyMode::off) muted = true;
    // It passed its output limit.
    if (session.closes_now()) session.out().clear();
    dropped.clear();
  }
  session.finish_exec();
}

}  // namespace

bool watched_keys_changed(Node& node, Session& session) {
  if (!session.is_watching()) return false;
  return session.watched().any_of([&](const WatchedKey& watched) {
    return version_now(node, watched.db, watched.hashed()) != watched.version;
  });
}

void handle_multi(NodeContext& context) {
  Session& session = context.session();
  if (session.in_multi()) {
    context.reply().error(errors::kNestedMulti);
    return;
  }
  const bool outdated = watched_keys_changed(context.node(), session);
  session.begin_transaction();
  session.transaction()->outdated = outdated;
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
  const bool changed = session.transaction()->outdated || watched_keys_changed(node, session);
  // What runs waits for what it sees, command by command.
  if (changed && !broken) await_change(node, session);
  session.unwatch();
  if (broken || changed) {
    session.end_transaction();
    if (broken) {
      reply.error(errors::kExecAborted);
    } else {
      reply.null_array();
    }
    return;
  }
  run_queue(node, session, reply);
  node.refresh_time();
}

void handle_watch(NodeContext& context) {
  Session& session = context.session();
  if (session.in_multi()) {
    context.reply().error(errors::kWatchInsideMulti);
    return;
  }
  WatchedKeys& watched = session.watched();
  const store::Keyspace& keyspace = context.node().store().db(session.db);
  for (size_t index = 1; index < context.count(); ++index) {
    const store::HashedKey key = keyspace.hashed(context.argument(index));
    if (watched.contains(session.db, key)) continue;
    watched.add(session.db, key, version_now(context.node(), session.db, key));
  }
  context.reply().ok();
}

void handle_unwatch(NodeContext& context) {
  context.session().unwatch();
  context.reply().ok();
}

}  // namespace quoris::server
