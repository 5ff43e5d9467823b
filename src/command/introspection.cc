#include "command/introspection.h"

#include <algorithm>
#include <array>
#include <string>

#include "base/text.h"
#include "command/errors.h"
#include "command/help.h"
#include "command/syntax.h"

namespace quoris::command {

namespace {

// The word of each bit, the lowest first.
constexpr auto kCommandFlagNames = std::to_array<std::string_view>(
    {"write", "readonly", "denyoom", "admin", "pubsub", "noscript", "blocking", "loading", "stale",
     "skip_monitor", "skip_slowlog", "asking", "fast", "no_auth", "no_mandatory_keys",
     "no_async_loading", "no_multi", "movablekeys", "allow_busy"});
static_assert(allow_busy == 1U << (kCommandFlagNames.size() - 1));

constexpr auto kCategoryNames = std::to_array<std::string_view>(
    {"keyspace", "read",   "write",       "set",       "sortedset",  "list",        "hash",
     "string",   "bitmap", "hyperloglog", "geo",       "stream",     "pubsub",      "admin",
     "fast",     "slow",   "blocking",    "dangerous", "connection", "transaction", "scripting"});
static_assert(cat_scripting == 1U << (kCategoryNames.size() - 1));

constexpr auto kKeyFlagNames =
    std::to_array<std::string_view>({"RW", "RO", "OW", "RM", "access", "update", "insert", "delete",
                                     "not_key", "incomplete", "variable_flags"});
static_assert(key_variable_flags == 1U << (kKeyFlagNames.size() - 1));

constexpr auto kGroupNames = std::to_array<std::string_view>(
    {"generic", "string", "list", "set", "sorted-set", "hash", "pubsub", "transactions",
     "connection", "server", "scripting", "hyperloglog", "cluster", "sentinel", "geo", "stream",
     "bitmap"});
static_assert(static_cast<size_t>(CommandGroup::bitmap) == kGroupNames.size() - 1);

constexpr auto kArgumentTypeNames = std::to_array<std::string_view>(
    {"string", "integer", "double", "key", "pattern", "unix-time", "pure-token", "oneof", "block"});
static_assert(static_cast<size_t>(ArgumentType::block) == kArgumentTypeNames.size() - 1);

constexpr auto kArgumentFlagNames =
    std::to_array<std::string_view>({"optional", "multiple", "multiple_token"});
static_assert(Argument::multiple_token == 1U << (kArgumentFlagNames.size() - 1));

std::vector<std::string_view> names_of_bits(uint32_t bits, std::span<const std::string_view> all) {
  std::vector<std::string_view> names;
  for (size_t bit = 0; bit < all.size(); ++bit) {
    if ((bits >> bit & 1U) != 0) names.push_back(all[bit]);
  }
  return names;
}

void write_words(resp::ReplyWriter& reply, std::span<const std::string_view> words) {
  reply.set(words.size());
  for (const std::string_view word : words) reply.simple(word);
}

void write_field(resp::ReplyWriter& reply, std::string_view name, std::string_view value) {
  reply.bulk(name);
  reply.bulk(value);
}

void write_field(resp::ReplyWriter& reply, std::string_view name, int64_t value) {
  reply.bulk(name);
  reply.integer(value);
}

// {type: ..., spec: {...}} with `pairs` fields of spec to follow.
void open_search(resp::ReplyWriter& reply, std::string_view type, size_t pairs) {
  reply.map(2);
  write_field(reply, "type", type);
  reply.bulk("spec");
  reply.map(pairs);
}

void write_begin_search(resp::ReplyWriter& reply, const KeySpec& spec) {
  switch (spec.begin) {
    case KeySpec::Begin::index:
      open_search(reply, "index", 1);
      write_field(reply, "index", spec.begin_index);
      return;
    case KeySpec::Begin::keyword:
      open_search(reply, "keyword", 2);
      write_field(reply, "keyword", spec.keyword);
      write_field(reply, "startfrom", spec.keyword_start);
      return;
    case KeySpec::Begin::unknown:
      open_search(reply, "unknown", 0);
      return;
  }
}

void write_find_keys(resp::ReplyWriter& reply, const KeySpec& spec) {
  switch (spec.find) {
    case KeySpec::Find::range:
      open_search(reply, "range", 3);
      write_field(reply, "lastkey", spec.last_key);
      write_field(reply, "keystep", spec.key_step);
      write_field(reply, "limit", spec.limit);
      return;
    case KeySpec::Find::keynum:
      open_search(reply, "keynum", 3);
      write_field(reply, "keynumidx", spec.keynum_index);
      write_field(reply, "firstkey", spec.first_key);
      write_field(reply, "keystep", spec.key_step);
      return;
    case KeySpec::Find::unknown:
      open_search(reply, "unknown", 0);
      return;
  }
}

void write_key_spec(resp::ReplyWriter& reply, const KeySpec& spec) {
  reply.map(spec.notes.empty() ? 3 : 4);
  if (!spec.notes.empty()) write_field(reply, "notes", spec.notes);
  reply.bulk("flags");
  write_words(reply, key_flag_names(spec.flags));
  reply.bulk("begin_search");
  write_begin_search(reply, spec);
  reply.bulk("find_keys");
  write_find_keys(reply, spec);
}

void write_info(resp::ReplyWriter& reply, const Command& command) {
  const CommandSpec& row = *command.spec;
  reply.array(10);
  reply.bulk(command.full_name);
  reply.integer(row.arity);
  write_words(reply, command_flag_names(command.flags));
  reply.integer(command.first_key);
  reply.integer(command.last_key);
  reply.integer(command.key_step);
  const auto categories = category_names(command.categories);
  reply.set(categories.size());
  for (const std::string_view category : categories) reply.simple("@" + std::string(category));
  reply.set(row.tips.size());
  for (const std::string_view tip : row.tips) reply.bulk(tip);
  reply.set(row.keys.size());
  for (const KeySpec& spec : row.keys) write_key_spec(reply, spec);
  if (command.subcommands.empty()) {
    reply.set(0);
    return;
  }
  reply.array(command.subcommands.size());
  for (const Command* subcommand : command.subcommands) write_info(reply, *subcommand);
}

void write_arguments(resp::ReplyWriter& reply, std::span<const Argument> arguments) {
  reply.array(arguments.size());
  for (const Argument& argument : arguments) {
    const size_t options =
        size_t{argument.key_spec_index >= 0} + size_t{!argument.token.empty()} +
        size_t{!argument.since.empty()} + size_t{!argument.deprecated_since.empty()} +
        size_t{argument.flags != Argument::none} + size_t{!argument.arguments.empty()};
    reply.map(2 + options);
    write_field(reply, "name", argument.name);
    write_field(reply, "type", kArgumentTypeNames[static_cast<size_t>(argument.type)]);
    if (argument.key_spec_index >= 0) {
      write_field(reply, "key_spec_index", argument.key_spec_index);
    }
    if (!argument.token.empty()) write_field(reply, "token", argument.token);
    if (!argument.since.empty()) write_field(reply, "since", argument.since);
    if (!argument.deprecated_since.empty()) {
      write_field(reply, "deprecated_since", argument.deprecated_since);
    }
    if (argument.flags != Argument::none) {
      reply.bulk("flags");
      write_words(reply, names_of_bits(argument.flags, kArgumentFlagNames));
    }
    if (!argument.arguments.empty()) {
      reply.bulk("arguments");
      write_arguments(reply, argument.arguments);
    }
  }
}

void write_history(resp::ReplyWriter& reply, std::span<const HistoryNote> history) {
  reply.set(history.size());
  for (const HistoryNote& note : history) {
    reply.array(2);
    reply.bulk(note.since);
    reply.bulk(note.text);
  }
}

void write_docs(resp::ReplyWriter& reply, const Command& command) {
  const CommandSpec& row = *command.spec;
  std::vector<std::string_view> doc_flags;
  if (!row.deprecated_since.empty()) doc_flags.emplace_back("deprecated");
  if (row.is_syscmd) doc_flags.emplace_back("syscmd");
  reply.map(3 + size_t{!row.complexity.empty()} + size_t{!doc_flags.empty()} +
            size_t{!row.deprecated_since.empty()} + size_t{!row.replaced_by.empty()} +
            size_t{!row.history.empty()} + size_t{!row.arguments.empty()} +
            size_t{command.is_container()});
  write_field(reply, "summary", row.summary);
  write_field(reply, "since", row.since);
  write_field(reply, "group", group_name(row.group));
  if (!row.complexity.empty()) write_field(reply, "complexity", row.complexity);
  if (!doc_flags.empty()) {
    reply.bulk("doc_flags");
    write_words(reply, doc_flags);
  }
  if (!row.deprecated_since.empty()) {
    write_field(reply, "deprecated_since", row.deprecated_since);
  }
  if (!row.replaced_by.empty()) write_field(reply, "replaced_by", row.replaced_by);
  if (!row.history.empty()) {
    reply.bulk("history");
    write_history(reply, row.history);
  }
  if (!row.arguments.empty()) {
    reply.bulk("arguments");
    write_arguments(reply, row.arguments);
  }
  if (!command.is_container()) return;
  reply.bulk("subcommands");
  reply.map(command.subcommands.size());
  for (const Command* subcommand : command.subcommands) {
    reply.bulk(subcommand->full_name);
    write_docs(reply, *subcommand);
  }
}

// A filter of COMMAND LIST, or none.
struct NameFilter {
  enum class Kind : uint8_t { none, module, category, pattern };
  Kind kind = Kind::none;
  std::string_view value;

  [[nodiscard]] bool passes(const Command& command) const {
    switch (kind) {
      case Kind::none:
        return true;
      case Kind::module:
        return false;  // there are no modules
      case Kind::category:
        return std::ranges::any_of(
            category_names(command.categories),
            [this](std::string_view name) { return equals_ignoring_case(name, value); });
      case Kind::pattern:
        return glob_match(value, command.full_name, true);
    }
    return false;
  }
};

std::optional<NameFilter> parse_filter(std::span<const std::string_view> words) {
  if (words.empty()) return NameFilter{};
  if (words.size() != 3 || !equals_ignoring_case(words[0], "FILTERBY")) return std::nullopt;
  if (equals_ignoring_case(words[1], "MODULE"))
    return NameFilter{NameFilter::Kind::module, words[2]};
  if (equals_ignoring_case(words[1], "ACLCAT")) {
    return NameFilter{NameFilter::Kind::category, words[2]};
  }
  if (equals_ignoring_case(words[1], "PATTERN")) {
    return NameFilter{NameFilter::Kind::pattern, words[2]};
  }
  return std::nullopt;
}

}  // namespace

void write_command_count(resp::ReplyWriter& reply, const CommandTable& table) {
  reply.integer(static_cast<int64_t>(table.commands().size()));
}

void write_command_info(resp::ReplyWriter& reply, const CommandTable& table,
                        std::span<const std::string_view> names) {
  if (names.empty()) {
    reply.array(table.commands().size());
    for (const Command* command : table.commands()) write_info(reply, *command);
    return;
  }
  reply.array(names.size());
  for (const std::string_view name : names) {
    const Command* command = table.find_full(name);
    if (command == nullptr) {
      reply.null();
    } else {
      write_info(reply, *command);
    }
  }
}

void write_command_docs(resp::ReplyWriter& reply, const CommandTable& table,
                        std::span<const std::string_view> names) {
  std::vector<const Command*> found;
  if (names.empty()) found.assign(table.commands().begin(), table.commands().end());
  for (const std::string_view name : names) {
    const Command* command = table.find_full(name);
    if (command != nullptr) found.push_back(command);
  }
  reply.map(found.size());
  for (const Command* command : found) {
    reply.bulk(command->full_name);
    write_docs(reply, *command);
  }
}

void write_command_list(resp::ReplyWriter& reply, const CommandTable& table,
                        std::span<const std::string_view> filter) {
  const auto parsed = parse_filter(filter);
  if (!parsed) {
    reply.error(errors::kSyntax);
    return;
  }
  std::vector<std::string_view> names;
  const auto take = [&](const Command& command) {
    if (parsed->passes(command)) names.emplace_back(command.full_name);
  };
  for (const Command* command : table.commands()) {
    take(*command);
    for (const Command* subcommand : command->subcommands) take(*subcommand);
  }
  reply.array(names.size());
  for (const std::string_view name : names) reply.bulk(name);
}

void write_command_keys(resp::ReplyWriter& reply, const CommandTable& table,
                        std::span<const std::string_view> request, KeyDetail detail) {
  const Command* command = table.find_request(request);
  if (command == nullptr) return reply.error(errors::kInvalidCommand);
  if (!takes_keys(*command)) return reply.error(errors::kNoKeyArguments);
  if (!command->arity_fits(request.size())) return reply.error(errors::kInvalidArgumentCount);
  const auto keys = find_keys(*command, request);
  if (!keys) {
    if (command->has(no_mandatory_keys)) return reply.array(0);
    return reply.error(errors::kInvalidArguments);
  }
  reply.array(keys->size());
  for (const FoundKey& key : *keys) {
    if (detail == KeyDetail::flags) reply.array(2);
    reply.bulk(request[key.position]);
    if (detail == KeyDetail::flags) write_words(reply, key_flag_names(key.flags));
  }
}

void write_help(resp::ReplyWriter& reply, const Command& container) {
  std::vector<std::string> lines;
  const auto describe = [&lines](std::string syntax, std::string_view summary) {
    lines.push_back(std::move(syntax));
    lines.push_back("    " + std::string(summary));
  };
  const CommandSpec& row = *container.spec;
  if (row.handler != nullptr || row.node_handler != nullptr) {
    describe("(no subcommand)", row.summary);
  }
  for (const Command* subcommand : container.subcommands) {
    const CommandSpec& word = *subcommand->spec;
    if (word.name == "HELP") continue;  // reply_help says it
    const std::string arguments = arguments_syntax(word.arguments);
    describe(std::string(word.name) + (arguments.empty() ? "" : " ") + arguments, word.summary);
  }
  const std::vector<std::string_view> views(lines.begin(), lines.end());
  reply_help(reply, row.name, views);
}

std::vector<std::string_view> command_flag_names(uint32_t flags) {
  return names_of_bits(flags, kCommandFlagNames);
}

std::vector<std::string_view> key_flag_names(uint32_t flags) {
  return names_of_bits(flags, kKeyFlagNames);
}

std::vector<std::string_view> category_names(uint32_t categories) {
  return names_of_bits(categories, kCategoryNames);
}

std::string_view group_name(CommandGroup group) { return kGroupNames[static_cast<size_t>(group)]; }

}  // namespace quoris::command
