// SettingRow: a setting as data: its names, where its value lies, how it reads and what it means.
//
// From the rows derive flags, the config file, the environment, CONFIG GET, SET and REWRITE, and
// docs/settings.md. A new setting is a field in settings.h and a row in settings_rows.cc.
// Rows are constexpr and live as long as the process.
// Used by: settings_table, config_file, command_line, settings_page.
#pragma once

#include <cstdint>
#include <functional>
#include <span>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "server/settings/settings.h"

namespace quoris::server {

enum class SettingGroup : uint8_t {
  network,
  limits,
  data,
  commands,
  cluster,
  monitoring,
  process,
};

enum SettingFlag : uint32_t {
  immutable = 1U << 0,   // fixed after the start
  sensitive = 1U << 1,   // a secret: its value appears in no log and no error
  multi_word = 1U << 2,  // takes several words; one word alone is taken apart at its spaces
  adds_up = 1U << 3,     // several lines of one file (or flags) are joined instead of replaced
  guarded = 1U << 4,     // immutable; refused as protected under its alias, which is Redis's name
  on_edge = 1U << 5,     // the edge has to act when it changes (NodeEdge::apply_setting)
};

// --- kinds of values -----------------------------------------------------------------------------

// "yes" or "no".
struct YesNo {
  bool SettingValues::*field;
};

// A decimal integer; below and above the bounds is an error, or is moved to them.
struct Integer {
  int64_t SettingValues::*field;
  int64_t low;
  int64_t high;
  // Redis takes these without complaint and uses the nearest that makes sense (`hz 0` is 1).
  int64_t clamp_low = INT64_MIN;
  int64_t clamp_high = INT64_MAX;
};

// Bytes: a number, perhaps with a unit: b, k (1000), kb (1024), m, mb, g, gb.
struct MemorySize {
  uint64_t SettingValues::*field;
  uint64_t low;
  uint64_t high;
};

struct Octal {
  int64_t SettingValues::*field;
  int64_t low;
  int64_t high;
};

// One of a few names, whatever the case; names[i] stands for value i.
struct Choice {
  std::span<const std::string_view> names;
  uint8_t (*get)(const SettingValues& values);
  void (*set)(SettingValues& values, uint8_t value);
};

// One word of any bytes; a path has no zero byte, and can't be empty where it is `required`; a line
// has no control characters.
struct Text {
  enum class Rule : uint8_t { any, path, required_path, line };
  std::string SettingValues::*field;
  Rule rule = Rule::any;
};

// Everything else. `reason` of a refused value is what CONFIG SET says behind its dash.
struct Custom {
  struct Input {
    std::span<const std::string> words;
    bool add = false;  // adds_up, and not the first of its source: joins what is there
  };

  Result<Done, std::string> (*parse)(SettingValues& values, const Input& input);
  // As CONFIG GET shows it.
  std::string (*format)(const SettingValues& values);
  // As lines of a config file, without the name; null: the one line is format()'s text.
  std::vector<std::string> (*lines)(const SettingValues& values) = nullptr;
  std::string_view allowed = {};  // for docs and messages: "words of ..."
};

using SettingKind = std::variant<YesNo, Integer, MemorySize, Octal, Choice, Text, Custom>;

struct SettingRow {
  std::string_view name;
  std::string_view alias = {};  // CONFIG GET answers to both names
  SettingGroup group = SettingGroup::process;
  uint32_t flags = 0;
  SettingKind kind;
  std::string_view help;  // Markdown; the first sentence is --help's

  [[nodiscard]] constexpr bool has(uint32_t flag) const { return (flags & flag) != 0; }

  // Neither CONFIG SET nor anything else changes it after the start.
  [[nodiscard]] constexpr bool is_fixed() const { return has(immutable | guarded); }
};

// All settings, in the order of docs/settings.md.
[[nodiscard]] std::span<const SettingRow> setting_rows();

// By name or alias, whatever the case; null: no such setting.
[[nodiscard]] const SettingRow* find_setting(std::string_view name);

// The name (or alias) that is most like `name`; empty when none is.
[[nodiscard]] std::string_view nearest_setting(std::string_view name);

// What to tell who wrote a `name` that find_setting doesn't know: that Redis has it, or that there
// is no such `thing` and the nearest that there is, spelt as its place wants it ("--port").
[[nodiscard]] std::string describe_unknown(
    std::string_view name, std::string_view thing,
    const std::function<std::string(std::string_view)>& spell);

// --- operations on a row -------------------------------------------------------------------------

// Sets the row's value from words. The error is a reason without the setting's name. The values
// are unchanged after an error. `add`: see Custom::Input.
[[nodiscard]] Result<Done, std::string> parse_setting(const SettingRow& row, SettingValues& values,
                                                      std::span<const std::string> words, bool add);

// As CONFIG GET shows it.
[[nodiscard]] std::string format_setting(const SettingRow& row, const SettingValues& values);

// The lines of a config file that say it under `name` (the row's name or alias), words quoted
// where they must be.
[[nodiscard]] std::vector<std::string> setting_lines(const SettingRow& row,
                                                     const SettingValues& values,
                                                     std::string_view name);

// A heading: "Network".
[[nodiscard]] std::string_view group_title(SettingGroup group);

// What values it takes, for people: "0 to 65535", "yes or no".
[[nodiscard]] std::string allowed_values(const SettingRow& row);

enum class MemorySizeError : uint8_t { malformed, too_large };

// Bytes as Redis reads them. What 64 bits don't hold is an error; Redis would cut it, and take
// "17179869184gb" for 0, which is no limit at all.
[[nodiscard]] Result<uint64_t, MemorySizeError> parse_memory_size(std::string_view text);

// The inverse: "64mb", "1000".
[[nodiscard]] std::string format_memory_size(uint64_t bytes);

}  // namespace quoris::server
