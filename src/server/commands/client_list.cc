#include "server/commands/client_list.h"

#include <fmt/format.h>

#include <iterator>

#include "base/text.h"
#include "server/commands/transaction_commands.h"
#include "server/node.h"
#include "server/node_context.h"

namespace quoris::server {
namespace {

ClientType type_of(const Session& session) {
  return session.is_subscribed() ? ClientType::pubsub : ClientType::normal;
}

// What the line tells of the command that a connection runs or ran last.
struct Running {
  std::string_view command = "NULL";
  size_t argument_bytes = 0;
};

Running running(NodeContext& context, const Session& session) {
  Running found;
  if (&session != &context.session()) {
    if (session.last_command != nullptr) found.command = session.last_command->full_name;
    return found;
  }
  if (session.in_exec()) {
    constexpr std::string_view kExec = "exec";
    return {.command = kExec, .argument_bytes = kExec.size()};
  }
  found.command = context.command().full_name;
  for (const std::string_view argument : context.arguments()) {
    found.argument_bytes += argument.size();
  }
  return found;
}

}  // namespace

std::optional<ClientType> parse_client_type(std::string_view word) {
  if (equals_ignoring_case(word, "normal")) return ClientType::normal;
  if (equals_ignoring_case(word, "replica")) return ClientType::replica;
  if (equals_ignoring_case(word, "slave")) return ClientType::replica;
  if (equals_ignoring_case(word, "pubsub")) return ClientType::pubsub;
  if (equals_ignoring_case(word, "master")) return ClientType::master;
  return std::nullopt;
}

std::string client_line(NodeContext& context, Session& session) {
  const Node& node = context.node();
  const Stream& stream = session.stream();
  const Running command = running(context, session);
  const Transaction* transaction = session.transaction();
  const size_t pending = stream.pending();
  std::string line = fmt::format(
      "id={} addr={} laddr={} fd={} name={} age={} idle={} flags={} db={}", raw(session.id()),
      stream.peer_address(), stream.local_address(), stream.descriptor(), session.name(),
      node.now_ms() / 1000 - session.created_s, (node.now_ms() - session.last_active_ms) / 1000,
      session.flags_text(watched_keys_changed(context.node(), session)), raw(session.db));
  auto out = std::back_inserter(line);
  const Subscriptions none;
  const Subscriptions& subscriptions =
      session.subscriptions() == nullptr ? none : *session.subscriptions();
  fmt::format_to(out, " sub={} psub={} ssub={}", subscriptions.channels.size(),
                 subscriptions.patterns.size(), subscriptions.shard_channels.size());
  if (transaction != nullptr) {
    fmt::format_to(out, " multi={}", transaction->queue.size());
  } else {
    fmt::format_to(out, " multi=-1");
  }
  const resp::RequestReader& reader = session.reader();
  fmt::format_to(out, " qbuf={} qbuf-free={} argv-mem={} multi-mem={}", reader.buffered(),
                 reader.free_space(), command.argument_bytes,
                 transaction != nullptr ? transaction->bytes : 0);
  // The reply buffer is this turn's; what waits for the socket is Redis's list behind it.
  const ByteChain& replies = session.out();
  fmt::format_to(out, " rbs={} rbp={} obl={} oll={} omem={} tot-mem={}", replies.memory(),
                 replies.memory(), replies.size(), pending == 0 ? 0 : 1, pending, session.memory());
  fmt::format_to(out, " events={} cmd={} user=default redir=-1 resp={} lib-name={} lib-ver={}\n",
                 pending == 0 ? "r" : "rw", command.command, static_cast<int>(session.protocol),
                 session.library_name(), session.library_version());
  return line;
}

bool ClientFilter::matches(Session& session) const {
  if (session.closes_now()) return false;
  if (id && *id != session.id()) return false;
  if (type && *type != type_of(session)) return false;
  if (address && *address != session.stream().peer_address()) return false;
  return !local_address || *local_address == session.stream().local_address();
}

}  // namespace quoris::server
