// The program: reads settings from flags, environment and config file and runs a server with them
// (program/server.h) until a signal or SHUTDOWN; or does what a subcommand says.
//
// Exit status: 0 after a clean stop, 1 when the start fails, and then standard error says why, with
// a line for each setting that is refused; 1 also when the node has lost its place in a cluster.
// Relative paths in settings are relative to where the process was started.
#include <unistd.h>

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <exception>
#include <memory>
#include <string>
#include <vector>

#include "cluster/control/check.h"
#include "cluster/control/recover.h"
#include "command/docs_page.h"
#include "net/event_loop.h"
#include "net/files.h"
#include "net/uv_clock.h"
#include "net/uv_disk.h"
#include "net/uv_rng.h"
#include "persistence/check.h"
#include "program/server.h"
#include "server/commands/rows.h"
#include "server/settings/command_line.h"
#include "server/settings/config_file.h"
#include "server/settings/settings_page.h"
#include "server/settings/settings_table.h"
#include "server/versions.h"
#include "sim/command.h"

namespace quoris {
namespace {

using server::CommandLine;

using Assignments = std::vector<server::Assignment>;

// Of the config file, if there is one; its name goes to the settings.
Result<Assignments> read_config(const CommandLine& line, server::Settings& settings) {
  if (line.config_from_stdin) {
    const Result<std::string> text = net::read_file("/dev/stdin");
    if (!text) return text.error();
    return server::parse_config(*text, "standard input", &net::read_file);
  }
  const std::string& path = line.config_file;
  if (path.empty()) return Assignments();
  const Result<std::string> text = net::read_file(path);
  if (!text) {
    const bool is_number = path.find_first_not_of("0123456789") == std::string::npos;
    return Error{text.error().code,
                 fmt::format("config file {}: {}{}", server::shown_word(path), text.error().message,
                             is_number ? "; a port is given as --port " + path : "")};
  }
  Result<std::string> absolute = net::absolute_path(path);
  if (!absolute) return absolute.error();
  settings.set_config_file(std::move(absolute).value());
  return server::parse_config(*text, path, &net::read_file);
}

// The file first, then the environment, then flags: who comes later wins.
Status load_settings(const CommandLine& line, server::Settings& settings) {
  Result<Assignments> found = read_config(line, settings);
  if (!found) return found.error();
  Assignments all = std::move(found).value();
  std::vector<std::string> environment;
  for (char** entry = environ; *entry != nullptr; ++entry) environment.emplace_back(*entry);
  for (server::Assignment& each : server::parse_environment(environment)) {
    all.push_back(std::move(each));
  }
  all.insert(all.end(), line.assignments.begin(), line.assignments.end());
  return settings.apply_all(all);
}

// The lines of the error, each with the program's name.
int fail(const Error& error, int status = EXIT_FAILURE) {
  std::string text = "quoris: " + error.message + "\n";
  for (size_t at = text.find('\n'); at + 1 < text.size(); at = text.find('\n', at + 1)) {
    text.insert(at + 1, "quoris: ");
  }
  std::fwrite(text.data(), 1, text.size(), stderr);
  return status;
}

int print(const std::string& text) {
  const bool whole = std::fwrite(text.data(), 1, text.size(), stdout) == text.size();
  return whole && std::fflush(stdout) == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}

int run(const CommandLine& line) {
  server::Settings settings;
  if (const Status status = load_settings(line, settings); !status) return fail(status.error());
  const Result<std::unique_ptr<program::Server>> server = program::Server::open(settings);
  if (!server) return fail(server.error());
  return (*server)->run();
}

// The exit status of `quoris check`: 0 sound, 1 damaged, 2 it could not be found out.
constexpr int kNotChecked = 2;

void print_line(std::string_view text) {
  std::fwrite(text.data(), 1, text.size(), stdout);
  std::fputc('\n', stdout);
}

int run_check(const CommandLine& line) {
  const auto loop = net::EventLoop::open();
  if (!loop) return fail(loop.error(), kNotChecked);
  net::UvDisk disk(**loop);
  const auto check_cluster = [&](const persistence::LineSink& out) {
    return control::check_cluster_files(disk, line.data_dir, out);
  };
  const auto check = [&] {
    switch (line.action) {
      case CommandLine::Action::check_dump:
        return persistence::dump_directory(disk, line.data_dir, print_line);
      case CommandLine::Action::check_repair:
        return persistence::repair_directory(disk, line.data_dir, print_line, check_cluster);
      default:
        return persistence::check_directory(disk, line.data_dir, print_line, check_cluster);
    }
  };
  const Result<bool> is_sound = check();
  if (!is_sound) return fail(is_sound.error(), kNotChecked);
  return *is_sound ? EXIT_SUCCESS : EXIT_FAILURE;
}

int run_recover(const CommandLine& line) {
  const auto loop = net::EventLoop::open();
  if (!loop) return fail(loop.error());
  net::UvDisk disk(**loop);
  net::UvRng rng;
  const Status done = control::recover_as_new_cluster(disk, rng, line.data_dir, &print_line);
  return done ? EXIT_SUCCESS : fail(done.error());
}

int run_sim(const CommandLine& line) {
  net::UvClock clock;
  const auto print_to = [](std::FILE* file) {
    return [file](std::string_view text) {
      std::fwrite(text.data(), 1, text.size(), file);
      std::fputc('\n', file);
      std::fflush(file);
    };
  };
  return sim::run_command(
      line.rest, {.clock = clock, .print = print_to(stdout), .complain = print_to(stderr)});
}

int run_program(const std::vector<std::string>& arguments) {
  const Result<CommandLine> line = server::parse_command_line(arguments);
  if (!line) {
    return fail(line.error(), server::asks_for_check(arguments) ? kNotChecked : EXIT_FAILURE);
  }
  switch (line->action) {
    case CommandLine::Action::help:
      return print(server::help_text());
    case CommandLine::Action::version:
      return print(server::version_text());
    case CommandLine::Action::docs_settings:
      return print(server::settings_page());
    case CommandLine::Action::docs_commands:
      return print(command::commands_markdown(command::CommandTable(server::command_families())));
    case CommandLine::Action::check_help:
      return print(server::check_help_text());
    case CommandLine::Action::check:
    case CommandLine::Action::check_dump:
    case CommandLine::Action::check_repair:
      return run_check(*line);
    case CommandLine::Action::recover:
      return run_recover(*line);
    case CommandLine::Action::recover_help:
      return print(server::recover_help_text());
    case CommandLine::Action::simulate:
      return run_sim(*line);
    case CommandLine::Action::run:
      return run(*line);
  }
  return EXIT_FAILURE;
}

}  // namespace
}  // namespace quoris

int main(int argc, char** argv) {
  try {
    return quoris::run_program(std::vector<std::string>(argv + std::min(argc, 1), argv + argc));
  } catch (const std::exception& failure) {
    std::fprintf(stderr, "quoris: %s\n", failure.what());
    return EXIT_FAILURE;
  }
}
