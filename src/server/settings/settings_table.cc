#include "server/settings/settings_table.h"

#include <fmt/format.h>

#include <algorithm>

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
  for (const std::string& word : words) {
    const bool plain = !word.empty() && std::ranges::all_of(word, [](char c) {
      return c > ' ' && c <= '~' && c != '"' && c != '\\';
    });
    text += ' ';
    text += plain ? word : quote_for_display(word);
  }
  return row.has(sensitive) ? std::string() : text;
}

// Most reasons say themselves what would be right ("argument must be ...").
std::string hint(const SettingRow& row, std::string_view reason) {
  if (reason.find("must be ") != std::string_view::npos || reason.starts_with("only ")) return {};
  std::string allowed = allowed_values(row);
  std::ranges::replace(allowed, '`', '\'');
  return fmt::format("; allowed: {}", allowed);
}

}  // namespace

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
  const SettingRow* row = find_setting(assignment.name);
  if (row == nullptr) {
    const std::string_view nearest = nearest_setting(assignment.name);
    return Error{Errc::not_found,
                 fmt::format("{}: there is no such setting{}", assignment.where,
                             nearest.empty() ? "" : fmt::format("; did you mean '{}'?", nearest))};
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
                 fmt::format("{}{}: {}{}", assignment.where, shown_words(*row, assignment.words),
                             parsed.error(), hint(*row, parsed.error()))};
  }
  sources_[index_of(*row)] = assignment.source;
  return ok();
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
  for (const std::string_view pattern : patterns) {
    if (pattern.find_first_of("*?[") == std::string_view::npos) {
      if (const SettingRow* row = find_setting(pattern); row != nullptr) add(pattern, *row);
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
      return Error{
          Errc::not_found,
          fmt::format("ERR Unknown option or number of arguments for CONFIG SET - '{}'", name)};
    }
    const std::string_view known = equals_ignoring_case(name, row->alias) ? row->alias : row->name;
    if (row->has(immutable)) return failed(name, "can't set immutable config");
    if (row->has(guarded)) return failed(name, "can't set protected config");
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
