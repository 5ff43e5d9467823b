#include "server/settings/settings_table.h"

#include <fmt/format.h>

#include <algorithm>

#include "base/assert.h"
#include "base/text.h"

namespace quoris::server {
namespace {

size_t index_of(const SettingRow& row) { return static_cast<size_t>(&row - setting_rows().data()); }

Error failed(std::string_view name, std::string_view reason) {
  return Error{
      Errc::invalid_argument,
      fmt::format("ERR CONFIG SET failed (possibly related to argument '{}') - {}", name, reason)};
}

// What the user wrote behind the setting's name, for a message; a secret is left out.
std::string shown_words(const SettingRow& row, std::span<const std::string> words) {
  std::string text;
  if (row.has(sensitive)) return text;
  for (const std::string& word : words) text += " " + shown_word(word);
  return text;
}

// The reason, and what would be right where the reason doesn't say it ("argument must be ...").
std::string explained(const SettingRow& row, std::string_view reason) {
  const bool says_it = reason.find("must be ") != std::string_view::npos &&
                       !std::holds_alternative<MemorySize>(row.kind);
  if (says_it || reason.starts_with("only ")) return std::string(reason);
  if (reason.ends_with('.')) reason.remove_suffix(1);
  std::string allowed = allowed_values(row);
  std::ranges::replace(allowed, '`', '\'');
  return fmt::format("{}; allowed: {}", reason, allowed);
}

// Where Redis hands a client's bytes on as a text of C, which ends at the first zero byte.
std::string_view up_to_zero_byte(std::string_view text) { return text.substr(0, text.find('\0')); }

}  // namespace

std::string shown_word(std::string_view word) {
  const bool plain = !word.empty() && std::ranges::all_of(word, [](char c) {
    return c > ' ' && c <= '~' && c != '"' && c != '\\';
  });
  return plain ? std::string(word) : quote_for_display(word);
}

std::vector<std::string> words_of(const SettingRow& row, std::string_view value) {
  std::vector<std::string> words;
  if (!row.has(multi_word)) {
    words.emplace_back(value);
    return words;
  }
  if (value.empty()) return words;
  while (true) {
    const size_t space = value.find(' ');
    words.emplace_back(value.substr(0, space));
    if (space == std::string_view::npos) return words;
    value.remove_prefix(space + 1);
  }
}

Settings::Settings() : sources_(setting_rows().size(), SettingSource::built_in) {}

Status Settings::apply(const Assignment& assignment) {
  if (!assignment.problem.empty()) {
    return Error{Errc::corrupt, fmt::format("{}: {}", assignment.where, assignment.problem)};
  }
  const SettingRow* row = find_setting(assignment.name);
  if (row == nullptr) {
    const auto in_quotes = [](std::string_view name) { return fmt::format("'{}'", name); };
    return Error{Errc::not_found,
                 fmt::format("{}: {}", assignment.where,
                             describe_unknown(assignment.name, "setting", in_quotes))};
  }
  std::vector<std::string> words = assignment.words;
  if (words.size() == 1 && row->has(multi_word)) {
    words = words_of(*row, assignment.words[0]);
    std::erase(words, "");  // people may write two spaces where CONFIG SET's clients may not
  }
  const bool add = row->has(adds_up) && sources_[index_of(*row)] == assignment.source;
  const auto parsed = assignment.words.empty()
                          ? Result<Done, std::string>(std::string("a value is missing"))
                          : parse_setting(*row, values_, words, add);
  if (!parsed) {
    return Error{Errc::invalid_argument,
                 fmt::format("{}{}: {}", assignment.where, shown_words(*row, assignment.words),
                             explained(*row, parsed.error()))};
  }
  sources_[index_of(*row)] = assignment.source;
  return ok();
}

Status Settings::apply_all(std::span<const Assignment> assignments) {
  std::vector<std::string> complaints;
  size_t refused = 0;
  for (const Assignment& assignment : assignments) {
    const Status status = apply(assignment);
    if (!status && ++refused <= kComplaintsMax) complaints.push_back(status.error().message);
  }
  if (refused == 0) return ok();
  if (refused > kComplaintsMax) {
    complaints.push_back(fmt::format("and {} more", refused - kComplaintsMax));
  }
  complaints.emplace_back("'quoris docs settings' prints all settings, as docs/settings.md");
  return Error{Errc::invalid_argument, fmt::format("{}", fmt::join(complaints, "\n"))};
}

void Settings::resolve_paths(Paths absolute) {
  values_.data_dir = std::move(absolute.data_dir);
  values_.logfile = std::move(absolute.logfile);
  values_.pidfile = std::move(absolute.pidfile);
}

bool Settings::is_given(std::string_view name) const {
  const SettingRow* row = find_setting(name);
  QUORIS_ASSERT(row != nullptr);
  return sources_[index_of(*row)] != SettingSource::built_in;
}

void Settings::enter_cluster(uint16_t port, uint16_t cluster_port) {
  values_.port = port;
  values_.cluster_port = cluster_port;
  values_.databases = 1;
}

std::vector<Settings::NamedText> Settings::get(std::span<const std::string_view> patterns) const {
  std::vector<NamedText> found;
  const auto add = [&](std::string_view name, const SettingRow& row) {
    const auto same = [name](const NamedText& each) {
      return equals_ignoring_case(each.first, name);
    };
    if (std::ranges::any_of(found, same)) return;
    found.emplace_back(name, format_setting(row, values_));
  };
  for (const std::string_view asked : patterns) {
    const std::string_view pattern = up_to_zero_byte(asked);
    if (pattern.find_first_of("*?[") == std::string_view::npos) {
      if (const SettingRow* row = find_setting(asked); row != nullptr) add(asked, *row);
      continue;
    }
    for (const SettingRow& row : setting_rows()) {
      for (const std::string_view name : {row.name, row.alias}) {
        if (!name.empty() && glob_match(pattern, name, true)) add(name, row);
      }
    }
  }
  return found;
}

Result<std::vector<Settings::Picked>> Settings::pick(std::span<const Change> changes) {
  std::vector<Picked> picked;
  for (const auto& [name, value] : changes) {
    const SettingRow* row = find_setting(name);
    if (row == nullptr) {
      return Error{Errc::not_found,
                   fmt::format("ERR Unknown option or number of arguments for CONFIG SET - '{}'",
                               up_to_zero_byte(name))};
    }
    const std::string_view known = equals_ignoring_case(name, row->alias) ? row->alias : row->name;
    if (row->has(guarded) && known == row->alias) {
      return failed(name, "can't set protected config");
    }
    if (row->is_fixed()) return failed(name, "can't set immutable config");
    if (std::ranges::find(picked, row, &Picked::row) != picked.end()) {
      return failed(name, "duplicate parameter");
    }
    picked.push_back({.row = row, .name = known, .value = value});
  }
  return picked;
}

Status Settings::change(std::span<const Change> changes, const Hook& hook) {
  const Result<std::vector<Picked>> picked = pick(changes);
  if (!picked) return picked.error();
  SettingValues wanted = values_;
  for (const Picked& each : *picked) {
    const std::vector<std::string> words = words_of(*each.row, each.value);
    const auto parsed = parse_setting(*each.row, wanted, words, false);
    if (!parsed) return failed(each.name, parsed.error());
  }
  std::swap(values_, wanted);  // `wanted` holds the old values from here on
  std::vector<const SettingRow*> accepted;
  for (const Picked& each : *picked) {
    const SettingRow& row = *each.row;
    if (format_setting(row, values_) == format_setting(row, wanted)) continue;
    const Status status = hook(row);
    if (status) {
      accepted.push_back(&row);
      continue;
    }
    values_ = std::move(wanted);
    for (const SettingRow* back : accepted) {
      // What was in force a moment ago is taken back by whoever let go of it; should that fail,
      // the edge has said so in the log, and there is nothing better to do.
      static_cast<void>(hook(*back));
    }
    return failed(each.name, status.error().message);
  }
  for (const Picked& each : *picked) sources_[index_of(*each.row)] = SettingSource::command;
  return ok();
}

}  // namespace quoris::server
