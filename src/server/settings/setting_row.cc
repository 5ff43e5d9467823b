#include "server/settings/setting_row.h"

#include <fmt/format.h>

#include <algorithm>
#include <limits>
#include <optional>

#include "base/text.h"
#include "server/settings/redis_names.h"

namespace quoris::server {
namespace {

using Outcome = Result<Done, std::string>;

constexpr std::string_view kWrongCount = "wrong number of arguments";

// What the units of a memory size stand for.
struct Unit {
  std::string_view name;
  uint64_t bytes;
};

constexpr uint64_t kKilo = 1000;
constexpr uint64_t kKibi = 1024;
constexpr uint64_t kMega = kKilo * kKilo;
constexpr uint64_t kGiga = kKilo * kMega;
constexpr uint64_t kGibi = kKibi * kMiB;
constexpr Unit kUnits[] = {{"b", 1},     {"k", kKilo}, {"kb", kKibi}, {"m", kMega},
                           {"mb", kMiB}, {"g", kGiga}, {"gb", kGibi}};

template <class Number>
std::string not_between(Number low, Number high) {
  return fmt::format("argument must be between {} and {} inclusive", low, high);
}

// --- one word, by kind ---------------------------------------------------------------------------

Outcome parse(const YesNo& kind, SettingValues& values, const std::string& word) {
  const bool yes = equals_ignoring_case(word, "yes");
  if (!yes && !equals_ignoring_case(word, "no")) {
    return std::string("argument must be 'yes' or 'no'");
  }
  values.*kind.field = yes;
  return Done{};
}

Outcome parse(const Integer& kind, SettingValues& values, const std::string& word) {
  const std::optional<int64_t> value = parse_int64(word);
  if (!value) return std::string("argument couldn't be parsed into an integer");
  if (*value < kind.low || *value > kind.high) return not_between(kind.low, kind.high);
  values.*kind.field = std::clamp(*value, kind.clamp_low, kind.clamp_high);
  return Done{};
}

Outcome parse(const MemorySize& kind, SettingValues& values, const std::string& word) {
  const Result<uint64_t, MemorySizeError> value = parse_memory_size(word);
  if (!value && value.error() == MemorySizeError::malformed) {
    return std::string("argument must be a memory value");
  }
  if (!value || *value < kind.low || *value > kind.high) return not_between(kind.low, kind.high);
  values.*kind.field = *value;
  return Done{};
}

Outcome parse(const Octal& kind, SettingValues& values, const std::string& word) {
  constexpr size_t kDigitsMax = 20;  // of 64 bits
  int64_t value = 0;
  for (const char c : word) {
    if (c < '0' || c > '7' || word.size() > kDigitsMax) {
      return std::string("argument couldn't be parsed as an octal number");
    }
    value = value * 8 + (c - '0');
  }
  if (value < kind.low || value > kind.high) return not_between(kind.low, kind.high);
  values.*kind.field = value;
  return Done{};
}

Outcome parse(const Choice& kind, SettingValues& values, const std::string& word) {
  for (size_t i = 0; i < kind.names.size(); ++i) {
    if (!equals_ignoring_case(word, kind.names[i])) continue;
    kind.set(values, static_cast<uint8_t>(i));
    return Done{};
  }
  return fmt::format("argument(s) must be one of the following: {}", fmt::join(kind.names, ", "));
}

bool is_control(char c) { return static_cast<unsigned char>(c) < ' ' || c == '\x7f'; }

Outcome parse(const Text& kind, SettingValues& values, const std::string& word) {
  if (kind.rule == Text::Rule::line && std::ranges::any_of(word, &is_control)) {
    return std::string("argument must be one line, without control characters");
  }
  if (kind.rule != Text::Rule::any && word.find('\0') != std::string::npos) {
    return std::string("argument must be a path, without a zero byte");
  }
  if (kind.rule == Text::Rule::required_path && word.empty()) {
    return std::string("argument must be a path, and not empty");
  }
  values.*kind.field = word;
  return Done{};
}

Outcome parse(const Custom& kind, SettingValues& values, const std::string& word) {
  return kind.parse(values, {.words = std::span(&word, 1)});
}

// --- formats -------------------------------------------------------------------------------------

std::string format(const YesNo& kind, const SettingValues& values) {
  return values.*kind.field ? "yes" : "no";
}

std::string format(const Integer& kind, const SettingValues& values) {
  return fmt::format("{}", values.*kind.field);
}

std::string format(const MemorySize& kind, const SettingValues& values) {
  return fmt::format("{}", values.*kind.field);
}

std::string format(const Octal& kind, const SettingValues& values) {
  return fmt::format("{:o}", values.*kind.field);
}

std::string format(const Choice& kind, const SettingValues& values) {
  return std::string(kind.names[kind.get(values)]);
}

std::string format(const Text& kind, const SettingValues& values) { return values.*kind.field; }

std::string format(const Custom& kind, const SettingValues& values) { return kind.format(values); }

template <class Number>
std::string range(Number low, Number high, Number highest) {
  if (high == highest) return fmt::format("{} or more", low);
  return fmt::format("{} to {}", low, high);
}

std::string allowed(const YesNo& /*kind*/) { return "`yes` or `no`"; }

std::string allowed(const Integer& kind) {
  return range(kind.low, kind.high, std::numeric_limits<int64_t>::max());
}

std::string allowed(const MemorySize& kind) {
  const std::string low = kind.low == 0 ? "0" : format_memory_size(kind.low);
  return fmt::format("bytes, or with a unit as in `100mb` and `1gb`; {} or more", low);
}

std::string allowed(const Octal& kind) {
  return fmt::format("{:o} to {:o}, octal", kind.low, kind.high);
}

std::string allowed(const Choice& kind) {
  return fmt::format("`{}`", fmt::join(kind.names, "`, `"));
}

std::string allowed(const Text& kind) {
  if (kind.rule == Text::Rule::any) return "text";
  return kind.rule == Text::Rule::line ? "one line of text" : "a path";
}

std::string allowed(const Custom& kind) { return std::string(kind.allowed); }

// --- nearest name --------------------------------------------------------------------------------

// Levenshtein's distance: how many letters must be put in, taken out or replaced.
size_t edit_distance(std::string_view a, std::string_view b) {
  std::vector<size_t> row(b.size() + 1);
  for (size_t j = 0; j <= b.size(); ++j) row[j] = j;
  for (size_t i = 1; i <= a.size(); ++i) {
    size_t diagonal = row[0];
    row[0] = i;
    for (size_t j = 1; j <= b.size(); ++j) {
      const size_t replaced = diagonal + (lower(a[i - 1]) == lower(b[j - 1]) ? 0 : 1);
      diagonal = row[j];
      row[j] = std::min({replaced, row[j] + 1, row[j - 1] + 1});
    }
  }
  return row[b.size()];
}

}  // namespace

Result<uint64_t, MemorySizeError> parse_memory_size(std::string_view text) {
  constexpr size_t kDigitsMax = 127;
  const size_t digits = std::min(text.find_first_not_of("0123456789"), text.size());
  if (digits > kDigitsMax) return MemorySizeError::malformed;
  uint64_t factor = 1;
  if (const std::string_view unit = text.substr(digits); !unit.empty()) {
    const Unit* known = std::ranges::find_if(
        kUnits, [unit](const Unit& each) { return equals_ignoring_case(each.name, unit); });
    if (known == std::end(kUnits)) return MemorySizeError::malformed;
    factor = known->bytes;
  }
  uint64_t value = 0;
  for (const char c : text.substr(0, digits)) {
    if (__builtin_mul_overflow(value, uint64_t{10}, &value) ||
        __builtin_add_overflow(value, static_cast<uint64_t>(c - '0'), &value)) {
      return MemorySizeError::too_large;
    }
  }
  if (__builtin_mul_overflow(value, factor, &value)) return MemorySizeError::too_large;
  return value;
}

std::string format_memory_size(uint64_t bytes) {
  for (const std::string_view name : {"gb", "mb", "kb"}) {
    const Unit* unit = std::ranges::find(kUnits, name, &Unit::name);
    if (bytes >= unit->bytes && bytes % unit->bytes == 0) {
      return fmt::format("{}{}", bytes / unit->bytes, name);
    }
  }
  return fmt::format("{}", bytes);
}

const SettingRow* find_setting(std::string_view name) {
  if (name.empty()) return nullptr;
  for (const SettingRow& row : setting_rows()) {
    if (equals_ignoring_case(name, row.name) || equals_ignoring_case(name, row.alias)) return &row;
  }
  return nullptr;
}

std::string_view nearest_setting(std::string_view name) {
  constexpr size_t kNameMax = 64;  // longer than every name, and far too long for a slip
  if (name.empty() || name.size() > kNameMax) return {};
  std::string_view nearest;
  size_t distance = std::max<size_t>(2, name.size() / 3) + 1;
  for (const SettingRow& row : setting_rows()) {
    for (const std::string_view each : {row.name, row.alias}) {
      if (each.empty()) continue;
      const size_t here = edit_distance(name, each);
      if (here >= distance) continue;
      distance = here;
      nearest = each;
    }
  }
  return nearest;
}

std::string describe_unknown(std::string_view name, std::string_view thing,
                             const std::function<std::string(std::string_view)>& spell) {
  if (is_redis_only_setting(name)) {
    const std::string_view instead = instead_of_redis_setting(name);
    return fmt::format("Redis has this setting, Quoris doesn't{}{}", instead.empty() ? "" : ": ",
                       instead);
  }
  const std::string_view nearest = nearest_setting(name);
  if (nearest.empty()) return fmt::format("there is no such {}", thing);
  return fmt::format("there is no such {}; did you mean {}?", thing, spell(nearest));
}

Outcome parse_setting(const SettingRow& row, SettingValues& values,
                      std::span<const std::string> words, bool add) {
  if (const auto* custom = std::get_if<Custom>(&row.kind); custom && row.has(multi_word)) {
    return custom->parse(values, {.words = words, .add = add});
  }
  if (words.size() != 1) return std::string(kWrongCount);
  return std::visit([&](const auto& kind) { return parse(kind, values, words[0]); }, row.kind);
}

std::string format_setting(const SettingRow& row, const SettingValues& values) {
  return std::visit([&](const auto& kind) { return format(kind, values); }, row.kind);
}

std::vector<std::string> setting_lines(const SettingRow& row, const SettingValues& values,
                                       std::string_view name) {
  std::vector<std::string> lines;
  if (const auto* custom = std::get_if<Custom>(&row.kind); custom && custom->lines != nullptr) {
    lines = custom->lines(values);
  } else if (const auto* text = std::get_if<Text>(&row.kind)) {
    lines = {quote_for_display(values.*text->field)};
  } else if (const auto* size = std::get_if<MemorySize>(&row.kind)) {
    lines = {format_memory_size(values.*size->field)};
  } else {
    lines = {format_setting(row, values)};
  }
  for (std::string& line : lines) line = fmt::format("{} {}", name, line);
  return lines;
}

std::string_view group_title(SettingGroup group) {
  constexpr std::string_view kTitles[] = {"Network", "Limits",     "Data",   "Commands",
                                          "Cluster", "Monitoring", "Process"};
  static_assert(static_cast<size_t>(SettingGroup::process) == std::size(kTitles) - 1);
  return kTitles[static_cast<size_t>(group)];
}

std::string allowed_values(const SettingRow& row) {
  return std::visit([](const auto& kind) { return allowed(kind); }, row.kind);
}

}  // namespace quoris::server
