// CommandTable: finds a command's row by name, and knows what derives from rows alone.
//
// Built once at the start from the families' rows (those of src/command and those that the server
// adds); read-only afterwards.
// Used by: server::Dispatcher, the COMMAND commands, ACL (later), the docs generator.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "command/spec.h"

namespace quoris::command {

class CommandTable;

// A row with what is computed once: its index for per-command figures, its full lower-case name.
struct Command {
  const CommandSpec* spec = nullptr;
  const Command* parent = nullptr;
  const CommandTable* table = nullptr;
  uint32_t index = 0;       // dense, over commands and subcommands: metrics live in an array
  uint32_t flags = 0;       // the row's, and movablekeys where the key specs call for it
  uint32_t categories = 0;  // AclCategory, derived and stated
  std::string full_name;    // "get", "config|get"
  // The classic triple that COMMAND INFO shows: absolute positions, a negative last_key counts
  // from the end; all 0 where there are no keys at fixed places.
  int first_key = 0;
  int last_key = 0;
  int key_step = 0;
  uint32_t prefetch_key = 0;  // static_first_key(), computed once
  std::vector<const Command*> subcommands;

  [[nodiscard]] bool is_container() const { return !subcommands.empty(); }

  [[nodiscard]] bool has(uint32_t flag) const { return (flags & flag) != 0; }

  // The row's arity holds for a request of `count` arguments, command name included.
  [[nodiscard]] bool arity_fits(size_t count) const {
    const auto given = static_cast<int64_t>(count);
    return spec->arity >= 0 ? given == spec->arity : given >= -int64_t{spec->arity};
  }
};

class CommandTable {
 public:
  // Longest name of a command (without its container); keeps find() free of loops.
  static constexpr size_t kNameMax = 24;

  // REQUIRES: names are unique within their level, in upper case and at most kNameMax long.
  explicit CommandTable(std::span<const std::span<const CommandSpec>> families);
  CommandTable(const CommandTable&) = delete;
  CommandTable& operator=(const CommandTable&) = delete;

  // By the first word, whatever its case. Null: unknown. On the hot path: no allocation, no loop
  // over characters, usually one probe.
  [[nodiscard]] const Command* find(std::string_view name) const;

  // A container's subcommand by its own word, whatever its case.
  [[nodiscard]] const Command* find_subcommand(const Command& container,
                                               std::string_view word) const;

  // "config|get" or "get", as COMMAND INFO takes them.
  [[nodiscard]] const Command* find_full(std::string_view full_name) const;

  // What a request names: a container's subcommand by the second word if there is one. Null:
  // unknown, be it the subcommand.
  [[nodiscard]] const Command* find_request(std::span<const std::string_view> arguments) const;

  // Commands without subcommands, in the order of the rows.
  [[nodiscard]] std::span<const Command* const> commands() const { return top_; }

  // Number of commands and subcommands: indexes are below it.
  [[nodiscard]] size_t size() const { return all_.size(); }

  [[nodiscard]] const Command& at(uint32_t index) const { return *all_[index]; }

 private:
  // A name of up to kNameMax bytes in lower case, as three words that tell all such names apart.
  struct FoldedName {
    uint64_t words[3] = {};
    uint64_t length = 0;

    bool operator==(const FoldedName&) const = default;
  };

  struct Slot {
    FoldedName name;
    const Command* command = nullptr;
  };

  [[nodiscard]] static FoldedName fold(std::string_view name);
  [[nodiscard]] size_t slot_of(const FoldedName& name) const;

  Command& add(const CommandSpec& spec, const Command* parent);
  void fill_slots();

  std::vector<std::unique_ptr<Command>> all_;
  std::vector<const Command*> top_;
  std::vector<Slot>
      slots_;  // open addressing; a power of two, at least four times as many as names
};

// Positions of the keys in a request, with the flags of their spec, as COMMAND GETKEYSANDFLAGS
// says them. REQUIRES: the arity fits. Empty optional: the arguments make no sense (a number of
// keys that is none); an empty vector: no keys.
[[nodiscard]] std::optional<std::vector<FoundKey>> find_keys(
    const Command& command, std::span<const std::string_view> arguments);

// True where some spec names keys proper (not those marked not_key).
[[nodiscard]] bool takes_keys(const Command& command);

// The only key's or the first key's position where it is the same in all requests (all but
// keynum and keyword specs); 0 if there is none. What the dispatcher prefetches.
[[nodiscard]] uint32_t static_first_key(const Command& command);

// Rows of the families in this room.
[[nodiscard]] std::span<const CommandSpec> key_command_rows();
[[nodiscard]] std::span<const CommandSpec> sort_command_rows();
[[nodiscard]] std::span<const CommandSpec> string_command_rows();
[[nodiscard]] std::span<const CommandSpec> hash_command_rows();
[[nodiscard]] std::span<const CommandSpec> list_command_rows();
[[nodiscard]] std::span<const CommandSpec> set_command_rows();
[[nodiscard]] std::span<const CommandSpec> sorted_set_command_rows();

// All of them, in the order in which COMMAND lists them.
[[nodiscard]] std::span<const std::span<const CommandSpec>> data_command_families();

}  // namespace quoris::command
