#include "server/commands/connection_commands.h"

#include <optional>

#include "command/args.h"
#include "command/errors.h"
#include "server/node.h"
#include "server/node_context.h"

namespace quoris::server {
namespace {

namespace errors = command::errors;

// The version of Redis whose behaviour clients can count on.
constexpr std::string_view kRedisVersion = "7.0.15";

// Takes as long for a wrong password as for a right one.
bool same_secret(std::string_view given, std::string_view wanted) {
  unsigned difference = given.size() == wanted.size() ? 0 : 1;
  for (size_t index = 0; index < given.size(); ++index) {
    const char other = wanted.empty() ? '\0' : wanted[index % wanted.size()];
    difference |= static_cast<unsigned char>(given[index] ^ other);
  }
  return difference == 0;
}

// There is one user so far: "default".
bool credentials_fit(const SettingValues& values, std::string_view user,
                     std::string_view password) {
  if (user != "default") return false;
  return values.requirepass.empty() || same_secret(password, values.requirepass);
}

// AUTH of HELLO and of itself: false if the reply is the error.
bool log_in(NodeContext& context, std::string_view user, std::string_view password) {
  if (!credentials_fit(context.node().values(), user, password)) {
    ++context.node().stats().acl_denied_auth;
    context.reply().error(errors::kWrongPass);
    return false;
  }
  context.session().authenticated = true;
  return true;
}

// Also where HELLO is refused, and whatever stands before: the two words behind AUTH.
void redact_credentials(NodeContext& context) {
  for (size_t index = 1; index < context.count(); ++index) {
    if (!command::is(context.argument(index), "AUTH")) continue;
    context.redact(index + 1);
    context.redact(index + 2);
  }
}

// HELLO's options take effect one after the other, as far as they are right (a name is set though
// what follows is refused). False if the reply is the error.
bool apply_hello_options(NodeContext& context) {
  for (size_t next = 2; next < context.count();) {
    const std::string_view option = context.argument(next);
    const size_t more = context.count() - next - 1;
    if (command::is(option, "AUTH") && more >= 2) {
      if (!log_in(context, context.argument(next + 1), context.argument(next + 2))) return false;
      next += 3;
    } else if (command::is(option, "SETNAME") && more >= 1) {
      const std::string_view name = context.argument(next + 1);
      if (!is_valid_client_name(name)) {
        context.reply().error(errors::kBadClientName);
        return false;
      }
      context.session().set_name(name);
      next += 2;
    } else {
      // What was meant is not known; it may have been AUTH.
      context.redact_from(next + 1);
      context.reply().error(errors::hello_syntax(option));
      return false;
    }
  }
  return true;
}

void write_hello(NodeContext& context) {
  resp::ReplyWriter& reply = context.reply();
  reply.map(7);
  reply.bulk("server");
  reply.bulk("redis");
  reply.bulk("version");
  reply.bulk(kRedisVersion);
  reply.bulk("proto");
  reply.integer(static_cast<int64_t>(reply.protocol()));
  reply.bulk("id");
  reply.integer(static_cast<int64_t>(raw(context.session().id())));
  reply.bulk("mode");
  reply.bulk(context.node().cluster() == nullptr ? "standalone" : "cluster");
  reply.bulk("role");
  reply.bulk("master");
  reply.bulk("modules");
  reply.array(0);
}

}  // namespace

void handle_ping(NodeContext& context) {
  const Session& session = context.session();
  if (context.count() > 2) {
    context.reply().error(errors::wrong_arity("ping"));
  } else if (session.is_subscribed() && session.protocol == resp::Protocol::resp2) {
    // In the form of a message, which such a connection expects.
    context.reply().array(2);
    context.reply().bulk("pong");
    context.reply().bulk(context.count() == 2 ? context.argument(1) : "");
  } else if (context.count() == 2) {
    context.reply().bulk(context.argument(1));
  } else {
    context.reply().raw("+PONG\r\n");
  }
}

void handle_echo(NodeContext& context) { context.reply().bulk(context.argument(1)); }

void handle_auth(NodeContext& context) {
  context.redact_from(1);
  if (context.count() > 3) {
    context.reply().error(errors::kSyntax);
    return;
  }
  const SettingValues& values = context.node().values();
  const bool with_user = context.count() == 3;
  if (!with_user && values.requirepass.empty()) {
    context.reply().error(errors::kPasswordNotSet);
    return;
  }
  const std::string_view user = with_user ? context.argument(1) : "default";
  if (log_in(context, user, context.argument(with_user ? 2 : 1))) context.reply().ok();
}

void handle_hello(NodeContext& context) {
  Session& session = context.session();
  resp::Protocol protocol = session.protocol;
  if (context.count() > 1) {
    redact_credentials(context);
    const std::optional<int64_t> version = parse_int64(context.argument(1));
    if (!version) {
      context.redact_from(1);  // perhaps the version was forgotten
      return context.reply().error(errors::kBadProtocolVersion);
    }
    if (*version != 2 && *version != 3) return context.reply().error(errors::kNoSuchProtocol);
    protocol = *version == 2 ? resp::Protocol::resp2 : resp::Protocol::resp3;
  }
  if (!apply_hello_options(context)) return;
  if (!session.authenticated && !context.node().values().requirepass.empty()) {
    return context.reply().error(errors::kHelloNeedsAuth);
  }
  session.protocol = protocol;
  context.reply().set_protocol(protocol);
  write_hello(context);
}

void handle_quit(NodeContext& context) {
  context.reply().ok();
  context.session().close_after_reply();
}

void handle_reset(NodeContext& context) {
  Session& session = context.session();
  session.end_transaction();
  session.unwatch();
  context.node().remove_monitor(session);
  context.node().pubsub().forget(session);
  session.db = DbIndex{0};
  session.protocol = resp::Protocol::resp2;
  // What CLIENT REPLY SKIP skips may be the RESET itself.
  if (session.reply_mode != ReplyMode::skip_this) session.reply_mode = ReplyMode::on;
  session.no_evict = false;
  session.no_touch = false;
  session.set_name({});
  session.consistency = context.node().values().consistency;
  session.authenticated = context.node().values().requirepass.empty();
  context.reply().set_protocol(session.protocol);
  context.reply().raw("+RESET\r\n");
}

void handle_select(NodeContext& context) {
  const command::Parsed<DbIndex> db =
      command::db_argument(context.argument(1), context.node().store().databases());
  if (!db) {
    // A cluster has database 0.
    const bool is_clustered = context.node().cluster() != nullptr;
    const bool has_no_such = is_clustered && db.error() == errors::kDbOutOfRange;
    context.reply().error(has_no_such ? errors::not_in_cluster("SELECT") : db.error());
    return;
  }
  context.session().db = *db;
  context.reply().ok();
}

}  // namespace quoris::server
