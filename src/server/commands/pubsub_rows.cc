// Rows of SUBSCRIBE and its family.
#include <array>

#include "command/row_parts.h"
#include "server/commands/pubsub_commands.h"
#include "server/commands/rows.h"

namespace quoris::server {

using namespace command;  // a row is made of its names: flags, categories, row_parts.h

namespace {

constexpr uint32_t kSubscribing = pubsub | noscript | loading | stale | while_subscribed;

// A shard channel is no key, but has a slot as if it were one.
constexpr auto kShardChannel = std::array{keys_at(1, key_not_key)};
constexpr auto kShardChannels = std::array{keys_at(1, key_not_key, -1)};

constexpr Argument names(std::string_view name, unsigned more = Argument::none) {
  return {.name = name, .flags = static_cast<uint8_t>(Argument::multiple | more)};
}

constexpr auto kChannels = std::array{names("channel")};
constexpr auto kAnyChannels = std::array{names("channel", Argument::optional)};
constexpr auto kShardNames = std::array{names("shardchannel")};
constexpr auto kAnyShardNames = std::array{names("shardchannel", Argument::optional)};
constexpr auto kPattern = std::array{Argument{.name = "pattern", .type = ArgumentType::pattern}};
constexpr auto kPatterns = std::array{Argument{.name = "pattern",
                                               .type = ArgumentType::block,
                                               .flags = Argument::multiple,
                                               .arguments = kPattern}};
constexpr auto kAnyPatterns =
    std::array{Argument{.name = "pattern",
                        .type = ArgumentType::pattern,
                        .flags = Argument::optional | Argument::multiple}};
constexpr auto kMaybePattern = std::array{
    Argument{.name = "pattern", .type = ArgumentType::pattern, .flags = Argument::optional}};
constexpr auto kMessage = std::to_array<Argument>({{.name = "channel"}, {.name = "message"}});
constexpr auto kShardMessage =
    std::to_array<Argument>({{.name = "shardchannel"}, {.name = "message"}});

constexpr auto kPubsubSubcommands = std::to_array<CommandSpec>({
    {.name = "CHANNELS",
     .arity = -2,
     .flags = pubsub | loading | stale,
     .group = CommandGroup::pubsub,
     .since = "2.8.0",
     .complexity = "O(N), N being the channels with subscribers",
     .summary = "Lists the channels that have subscribers.",
     .arguments = kMaybePattern,
     .node_handler = &handle_pubsub_channels},
    {.name = "NUMSUB",
     .arity = -2,
     .flags = pubsub | loading | stale,
     .group = CommandGroup::pubsub,
     .since = "2.8.0",
     .complexity = "O(1) per channel",
     .summary = "Counts the subscribers of channels.",
     .arguments = kAnyChannels,
     .node_handler = &handle_pubsub_numsub},
    {.name = "NUMPAT",
     .arity = 2,
     .flags = pubsub | loading | stale,
     .group = CommandGroup::pubsub,
     .since = "2.8.0",
     .complexity = "O(1)",
     .summary = "Counts the patterns that have subscribers.",
     .node_handler = &handle_pubsub_numpat},
    {.name = "SHARDCHANNELS",
     .arity = -2,
     .flags = pubsub | loading | stale,
     .group = CommandGroup::pubsub,
     .since = "7.0.0",
     .complexity = "O(N), N being the shard channels with subscribers",
     .summary = "Lists the shard channels that have subscribers.",
     .arguments = kMaybePattern,
     .node_handler = &handle_pubsub_shardchannels},
    {.name = "SHARDNUMSUB",
     .arity = -2,
     .flags = pubsub | loading | stale,
     .group = CommandGroup::pubsub,
     .since = "7.0.0",
     .complexity = "O(1) per shard channel",
     .summary = "Counts the subscribers of shard channels.",
     .arguments = kAnyShardNames,
     .node_handler = &handle_pubsub_shardnumsub},
    {.name = "HELP",
     .arity = 2,
     .flags = loading | stale,
     .group = CommandGroup::pubsub,
     .since = "6.2.0",
     .complexity = "O(1)",
     .summary = "Explains the subcommands of PUBSUB.",
     .node_handler = &handle_pubsub_help},
});

constexpr auto kPubsubRows = std::to_array<CommandSpec>({
    {.name = "SUBSCRIBE",
     .arity = -2,
     .flags = kSubscribing,
     .group = CommandGroup::pubsub,
     .since = "2.0.0",
     .complexity = "O(1) per channel",
     .summary = "Makes this connection get what is published on these channels.",
     .arguments = kChannels,
     .node_handler = &handle_subscribe},
    {.name = "UNSUBSCRIBE",
     .arity = -1,
     .flags = kSubscribing,
     .group = CommandGroup::pubsub,
     .since = "2.0.0",
     .complexity = "O(1) per channel",
     .summary = "Ends subscriptions to channels: those named, or all.",
     .arguments = kAnyChannels,
     .node_handler = &handle_unsubscribe},
    {.name = "PSUBSCRIBE",
     .arity = -2,
     .flags = kSubscribing,
     .group = CommandGroup::pubsub,
     .since = "2.0.0",
     .complexity = "O(1) per pattern",
     .summary = "Makes this connection get what is published on channels that match.",
     .arguments = kPatterns,
     .node_handler = &handle_psubscribe},
    {.name = "PUNSUBSCRIBE",
     .arity = -1,
     .flags = kSubscribing,
     .group = CommandGroup::pubsub,
     .since = "2.0.0",
     .complexity = "O(1) per pattern",
     .summary = "Ends subscriptions to patterns: those named, or all.",
     .arguments = kAnyPatterns,
     .node_handler = &handle_punsubscribe},
    {.name = "SSUBSCRIBE",
     .arity = -2,
     .flags = kSubscribing,
     .keys = kShardChannels,
     .group = CommandGroup::pubsub,
     .routing = Routing::one_slot,
     .since = "7.0.0",
     .complexity = "O(1) per shard channel",
     .summary = "Makes this connection get what is published on these shard channels.",
     .arguments = kShardNames,
     .node_handler = &handle_ssubscribe},
    {.name = "SUNSUBSCRIBE",
     .arity = -1,
     .flags = kSubscribing,
     .keys = kShardChannels,
     .group = CommandGroup::pubsub,
     .routing = Routing::one_slot,
     .since = "7.0.0",
     .complexity = "O(1) per shard channel",
     .summary = "Ends subscriptions to shard channels: those named, or all.",
     .arguments = kAnyShardNames,
     .node_handler = &handle_sunsubscribe},
    {.name = "PUBLISH",
     .arity = 3,
     .flags = pubsub | loading | stale | fast | may_replicate,
     .group = CommandGroup::pubsub,
     .since = "2.0.0",
     .complexity = "O(N+M), N being the channel's subscribers and M all patterns subscribed to",
     .summary = "Sends a message to the subscribers of a channel.",
     .arguments = kMessage,
     .node_handler = &handle_publish},
    {.name = "SPUBLISH",
     .arity = 3,
     .flags = pubsub | loading | stale | fast | may_replicate,
     .keys = kShardChannel,
     .group = CommandGroup::pubsub,
     .routing = Routing::one_slot,
     .since = "7.0.0",
     .complexity = "O(N), N being the shard channel's subscribers",
     .summary = "Sends a message to the subscribers of a shard channel.",
     .arguments = kShardMessage,
     .node_handler = &handle_spublish},
    {.name = "PUBSUB",
     .arity = -2,
     .group = CommandGroup::pubsub,
     .since = "2.8.0",
     .complexity = "That of the subcommand",
     .summary = "Contains the subcommands that tell about channels and subscribers.",
     .subcommands = kPubsubSubcommands},
});

}  // namespace

std::span<const CommandSpec> pubsub_rows() { return kPubsubRows; }

}  // namespace quoris::server
