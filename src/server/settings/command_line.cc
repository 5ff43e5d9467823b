#include "server/settings/command_line.h"

#include <fmt/format.h>

// Else cxxopts takes flags apart with std::regex, which is slow to compile and makes g++ 12 warn.
#define CXXOPTS_NO_REGEX true

#include <algorithm>
#include <cxxopts.hpp>
#include <optional>

#include "base/text.h"
#include "server/versions.h"

namespace quoris::server {
namespace {

constexpr std::string_view kEnvironmentPrefix = "QUORIS_";
constexpr size_t kHelpColumns = 100;

// The first sentence of a row's help, without Markdown's quotes.
std::string summary(const SettingRow& row) {
  std::string text(row.help.substr(0, row.help.find(". ")));
  if (text.ends_with('.')) text.pop_back();
  std::erase(text, '`');
  return text;
}

cxxopts::Options declare_options() {
  static const SettingValues defaults;
  cxxopts::Options options("quoris", "A key-value database that speaks the Redis protocol.\n");
  options.set_width(kHelpColumns);
  options.custom_help("[config-file | -] [--name value...]...");
  options.add_options("General")("h,help", "Shows this text")("v,version", "Shows the version");
  for (const SettingRow& row : setting_rows()) {
    auto add = options.add_options(std::string(group_title(row.group)));
    const std::string initial = format_setting(row, defaults);
    add(std::string(row.name),
        fmt::format("{} (default: {})", summary(row), initial.empty() ? "none" : initial),
        cxxopts::value<std::string>(), "value");
    if (!row.alias.empty()) {
      add(std::string(row.alias), fmt::format("The same as --{}", row.name),
          cxxopts::value<std::string>(), "value");
    }
  }
  return options;
}

// The words of the command line, sorted: what comes before the flags, and per flag its words.
//
// cxxopts takes one value per flag and would mistake `-1` for a flag, so it is given
// "--name=<number of the flag>" here, and the words are looked up by that number.
struct Folded {
  std::vector<std::string> leading;
  std::vector<std::string> options;
  std::vector<std::vector<std::string>> words;
};

bool is_flag(std::string_view argument) {
  return argument.size() > 2 && argument.starts_with("--");
}

bool is_short_flag(std::string_view argument) { return argument == "-h" || argument == "-v"; }

bool is_general_flag(std::string_view name) { return name == "help" || name == "version"; }

// "--name", "--name=value", or "--name value..." in one word, as container files write it.
void fold_flag(std::string_view argument, Folded& folded) {
  argument.remove_prefix(2);
  const size_t end = std::min(argument.find_first_of("= "), argument.size());
  const std::string name = to_lower(argument.substr(0, end));
  if (is_general_flag(name)) {
    folded.options.push_back("--" + name);
    return;
  }
  std::vector<std::string> words;
  if (end < argument.size() && argument[end] == '=') {
    words.emplace_back(argument.substr(end + 1));
  } else if (end < argument.size()) {
    const std::string_view rest = argument.substr(end);
    words = split_arguments(rest).value_or(std::vector<std::string>{std::string(rest)});
  }
  folded.options.push_back(fmt::format("--{}={}", name, folded.words.size()));
  folded.words.push_back(std::move(words));
}

Result<Folded> fold(std::span<const std::string> arguments) {
  Folded folded;
  for (const std::string& argument : arguments) {
    if (is_flag(argument)) {
      fold_flag(argument, folded);
    } else if (argument == "--") {
      return Error{Errc::invalid_argument, "--: a name must follow at once, as in --port 7001"};
    } else if (!folded.words.empty()) {
      folded.words.back().push_back(argument);
    } else if (is_short_flag(argument)) {
      folded.options.push_back(argument);
    } else if (argument.size() > 1 && argument.front() == '-') {
      return Error{Errc::invalid_argument,
                   fmt::format("{}: there is no such flag; settings have two dashes, as in "
                               "--port 7001",
                               argument)};
    } else {
      folded.leading.push_back(argument);
    }
  }
  return folded;
}

// What stands before the flags: a subcommand, a config file, or nothing.
Status take_leading(const std::vector<std::string>& leading, CommandLine& line) {
  if (leading.empty()) return ok();
  size_t taken = 1;
  if (leading[0] == "docs") {
    const std::string page = leading.size() > 1 ? leading[1] : "";
    if (page != "commands" && page != "settings") {
      return Error{Errc::invalid_argument, "docs: say which page, 'commands' or 'settings'"};
    }
    line.action = page == "commands" ? CommandLine::Action::docs_commands
                                     : CommandLine::Action::docs_settings;
    taken = 2;
  } else if (leading[0] == "-") {
    line.config_from_stdin = true;
  } else if (leading[0].empty()) {
    return Error{Errc::invalid_argument, "the name of the config file is empty"};
  } else {
    line.config_file = leading[0];
  }
  if (leading.size() > taken) {
    return Error{Errc::invalid_argument,
                 fmt::format("{}: not expected here; settings are given as --name value",
                             quote_for_display(leading[taken]))};
  }
  return ok();
}

Assignment flag_assignment(const std::string& name, std::vector<std::string> words) {
  // `--save --port 1` means no snapshots, as it does for Redis.
  if (words.empty() && name == "save") words.emplace_back();
  return {
      .name = name, .words = std::move(words), .source = SettingSource::flag, .where = "--" + name};
}

Assignment unknown_flag(std::string_view name) {
  const auto as_flag = [](std::string_view known) { return fmt::format("--{}", known); };
  return {.name = {},
          .words = {},
          .source = SettingSource::flag,
          .where = shown_word(as_flag(name)),
          .problem = describe_unknown(name, "flag", as_flag)};
}

std::string environment_name(std::string_view setting) {
  std::string name = to_upper(setting);
  std::ranges::replace(name, '-', '_');
  return std::string(kEnvironmentPrefix) + name;
}

constexpr std::string_view kCheckUsage = "usage: quoris check DIR [--dump | --repair]";

Result<CommandLine> parse_check(std::span<const std::string> arguments) {
  CommandLine line;
  line.action = CommandLine::Action::check;
  for (const std::string& argument : arguments) {
    if (argument == "--help") {
      line.action = CommandLine::Action::check_help;
      return line;
    }
    const bool is_plain = line.action == CommandLine::Action::check;
    if (argument == "--dump" && is_plain) {
      line.action = CommandLine::Action::check_dump;
    } else if (argument == "--repair" && is_plain) {
      line.action = CommandLine::Action::check_repair;
    } else if (!argument.empty() && argument.front() != '-' && line.data_dir.empty()) {
      line.data_dir = argument;
    } else {
      return Error{Errc::invalid_argument, fmt::format("check: {} is not expected here\n{}",
                                                       shown_word(argument), kCheckUsage)};
    }
  }
  if (!line.data_dir.empty()) return line;
  return Error{Errc::invalid_argument, fmt::format("check: say which directory\n{}", kCheckUsage)};
}

constexpr std::string_view kRecoverUsage =
    "usage: quoris recover --new-cluster DIR\n"
    "It makes a cluster of its own of one node, when most of its cluster's voters are gone for "
    "good.\n"
    "What only the others knew is lost; the others can come back with empty directories only.";

Result<CommandLine> parse_recover(std::span<const std::string> arguments) {
  CommandLine line;
  line.action = CommandLine::Action::recover;
  bool is_meant = false;
  if (arguments.size() == 1 && (arguments[0] == "--help" || arguments[0] == "-h")) {
    line.action = CommandLine::Action::recover_help;
    return line;
  }
  for (const std::string& argument : arguments) {
    if (argument == "--new-cluster" && !is_meant) {
      is_meant = true;
    } else if (!argument.empty() && argument.front() != '-' && line.data_dir.empty()) {
      line.data_dir = argument;
    } else {
      return Error{Errc::invalid_argument, fmt::format("recover: {} is not expected here\n{}",
                                                       shown_word(argument), kRecoverUsage)};
    }
  }
  if (line.data_dir.empty()) {
    return Error{Errc::invalid_argument,
                 fmt::format("recover: say which directory\n{}", kRecoverUsage)};
  }
  if (!is_meant) {
    return Error{Errc::invalid_argument,
                 fmt::format("recover: say --new-cluster if that is meant\n{}", kRecoverUsage)};
  }
  return line;
}

}  // namespace

bool asks_for_check(std::span<const std::string> arguments) {
  return !arguments.empty() && arguments[0] == "check";
}

Result<CommandLine> parse_command_line(std::span<const std::string> arguments) {
  if (asks_for_check(arguments)) return parse_check(arguments.subspan(1));
  if (!arguments.empty() && arguments[0] == "recover") return parse_recover(arguments.subspan(1));
  if (!arguments.empty() && arguments[0] == "sim") {
    CommandLine simulation;
    simulation.action = CommandLine::Action::simulate;
    simulation.rest.assign(arguments.begin() + 1, arguments.end());
    return simulation;
  }
  if (arguments.size() == 1 && arguments[0] == "help") {
    CommandLine help;
    help.action = CommandLine::Action::help;
    return help;
  }
  Result<Folded> folded = fold(arguments);
  if (!folded) return folded.error();
  CommandLine line;
  if (Status status = take_leading(folded->leading, line); !status) return status.error();
  std::vector<const char*> argv = {"quoris"};
  for (const std::string& option : folded->options) {
    const std::string name = option.substr(0, option.find('='));
    if (is_short_flag(name) || is_general_flag(name.substr(2)) ||
        find_setting(name.substr(2)) != nullptr) {
      argv.push_back(option.c_str());
    } else {
      line.assignments.push_back(unknown_flag(name.substr(2)));
    }
  }
  try {
    const cxxopts::ParseResult result =
        declare_options().parse(static_cast<int>(argv.size()), argv.data());
    if (result.count("help") > 0) line.action = CommandLine::Action::help;
    if (result.count("version") > 0) line.action = CommandLine::Action::version;
    for (const cxxopts::KeyValue& found : result.arguments()) {
      if (is_general_flag(found.key())) continue;
      line.assignments.push_back(
          flag_assignment(found.key(), std::move(folded->words[found.as<size_t>()])));
    }
  } catch (const cxxopts::exceptions::exception& failure) {
    return Error{Errc::invalid_argument, failure.what()};
  }
  return line;
}

std::vector<Assignment> parse_environment(std::span<const std::string> environment) {
  std::vector<std::string> entries;
  for (const std::string& entry : environment) {
    if (entry.starts_with(kEnvironmentPrefix)) entries.push_back(entry);
  }
  std::ranges::sort(entries);
  std::vector<Assignment> found;
  for (const std::string& entry : entries) {
    const size_t end = std::min(entry.find('='), entry.size());
    const std::string variable = entry.substr(0, end);
    std::string setting = to_lower(variable.substr(kEnvironmentPrefix.size()));
    std::ranges::replace(setting, '_', '-');
    const bool known = find_setting(setting) != nullptr && to_upper(variable) == variable;
    Assignment assignment = {.name = setting,
                             .words = {entry.substr(std::min(end + 1, entry.size()))},
                             .source = SettingSource::environment,
                             .where = variable};
    if (!known) {
      assignment.where = shown_word(variable) + " in the environment";
      assignment.problem = describe_unknown(setting, "setting", &environment_name);
    }
    found.push_back(std::move(assignment));
  }
  return found;
}

std::string check_help_text() {
  return fmt::format(
      "{}\n\n"
      "Says the state of each file of a data directory and changes nothing. Exit status: 0 sound,\n"
      "1 damaged, 2 it could not be found out. A cluster's files are looked at, too.\n\n"
      "  --dump    prints the log, one JSON object per mutation\n"
      "  --repair  keeps originals in DIR/damaged-<n> and leaves out what is damaged;\n"
      "            never touches a cluster's files\n",
      kCheckUsage);
}

std::string help_text() {
  std::vector<std::string> groups = {"General"};
  for (const SettingRow& row : setting_rows()) {
    std::string group(group_title(row.group));
    if (groups.back() != group) groups.push_back(std::move(group));
  }
  std::string text = declare_options().help(groups);
  for (size_t at = text.find(" \n"); at != std::string::npos; at = text.find(" \n", at)) {
    text.erase(at, 1);
    if (at > 0) --at;
  }
  text +=
      "\nThe environment holds settings too (QUORIS_PORT=7001), and the config file, which is "
      "read\n"
      "as redis.conf (`port 7001`); `-` reads it from standard input. A flag wins over the\n"
      "environment, the environment over the file. All settings: docs/settings.md, or\n"
      "`quoris docs settings`.\n"
      "\n`quoris check DIR` looks at a data directory, `quoris recover --new-cluster DIR` makes a\n"
      "cluster of one survivor, `quoris sim --help` tells of the simulator.\n";
  return text;
}

std::string recover_help_text() { return fmt::format("{}\n", kRecoverUsage); }

std::string version_text() { return fmt::format("quoris {}\n", kQuorisVersion); }

}  // namespace quoris::server
