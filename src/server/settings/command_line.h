// The command line and the environment, read into assignments.
//
//   quoris [config-file | -] [--name value...]...      a server
//   quoris docs commands | settings                    a page of the docs on standard output
//   quoris check DIR [--dump | --repair]               the state of a data directory
//   quoris check --help
//   quoris recover --new-cluster DIR                   a cluster of one survivor
//   quoris sim [--option value]...                     simulated nodes (src/sim reads the options)
//   quoris --help | --version
//
// A flag is a setting's name and all words up to the next `--name`, or `--name=value`. In the
// environment it is QUORIS_<NAME>, upper case with '_' for '-'.
// Pure: who calls it reads files and prints. A flag or variable that is no setting becomes an
// assignment with a problem, which names the nearest one.
// Used by: main. Source: the command line of redis-server 7.0.
#pragma once

#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "server/settings/settings_table.h"

namespace quoris::server {

struct CommandLine {
  enum class Action : uint8_t {
    run,
    help,
    version,
    docs_commands,
    docs_settings,
    check,
    check_dump,
    check_repair,
    check_help,
    recover,
    recover_help,
    simulate,
  };

  Action action = Action::run;
  std::string config_file;              // empty: none
  bool config_from_stdin = false;       // "-"
  std::vector<Assignment> assignments;  // in the order of the flags
  std::string data_dir;                 // of the checks and of `recover`
  std::vector<std::string> rest;        // what follows `sim`
};

// The first word says that it is a check, whatever follows.
[[nodiscard]] bool asks_for_check(std::span<const std::string> arguments);

// Without the program's own name.
[[nodiscard]] Result<CommandLine> parse_command_line(std::span<const std::string> arguments);

// Of entries "NAME=value" those that begin with QUORIS_; sorted by name, so that their order in
// the environment doesn't matter.
[[nodiscard]] std::vector<Assignment> parse_environment(std::span<const std::string> environment);

// What --help and --version print.
[[nodiscard]] std::string help_text();
[[nodiscard]] std::string check_help_text();
[[nodiscard]] std::string recover_help_text();
[[nodiscard]] std::string version_text();

}  // namespace quoris::server
