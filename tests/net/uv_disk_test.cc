#include "net/uv_disk.h"

#include <sys/stat.h>
#include <unistd.h>

#include <atomic>
#include <catch2/catch.hpp>
#include <memory>
#include <string>

#include "net/files.h"
#include "tests/base/disk_contract.h"
#include "tests/net/edge_fixture.h"
#include "tests/net/temporary_directory.h"

namespace quoris::net {
namespace {

using testing::Edge;
using testing::pump_until;
using testing::TemporaryDirectory;

TEST_CASE("uv disk: it keeps what Disk promises", "[net]") {
  const TemporaryDirectory directory;
  Edge edge;
  UvDisk disk(*edge.loop);
  quoris::testing::check_disk(
      {.disk = disk,
       .directory = directory.path,
       .wait_until = [&](const std::function<bool()>& holds) { pump_until(*edge.loop, holds); }});
}

TEST_CASE("uv disk: errors name the path and the system's text", "[net]") {
  const TemporaryDirectory directory;
  Edge edge;
  UvDisk disk(*edge.loop);
  const std::string path = directory.path + "/none";
  CHECK(disk.open(path, Disk::Open::write).error().message ==
        "cannot open " + path + ": No such file or directory");
  CHECK(disk.rename(path, path + "2").error().message ==
        "cannot rename " + path + " to " + path + "2: No such file or directory");
  CHECK_FALSE(disk.open(directory.path, Disk::Open::write));
}

TEST_CASE("uv disk: a pipe under a file's name is not waited for", "[net]") {
  const TemporaryDirectory directory;
  Edge edge;
  UvDisk disk(*edge.loop);
  const std::string path = directory.path + "/pipe";
  REQUIRE(mkfifo(path.c_str(), 0600) == 0);
  const auto opened = disk.open(path, Disk::Open::read);
  REQUIRE_FALSE(opened);
  CHECK(opened.error().code == Errc::io);
  CHECK(opened.error().message == "cannot open " + path + ": it is not a regular file");
}

TEST_CASE("uv disk: a full disk is told apart", "[net]") {
  const TemporaryDirectory directory;
  Edge edge;
  UvDisk disk(*edge.loop);
  const auto full = disk.open("/dev/full", Disk::Open::write);
  REQUIRE(full);
  const Status status = (*full)->write_at(0, {{"x"}});
  REQUIRE_FALSE(status);
  CHECK(status.error().code == Errc::no_space);
  CHECK(status.error().message == "cannot write /dev/full: No space left on device");
}

TEST_CASE("uv disk: data is for the owner alone", "[net]") {
  const TemporaryDirectory directory;
  Edge edge;
  UvDisk disk(*edge.loop);
  REQUIRE(disk.open(directory.path + "/a", Disk::Open::create));

  struct stat state {};

  REQUIRE(stat((directory.path + "/a").c_str(), &state) == 0);
  CHECK((state.st_mode & 0777) == 0600);
}

TEST_CASE("uv disk: the error of a lock names the process that holds it", "[net]") {
  const TemporaryDirectory directory;
  Edge edge;
  UvDisk disk(*edge.loop);
  UvDisk other(*edge.loop);
  const std::string lock_file = directory.path + "/LOCK";
  REQUIRE(replace_file(lock_file, "1234567890\n"));
  const auto held = disk.lock(directory.path);
  REQUIRE(held);
  CHECK(*read_file(lock_file) == std::to_string(getpid()) + "\n");
  const auto second = other.lock(directory.path);
  REQUIRE_FALSE(second);
  CHECK(second.error().message == "the directory " + directory.path + " is in use by process " +
                                      std::to_string(getpid()) + " (it holds the lock on " +
                                      lock_file + ")");
}

TEST_CASE("uv disk: a turn follows what a job's end did, in the same iteration", "[net]") {
  Edge edge;
  UvDisk disk(*edge.loop);
  int turns_before = -1;
  bool seen = false;
  edge.turn = [&] { seen = seen || (turns_before >= 0 && edge.turns == turns_before + 1); };
  disk.submit([] { return ok(); }, [&](const Status&) { turns_before = edge.turns; });
  pump_until(*edge.loop, [&] { return turns_before >= 0; });
  CHECK(seen);
}

TEST_CASE("uv disk: it goes when its jobs are through, and tells nobody any more", "[net]") {
  Edge edge;
  std::atomic<int> ran = 0;
  auto owner = std::make_shared<int>(0);
  {
    UvDisk disk(*edge.loop);
    for (int i = 0; i < 50; ++i) {
      disk.submit(
          [&ran] {
            ++ran;
            return ok();
          },
          [owner](const Status&) { ++*owner; });
    }
  }
  CHECK(ran == 50);
  CHECK(owner.use_count() == 1);
  testing::pump(*edge.loop);
  CHECK(*owner == 0);
}

}  // namespace
}  // namespace quoris::net
