#include "server/settings/settings_page.h"

#include <fmt/format.h>

#include <algorithm>
#include <optional>

#include "server/settings/setting_row.h"

namespace quoris::server {
namespace {

constexpr std::string_view kIntroduction = R"(# Settings

<!-- Made by `quoris docs settings`; change src/server/settings/settings_rows.cc instead. -->

A setting can be given

- as a flag: `quoris --port 7001 --save 3600 1 300 100`. Its words go up to the next `--name`; a
  value that begins with two dashes needs an equals sign: `--requirepass=--secret`;
- in the environment: `QUORIS_PORT=7001`, upper case, `_` for `-`;
- in a config file, `quoris path/quoris.conf`, in the syntax of redis.conf: a name and its words
  per line, `#` before comments, quotes as in redis-cli, `include path` for another file (a path
  relative to where the server was started). `quoris -` reads it from standard input;
- while running: `CONFIG SET port 7001`. `CONFIG REWRITE` writes the values in force back into the
  config file, and keeps its comments and order.

A flag wins over the environment, the environment over the file, the file over the default. Unknown
names and bad values end the start with a line for each and exit status 1. Names and values are
those of redis.conf where Redis has the setting; a file made for Redis has to lose the settings that
Quoris doesn't have, and the start names them all.

Sizes in bytes take a unit: `k` 1000, `kb` 1024, `m`, `mb`, `g`, `gb` accordingly. What 64 bits
don't hold is refused, where Redis would take it for another number. Relative paths are relative to
the directory where the server was started; CONFIG REWRITE writes `data-dir`, `logfile` and
`pidfile` as absolute paths.
)";

std::string default_of(const SettingRow& row) {
  static const SettingValues defaults;
  const std::string text = format_setting(row, defaults);
  return text.empty() ? "none" : fmt::format("`{}`", text);
}

// In lines of at most kColumns.
std::string wrapped(std::string_view text) {
  constexpr size_t kColumns = 100;
  std::string lines;
  size_t column = 0;
  while (!text.empty()) {
    const std::string_view word = text.substr(0, text.find(' '));
    text.remove_prefix(std::min(word.size() + 1, text.size()));
    if (column > 0) {
      const bool fits = column + 1 + word.size() <= kColumns;
      lines += fits ? ' ' : '\n';
      column = fits ? column + 1 : 0;
    }
    lines += word;
    column += word.size();
  }
  return lines;
}

std::string section(const SettingRow& row) {
  std::string text;
  if (!row.alias.empty()) text += fmt::format("Also `{}`. ", row.alias);
  text += fmt::format("Default: {}. Values: {}.", default_of(row), allowed_values(row));
  if (row.is_fixed()) text += " Fixed after the start.";
  return fmt::format("\n### {}\n\n{}\n\n{}\n", row.name, wrapped(text), wrapped(row.help));
}

}  // namespace

std::string settings_page() {
  std::string page(kIntroduction);
  std::optional<SettingGroup> group;
  for (const SettingRow& row : setting_rows()) {
    if (group != row.group) page += fmt::format("\n## {}\n", group_title(row.group));
    group = row.group;
    page += section(row);
  }
  return page;
}

}  // namespace quoris::server
