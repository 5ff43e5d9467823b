// CommandSpec: a command as data. One row says everything that is known of a command; dispatch,
// arity, COMMAND INFO, DOCS and GETKEYS, ACL categories, the docs pages and (in a cluster)
// routing derive from it.
//
// Rows are constexpr and live as long as the process. A family's rows stand in
// <family>_rows.cc, its handlers in <family>_commands.cc; command/table.h gathers the families.
// A new command is a row in one of them and a handler.
// Used by: command, server. Source: redis.io "Command key specifications", "COMMAND DOCS";
// values as redis-server 7.0.15 reports them.
#pragma once

#include <cstdint>
#include <span>
#include <string_view>
#include <vector>

namespace quoris::server {
class NodeContext;  // what a node command sees; defined in src/server
}

namespace quoris::command {

class DataContext;

// Bits of CommandSpec::flags, in the order in which COMMAND INFO prints them (command_flag_names()
// in introspection.cc). From immediate_in_multi on they are ours and are not printed.
enum CommandFlag : uint32_t {
  write = 1U << 0,
  readonly = 1U << 1,
  denyoom = 1U << 2,
  admin = 1U << 3,
  pubsub = 1U << 4,
  noscript = 1U << 5,
  blocking = 1U << 6,
  loading = 1U << 7,
  stale = 1U << 8,
  skip_monitor = 1U << 9,
  skip_slowlog = 1U << 10,
  asking = 1U << 11,
  fast = 1U << 12,
  no_auth = 1U << 13,
  no_mandatory_keys = 1U << 14,
  no_async_loading = 1U << 15,
  no_multi = 1U << 16,
  movablekeys =
      1U << 17,  // derived from the key specs: Command::flags has it, a row doesn't say it
  allow_busy = 1U << 18,
  // Run at once inside MULTI instead of being queued (EXEC, DISCARD, MULTI, WATCH, QUIT, RESET).
  immediate_in_multi = 1U << 24,
  // No write, but has effects elsewhere: CLIENT PAUSE WRITE holds it back (PUBLISH). Redis 7.0 has
  // this flag too and does not print it.
  may_replicate = 1U << 26,
  // Allowed to a RESP2 connection that is subscribed to something.
  while_subscribed = 1U << 25,
};

// ACL categories, in the order in which COMMAND INFO prints them. @read, @write, @admin,
// @dangerous (of @admin), @pubsub, @blocking, @fast and @slow derive from the flags, the rest is
// stated in CommandSpec::extra_categories; Command::categories has both.
enum AclCategory : uint32_t {
  cat_keyspace = 1U << 0,
  cat_read = 1U << 1,
  cat_write = 1U << 2,
  cat_set = 1U << 3,
  cat_sortedset = 1U << 4,
  cat_list = 1U << 5,
  cat_hash = 1U << 6,
  cat_string = 1U << 7,
  cat_bitmap = 1U << 8,
  cat_hyperloglog = 1U << 9,
  cat_geo = 1U << 10,
  cat_stream = 1U << 11,
  cat_pubsub = 1U << 12,
  cat_admin = 1U << 13,
  cat_fast = 1U << 14,
  cat_slow = 1U << 15,
  cat_blocking = 1U << 16,
  cat_dangerous = 1U << 17,
  cat_connection = 1U << 18,
  cat_transaction = 1U << 19,
  cat_scripting = 1U << 20,
};

// As COMMAND DOCS prints the group.
enum class CommandGroup : uint8_t {
  generic,
  string,
  list,
  set,
  sorted_set,
  hash,
  pubsub,
  transactions,
  connection,
  server,
  scripting,
  hyperloglog,
  cluster,
  sentinel,
  geo,
  stream,
  bitmap,
};

// How a command behaves in a cluster (nothing looks at it while a node runs alone).
enum class Routing : uint8_t {
  node_local,  // about this node or this connection
  one_slot,    // all keys in one slot, run by its owner
  scattered,   // split by key or sent to all owners, answers merged
  refused,     // makes no sense in a cluster, which has one database (MOVE, SWAPDB)
};

enum KeyFlag : uint16_t {
  key_rw = 1U << 0,
  key_ro = 1U << 1,
  key_ow = 1U << 2,
  key_rm = 1U << 3,
  key_access = 1U << 4,
  key_update = 1U << 5,
  key_insert = 1U << 6,
  key_delete = 1U << 7,
  key_not_key = 1U << 8,
  key_incomplete = 1U << 9,
  key_variable_flags = 1U << 10,
};

// Where keys begin, and how they go on from there.
struct KeySpec {
  enum class Begin : uint8_t { index, keyword, unknown };
  enum class Find : uint8_t { range, keynum, unknown };

  std::string_view notes = {};
  uint16_t flags = 0;
  Begin begin = Begin::index;
  int16_t begin_index = 1;        // index
  std::string_view keyword = {};  // keyword
  int16_t keyword_start = 0;      // keyword: where the search starts, negative from the end
  Find find = Find::range;
  int16_t last_key = 0;      // range: relative to the first; -1: the last argument
  int16_t key_step = 1;      // range, keynum
  int16_t limit = 0;         // range
  int16_t keynum_index = 0;  // keynum: where the number stands, relative to the beginning
  int16_t first_key = 1;     // keynum
};

// A key in a request: its index among the arguments, and what is done to it (KeyFlag).
struct FoundKey {
  uint32_t position = 0;
  uint16_t flags = 0;

  bool operator==(const FoundKey&) const = default;
};

class CommandTable;

// Appends the keys of a request; false: the arguments make no sense. REQUIRES: the arity fits.
using KeyFinder = bool (*)(const CommandTable& table, std::span<const std::string_view> arguments,
                           std::vector<FoundKey>& keys);

enum class ArgumentType : uint8_t {
  string,
  integer,
  floating,
  key,
  pattern,
  unix_time,
  pure_token,
  oneof,
  block,
};

// A node of the argument tree of COMMAND DOCS.
struct Argument {
  enum Flag : uint8_t { none = 0, optional = 1, multiple = 2, multiple_token = 4 };

  std::string_view name = {};
  ArgumentType type = ArgumentType::string;
  std::string_view token = {};
  std::string_view since = {};
  std::string_view deprecated_since = {};
  int8_t key_spec_index = -1;
  uint8_t flags = none;
  std::span<const Argument> arguments = {};
};

struct HistoryNote {
  std::string_view since;
  std::string_view text;
};

struct CommandSpec {
  std::string_view name = {};  // upper case; a subcommand's own word only ("GET" of CONFIG GET)
  int16_t arity = 0;           // the command's name (and subcommand's) counted; negative: at least
  uint32_t flags = 0;
  uint32_t extra_categories = 0;
  std::span<const KeySpec> keys = {};
  std::span<const std::string_view> tips = {};
  CommandGroup group = CommandGroup::generic;
  Routing routing = Routing::node_local;
  std::string_view since = {};
  std::string_view complexity = {};  // empty: DOCS leaves it out
  std::string_view summary = {};
  std::string_view deprecated_since = {};
  std::string_view replaced_by = {};
  bool is_syscmd = false;
  std::span<const HistoryNote> history = {};
  std::span<const Argument> arguments = {};
  std::span<const CommandSpec> subcommands = {};

  // The argument that is looked up in the first key's value (a member, a field), so that batches
  // can prefetch it; 0: none.
  uint8_t element_argument = 0;

  // Where the key specs don't say all (variable_flags, incomplete, an unknown beginning).
  KeyFinder key_finder = nullptr;

  // One of the two, or neither for a container that only has subcommands.
  void (*handler)(DataContext&) = nullptr;
  void (*node_handler)(server::NodeContext&) = nullptr;

  [[nodiscard]] constexpr bool has(uint32_t flag) const { return (flags & flag) != 0; }
};

}  // namespace quoris::command
