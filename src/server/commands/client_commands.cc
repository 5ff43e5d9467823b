#include "server/commands/client_commands.h"

#include <array>
#include <limits>

#include "command/args.h"
#include "command/errors.h"
#include "command/help.h"
#include "server/commands/client_list.h"
#include "server/node.h"
#include "server/node_context.h"

namespace quoris::server {
namespace {

namespace errors = command::errors;
using command::is;

// ON or OFF at `index`; nothing for another word.
std::optional<bool> on_off(const NodeContext& context, size_t index) {
  if (is(context.argument(index), "ON")) return true;
  if (is(context.argument(index), "OFF")) return false;
  return std::nullopt;
}

// Sets a flag of the session from CLIENT <word> ON|OFF.
void set_flag(NodeContext& context, bool Session::*flag) {
  const std::optional<bool> on = on_off(context, 2);
  if (!on) return context.reply().error(errors::kSyntax);
  context.session().*flag = *on;
  context.reply().ok();
}

// A client that was killed is gone for the others at once.
bool is_listed(NodeContext& context, const Session& session) {
  return !session.closes_now() || &session == &context.session();
}

void list_by_type(NodeContext& context) {
  const std::optional<ClientType> type = parse_client_type(context.argument(3));
  if (!type) return context.reply().error(errors::unknown_client_type(context.argument(3)));
  const ClientFilter filter{.type = type};
  std::string lines;
  for (Session* session : context.node().sessions()) {
    if (filter.matches(*session)) lines += client_line(context, *session);
  }
  context.reply().verbatim("txt", lines);
}

void list_by_id(NodeContext& context) {
  std::string lines;
  for (size_t index = 3; index < context.count(); ++index) {
    const auto id = parse_int64(context.argument(index));
    if (!id) return context.reply().error(errors::kInvalidClientId);
    Session* session =
        *id > 0 ? context.node().find_session(SessionId{static_cast<uint64_t>(*id)}) : nullptr;
    if (session != nullptr && is_listed(context, *session)) lines += client_line(context, *session);
  }
  context.reply().verbatim("txt", lines);
}

using ParsedFilter = command::Parsed<ClientFilter>;

// One option of CLIENT KILL into `filter`; the error to reply with, or ok.
command::Parsed<Done> add_option(ClientFilter& filter, std::string_view option,
                                 std::string_view value) {
  if (is(option, "ID")) {
    const auto id = parse_int64(value);
    if (!id || *id < 1) return std::string(errors::kClientIdNotPositive);
    filter.id = SessionId{static_cast<uint64_t>(*id)};
  } else if (is(option, "TYPE")) {
    filter.type = parse_client_type(value);
    if (!filter.type) return errors::unknown_client_type(value);
  } else if (is(option, "ADDR")) {
    filter.address = value;
  } else if (is(option, "LADDR")) {
    filter.local_address = value;
  } else if (is(option, "USER")) {
    if (value != "default") return errors::no_such_user(value);
  } else if (is(option, "SKIPME") && (is(value, "YES") || is(value, "NO"))) {
    filter.skip_caller = is(value, "YES");
  } else {
    return std::string(errors::kSyntax);
  }
  return Done{};
}

// The options of CLIENT KILL, or the single address of its old form.
ParsedFilter parse_filter(const NodeContext& context) {
  ClientFilter filter;
  if (context.count() == 3) {
    filter.address = context.argument(2);
    filter.skip_caller = false;
    return filter;
  }
  for (size_t index = 2; index < context.count(); index += 2) {
    if (index + 1 == context.count()) return std::string(errors::kSyntax);
    const auto added = add_option(filter, context.argument(index), context.argument(index + 1));
    if (!added) return added.error();
  }
  return filter;
}

void kill(NodeContext& context, Session& session) {
  if (&session == &context.session()) {
    session.close_after_reply();  // it is to read the answer
  } else {
    session.close_now();
  }
}

}  // namespace

// --- the caller's own connection ----------------------------------------------------------------

void handle_client_id(NodeContext& context) {
  context.reply().integer(static_cast<int64_t>(raw(context.session().id())));
}

void handle_client_info(NodeContext& context) {
  context.reply().verbatim("txt", client_line(context, context.session()));
}

void handle_client_getname(NodeContext& context) {
  const std::string_view name = context.session().name();
  if (name.empty()) return context.reply().null();
  context.reply().bulk(name);
}

void handle_client_setname(NodeContext& context) {
  const std::string_view name = context.argument(2);
  if (!is_valid_client_name(name)) return context.reply().error(errors::kBadClientName);
  context.session().set_name(name);
  context.reply().ok();
}

void handle_client_setinfo(NodeContext& context) {
  const std::string_view option = context.argument(2);
  const std::string_view value = context.argument(3);
  const bool is_name = is(option, "LIB-NAME");
  if (!is_name && !is(option, "LIB-VER")) {
    return context.reply().error(errors::unrecognized_option(option));
  }
  if (!is_valid_client_name(value)) {
    return context.reply().error(errors::bad_client_attribute(option));
  }
  Session& session = context.session();
  const std::string name(is_name ? value : session.library_name());
  const std::string version(is_name ? session.library_version() : value);
  session.set_library(name, version);
  context.reply().ok();
}

// Nothing is tracked, so nothing is redirected.
void handle_client_getredir(NodeContext& context) { context.reply().integer(-1); }

void handle_client_reply(NodeContext& context) {
  Session& session = context.session();
  const std::string_view mode = context.argument(2);
  if (is(mode, "ON")) {
    session.reply_mode = ReplyMode::on;
    context.reply().ok();
  } else if (is(mode, "OFF")) {
    session.reply_mode = ReplyMode::off;
  } else if (is(mode, "SKIP")) {
    if (session.reply_mode != ReplyMode::off) session.reply_mode = ReplyMode::skip_next;
  } else {
    context.reply().error(errors::kSyntax);
  }
}

void handle_client_no_evict(NodeContext& context) { set_flag(context, &Session::no_evict); }

void handle_client_no_touch(NodeContext& context) { set_flag(context, &Session::no_touch); }

// --- other connections --------------------------------------------------------------------------

void handle_client_list(NodeContext& context) {
  if (context.count() == 2) {
    std::string lines;
    for (Session* session : context.node().sessions()) {
      if (is_listed(context, *session)) lines += client_line(context, *session);
    }
    return context.reply().verbatim("txt", lines);
  }
  if (context.count() == 4 && is(context.argument(2), "TYPE")) return list_by_type(context);
  if (context.count() > 3 && is(context.argument(2), "ID")) return list_by_id(context);
  context.reply().error(errors::kSyntax);
}

void handle_client_kill(NodeContext& context) {
  const ParsedFilter filter = parse_filter(context);
  if (!filter) return context.reply().error(filter.error());
  int64_t killed = 0;
  for (Session* session : context.node().sessions()) {
    if (!filter->matches(*session)) continue;
    if (filter->skip_caller && session == &context.session()) continue;
    kill(context, *session);
    ++killed;
  }
  const bool old_form = context.count() == 3;
  if (!old_form) return context.reply().integer(killed);
  if (killed == 0) return context.reply().error(errors::kNoSuchClient);
  context.reply().ok();
}

void handle_client_pause(NodeContext& context) {
  Pause::Kind kind = Pause::Kind::all;
  if (context.count() > 4) {
    return context.reply().error(errors::bad_subcommand_call(context.argument(1), "CLIENT"));
  }
  if (context.count() == 4) {
    if (is(context.argument(3), "WRITE")) {
      kind = Pause::Kind::write;
    } else if (!is(context.argument(3), "ALL")) {
      return context.reply().error(errors::kBadPauseMode);
    }
  }
  const auto timeout_ms = parse_int64(context.argument(2));
  if (!timeout_ms) return context.reply().error(errors::kTimeoutNotInteger);
  if (*timeout_ms < 0) return context.reply().error(errors::kTimeoutNegative);
  // A pause this long ends with UNPAUSE or the process; the bound keeps sums in range.
  constexpr int64_t kLongestMs = int64_t{100} * 365 * 24 * 3600 * 1000;
  context.node().pause(kind, context.node().now_ms() + std::min(*timeout_ms, kLongestMs));
  context.reply().ok();
}

void handle_client_unpause(NodeContext& context) {
  context.node().unpause();
  context.reply().ok();
}

void handle_client_unblock(NodeContext& context) {
  UnblockReason reason = UnblockReason::client_timeout;
  if (context.count() > 4) {
    return context.reply().error(errors::bad_subcommand_call(context.argument(1), "CLIENT"));
  }
  if (context.count() == 4) {
    if (is(context.argument(3), "ERROR")) {
      reason = UnblockReason::client_unblock;
    } else if (!is(context.argument(3), "TIMEOUT")) {
      return context.reply().error(errors::kBadUnblockReason);
    }
  }
  const auto id = command::integer_argument(context.argument(2));
  if (!id) return context.reply().error(id.error());
  Session* session =
      *id > 0 ? context.node().find_session(SessionId{static_cast<uint64_t>(*id)}) : nullptr;
  if (session == nullptr || !session->is_blocked()) return context.reply().integer(0);
  // In either way it has not got what it waited for: for INFO commandstats that is a failure.
  ++context.node().stats().commands[session->blocked_command().index].failed;
  context.node().unblock(*session, reason);
  context.reply().integer(1);
}

void handle_client_help(NodeContext& context) {
  static constexpr auto kLines = std::to_array<std::string_view>({
      "GETREDIR",
      "    Which connection gets the invalidation messages of this one; -1: none.",
      "GETNAME",
      "    The name of this connection.",
      "ID",
      "    The number of this connection.",
      "INFO",
      "    The line of CLIENT LIST that is about this connection.",
      "KILL <ip:port>",
      "    Close the connection that comes from this address.",
      "KILL <option> <value> [<option> <value> [...]]",
      "    Close all connections to which every option applies:",
      "    * ADDR (<ip:port>|<unixsocket>:0)",
      "      where it comes from",
      "    * LADDR (<ip:port>|<unixsocket>:0)",
      "      the address of the server that it came to",
      "    * TYPE (NORMAL|MASTER|REPLICA|PUBSUB)",
      "      its kind",
      "    * ID <client-id>",
      "      its number",
      "    * USER <username>",
      "      who it is authenticated as",
      "    * SKIPME (YES|NO)",
      "      whether the caller is spared (it is by default)",
      "LIST [options ...]",
      "    A line about every connection, or about some:",
      "    * TYPE (NORMAL|MASTER|REPLICA|PUBSUB)",
      "      those of a kind",
      "    * ID <client-id> [...]",
      "      those with these numbers",
      "UNPAUSE",
      "    End a pause before its time.",
      "PAUSE <timeout> [WRITE|ALL]",
      "    Let all commands, or only writes, wait for this many milliseconds.",
      "REPLY (ON|OFF|SKIP)",
      "    Send replies to this connection, or none, or all but the next.",
      "SETNAME <name>",
      "    Name this connection.",
      "SETINFO (LIB-NAME|LIB-VER) <value>",
      "    Tell which client library this is.",
      "UNBLOCK <clientid> [TIMEOUT|ERROR]",
      "    End the wait of a blocked connection, as if its time were up or with an error.",
      "NO-EVICT (ON|OFF)",
      "    Exempt this connection from being closed when clients take too much memory.",
      "NO-TOUCH (ON|OFF)",
      "    Leave the access clocks of keys alone when this connection reads them.",
  });
  command::reply_help(context.reply(), "CLIENT", kLines);
}

}  // namespace quoris::server
