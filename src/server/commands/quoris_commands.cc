#include "server/commands/quoris_commands.h"

#include "command/args.h"
#include "command/errors.h"
#include "server/node.h"
#include "server/node_context.h"

namespace quoris::server {
namespace {

namespace errors = command::errors;

void reply_levels(resp::ReplyWriter& reply, const Consistency& levels) {
  reply.map(2);
  reply.bulk("READ");
  reply.bulk(level_name(levels.read));
  reply.bulk("WRITE");
  reply.bulk(level_name(levels.write));
}

// CONSISTENCY READ ONE WRITE ALL: pairs in any order; changes nothing where one of them is wrong.
void set_levels_apart(NodeContext& context) {
  Consistency levels = context.session().consistency;
  for (size_t index = 1; index < context.count(); index += 2) {
    const bool reads = command::is(context.argument(index), "READ");
    if (!reads && !command::is(context.argument(index), "WRITE")) {
      return context.reply().error(errors::kSyntax);
    }
    if (index + 1 == context.count()) return context.reply().error(errors::kSyntax);
    const std::optional<Level> level = parse_level(context.argument(index + 1));
    if (!level) return context.reply().error(errors::unknown_level(context.argument(index + 1)));
    (reads ? levels.read : levels.write) = *level;
  }
  context.session().consistency = levels;
  context.reply().ok();
}

// CONSISTENCY ALL SET k v. Only commands on keys: for others a level means nothing, and nothing
// that changes the connection's state (MULTI, QUIT, CONSISTENCY) can come in through here.
void run_at_level(NodeContext& context, Level level) {
  const std::span<const std::string_view> arguments = context.arguments().subspan(2);
  Session& session = context.session();
  Dispatcher& dispatcher = context.node().dispatcher();
  Planned planned{.session = &session, .arguments = arguments};
  dispatcher.plan(planned);
  if (planned.command != nullptr && !planned.command->is_container() &&
      planned.command->spec->handler == nullptr) {
    context.redact_from(3);  // AUTH, HELLO, CONFIG SET: nothing of it belongs into logs
    return context.reply().error(errors::no_level_for(arguments[0]));
  }
  const Consistency before = session.consistency;
  session.consistency = {.read = level, .write = level};
  // A writer of its own: its errors are counted for the inner command alone.
  resp::ReplyWriter reply(context.reply().out(), context.reply().protocol());
  dispatcher.execute_within(planned, reply);
  session.consistency = before;
}

}  // namespace

void handle_consistency(NodeContext& context) {
  if (context.count() == 1) return reply_levels(context.reply(), context.session().consistency);
  const std::string_view word = context.argument(1);
  if (command::is(word, "READ") || command::is(word, "WRITE")) return set_levels_apart(context);
  const std::optional<Level> level = parse_level(word);
  if (!level) return context.reply().error(errors::unknown_level(word));
  if (context.count() > 2) return run_at_level(context, *level);
  context.session().consistency = {.read = *level, .write = *level};
  context.reply().ok();
}

}  // namespace quoris::server
