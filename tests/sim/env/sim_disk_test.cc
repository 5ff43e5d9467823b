#include "sim/env/sim_disk.h"

#include <catch2/catch.hpp>
#include <set>
#include <string>
#include <vector>

#include "sim/env/sim_env.h"
#include "tests/base/disk_contract.h"

namespace quoris::sim {
namespace {

using Operation = SimDisk::Operation;

struct Bench {
  Bench() { REQUIRE(disk.make_directory("/data")); }

  [[nodiscard]] std::unique_ptr<File> open(const std::string& path,
                                           Disk::Open how = Disk::Open::create) {
    auto file = disk.open(path, how);
    REQUIRE(file);
    return std::move(file).value();
  }

  // A file that is durable.
  [[nodiscard]] std::unique_ptr<File> durable(const std::string& path, std::string_view content) {
    auto file = open(path);
    REQUIRE(file->write_at(0, {{content}}));
    REQUIRE(file->sync());
    REQUIRE(disk.sync_directory("/data"));
    return file;
  }

  SimEnv env{1};
  SimDisk& disk = env.disk();
};

// What /data/a holds after each of many crashes that differ in their seed.
template <class Prepare>
std::set<std::string> outcomes(const Prepare& prepare) {
  std::set<std::string> found;
  for (uint64_t seed = 1; seed <= 400; ++seed) {
    Bench bench;
    prepare(bench);
    SimRng rng(seed);
    bench.disk.crash(rng);
    found.insert(bench.disk.content("/data/a").value_or("(none)"));
  }
  return found;
}

TEST_CASE("sim disk: it keeps what Disk promises", "[sim]") {
  Bench bench;
  quoris::testing::check_disk({.disk = bench.disk,
                               .directory = "/data",
                               .wait_until = [&](const std::function<bool()>& holds) {
                                 for (int i = 0; i < 1000 && !holds(); ++i)
                                   bench.env.timers().advance(10);
                                 REQUIRE(holds());
                               }});
}

TEST_CASE("sim disk: what was synced outlives a power cut, whatever the draw", "[sim]") {
  CHECK(outcomes([](Bench& bench) { static_cast<void>(bench.durable("/data/a", "kept")); }) ==
        std::set<std::string>{"kept"});
}

TEST_CASE("sim disk: each write that was not synced is there, torn or gone", "[sim]") {
  const auto found = outcomes([](Bench& bench) {
    const auto file = bench.durable("/data/a", "....");
    REQUIRE(file->write_at(0, {{"AB"}}));
    REQUIRE(file->write_at(2, {{"CD"}}));
  });
  for (const char* expected : {"....", "AB..", "..CD", "ABCD", "A...", "A.CD", "ABC."}) {
    INFO(expected);
    CHECK(found.contains(expected));
  }
  for (const std::string& each : found) CHECK(each.size() == 4);
}

TEST_CASE("sim disk: a large write is torn by sectors, also out of their order", "[sim]") {
  const std::string first(512, 'x');
  const std::string zeros(512, '\0');
  const auto found = outcomes([&](Bench& bench) {
    const auto file = bench.durable("/data/a", "");
    REQUIRE(file->write_at(0, {{first + first}}));
  });
  CHECK(found.contains(zeros + first));
  CHECK(found.contains(first + zeros));
  CHECK(found.contains(""));
  CHECK(found.contains(first + first));
}

TEST_CASE("sim disk: sizes that were not synced may be undone", "[sim]") {
  CHECK(outcomes([](Bench& bench) { REQUIRE(bench.durable("/data/a", "long")->truncate(1)); }) ==
        std::set<std::string>{"l", "long"});
}

TEST_CASE("sim disk: names that were not synced may be undone, each by itself", "[sim]") {
  SECTION("a new file") {
    CHECK(outcomes([](Bench& bench) {
            const auto file = bench.open("/data/a");
            REQUIRE(file->write_at(0, {{"x"}}));
            REQUIRE(file->sync());
          }) == std::set<std::string>{"(none)", "x"});
  }
  SECTION("a removed one") {
    CHECK(outcomes([](Bench& bench) {
            static_cast<void>(bench.durable("/data/a", "x"));
            REQUIRE(bench.disk.remove("/data/a"));
          }) == std::set<std::string>{"(none)", "x"});
  }
  SECTION("a replaced one: whole, the old or the new") {
    CHECK(outcomes([](Bench& bench) {
            static_cast<void>(bench.durable("/data/a", "old"));
            const auto file = bench.open("/data/b");
            REQUIRE(file->write_at(0, {{"new"}}));
            REQUIRE(file->sync());
            REQUIRE(bench.disk.rename("/data/b", "/data/a"));
          }) == std::set<std::string>{"old", "new"});
  }
  SECTION("and stay once the directory is synced") {
    CHECK(outcomes([](Bench& bench) {
            static_cast<void>(bench.durable("/data/a", "old"));
            REQUIRE(bench.disk.remove("/data/a"));
            REQUIRE(bench.disk.sync_directory("/data"));
          }) == std::set<std::string>{"(none)"});
  }
}

TEST_CASE("sim disk: the same seed leaves the same bytes", "[sim]") {
  const auto left = [] {
    Bench bench;
    for (const char* name : {"/data/a", "/data/b", "/data/c"}) {
      const auto file = bench.durable(name, "");
      for (uint64_t i = 0; i < 20; ++i) {
        REQUIRE(file->write_at(i * 300, {{std::string(300, static_cast<char>('a' + i))}}));
      }
    }
    SimRng rng(7);
    bench.disk.crash(rng);
    return *bench.disk.content("/data/a") + *bench.disk.content("/data/b") +
           *bench.disk.content("/data/c");
  };
  CHECK(left() == left());
}

TEST_CASE("sim disk: a killed process leaves all it wrote, and its files are dead", "[sim]") {
  Bench bench;
  const auto file = bench.open("/data/a");
  REQUIRE(file->write_at(0, {{"written"}}));
  const auto lock = bench.disk.lock("/data");
  REQUIRE(lock);
  int done = 0;
  bench.disk.submit([] { return ok(); }, [&](const Status&) { ++done; });
  CHECK(bench.disk.jobs_pending() == 1);
  const std::string boot_id = bench.disk.boot_id();

  bench.disk.kill();
  CHECK(bench.disk.content("/data/a") == "written");
  CHECK(bench.disk.boot_id() == boot_id);
  bench.env.timers().advance(1'000'000);
  CHECK(done == 0);
  CHECK(bench.disk.jobs_pending() == 0);
  CHECK_FALSE(file->write_at(0, {{"X"}}));
  CHECK_FALSE(file->sync());
  CHECK_FALSE(file->size());
  CHECK(bench.disk.content("/data/a") == "written");
  const auto next = bench.disk.lock("/data");
  REQUIRE(next);
  CHECK_FALSE(bench.disk.lock("/data"));

  SimRng rng(1);
  bench.disk.crash(rng);
  CHECK(bench.disk.boot_id() != boot_id);
}

TEST_CASE("sim disk: a lock of a dead process doesn't take the next one's along", "[sim]") {
  Bench bench;
  auto old = bench.disk.lock("/data");
  REQUIRE(old);
  bench.disk.kill();
  const auto next = bench.disk.lock("/data");
  REQUIRE(next);
  old->reset();
  CHECK_FALSE(bench.disk.lock("/data"));
}

TEST_CASE("sim disk: what a failed sync was to make durable is lost unless written again",
          "[sim]") {
  const auto run = [](bool again) {
    return outcomes([again](Bench& bench) {
      const auto file = bench.durable("/data/a", "ab");
      REQUIRE(file->write_at(2, {{"cd"}}));
      bench.disk.fail(Operation::sync, {});
      CHECK_FALSE(file->sync());
      CHECK(bench.disk.content("/data/a") == "abcd");
      if (again) REQUIRE(file->write_at(2, {{"cd"}}));
      REQUIRE(file->write_at(4, {{"ef"}}));
      REQUIRE(file->sync());
    });
  };
  CHECK(run(false) == std::set<std::string>{std::string("ab\0\0ef", 6)});
  CHECK(run(true) == std::set<std::string>{"abcdef"});
}

TEST_CASE("sim disk: operations fail on demand", "[sim]") {
  Bench bench;
  const auto file = bench.durable("/data/a", "");
  bench.disk.fail(Operation::write, {.code = Errc::no_space, .count = 2, .after = 1});
  CHECK(file->write_at(0, {{"1234"}}));
  const Status status = file->write_at(4, {{"5678"}});
  REQUIRE_FALSE(status);
  CHECK(status.error().code == Errc::no_space);
  CHECK(bench.disk.content("/data/a") == "123456");
  CHECK_FALSE(file->write_at(4, {{"x"}}));
  CHECK(file->write_at(4, {{"78"}}));
  CHECK(bench.disk.content("/data/a") == "123478");

  bench.disk.fail(Operation::rename, {});
  CHECK(bench.disk.rename("/data/a", "/data/b").error().code == Errc::io);
  CHECK(bench.disk.content("/data/a"));
  bench.disk.fail(Operation::open, {.code = Errc::io, .count = 1, .after = 0});
  CHECK_FALSE(bench.disk.open("/data/a", Disk::Open::read));
  CHECK(bench.disk.open("/data/a", Disk::Open::read));
}

TEST_CASE("sim disk: a full disk takes what fits", "[sim]") {
  Bench bench;
  const auto file = bench.durable("/data/a", "1234");
  bench.disk.set_capacity(6);
  const Status status = file->write_at(4, {{"5678"}});
  REQUIRE_FALSE(status);
  CHECK(status.error().code == Errc::no_space);
  CHECK(bench.disk.content("/data/a") == "123456");
  CHECK(bench.disk.bytes_used() == 6);
  CHECK(file->write_at(0, {{"abc"}}));
  CHECK_FALSE(file->write_at(20, {{"x"}}));
  CHECK(*file->size() == 6);
  bench.disk.set_capacity(SimDisk::kUnlimited);
  CHECK(file->write_at(6, {{"78"}}));
  CHECK(bench.disk.content("/data/a") == "abc45678");
}

// A manifest replaced as it should be, but for what a test leaves out.
Status replace(Disk& disk, std::string_view content, bool with_sync) {
  auto file = disk.open("/data/new", Disk::Open::create);
  if (!file) return file.error();
  if (Status status = (*file)->write_at(0, {{content}}); !status) return status;
  if (with_sync) {
    if (Status status = (*file)->sync(); !status) return status;
  }
  if (Status status = disk.rename("/data/new", "/data/a"); !status) return status;
  return disk.sync_directory("/data");
}

TEST_CASE("sim disk: a power cut at every step of a replacement", "[sim]") {
  const auto contents = [](bool with_sync) {
    std::set<std::string> found;
    for (uint64_t step = 0; step <= 5; ++step) {
      for (uint64_t seed = 1; seed <= 100; ++seed) {
        Bench bench;
        static_cast<void>(bench.durable("/data/a", "old"));
        const uint64_t before = bench.disk.steps();
        bench.disk.stop_after(step);
        const Status status = replace(bench.disk, "new", with_sync);
        CHECK(bench.disk.steps() - before == std::min<uint64_t>(step, with_sync ? 5 : 4));
        SimRng rng(seed);
        bench.disk.crash(rng);
        const std::string left = bench.disk.content("/data/a").value_or("(none)");
        if (status && with_sync) CHECK(left == "new");
        found.insert(left);
      }
    }
    return found;
  };
  CHECK(contents(true) == std::set<std::string>{"old", "new"});
  CHECK(contents(false).contains(""));
}

TEST_CASE("sim disk: a stopped machine changes nothing and answers with errors", "[sim]") {
  Bench bench;
  const auto file = bench.durable("/data/a", "before");
  bench.disk.stop_after(1);
  CHECK(file->write_at(0, {{"B"}}));
  CHECK(bench.disk.stopped());
  CHECK_FALSE(file->write_at(0, {{"X"}}));
  CHECK_FALSE(file->truncate(0));
  CHECK_FALSE(file->sync());
  CHECK_FALSE(bench.disk.remove("/data/a"));
  CHECK_FALSE(bench.disk.rename("/data/a", "/data/b"));
  CHECK_FALSE(bench.disk.open("/data/b", Disk::Open::create));
  CHECK_FALSE(bench.disk.list("/data"));
  CHECK_FALSE(bench.disk.lock("/data"));
  CHECK(bench.disk.content("/data/a") == "Before");
  bench.disk.kill();
  CHECK(bench.disk.content("/data/a") == "Before");
  CHECK(bench.disk.list("/data"));
}

TEST_CASE("sim disk: rot and files that a test brings along", "[sim]") {
  Bench bench;
  bench.disk.put("/backup/deep/a", "abc");
  bench.disk.flip_byte("/backup/deep/a", 1, 0x20);
  CHECK(bench.disk.content("/backup/deep/a") == "aBc");
  bench.disk.cut_off("/backup/deep/a", 2);
  SimRng rng(1);
  bench.disk.crash(rng);
  CHECK(bench.disk.content("/backup/deep/a") == "aB");
  CHECK(*bench.disk.list("/backup/deep") == std::vector<std::string>{"a"});
  CHECK(bench.disk.content("/none") == std::nullopt);
}

TEST_CASE("sim disk: jobs take their time", "[sim]") {
  Bench bench;
  std::string order;
  bench.disk.set_latency_us(500);
  bench.disk.submit(
      [&] {
        order += 'j';
        return ok();
      },
      [&](const Status&) { order += 'd'; });
  bench.env.timers().advance(249);
  CHECK(order.empty());
  bench.env.timers().advance(1);
  CHECK(order == "j");
  bench.env.timers().advance(249);
  CHECK(order == "j");
  bench.env.timers().advance(1);
  CHECK(order == "jd");
}

TEST_CASE("sim disk: a sync covers what was written before it ran, not before its end", "[sim]") {
  Bench bench;
  const auto file = bench.durable("/data/a", "1");
  bench.disk.submit([&] { return file->sync(); }, [](const Status& status) { CHECK(status); });
  REQUIRE(file->write_at(1, {{"2"}}));
  bench.env.timers().advance(60);
  REQUIRE(file->write_at(2, {{"3"}}));
  bench.env.timers().advance(60);
  CHECK(bench.disk.jobs_pending() == 0);
  CHECK(bench.disk.durable_content("/data/a") == "12");
}

TEST_CASE("sim disk: operations are counted", "[sim]") {
  Bench bench;
  static_cast<void>(bench.durable("/data/a", "x"));
  CHECK(bench.disk.count(Operation::create) == 1);
  CHECK(bench.disk.count(Operation::write) == 1);
  CHECK(bench.disk.count(Operation::sync) == 1);
  CHECK(bench.disk.count(Operation::sync_directory) == 1);
  CHECK(bench.disk.count(Operation::make_directory) == 1);
  CHECK(bench.disk.steps() == 5);
  static_cast<void>(bench.disk.list("/data"));
  CHECK(bench.disk.steps() == 5);
}

TEST_CASE("sim disk: a wiped disk is empty, also after the next power cut", "[sim]") {
  Bench bench;
  const auto file = bench.durable("/data/a", "old");
  bench.disk.wipe();
  CHECK_FALSE(bench.disk.content("/data/a"));
  CHECK_FALSE(bench.disk.durable_content("/data/a"));
  CHECK_FALSE(file->write_at(0, {{"new"}}));
  SimRng rng(1);
  bench.disk.crash(rng);
  CHECK_FALSE(bench.disk.content("/data/a"));
  CHECK(bench.disk.bytes_used() == 0);
}

}  // namespace
}  // namespace quoris::sim
