#include "server/settings/config_file.h"

#include <fmt/format.h>

#include <map>
#include <optional>
#include <utility>

#include "base/text.h"

namespace quoris::server {
namespace {

constexpr std::string_view kSpace = " \t\r\n\v\f";

std::string_view trimmed(std::string_view line) {
  const size_t first = line.find_first_not_of(kSpace);
  if (first == std::string_view::npos) return {};
  return line.substr(first, line.find_last_not_of(kSpace) - first + 1);
}

// Without line ends; nothing behind the last one.
std::vector<std::string_view> lines_of(std::string_view text) {
  std::vector<std::string_view> lines;
  while (!text.empty()) {
    const size_t end = text.find('\n');
    lines.push_back(text.substr(0, end));
    if (end == std::string_view::npos) break;
    text.remove_prefix(end + 1);
  }
  return lines;
}

bool is_comment(std::string_view line) { return line.empty() || line.front() == '#'; }

class Parser {
 public:
  explicit Parser(const FileReader& read_file) : read_file_(read_file) {}

  void parse(std::string_view text, const std::string& name, int depth) {
    int number = 0;
    for (const std::string_view raw_line : lines_of(text)) {
      if (is_endless_) return;
      ++number;
      const std::string_view line = trimmed(raw_line);
      if (is_comment(line)) continue;
      const std::string place = fmt::format("{}:{}", name, number);
      std::optional<std::vector<std::string>> words = split_arguments(line);
      if (!words || words->empty()) {
        complain(place, "a quote is not closed");
        continue;
      }
      const std::string setting = to_lower(words->front());
      words->erase(words->begin());
      if (setting == "include") {
        include(*words, place, depth);
        continue;
      }
      found_.push_back({.name = setting,
                        .words = std::move(*words),
                        .source = SettingSource::file,
                        .where = fmt::format("{}: {}", place, shown_word(setting))});
    }
  }

  [[nodiscard]] std::vector<Assignment> take() { return std::move(found_); }

 private:
  void include(const std::vector<std::string>& words, const std::string& place, int depth) {
    if (words.size() != 1) return complain(place, "include takes one path");
    if (depth >= kIncludeDepthMax) {
      is_endless_ = true;
      return complain(place,
                      fmt::format("more than {} files within each other; does one include itself?",
                                  kIncludeDepthMax));
    }
    const Result<std::string> text = read_file_(words[0]);
    if (!text) return complain(place, text.error().message);
    parse(*text, words[0], depth + 1);
  }

  void complain(const std::string& place, std::string problem) {
    found_.push_back({.name = {},
                      .words = {},
                      .source = SettingSource::file,
                      .where = place,
                      .problem = std::move(problem)});
  }

  const FileReader& read_file_;
  std::vector<Assignment> found_;
  bool is_endless_ = false;  // a file that includes itself twice would take 2^16 readings to end
};

// A file while it is rewritten.
class Rewriter {
 public:
  explicit Rewriter(std::string_view text) {
    for (const std::string_view raw_line : lines_of(text)) {
      const std::string_view line = trimmed(raw_line);
      if (line == kRewriteMarker) has_marker_ = true;
      note_setting(line);
      lines_.emplace_back(line);
    }
  }

  void put(const SettingRow& row, const SettingValues& values) {
    static const SettingValues defaults;
    const auto found = places_.find(&row);
    const bool is_there = found != places_.end();
    const std::string_view name = is_there ? found->second.name : row.name;
    const std::vector<std::string> wanted = setting_lines(row, values, name);
    if (!is_there && wanted == setting_lines(row, defaults, name)) return;
    const std::vector<size_t> places = is_there ? found->second.lines : std::vector<size_t>{};
    for (size_t i = 0; i < wanted.size(); ++i) {
      if (i < places.size()) {
        lines_[places[i]] = wanted[i];
      } else {
        add(wanted[i]);
      }
    }
    for (size_t i = wanted.size(); i < places.size(); ++i) lines_[places[i]].reset();
  }

  [[nodiscard]] std::string text() const {
    std::string text;
    bool was_empty = false;
    for (const std::optional<std::string>& line : lines_) {
      if (!line) continue;
      if (line->empty() && was_empty) continue;
      was_empty = line->empty();
      text += *line;
      text += '\n';
    }
    return text;
  }

 private:
  // Where a setting stands in the file, and by which of its names.
  struct Places {
    std::string_view name;
    std::vector<size_t> lines;
  };

  void note_setting(std::string_view line) {
    if (is_comment(line)) return;
    const std::optional<std::vector<std::string>> words = split_arguments(line);
    if (!words || words->empty()) return;
    const SettingRow* row = find_setting(words->front());
    if (row == nullptr) return;
    Places& places = places_[row];
    places.name = equals_ignoring_case(words->front(), row->alias) ? row->alias : row->name;
    places.lines.push_back(lines_.size());
  }

  void add(std::string line) {
    if (!has_marker_) {
      has_marker_ = true;
      lines_.emplace_back("");
      lines_.emplace_back(kRewriteMarker);
    }
    lines_.emplace_back(std::move(line));
  }

  std::vector<std::optional<std::string>> lines_;  // nothing: taken out
  std::map<const SettingRow*, Places> places_;
  bool has_marker_ = false;
};

}  // namespace

std::vector<Assignment> parse_config(std::string_view text, const std::string& name,
                                     const FileReader& read_file) {
  Parser parser(read_file);
  parser.parse(text, name, 0);
  return parser.take();
}

std::string rewrite_config(std::string_view old_text, const SettingValues& values) {
  Rewriter rewriter(old_text);
  for (const SettingRow& row : setting_rows()) {
    rewriter.put(row, values);
  }
  return rewriter.text();
}

}  // namespace quoris::server
