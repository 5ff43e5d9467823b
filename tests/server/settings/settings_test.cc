#include <catch2/catch.hpp>
#include <string>
#include <string_view>
#include <vector>

#include "server/settings/redis_names.h"
#include "server/settings/settings_page.h"
#include "server/settings/settings_table.h"

namespace quoris::server {
namespace {

using Texts = std::vector<Settings::NamedText>;

Texts get(const Settings& settings, std::vector<std::string_view> patterns) {
  return settings.get(patterns);
}

std::string value_of(const Settings& settings, std::string_view name) {
  const Texts found = get(settings, {name});
  return found.size() == 1 ? found[0].second : "(none)";
}

// The reply of CONFIG SET: "OK" or the error.
std::string change(Settings& settings, std::vector<Settings::Change> changes) {
  const Status status = settings.change(changes, [](const SettingRow&) { return ok(); });
  return status ? "OK" : status.error().message;
}

std::string change(Settings& settings, std::string_view name, std::string_view value) {
  return change(settings, {{name, value}});
}

// What CONFIG SET says behind its dash; "OK" if it says nothing.
std::string reason(std::string_view name, std::string_view value) {
  Settings settings;
  const std::string reply = change(settings, name, value);
  const size_t dash = reply.find(" - ");
  return dash == std::string::npos ? reply : reply.substr(dash + 3);
}

std::string apply(Settings& settings, const std::string& name, std::vector<std::string> words,
                  SettingSource source = SettingSource::flag) {
  const Status status = settings.apply(
      {.name = name, .words = std::move(words), .source = source, .where = "--" + name});
  return status ? "OK" : status.error().message;
}

}  // namespace

TEST_CASE("settings: defaults read as those of Redis do", "[settings]") {
  const Settings settings;
  CHECK(value_of(settings, "bind") == "* -::*");
  CHECK(value_of(settings, "save") == "3600 1 300 100 60 10000");
  CHECK(value_of(settings, "client-output-buffer-limit") ==
        "normal 0 0 0 slave 268435456 67108864 60 pubsub 33554432 8388608 60");
  CHECK(value_of(settings, "unixsocketperm") == "0");
  CHECK(value_of(settings, "requirepass").empty());
  CHECK(value_of(settings, "latency-tracking-info-percentiles") == "50 99 99.9");
  CHECK(value_of(settings, "proto-max-bulk-len") == "536870912");
  CHECK(value_of(settings, "maxmemory-policy") == "noeviction");
  CHECK(value_of(settings, "slowlog-log-slower-than") == "10000");
  CHECK(value_of(settings, "daemonize") == "no");
  CHECK(value_of(settings, "log-debug").empty());
  CHECK(value_of(settings, "consistency") == "QUORUM");
}

TEST_CASE("settings: every row's text can be read back and gives the same text", "[settings]") {
  for (const SettingRow& row : setting_rows()) {
    INFO(row.name);
    const SettingValues defaults;
    const std::string text = format_setting(row, defaults);
    SettingValues values;
    CHECK(parse_setting(row, values, words_of(row, text), false).has_value());
    CHECK(format_setting(row, values) == text);
  }
}

TEST_CASE("settings: names are found once each, by name and alias, whatever the case",
          "[settings]") {
  for (const SettingRow& row : setting_rows()) {
    INFO(row.name);
    CHECK(find_setting(row.name) == &row);
    if (!row.alias.empty()) CHECK(find_setting(row.alias) == &row);
  }
  CHECK(find_setting("PORT") == find_setting("port"));
  CHECK(find_setting("dir") == find_setting("data-dir"));
  CHECK(find_setting("nosuch") == nullptr);
  CHECK(find_setting("") == nullptr);
}

TEST_CASE("settings: every row explains itself, in whole sentences", "[settings]") {
  for (const SettingRow& row : setting_rows()) {
    INFO(row.name);
    CHECK(row.help.size() > 20);
    CHECK(row.help.back() == '.');
    CHECK(!allowed_values(row).empty());
  }
}

TEST_CASE("CONFIG GET answers with names as asked, each once, patterns in the table's order",
          "[settings]") {
  const Settings settings;
  CHECK(get(settings, {"PORT", "port", "p?rt"}) == Texts{{"PORT", "6379"}});
  CHECK(get(settings, {"nosuch", "port"}) == Texts{{"port", "6379"}});
  CHECK(get(settings, {"MAXMEMORY-[PS]*"}) ==
        Texts{{"maxmemory-policy", "noeviction"}, {"maxmemory-samples", "5"}});
  CHECK(get(settings, {"dir", "data-dir"}) == Texts{{"dir", "./data"}, {"data-dir", "./data"}});
  CHECK(get(settings, {"*dir"}) == Texts{{"data-dir", "./data"}, {"dir", "./data"}});
  CHECK(get(settings, {"[qx]*"}).empty());
}

TEST_CASE("CONFIG SET refuses as Redis does", "[settings]") {
  CHECK(reason("protected-mode", "maybe") == "argument must be 'yes' or 'no'");
  CHECK(reason("timeout", "abc") == "argument couldn't be parsed into an integer");
  CHECK(reason("timeout", "010") == "argument couldn't be parsed into an integer");
  CHECK(reason("timeout", "") == "argument couldn't be parsed into an integer");
  CHECK(reason("timeout", "-1") == "argument must be between 0 and 2147483647 inclusive");
  CHECK(reason("port", "65536") == "argument must be between 0 and 65535 inclusive");
  CHECK(reason("maxclients", "0") == "argument must be between 1 and 4294967295 inclusive");
  CHECK(reason("maxmemory", "-1") == "argument must be a memory value");
  CHECK(reason("maxmemory", "1tb") == "argument must be a memory value");
  CHECK(reason("maxmemory", "1 mb") == "argument must be a memory value");
  CHECK(reason("proto-max-bulk-len", "100") ==
        "argument must be between 1048576 and 9223372036854775807 inclusive");
  CHECK(reason("loglevel", "loud") ==
        "argument(s) must be one of the following: debug, verbose, notice, warning");
  CHECK(reason("databases", "5") == "can't set immutable config");
  CHECK(reason("logfile", "/tmp/x") == "can't set immutable config");
  CHECK(reason("dir", "/tmp") == "can't set protected config");
  CHECK(reason("data-dir", "/tmp") == "can't set immutable config");
  CHECK(reason("maxmemory", "17179869184gb") ==
        "argument must be between 0 and 18446744073709551615 inclusive");
  CHECK(reason("client-output-buffer-limit", "normal 17179869184gb 0 0") ==
        "Error in hard, soft or soft_seconds setting in buffer limit configuration.");
  CHECK(reason("save", "3600") == "Invalid save parameters");
  CHECK(reason("save", "0 1") == "Invalid save parameters");
  CHECK(reason("save", "1 -1") == "Invalid save parameters");
  CHECK(reason("save", "1  1") == "Invalid save parameters");
  CHECK(reason("client-output-buffer-limit", "normal 0 0") ==
        "Wrong number of arguments in buffer limit configuration.");
  CHECK(reason("client-output-buffer-limit", "master 0 0 0") ==
        "Invalid client class specified in buffer limit configuration.");
  CHECK(reason("client-output-buffer-limit", "normal 0 0 -5") ==
        "Error in hard, soft or soft_seconds setting in buffer limit configuration.");
  CHECK(reason("latency-tracking-info-percentiles", "a") ==
        "Invalid latency-tracking-info-percentiles parameters");
  CHECK(reason("latency-tracking-info-percentiles", "101") ==
        "latency-tracking-info-percentiles parameters should sit between [0.0,100.0]");
  CHECK(reason("bind", "1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17") ==
        "Too many bind addresses specified.");
}

TEST_CASE("CONFIG SET names the first thing that is wrong", "[settings]") {
  Settings settings;
  CHECK(change(settings, {{"timeout", "5"}, {"nosuch", "1"}, {"databases", "1"}}) ==
        "ERR Unknown option or number of arguments for CONFIG SET - 'nosuch'");
  CHECK(change(settings, {{"databases", "1"}, {"nosuch", "1"}}) ==
        "ERR CONFIG SET failed (possibly related to argument 'databases') - "
        "can't set immutable config");
  CHECK(change(settings, {{"timeout", "x"}, {"TIMEOUT", "2"}}) ==
        "ERR CONFIG SET failed (possibly related to argument 'TIMEOUT') - duplicate parameter");
}

TEST_CASE("CONFIG SET changes all or nothing", "[settings]") {
  Settings settings;
  CHECK(change(settings, {{"timeout", "5"}, {"hz", "20"}}) == "OK");
  CHECK(settings.values().timeout_s == 5);
  CHECK(change(settings, {{"timeout", "6"}, {"hz", "fast"}}) != "OK");
  CHECK(settings.values().timeout_s == 5);
  CHECK(settings.values().hz == 20);
}

TEST_CASE("CONFIG SET takes everything back when the edge refuses, and tells it", "[settings]") {
  Settings settings;
  std::vector<std::string> told;
  const auto hook = [&](const SettingRow& row) -> Status {
    told.push_back(std::string(row.name) + "=" + format_setting(row, settings.values()));
    if (row.name == "maxclients" && settings.values().maxclients > 100'000) {
      return Error{Errc::limit_exceeded, "too many"};
    }
    return ok();
  };
  const std::vector<Settings::Change> changes = {
      {"port", "7001"}, {"maxclients", "200000"}, {"timeout", "9"}};
  const Status status = settings.change(changes, hook);
  REQUIRE(!status);
  CHECK(status.error().message ==
        "ERR CONFIG SET failed (possibly related to argument 'maxclients') - too many");
  CHECK(told == std::vector<std::string>{"port=7001", "maxclients=200000", "port=6379"});
  CHECK(settings.values().port == 6379);
  CHECK(settings.values().maxclients == 10000);
  CHECK(settings.values().timeout_s == 0);
}

TEST_CASE("CONFIG SET tells the edge nothing when a value stays", "[settings]") {
  Settings settings;
  const std::vector<Settings::Change> changes = {{"port", "6379"}};
  size_t told = 0;
  CHECK(settings.change(changes, [&](const SettingRow&) {
    ++told;
    return ok();
  }));
  CHECK(told == 0);
}

TEST_CASE("settings: memory sizes have Redis's units", "[settings]") {
  CHECK(*parse_memory_size("0") == 0);
  CHECK(*parse_memory_size("10b") == 10);
  CHECK(*parse_memory_size("10k") == 10'000);
  CHECK(*parse_memory_size("10KB") == 10'240);
  CHECK(*parse_memory_size("3m") == 3'000'000);
  CHECK(*parse_memory_size("3Mb") == 3 * 1024 * 1024);
  CHECK(*parse_memory_size("2g") == 2'000'000'000);
  CHECK(*parse_memory_size("2GB") == 2ULL * 1024 * 1024 * 1024);
  CHECK(*parse_memory_size("18446744073709551615") == UINT64_MAX);
  for (const char* bad : {"-1", "1.5gb", "1e3", " 5", "5 mb", "abc", "50%", "kb5"}) {
    INFO(bad);
    CHECK(parse_memory_size(bad).error() == MemorySizeError::malformed);
  }
  CHECK(parse_memory_size(std::string(200, '1')).error() == MemorySizeError::malformed);
  for (const char* large : {"18446744073709551616", "99999999999999999999gb", "17179869184gb"}) {
    INFO(large);
    CHECK(parse_memory_size(large).error() == MemorySizeError::too_large);
  }
  CHECK(format_memory_size(1000) == "1000");
  CHECK(format_memory_size(64 * kMiB) == "64mb");
  CHECK(format_memory_size(1024 * kMiB) == "1gb");
}

TEST_CASE("settings: values of several words", "[settings]") {
  Settings settings;
  CHECK(change(settings, "save", "") == "OK");
  CHECK(value_of(settings, "save").empty());
  CHECK(change(settings, "save", "900 1 60 1000") == "OK");
  CHECK(settings.values().save == std::vector<SavePoint>{{900, 1}, {60, 1000}});

  CHECK(change(settings, "client-output-buffer-limit", "replica 1mb 1kb 5") == "OK");
  CHECK(value_of(settings, "client-output-buffer-limit") ==
        "normal 0 0 0 slave 1048576 1024 5 pubsub 33554432 8388608 60");

  CHECK(change(settings, "bind", "127.0.0.1 ::1") == "OK");
  CHECK(settings.values().bind == std::vector<std::string>{"127.0.0.1", "::1"});
  CHECK(change(settings, "bind", "127.0.0.1  ::1") != "OK");
  CHECK(change(settings, "bind", "") == "OK");
  CHECK(settings.values().bind.empty());

  CHECK(change(settings, "latency-tracking-info-percentiles", "99.123456789 1e1 0") == "OK");
  CHECK(value_of(settings, "latency-tracking-info-percentiles") == "99.123457 10 0");

  CHECK(change(settings, "log-debug", "Raft,gossip") == "OK");
  CHECK(value_of(settings, "log-debug") == "gossip,raft");
  CHECK(change(settings, "log-debug", "raft,everything") != "OK");
  CHECK(value_of(settings, "log-debug") == "gossip,raft");
  CHECK(change(settings, "log-debug", "") == "OK");
  CHECK(settings.values().log_topics == 0);

  CHECK(change(settings, "consistency", "one") == "OK");
  CHECK(value_of(settings, "consistency") == "ONE");
  CHECK(change(settings, "consistency", "WRITE all") == "OK");
  CHECK(value_of(settings, "consistency") == "READ ONE WRITE ALL");
  CHECK(change(settings, "consistency", "SOME") != "OK");
}

TEST_CASE("settings: hz is moved into its bounds as Redis moves it", "[settings]") {
  Settings settings;
  CHECK(change(settings, "hz", "0") == "OK");
  CHECK(value_of(settings, "hz") == "1");
  CHECK(change(settings, "hz", "1000") == "OK");
  CHECK(value_of(settings, "hz") == "500");
}

TEST_CASE("settings at the start: lines of one source add up, a stronger source replaces them",
          "[settings]") {
  Settings settings;
  CHECK(apply(settings, "save", {"900", "1"}, SettingSource::file) == "OK");
  CHECK(apply(settings, "save", {"60 1000"}, SettingSource::file) == "OK");
  CHECK(value_of(settings, "save") == "900 1 60 1000");
  CHECK(apply(settings, "save", {"5", "5"}, SettingSource::flag) == "OK");
  CHECK(value_of(settings, "save") == "5 5");
  CHECK(apply(settings, "save", {""}, SettingSource::flag) == "OK");
  CHECK(value_of(settings, "save").empty());
}

TEST_CASE("settings at the start: octal permissions and node names", "[settings]") {
  Settings settings;
  CHECK(apply(settings, "unixsocketperm", {"0700"}) == "OK");
  CHECK(settings.values().unixsocketperm == 0700);
  CHECK(value_of(settings, "unixsocketperm") == "700");
  CHECK(apply(settings, "unixsocketperm", {"7000"}) != "OK");
  CHECK(apply(settings, "unixsocketperm", {"789"}) != "OK");
  CHECK(apply(settings, "node-id", {"rack-1.node_2"}) == "OK");
  CHECK(apply(settings, "node-id", {"two words"}) != "OK");
  CHECK(apply(settings, "data-dir", {""}) != "OK");
  CHECK(apply(settings, "daemonize", {"no"}) == "OK");
  CHECK(apply(settings, "daemonize", {"yes"}).find("systemd") != std::string::npos);
}

TEST_CASE("settings at the start: messages say where, what and what would be right", "[settings]") {
  Settings settings;
  CHECK(apply(settings, "prot", {"1"}) == "--prot: there is no such setting; did you mean 'port'?");
  CHECK(apply(settings, "port", {"70000"}) ==
        "--port 70000: argument must be between 0 and 65535 inclusive");
  CHECK(apply(settings, "port", {}) == "--port: a value is missing; allowed: 0 to 65535");
  CHECK(apply(settings, "port", {"1", "a\"b"}) ==
        R"(--port 1 "a\"b": wrong number of arguments; allowed: 0 to 65535)");
  CHECK(apply(settings, "maxmemory", {"1tb"}) ==
        "--maxmemory 1tb: argument must be a memory value; allowed: bytes, or with a unit as in "
        "'100mb' and '1gb'; 0 or more");
  CHECK(apply(settings, "proto-max-bulk-len", {"99999999999999999999gb"}).find("1mb or more") !=
        std::string::npos);
  CHECK(apply(settings, "client-output-buffer-limit", {"normal", "0", "0"})
            .find("buffer limit configuration; allowed: class, hard limit") != std::string::npos);
  CHECK(apply(settings, "io-threads", {"4"}) ==
        "--io-threads: Redis has this setting, Quoris doesn't");
  CHECK(apply(settings, "requirepass", {"two", "words"}).find("words:") == std::string::npos);
  CHECK(nearest_setting("maxmemmory") == "maxmemory");
  CHECK(nearest_setting("xyzzy-frobnicate").empty());
}

TEST_CASE("settings at the start: paths found out are what CONFIG GET shows", "[settings]") {
  Settings settings;
  settings.resolve_paths({.data_dir = "/x/data", .logfile = "/x/log", .pidfile = ""});
  CHECK(value_of(settings, "dir") == "/x/data");
  CHECK(value_of(settings, "logfile") == "/x/log");
  CHECK(value_of(settings, "pidfile").empty());
}

TEST_CASE("settings of a cluster: several seeds, by one flag or many", "[settings]") {
  Settings settings;
  CHECK(value_of(settings, "seed").empty());
  CHECK(apply(settings, "seed", {"a.example:8001", "[fe80::1]:8002"}) == "OK");
  CHECK(apply(settings, "seed", {"10.0.0.1:8003"}) == "OK");
  CHECK(settings.values().seeds ==
        std::vector<HostPort>{{"a.example", 8001}, {"fe80::1", 8002}, {"10.0.0.1", 8003}});
  CHECK(value_of(settings, "seed") == "a.example:8001 [fe80::1]:8002 10.0.0.1:8003");
  for (const std::string wrong :
       {"a.example", "a:0", "a:65536", ":8001", "fe80::1:8001", "a b:1", "[]:1", "a:1x", "a/b:1"}) {
    INFO(wrong);
    CHECK(apply(settings, "seed", {wrong}) != "OK");
  }
  std::vector<std::string> many(62, "a:1");
  CHECK(apply(settings, "seed", many).find("at most 64 addresses") != std::string::npos);
  many.pop_back();
  CHECK(apply(settings, "seed", many) == "OK");
  CHECK(settings.values().seeds.size() == 64);
}

TEST_CASE("settings of a cluster: what the cluster map doesn't take is refused at the start",
          "[settings]") {
  Settings settings;
  CHECK(apply(settings, "partitions", {"1024"}) == "OK");
  CHECK(settings.values().partitions == 1024);
  for (const std::string wrong : {"-1", "3", "32768", "x", ""}) {
    CHECK(apply(settings, "partitions", {wrong}) != "OK");
  }
  CHECK(apply(settings, "partitions", {"0"}) == "OK");
  CHECK(apply(settings, "weight", {"16"}) == "OK");
  CHECK(apply(settings, "weight", {"17"}) != "OK");
  CHECK(apply(settings, "replication-factor", {"7"}) == "OK");
  CHECK(apply(settings, "replication-factor", {"8"}) != "OK");
  for (const std::string name : {"cluster-name", "rack"}) {
    CHECK(apply(settings, name, {"rack-1.a_2"}) == "OK");
    CHECK(value_of(settings, name) == "rack-1.a_2");
    CHECK(apply(settings, name, {std::string(65, 'x')}) != "OK");
    CHECK(apply(settings, name, {"a#1"}) != "OK");
  }
  CHECK(apply(settings, "announce-host", {"fe80::1%eth0"}) == "OK");
  CHECK(apply(settings, "announce-host", {"a/b"}) != "OK");
}

TEST_CASE("settings of a cluster: fixed after the start, but for what clients expect",
          "[settings]") {
  for (const std::string_view name :
       {"cluster-port", "cluster-name", "cluster-secret", "seed", "announce-host", "rack", "weight",
        "replication-factor", "partitions", "enable-fault-command"}) {
    INFO(name);
    CHECK(reason(name, "1") == "can't set immutable config");
  }
  Settings settings;
  CHECK(value_of(settings, "cluster-client-mode") == "any");
  CHECK(change(settings, "cluster-client-mode", "slots") == "OK");
  CHECK(settings.values().cluster_client_mode == ClusterClientMode::slots);
}

TEST_CASE("settings of a cluster: a secret is one line, as the data directory keeps it",
          "[settings]") {
  Settings settings;
  for (const std::string_view secret : {"abc\n", "a\nb c", "a\tb", "\x7f"}) {
    CHECK(apply(settings, "cluster-secret", {std::string(secret)}).find("one line") !=
          std::string::npos);
  }
  CHECK(apply(settings, "cluster-secret", {"a b \xc3\xa4"}) == "OK");
}

TEST_CASE("settings of a cluster: its secret is in no message", "[settings]") {
  Settings settings;
  CHECK(apply(settings, "cluster-secret", {"hush", "hush"}).find("hush") == std::string::npos);
  CHECK(find_setting("cluster-secret")->has(sensitive));
}

TEST_CASE("settings of a cluster: ports kept with the data count as long as no one says others",
          "[settings]") {
  Settings settings;
  CHECK_FALSE(settings.is_given("port"));
  settings.enter_cluster(7001, 8001);
  CHECK(value_of(settings, "port") == "7001");
  CHECK(value_of(settings, "cluster-port") == "8001");
  CHECK(value_of(settings, "databases") == "1");
  CHECK(apply(settings, "port", {"7002"}, SettingSource::environment) == "OK");
  CHECK(settings.is_given("PORT"));
}

TEST_CASE("settings: names with a zero byte are those of no setting", "[settings]") {
  Settings settings;
  CHECK(change(settings, {{std::string_view("nos\0uch", 7), "1"}}) ==
        "ERR Unknown option or number of arguments for CONFIG SET - 'nos'");
  CHECK(get(settings, {std::string_view("timeout\0*", 9)}).empty());
  CHECK(get(settings, {std::string_view("timeou*\0x", 9)}).size() == 1);
}

TEST_CASE("settings: no name is both here and one that only Redis has", "[settings]") {
  for (const SettingRow& row : setting_rows()) {
    INFO(row.name);
    CHECK_FALSE(is_redis_only_setting(row.name));
    CHECK_FALSE(is_redis_only_setting(row.alias));
  }
  CHECK(is_redis_only_setting("IO-Threads"));
}

TEST_CASE("settings page: every setting has its section", "[settings]") {
  const std::string page = settings_page();
  for (const SettingRow& row : setting_rows()) {
    INFO(row.name);
    CHECK(page.find("\n### " + std::string(row.name) + "\n") != std::string::npos);
  }
}

}  // namespace quoris::server
