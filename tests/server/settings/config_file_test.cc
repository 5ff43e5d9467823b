#include "server/settings/config_file.h"

#include <algorithm>
#include <catch2/catch.hpp>
#include <map>
#include <string>
#include <vector>

namespace quoris::server {
namespace {

using Files = std::map<std::string, std::string>;

std::vector<Assignment> parse(std::string_view text, const Files& files = {}) {
  return parse_config(text, "q.conf", [&](const std::string& path) -> Result<std::string> {
    const auto found = files.find(path);
    if (found == files.end()) return Error{Errc::not_found, "cannot open " + path};
    return found->second;
  });
}

// "name=word|word" per assignment, "where: problem" for a line that is none.
std::vector<std::string> parsed(std::string_view text, const Files& files = {}) {
  std::vector<std::string> lines;
  for (const Assignment& assignment : parse(text, files)) {
    if (!assignment.problem.empty()) {
      lines.push_back(assignment.where + ": " + assignment.problem);
      continue;
    }
    std::string line = assignment.name + "=";
    for (const std::string& word : assignment.words) line += word + "|";
    lines.push_back(line);
  }
  return lines;
}

// The values that a file asks for.
SettingValues load(std::string_view text) {
  Settings settings;
  REQUIRE(settings.apply_all(parse(text)));
  return settings.values();
}

bool same(const SettingValues& a, const SettingValues& b) {
  for (const SettingRow& row : setting_rows()) {
    if (format_setting(row, a) != format_setting(row, b)) return false;
  }
  return true;
}

}  // namespace

TEST_CASE("config file: names, words, quotes, comments and empty lines", "[config]") {
  CHECK(parsed("# a comment\n\n  \t\nPort 7001\n"
               "  save 3600 1   300 100  \n"
               "requirepass \"a b\\x41\\n\"\n"
               "logfile ''\r\n"
               "   # indented comment\n"
               "loglevel debug") == std::vector<std::string>{"port=7001|", "save=3600|1|300|100|",
                                                             "requirepass=a bA\n|", "logfile=|",
                                                             "loglevel=debug|"});
  CHECK(parsed("").empty());
}

TEST_CASE("config file: each assignment knows its file and line", "[config]") {
  const std::vector<Assignment> found = parse("\n\nport 1\n");
  CHECK(found.at(0).where == "q.conf:3: port");
  CHECK(found.at(0).source == SettingSource::file);
}

TEST_CASE("config file: a quote that is not closed is a problem, and the rest is read",
          "[config]") {
  CHECK(parsed("port 1\nlogfile \"x\ntimeout 5") ==
        std::vector<std::string>{"port=1|", "q.conf:2: a quote is not closed", "timeout=5|"});
}

TEST_CASE("config file: a name is shown so that it spoils no terminal", "[config]") {
  CHECK(parse(std::string_view("po\0rt 1", 8)).at(0).where == R"(q.conf:1: "po\x00rt")");
  CHECK(parse("\"\x1b[2J\" 1").at(0).where == R"(q.conf:1: "\x1b[2j")");
}

TEST_CASE("config file: all that is wrong is told at once, in the file's order", "[config]") {
  Settings settings;
  const Status status = settings.apply_all(
      parse("io-threads 4\nport x\nlogfile 'a\nprot 1\ntimeout 5\ninclude nosuch.conf\n"));
  REQUIRE(!status);
  CHECK(status.error().message ==
        "q.conf:1: io-threads: Redis has this setting, Quoris doesn't\n"
        "q.conf:2: port x: argument couldn't be parsed into an integer; allowed: 0 to 65535\n"
        "q.conf:3: a quote is not closed\n"
        "q.conf:4: prot: there is no such setting; did you mean 'port'?\n"
        "q.conf:6: cannot open nosuch.conf\n"
        "'quoris docs settings' prints all settings, as docs/settings.md");
  CHECK(settings.values().timeout_s == 5);
}

TEST_CASE("config file: a file that is no config file gets a bounded answer", "[config]") {
  std::string text;
  for (size_t i = 0; i < Settings::kComplaintsMax + 7; ++i) text += "xyzzy-frobnicate 1\n";
  Settings settings;
  const Status status = settings.apply_all(parse(text));
  REQUIRE(!status);
  const std::string& message = status.error().message;
  CHECK(static_cast<size_t>(std::ranges::count(message, '\n')) == Settings::kComplaintsMax + 1);
  CHECK(message.find("\nand 7 more\n") != std::string::npos);
}

TEST_CASE("config file: include reads another file in its place", "[config]") {
  const Files files = {{"a.conf", "timeout 1\ninclude \"b c.conf\"\n"},
                       {"b c.conf", "timeout 2"},
                       {"self.conf", "include self.conf\ninclude self.conf\ninclude self.conf"},
                       {"bad.conf", "\nlogfile 'x"}};
  CHECK(parsed("port 1\ninclude a.conf\nport 2", files) ==
        std::vector<std::string>{"port=1|", "timeout=1|", "timeout=2|", "port=2|"});
  CHECK(parsed("include nosuch.conf\ninclude\ninclude bad.conf", files) ==
        std::vector<std::string>{"q.conf:1: cannot open nosuch.conf",
                                 "q.conf:2: include takes one path",
                                 "bad.conf:2: a quote is not closed"});
  const std::vector<std::string> endless = parsed("include self.conf\nport 1", files);
  REQUIRE(endless.size() == 1);
  CHECK(endless[0].find("does one include itself?") != std::string::npos);
}

TEST_CASE("rewrite: comments and order stay, changed lines change, new ones come at the end",
          "[config]") {
  SettingValues values = load("port 7001\nloglevel debug\nmaxmemory 1gb");
  values.timeout_s = 5;
  CHECK(rewrite_config("# mine\n  # indented\nport 6379\n\n\n\nloglevel notice\n# end\n", values) ==
        "# mine\n# indented\nport 7001\n\nloglevel debug\n# end\n\n"
        "# Generated by CONFIG REWRITE\ntimeout 5\nmaxmemory 1gb\n");
}

TEST_CASE("rewrite: a second rewrite adds no second marker", "[config]") {
  SettingValues values;
  values.timeout_s = 5;
  const std::string once = rewrite_config("port 6379\n", values);
  CHECK(rewrite_config(once, values) == once);
  values.hz = 20;
  const std::string twice = rewrite_config(once, values);
  CHECK(twice == once + "hz 20\n");
}

TEST_CASE("rewrite: defaults are left out, but stay where a line names them", "[config]") {
  CHECK(rewrite_config("", SettingValues()).empty());
  CHECK(rewrite_config("timeout 7\n", SettingValues()) == "timeout 0\n");
}

TEST_CASE("rewrite: lines of one setting shrink and grow in their place", "[config]") {
  SettingValues values = load("save 900 1 60 1000");
  CHECK(rewrite_config("save 1 1\n# between\nsave 2 2\nsave 3 3\n", values) ==
        "save 900 1\n# between\nsave 60 1000\n");
  values.save.clear();
  CHECK(rewrite_config("save 1 1\nsave 2 2\n", values) == "save \"\"\n");
}

TEST_CASE("rewrite: what it doesn't know stays, and so does the name that was used", "[config]") {
  CHECK(rewrite_config("include other.conf\nsome-day 1\nlogfile \"unclosed\ndir ./old\n",
                       SettingValues()) ==
        "include other.conf\nsome-day 1\nlogfile \"unclosed\ndir \"./data\"\n");
}

TEST_CASE("rewrite: what was written is read as the same values", "[config]") {
  Settings settings;
  const std::vector<Settings::Change> changes = {
      {"requirepass", "a \"b\" \\ \x01\n'"},
      {"bind", "127.0.0.1 -::1"},
      {"save", ""},
      {"client-output-buffer-limit", "normal 1mb 1000 5 pubsub 3 2 1"},
      {"latency-tracking-info-percentiles", ""},
      {"log-debug", "raft,gossip"},
      {"consistency", "READ ONE WRITE ALL"},
      {"maxmemory", "12345"},
      {"slowlog-log-slower-than", "-1"},
      {"maxmemory-policy", "allkeys-lfu"},
      {"protected-mode", "no"},
  };
  REQUIRE(settings.change(changes, [](const SettingRow&) { return ok(); }));
  const std::string text = rewrite_config("# empty\n", settings.values());
  CHECK(same(load(text), settings.values()));
  CHECK(!same(load(text), SettingValues()));
}

}  // namespace quoris::server
