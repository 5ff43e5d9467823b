#include "server/settings/command_line.h"

#include <catch2/catch.hpp>
#include <string>
#include <vector>

namespace quoris::server {
namespace {

using Words = std::vector<std::string>;

Result<CommandLine> parse(const Words& arguments) { return parse_command_line(arguments); }

// "name=word|word" per flag.
Words flags(const Words& arguments) {
  const Result<CommandLine> line = parse(arguments);
  if (!line) return {line.error().message};
  Words found;
  for (const Assignment& assignment : line->assignments) {
    std::string text = assignment.name + "=";
    for (const std::string& word : assignment.words) text += word + "|";
    found.push_back(text);
  }
  return found;
}

// What is wrong with the first flag that is, or with the line as a whole.
std::string error_of(const Words& arguments) {
  const Result<CommandLine> line = parse(arguments);
  if (!line) return line.error().message;
  for (const Assignment& assignment : line->assignments) {
    if (!assignment.problem.empty()) return assignment.where + ": " + assignment.problem;
  }
  return "none";
}

Words environment(const Words& entries) {
  Words lines;
  for (const Assignment& assignment : parse_environment(entries)) {
    lines.push_back(assignment.problem.empty()
                        ? assignment.where + " " + assignment.name + "=" + assignment.words.at(0)
                        : assignment.where + ": " + assignment.problem);
  }
  return lines;
}

}  // namespace

TEST_CASE("command line: a flag takes all words up to the next one", "[command_line]") {
  CHECK(flags({"--port", "7001"}) == Words{"port=7001|"});
  CHECK(flags({"--save", "3600", "1", "300", "100", "--port", "1"}) ==
        Words{"save=3600|1|300|100|", "port=1|"});
  CHECK(flags({"--save", ""}) == Words{"save=|"});
  CHECK(flags({"--save", "--port", "1"}) == Words{"save=|", "port=1|"});
  CHECK(flags({"--PORT", "1"}) == Words{"port=1|"});
  CHECK(flags({"--dir", "x", "--data-dir", "y"}) == Words{"dir=x|", "data-dir=y|"});
  CHECK(flags({"--slowlog-log-slower-than", "-1"}) == Words{"slowlog-log-slower-than=-1|"});
  CHECK(flags({"--bind", "*", "-::*"}) == Words{"bind=*|-::*|"});
}

TEST_CASE("command line: an equals sign, and flags written as one word", "[command_line]") {
  CHECK(flags({"--port=7001"}) == Words{"port=7001|"});
  CHECK(flags({"--requirepass=--a=b, c"}) == Words{"requirepass=--a=b, c|"});
  CHECK(flags({"--save=3600", "1"}) == Words{"save=3600|1|"});
  CHECK(flags({"--logfile="}) == Words{"logfile=|"});
  CHECK(flags({"--save 3600 1", "--logfile \"a b\""}) == Words{"save=3600|1|", "logfile=a b|"});
  CHECK(flags({"--log-debug", "raft,gossip"}) == Words{"log-debug=raft,gossip|"});
}

TEST_CASE("command line: a flag given twice stands there twice, in order", "[command_line]") {
  CHECK(flags({"--save", "1", "1", "--hz", "5", "--save", "2", "2"}) ==
        Words{"save=1|1|", "hz=5|", "save=2|2|"});
}

TEST_CASE("command line: a check of a data directory", "[command_line]") {
  using Action = CommandLine::Action;
  CHECK(parse({"check", "data"})->action == Action::check);
  CHECK(parse({"check", "data", "--dump"})->action == Action::check_dump);
  CHECK(parse({"check", "--repair", "data"})->action == Action::check_repair);
  CHECK(parse({"check", "--repair", "data"})->data_dir == "data");
  CHECK(parse({"check", "--help"})->action == Action::check_help);
  CHECK(parse({"check", "data", "--help"})->action == Action::check_help);
  CHECK(check_help_text().starts_with("usage: quoris check DIR"));
  for (const std::vector<std::string>& wrong : {std::vector<std::string>{"check"},
                                                {"check", "a", "b"},
                                                {"check", "a", "--port"},
                                                {"check", "a", "--dump", "--repair"},
                                                {"check", ""}}) {
    CHECK_FALSE(parse(wrong));
    CHECK(asks_for_check(wrong));
  }
}

TEST_CASE("command line: a cluster of one survivor is made when that is said in full",
          "[command_line]") {
  const auto line = parse({"recover", "--new-cluster", "data"});
  REQUIRE(line);
  CHECK(line->action == CommandLine::Action::recover);
  CHECK(line->data_dir == "data");
  CHECK(parse({"recover", "data", "--new-cluster"})->data_dir == "data");
  for (const std::string help : {"--help", "-h"}) {
    REQUIRE(parse({"recover", help}));
    CHECK(parse({"recover", help})->action == CommandLine::Action::recover_help);
  }
  CHECK(recover_help_text().starts_with("usage: quoris recover --new-cluster DIR\n"));
  CHECK(parse({"recover", "data"}).error().message.find("say --new-cluster") != std::string::npos);
  for (const std::vector<std::string>& wrong : {std::vector<std::string>{"recover"},
                                                {"recover", "--new-cluster"},
                                                {"recover", "--new-cluster", ""},
                                                {"recover", "--new-cluster", "a", "b"},
                                                {"recover", "--new-cluster", "--new-cluster", "a"},
                                                {"recover", "--new-cluster", "a", "--port", "1"}}) {
    CHECK_FALSE(parse(wrong));
    CHECK_FALSE(asks_for_check(wrong));
  }
}

TEST_CASE("command line: what follows `sim` is the simulator's", "[command_line]") {
  const auto line = parse({"sim", "--seed", "7"});
  CHECK(line->action == CommandLine::Action::simulate);
  CHECK(line->rest == Words{"--seed", "7"});
}

TEST_CASE("command line: the first word is a config file, unless it is a subcommand",
          "[command_line]") {
  CHECK(parse({"q.conf", "--port", "1"})->config_file == "q.conf");
  CHECK(parse({"q.conf", "--port", "1"})->assignments.size() == 1);
  CHECK(parse({"-"})->config_from_stdin);
  CHECK(parse({"-"})->config_file.empty());
  CHECK(parse({})->action == CommandLine::Action::run);
  CHECK(parse({"docs", "settings"})->action == CommandLine::Action::docs_settings);
  CHECK(parse({"docs", "commands"})->action == CommandLine::Action::docs_commands);
  CHECK(parse({"./docs"})->config_file == "./docs");
  CHECK(error_of({"docs"}) == "docs: say which page, 'commands' or 'settings'");
  CHECK(error_of({"docs", "commands", "x"}).find("not expected here") != std::string::npos);
  CHECK(error_of({"a.conf", "b.conf"}).find("\"b.conf\": not expected here") == 0);
  CHECK(error_of({""}) == "the name of the config file is empty");
}

TEST_CASE("command line: help and version", "[command_line]") {
  CHECK(parse({"--help"})->action == CommandLine::Action::help);
  CHECK(parse({"-h"})->action == CommandLine::Action::help);
  CHECK(parse({"help"})->action == CommandLine::Action::help);
  CHECK(parse({"help", "--port", "1"})->config_file == "help");
  CHECK(parse({"--version"})->action == CommandLine::Action::version);
  CHECK(parse({"-v"})->action == CommandLine::Action::version);
  CHECK(version_text().find("quoris ") == 0);
  const std::string help = help_text();
  for (const SettingRow& row : setting_rows()) {
    INFO(row.name);
    CHECK(help.find("--" + std::string(row.name) + " value") != std::string::npos);
  }
  CHECK(help.find(" \n") == std::string::npos);
}

TEST_CASE("command line: what is unknown is named, with the nearest flag", "[command_line]") {
  CHECK(error_of({"--prot", "1"}) == "--prot: there is no such flag; did you mean --port?");
  CHECK(error_of({"--prot=1"}) == "--prot: there is no such flag; did you mean --port?");
  CHECK(error_of({"--frobnicate"}) == "--frobnicate: there is no such flag");
  CHECK(error_of({"--IO-threads", "4"}) == "--io-threads: Redis has this setting, Quoris doesn't");
  CHECK(error_of({"--cluster-enabled", "yes"}) ==
        "--cluster-enabled: Redis has this setting, Quoris doesn't: a cluster is founded with "
        "cluster-port, joined with seed");
  CHECK(error_of({"--\x1b[2J"}) == R"("--\x1b[2j": there is no such flag)");
  CHECK(parse({"--nosuch", "1", "--port", "2", "--neither"})->assignments.size() == 3);
  CHECK(error_of({"-p", "1"}).find("-p: there is no such flag") == 0);
  CHECK(error_of({"--"}).find("--:") == 0);
  CHECK(error_of({"---port", "1"}).find("there is no such flag") != std::string::npos);
  CHECK(error_of({"--=1"}).find("there is no such flag") != std::string::npos);
}

TEST_CASE("environment: QUORIS_ and the name in upper case", "[command_line]") {
  CHECK(environment({"HOME=/root", "QUORIS_PORT=7001", "QUORIS_DATA_DIR=/x=y", "QUORIS_BIND="}) ==
        Words{"QUORIS_BIND bind=", "QUORIS_DATA_DIR data-dir=/x=y", "QUORIS_PORT port=7001"});
  CHECK(environment({"QUORIS_DIR=/x"}) == Words{"QUORIS_DIR dir=/x"});
  CHECK(environment({"XQUORIS_PORT=1", "quoris_port=1"}).empty());
}

TEST_CASE("environment: an unknown name is an error", "[command_line]") {
  CHECK(environment({"QUORIS_PROT=1"}) ==
        Words{"QUORIS_PROT in the environment: there is no such setting; did you mean "
              "QUORIS_PORT?"});
  CHECK(environment({"QUORIS_IO_THREADS=4"}) ==
        Words{"QUORIS_IO_THREADS in the environment: Redis has this setting, Quoris doesn't"});
  CHECK(environment({"QUORIS_port=1"}).at(0).find("QUORIS_port in the environment") == 0);
  CHECK(environment({"QUORIS_=1"}).at(0).find("QUORIS_ in the environment") == 0);
  CHECK(environment({"QUORIS_FROBNICATE"}).at(0).find("there is no such setting") !=
        std::string::npos);
}

TEST_CASE("flag over environment over file over default", "[command_line]") {
  Settings settings;
  const auto apply = [&](SettingSource source, const std::string& name, const std::string& word) {
    return settings.apply({.name = name, .words = {word}, .source = source, .where = "test"})
        .has_value();
  };
  CHECK(apply(SettingSource::file, "timeout", "1"));
  CHECK(apply(SettingSource::file, "hz", "1"));
  CHECK(apply(SettingSource::environment, "hz", "2"));
  CHECK(apply(SettingSource::flag, "hz", "3"));
  CHECK(settings.values().timeout_s == 1);
  CHECK(settings.values().hz == 3);
  CHECK(settings.values().port == 6379);
}

}  // namespace quoris::server
