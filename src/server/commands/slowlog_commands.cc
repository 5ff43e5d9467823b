#include <array>

#include "command/args.h"
#include "command/errors.h"
#include "command/help.h"
#include "server/commands/monitoring_commands.h"
#include "server/node.h"
#include "server/node_context.h"

namespace quoris::server {
namespace {

namespace errors = command::errors;

constexpr int64_t kDefaultCount = 10;

void reply_entry(resp::ReplyWriter& reply, const SlowlogEntry& entry) {
  reply.array(6);
  reply.integer(static_cast<int64_t>(entry.id));
  reply.integer(entry.time_s);
  reply.integer(static_cast<int64_t>(entry.microseconds));
  reply.array(entry.arguments.size());
  for (const std::string& argument : entry.arguments) reply.bulk(argument);
  reply.bulk(entry.client_address);
  reply.bulk(entry.client_name);
}

}  // namespace

void handle_slowlog_get(NodeContext& context) {
  if (context.count() > 3) {
    return context.reply().error(errors::bad_subcommand_call(context.argument(1), "SLOWLOG"));
  }
  int64_t count = kDefaultCount;
  if (context.count() == 3) {
    const auto given = parse_int64(context.argument(2));
    if (!given || *given < -1) return context.reply().error(errors::kBadSlowlogCount);
    count = *given;
  }
  const std::deque<SlowlogEntry>& entries = context.node().slowlog().entries();
  const bool all = count == -1 || static_cast<uint64_t>(count) > entries.size();
  const size_t shown = all ? entries.size() : static_cast<size_t>(count);
  context.reply().array(shown);
  for (size_t index = 0; index < shown; ++index) reply_entry(context.reply(), entries[index]);
}

void handle_slowlog_len(NodeContext& context) {
  context.reply().integer(static_cast<int64_t>(context.node().slowlog().entries().size()));
}

void handle_slowlog_reset(NodeContext& context) {
  context.node().slowlog().reset();
  context.reply().ok();
}

void handle_slowlog_help(NodeContext& context) {
  static constexpr auto kLines = std::to_array<std::string_view>({
      "GET [<count>]",
      "    The newest entries of the slow log (10 of them, -1: all). Each has its number, the time",
      "    in seconds since 1970, its duration in microseconds, the arguments, and the client's",
      "    address and name.",
      "LEN",
      "    How many entries there are.",
      "RESET",
      "    Drop all entries.",
  });
  command::reply_help(context.reply(), "SLOWLOG", kLines);
}

}  // namespace quoris::server
