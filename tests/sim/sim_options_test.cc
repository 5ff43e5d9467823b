#include "sim/sim_options.h"

#include <catch2/catch.hpp>

#include "sim/command.h"
#include "sim/env/sim_env.h"

namespace quoris::sim {
namespace {

Result<SimOptions> parse(std::vector<std::string> arguments) {
  return parse_sim_options(arguments);
}

TEST_CASE("sim options: what is not said has a default, and all of it is printed", "[sim]") {
  const auto options = parse({});
  REQUIRE(options);
  CHECK(format_sim_options(*options) ==
        "--seeds 1..1 --nodes 3 --clients 2 --time 60s --faults all --workload mixed "
        "--appendfsync everysec");
  CHECK(options->fault_kinds.size() == kFaultKinds);
}

TEST_CASE("sim options: values come behind a space or an equals sign", "[sim]") {
  const auto options = parse({"--seeds=5..9", "--time", "2m", "--faults=kill,disk", "--nodes", "5",
                              "--appendfsync", "always"});
  REQUIRE(options);
  CHECK(options->first_seed == 5);
  CHECK(options->last_seed == 9);
  CHECK(options->time_us == 120'000'000);
  CHECK(options->fault_kinds == std::vector{FaultKind::slow_disk, FaultKind::failing_writes,
                                            FaultKind::failing_syncs, FaultKind::full_disk,
                                            FaultKind::kill});
  CHECK_FALSE(options->trace);
  CHECK(replay_command(*options, 7) ==
        "quoris sim --seed 7 --nodes 5 --clients 2 --time 120s --faults kill,disk "
        "--workload mixed --appendfsync always --trace");
}

TEST_CASE("sim options: several nodes are a cluster, one is alone, unless it is said", "[sim]") {
  CHECK(parse({})->is_cluster());
  CHECK_FALSE(parse({"--nodes", "1"})->is_cluster());
  CHECK(parse({"--nodes", "1", "--cluster"})->is_cluster());
  const auto alone = parse({"--alone"});
  CHECK_FALSE(alone->is_cluster());
  CHECK(replay_command(*alone, 7).ends_with(" --alone --trace"));
}

TEST_CASE("sim options: what is wrong is named with what is allowed", "[sim]") {
  const std::vector<std::pair<std::vector<std::string>, std::string>> cases = {
      {{"--seed"}, "--seed needs a value"},
      {{"--seed", "x"}, "--seed: 'x' is not allowed"},
      {{"--seeds", "9..5"}, "--seeds: '9..5' is not allowed"},
      {{"--nodes", "0"}, "a number from 1 to 100"},
      {{"--time", "1s"}, "a time from 10s to 24h"},
      {{"--time", "99999999999999999h"}, "a time from 10s to 24h"},
      {{"--faults", "kill,rain"}, "there is no fault 'rain'"},
      {{"--faults", ""}, "there is no fault ''"},
      {{"--faults", "kill,"}, "there is no fault ''"},
      {{"--faults", "none,kill"}, "none stands alone"},
      {{"--faults", "kill", "--faults", "disk"}, "--faults is given twice"},
      {{"--trace", "--trace"}, "--trace is given twice"},
      {{"--workload", "play"}, "there is no workload 'play'"},
      {{"--appendfsync", "never"}, "always, everysec or no"},
      {{"--speed", "2"}, "there is no option --speed"},
      {{"run"}, "'run' is not expected here"},
      {{"--trace=yes"}, "--trace takes no value"},
  };
  for (const auto& [arguments, expected] : cases) {
    const auto options = parse(arguments);
    REQUIRE_FALSE(options);
    INFO(options.error().message);
    CHECK(options.error().message.find(expected) != std::string::npos);
  }
}

TEST_CASE("sim options: two that contradict each other are refused", "[sim]") {
  const std::vector<std::pair<std::vector<std::string>, std::string>> cases = {
      {{"--seed", "3", "--seeds", "1..9"}, "--seed and --seeds contradict each other"},
      {{"--seeds", "1..9", "--seed", "3"}, "--seed and --seeds contradict each other"},
      {{"--cluster", "--alone"}, "--cluster and --alone contradict each other"},
      {{"--trace", "--seeds", "1..9"}, "--trace and --seeds contradict each other"},
      {{"--demo", "--trace"}, "--demo and --trace contradict each other"},
      {{"--demo", "--seeds", "1..9"}, "--demo and --seeds contradict each other"},
      {{"--nodes", "5", "--demo"}, "--demo and --nodes contradict each other"},
      {{"--demo", "--clients", "3"}, "--demo and --clients contradict each other"},
      {{"--demo", "--time", "60s"}, "--demo and --time contradict each other"},
      {{"--demo", "--faults", "kill"}, "--demo and --faults contradict each other"},
      {{"--demo", "--workload", "mixed"}, "--demo and --workload contradict each other"},
      {{"--demo", "--alone"}, "--demo and --alone contradict each other"},
  };
  for (const auto& [arguments, expected] : cases) {
    const auto options = parse(arguments);
    REQUIRE_FALSE(options);
    INFO(options.error().message);
    CHECK(options.error().message.find(expected) != std::string::npos);
  }
  CHECK(parse({"--trace", "--seed", "7"}));
  CHECK(parse({"--trace", "--seeds", "7..7"}));
}

TEST_CASE("sim options: faults that cannot happen are refused", "[sim]") {
  const auto problem = [](std::vector<std::string> arguments) {
    const auto options = parse(std::move(arguments));
    return options ? std::string() : options.error().message;
  };
  CHECK(problem({"--alone", "--faults", "kill,leader"}) ==
        "sim: --faults: 'leader' happens in a cluster only, and --alone makes none");
  CHECK(problem({"--faults", "split", "--nodes", "1"}) ==
        "sim: --faults: 'split' happens in a cluster only, and one node is alone without "
        "--cluster");
  CHECK(problem({"--alone", "--faults", "network,calm"}).empty());
  CHECK(problem({"--alone", "--faults", "none"}).empty());
  CHECK(problem({"--alone"}).empty());
  CHECK(problem({"--nodes", "1", "--cluster", "--faults", "hand_over"}).empty());
}

TEST_CASE("sim options: a demo is replayed as a demo", "[sim]") {
  const auto options = parse({"--demo", "--seed", "7", "--appendfsync", "always"});
  REQUIRE(options);
  CHECK(format_sim_options(*options) == "--seed 7 --demo --appendfsync always");
  CHECK(replay_command(*options, 7) == "quoris sim --seed 7 --demo --appendfsync always");
}

struct Output {
  int status = 0;
  std::string printed;
  std::string complained;
};

// `look_us`: so much time has passed outside whenever somebody looks.
Output run(std::vector<std::string> arguments, uint64_t look_us = 0) {
  EventQueue queue;
  SimClock clock(queue);
  clock.set_cost_of_look(look_us);
  Output output;
  output.status = run_command(
      arguments,
      {.clock = clock,
       .print = [&](std::string_view line) { output.printed += std::string(line) + "\n"; },
       .complain = [&](std::string_view line) { output.complained += line; }});
  return output;
}

TEST_CASE("sim command: options first, then the counts, the hash and the verdict", "[sim]") {
  const Output output = run({"--time", "10s", "--seeds", "3..4", "--nodes", "1"});
  INFO(output.printed);
  CHECK(output.status == 0);
  CHECK(output.printed.find("sim --seeds 3..4 --nodes 1 ") < output.printed.find("operations "));
  for (const char* expected :
       {"network  ", "faults  ", "events  ", "hash  ", "PASSED: 2 seeds\n"}) {
    CHECK(output.printed.find(expected) != std::string::npos);
  }
}

// From `word` to the end of the line or to what follows it.
std::string part_of(const std::string& text, std::string_view word, std::string_view until = "\n") {
  const size_t begin = text.find(word);
  REQUIRE(begin != std::string::npos);
  return text.substr(begin, text.find(until, begin) - begin);
}

TEST_CASE("sim command: every ten seconds a line says how far a run is, and changes nothing in it",
          "[sim]") {
  const std::vector<std::string> arguments = {"--time",  "10s", "--seeds",  "3..4",
                                              "--nodes", "1",   "--faults", "none"};
  const Output slow = run(arguments, 2'000'000);
  INFO(slow.printed);
  CHECK(slow.status == 0);
  for (const char* expected : {"\n... seed 3 at 0 of 10 s, 10 s, 0 failed\n",
                               "\n... seed 3 at 5 of 10 s, ", "\n... seed 4 at 10 of 10 s, "}) {
    CHECK(slow.printed.find(expected) != std::string::npos);
  }
  CHECK(slow.printed.find(" at 11 of ") == std::string::npos);
  const Output quick = run(arguments);
  CHECK(quick.printed.find("...") == std::string::npos);
  CHECK(part_of(slow.printed, "hash  ") == part_of(quick.printed, "hash  "));
  CHECK(part_of(slow.printed, "events  ", " in ") == part_of(quick.printed, "events  ", " in "));
}

TEST_CASE("sim command: a demo tells its story, a trace every event", "[sim]") {
  const Output demo = run({"--demo"});
  INFO(demo.printed);
  CHECK(demo.status == 0);
  for (const char* expected : {"is the leader (term", "is killed", "The power of node", "is back",
                               "is no member any more", "PASSED"}) {
    CHECK(demo.printed.find(expected) != std::string::npos);
  }
  const Output trace = run({"--trace", "--time", "10s", "--nodes", "1"});
  CHECK(trace.printed.find("node 1: ready") != std::string::npos);
  CHECK(trace.printed.find(" sync data/log-") != std::string::npos);
}

TEST_CASE("sim command: a wrong option is said on standard error", "[sim]") {
  const Output output = run({"--nodes", "many"});
  CHECK(output.status == 2);
  CHECK(output.printed.empty());
  CHECK(output.complained.find("--nodes") != std::string::npos);
  CHECK(run({"--help"}).printed.find("--appendfsync") != std::string::npos);
}

}  // namespace
}  // namespace quoris::sim
