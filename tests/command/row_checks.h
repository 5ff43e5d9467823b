// What holds for every row of a command table, whoever adds it.
//
// Used by: tests/command/table_test.cc for this room's rows, tests/server/commands/rows_test.cc for
// all.
#pragma once

#include <algorithm>
#include <bit>
#include <cctype>
#include <cstdlib>
#include <string>
#include <vector>

#include "command/table.h"

namespace quoris::command::testing {

class RowChecks {
 public:
  // One line per broken rule, with the command's name; empty if all is well.
  static std::vector<std::string> problems(const CommandTable& table) {
    RowChecks checks;
    for (uint32_t index = 0; index < table.size(); ++index) checks.check(table.at(index));
    return checks.problems_;
  }

 private:
  void check(const Command& command) {
    command_ = &command;
    check_texts();
    check_arity();
    check_flags();
    for (const KeySpec& spec : row().keys) check_key_spec(spec);
    check_effects();
    check_arguments(row().arguments);
    check_routing();
  }

  [[nodiscard]] const CommandSpec& row() const { return *command_->spec; }

  void expect(bool holds, const std::string& rule) {
    if (!holds) problems_.push_back(command_->full_name + ": " + rule);
  }

  static bool is_version(std::string_view text) {
    return std::count(text.begin(), text.end(), '.') == 2 &&
           std::ranges::all_of(text, [](char c) { return c == '.' || (c >= '0' && c <= '9'); });
  }

  void check_texts() {
    const std::string_view summary = row().summary;
    expect(summary.size() > 5 && summary.ends_with('.'), "summary is a sentence");
    expect(is_version(row().since), "since is a version");
    for (const HistoryNote& note : row().history) {
      expect(is_version(note.since), "history begins with versions");
      expect(note.text.ends_with('.'), "history is made of sentences");
    }
    expect(row().replaced_by.empty() || !row().deprecated_since.empty(),
           "only what is deprecated is replaced");
  }

  void check_arity() {
    const int words = command_->parent == nullptr ? 1 : 2;
    expect(std::abs(row().arity) >= words, "arity counts the command's own words");
    if (row().subcommands.empty() && !row().arguments.empty()) {
      int least = words;
      bool open = false;
      for (const Argument& argument : row().arguments) {
        least += optional(argument) ? 0 : fewest_words(argument);
        open = open || is_open(argument);
      }
      expect(std::abs(row().arity) == least, "arity is what the argument tree says");
      expect((row().arity < 0) == open, "arity is open as the argument tree is");
    }
  }

  static bool optional(const Argument& argument) {
    return (argument.flags & Argument::optional) != 0;
  }

  // The same number of words in all requests, or not.
  static bool is_open(const Argument& argument) {
    const auto is_longer = [&argument](const Argument& child) {
      return fewest_words(child) != fewest_words(argument.arguments.front());
    };
    const bool differs =
        argument.type == ArgumentType::oneof && std::ranges::any_of(argument.arguments, is_longer);
    return differs || argument.flags != Argument::none ||
           std::ranges::any_of(argument.arguments, is_open);
  }

  static int fewest_words(const Argument& argument) {
    if (argument.type == ArgumentType::pure_token) return 1;
    int words = 1;
    if (argument.type == ArgumentType::oneof) {
      words = 1000;
      for (const Argument& child : argument.arguments) {
        words = std::min(words, fewest_words(child));
      }
    } else if (argument.type == ArgumentType::block) {
      words = 0;
      for (const Argument& child : argument.arguments) {
        words += optional(child) ? 0 : fewest_words(child);
      }
    }
    return words + (argument.token.empty() ? 0 : 1);
  }

  void check_flags() {
    expect(!(row().has(write) && row().has(readonly)), "not both write and readonly");
    expect(!row().has(denyoom) || row().has(write), "denyoom is for writes");
    expect(!row().has(movablekeys), "movablekeys is derived, not stated");
    const bool container = !row().subcommands.empty();
    const int handlers = int{row().handler != nullptr} + int{row().node_handler != nullptr};
    expect(handlers == 1 || (container && handlers == 0), "one handler, or subcommands");
    expect(!container || command_->parent == nullptr, "subcommands have none of their own");
    expect(!row().has(write) || !row().keys.empty() || row().handler != nullptr,
           "a write acts on data");
  }

  void check_key_spec(const KeySpec& spec) {
    constexpr unsigned kAccesses = key_rw | key_ro | key_ow | key_rm;
    constexpr unsigned kEffects = key_update | key_insert | key_delete;
    if ((spec.flags & key_not_key) != 0) return;  // a shard channel
    expect(std::popcount(spec.flags & kAccesses) == 1, "a key spec is one of RW, RO, OW, RM");
    expect((spec.flags & key_ro) == 0 || (spec.flags & kEffects) == 0, "RO changes nothing");
    expect((spec.flags & key_ro) != 0 || (spec.flags & kEffects) != 0, "what changes says how");
    expect((spec.flags & key_variable_flags) == 0 || row().key_finder != nullptr,
           "variable flags need a finder");
    expect(spec.begin != KeySpec::Begin::unknown || row().key_finder != nullptr,
           "keys in unknown places need a finder");
    expect(spec.key_step >= 1, "steps go forward");
    if (spec.begin != KeySpec::Begin::index || spec.find != KeySpec::Find::range) return;
    const int first = spec.begin_index;
    expect(first >= 1 && first < std::abs(row().arity), "the first key is always there");
    expect(spec.last_key < 0 || first + spec.last_key < std::abs(row().arity),
           "the last key is always there");
  }

  void check_effects() {
    const bool changes = std::ranges::any_of(
        row().keys, [](const KeySpec& spec) { return (spec.flags & key_ro) == 0; });
    if (row().has(write) && !row().keys.empty()) expect(changes, "a write changes a key");
    if (row().has(readonly)) expect(!changes, "a read changes no key");
  }

  void check_arguments(std::span<const Argument> arguments) {
    for (const Argument& argument : arguments) {
      const bool is_token = argument.type == ArgumentType::pure_token;
      const bool is_group =
          argument.type == ArgumentType::oneof || argument.type == ArgumentType::block;
      expect(!argument.name.empty(), "an argument has a name");
      expect(!is_token || !argument.token.empty(), "a pure token has its token");
      expect(is_group == !argument.arguments.empty(), "groups, and only they, have arguments");
      // A pattern may stand for keys (SORT).
      expect((argument.type == ArgumentType::key) == (argument.key_spec_index >= 0) ||
                 argument.type == ArgumentType::pattern,
             "keys, and only they, name their spec");
      expect(argument.key_spec_index < static_cast<int>(row().keys.size()), "the spec is there");
      check_arguments(argument.arguments);
    }
  }

  void check_routing() {
    const bool by_spec = !row().keys.empty() && row().keys[0].begin != KeySpec::Begin::unknown;
    expect(!by_spec || row().routing != Routing::node_local, "commands with keys follow them");
    expect(row().routing != Routing::one_slot || by_spec, "one slot needs a key");
  }

  const Command* command_ = nullptr;
  std::vector<std::string> problems_;
};

}  // namespace quoris::command::testing
