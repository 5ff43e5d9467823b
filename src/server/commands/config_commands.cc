#include "server/commands/config_commands.h"

#include <array>
#include <string>
#include <vector>

#include "command/errors.h"
#include "command/help.h"
#include "server/node.h"
#include "server/node_context.h"
#include "server/settings/config_file.h"

namespace quoris::server {
namespace {

constexpr std::string_view kNoConfigFile = "ERR The server is running without a config file";

void warn_of_low_maxmemory(Node& node) {
  const uint64_t limit = node.values().maxmemory;
  if (limit == 0) return;
  const uint64_t used = node.used_memory();
  if (used <= limit) return;
  node.log().write(LogLevel::warning,
                   "maxmemory is now {} bytes, but {} are in use: writes that can need memory are "
                   "refused until enough is deleted",
                   limit, used);
}

// The value of a setting that is a secret, or that is not known here: Redis's masterauth, a slip of
// the pen. Where names and values don't pair, all that follows the name: a secret with a space in
// it may have become two arguments.
void redact_secrets(NodeContext& context) {
  const bool in_pairs = context.count() % 2 == 0;
  for (size_t index = 2; index < context.count(); ++index) {
    const SettingRow* row = find_setting(context.argument(index));
    const bool in_place_of_name = in_pairs && index % 2 == 0;
    const bool is_secret = row == nullptr ? in_place_of_name : row->has(sensitive);
    if (!is_secret) continue;
    if (!in_pairs) return context.redact_from(index + 1);
    context.redact(index + 1);
  }
}

}  // namespace

void handle_config_get(NodeContext& context) {
  const std::vector<Settings::NamedText> found =
      context.node().settings().get(context.arguments().subspan(2));
  resp::ReplyWriter& reply = context.reply();
  reply.map(found.size());
  for (const auto& [name, text] : found) {
    reply.bulk(name);
    reply.bulk(text);
  }
}

void handle_config_set(NodeContext& context) {
  resp::ReplyWriter& reply = context.reply();
  redact_secrets(context);
  if (context.count() % 2 != 0) {
    reply.error(command::errors::kSyntax);
    return;
  }
  std::vector<Settings::Change> changes;
  for (size_t i = 2; i < context.count(); i += 2) {
    changes.push_back({.name = context.argument(i), .value = context.argument(i + 1)});
  }
  Node& node = context.node();
  const uint64_t maxmemory = node.values().maxmemory;
  const Status status = node.settings().change(changes, [&node](const SettingRow& row) {
    return row.has(on_edge) ? node.edge().apply_setting(row.name, node.values()) : ok();
  });
  if (!status) {
    reply.error(status.error().message);
    return;
  }
  node.settings_changed();
  if (node.values().maxmemory != maxmemory) warn_of_low_maxmemory(node);
  reply.ok();
}

void handle_config_resetstat(NodeContext& context) {
  context.node().reset_stats();
  context.reply().ok();
}

void handle_config_rewrite(NodeContext& context) {
  Node& node = context.node();
  const std::string& path = node.settings().config_file();
  if (path.empty()) {
    context.reply().error(kNoConfigFile);
    return;
  }
  const auto failed = [&](const Error& error) {
    node.log().write(LogLevel::warning, "CONFIG REWRITE: {}", error.message);
    context.reply().error("ERR Rewriting config file: " + error.message);
  };
  // A file that is gone is written anew, as Redis does.
  const Result<std::string> old_text = node.edge().read_file(path);
  if (!old_text && old_text.error().code != Errc::not_found) {
    failed(old_text.error());
    return;
  }
  const std::string text = rewrite_config(old_text ? *old_text : "", node.values());
  if (const Status status = node.edge().replace_file(path, text); !status) {
    failed(status.error());
    return;
  }
  node.log().write(LogLevel::notice, "wrote the settings in force to {}", path);
  context.reply().ok();
}

void handle_config_help(NodeContext& context) {
  static constexpr auto kLines = std::to_array<std::string_view>({
      "GET <pattern>",
      "    Return parameters matching the glob-like <pattern> and their values.",
      "SET <directive> <value>",
      "    Set the configuration <directive> to <value>.",
      "RESETSTAT",
      "    Reset statistics reported by the INFO command.",
      "REWRITE",
      "    Rewrite the configuration file.",
  });
  command::reply_help(context.reply(), "CONFIG", kLines);
}

}  // namespace quoris::server
