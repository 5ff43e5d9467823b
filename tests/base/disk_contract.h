// What every Disk promises: the same checks for the real one (tests/net) and for the simulated one
// (tests/sim).
#pragma once

#include <catch2/catch.hpp>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/disk.h"

namespace quoris::testing {

struct DiskBench {
  Disk& disk;
  std::string directory;  // there, empty
  // Lets time pass until it holds.
  std::function<void(const std::function<bool()>&)> wait_until;

  [[nodiscard]] std::string path(std::string_view name) const {
    return directory + "/" + std::string(name);
  }

  [[nodiscard]] std::unique_ptr<File> make(std::string_view name, std::string_view content) const {
    auto file = disk.open(path(name), Disk::Open::create);
    REQUIRE(file);
    REQUIRE((*file)->write_at(0, {{content}}));
    return std::move(file).value();
  }

  // All of it.
  [[nodiscard]] std::string read(std::string_view name) const {
    auto file = disk.open(path(name), Disk::Open::read);
    REQUIRE(file);
    std::string content(*(*file)->size(), '\0');
    const auto count = (*file)->read_at(0, content);
    REQUIRE(count);
    CHECK(*count == content.size());
    return content;
  }
};

inline void check_writes(const DiskBench& bench) {
  const auto file = bench.make("a", "hello");
  SECTION("pieces lie one behind the other, empty ones take nothing") {
    const std::vector<std::string_view> pieces = {"ab", "", "cde", "f", ""};
    REQUIRE(file->write_at(3, pieces));
    CHECK(bench.read("a") == "helabcdef");
    CHECK(*file->size() == 9);
    REQUIRE(file->write_at(9, {}));
    CHECK(*file->size() == 9);
  }
  SECTION("more pieces than one call of the system takes") {
    std::vector<std::string> owned;
    std::string expected = "hello";
    for (int i = 0; i < 5000; ++i) {
      owned.push_back(std::to_string(i));
      expected += owned.back();
    }
    const std::vector<std::string_view> pieces(owned.begin(), owned.end());
    REQUIRE(file->write_at(5, pieces));
    CHECK(bench.read("a") == expected);
  }
  SECTION("a gap reads as zeros") {
    REQUIRE(file->write_at(8, {{"x"}}));
    CHECK(bench.read("a") == std::string("hello\0\0\0x", 9));
  }
  SECTION("a cut file is short, a lengthened one has zeros") {
    REQUIRE(file->truncate(2));
    CHECK(bench.read("a") == "he");
    REQUIRE(file->truncate(4));
    CHECK(bench.read("a") == std::string("he\0\0", 4));
  }
  REQUIRE(file->sync());
}

inline void check_reads(const DiskBench& bench) {
  REQUIRE(bench.make("a", "hello")->sync());
  const auto file = bench.disk.open(bench.path("a"), Disk::Open::read);
  REQUIRE(file);
  std::string out(4, '-');
  CHECK(*(*file)->read_at(0, out) == 4);
  CHECK(out == "hell");
  CHECK(*(*file)->read_at(3, out) == 2);
  CHECK(out == "loll");
  CHECK(*(*file)->read_at(5, out) == 0);
  CHECK(*(*file)->read_at(100, out) == 0);
  CHECK(*(*file)->read_at(0, {}) == 0);
  CHECK_FALSE((*file)->write_at(0, {{"x"}}));
  CHECK_FALSE((*file)->truncate(0));
  CHECK(bench.read("a") == "hello");
}

inline void check_opening(const DiskBench& bench) {
  const auto code = [&](const char* name, Disk::Open how) {
    const auto file = bench.disk.open(bench.path(name), how);
    REQUIRE_FALSE(file);
    CHECK(file.error().message.find(bench.path(name)) != std::string::npos);
    return file.error().code;
  };
  CHECK(code("a", Disk::Open::read) == Errc::not_found);
  CHECK(code("a", Disk::Open::write) == Errc::not_found);
  CHECK(code("none/a", Disk::Open::create) == Errc::not_found);
  static_cast<void>(bench.make("a", "x"));
  CHECK(code("a", Disk::Open::create) == Errc::already_exists);
  const auto again = bench.disk.open(bench.path("a"), Disk::Open::write);
  REQUIRE(again);
  REQUIRE((*again)->write_at(1, {{"y"}}));
  std::string out(2, '-');
  CHECK(*(*again)->read_at(0, out) == 2);
  CHECK(out == "xy");
}

inline void check_names(const DiskBench& bench) {
  using Names = std::vector<std::string>;
  CHECK(bench.disk.list(bench.directory)->empty());
  const auto open = bench.make("b", "of b");
  static_cast<void>(bench.make("a", "of a"));
  static_cast<void>(bench.make("\xC3\xA4", ""));
  static_cast<void>(bench.make("C", ""));
  REQUIRE(bench.disk.make_directory(bench.path("d/e")));
  REQUIRE(bench.disk.make_directory(bench.path("d/e")));
  CHECK(*bench.disk.list(bench.directory) == Names{"C", "a", "b", "\xC3\xA4"});
  CHECK(bench.disk.list(bench.path("d"))->empty());
  CHECK(bench.disk.list(bench.path("none")).error().code == Errc::not_found);
  CHECK_FALSE(bench.disk.make_directory(bench.path("a/f")));

  REQUIRE(bench.disk.rename(bench.path("a"), bench.path("b")));
  CHECK(bench.read("b") == "of a");
  REQUIRE(open->write_at(0, {{"never seen"}}));
  CHECK(bench.read("b") == "of a");
  REQUIRE(bench.disk.rename(bench.path("b"), bench.path("d/b")));
  CHECK(*bench.disk.list(bench.path("d")) == Names{"b"});
  CHECK(bench.disk.rename(bench.path("a"), bench.path("x")).error().code == Errc::not_found);
  CHECK(bench.disk.rename(bench.path("C"), bench.path("none/x")).error().code == Errc::not_found);

  REQUIRE(bench.disk.remove(bench.path("C")));
  REQUIRE(bench.disk.remove(bench.path("C")));
  CHECK(*bench.disk.list(bench.directory) == Names{"\xC3\xA4"});
  REQUIRE(bench.disk.sync_directory(bench.directory));
  CHECK(bench.disk.sync_directory(bench.path("none")).error().code == Errc::not_found);
}

inline void check_locks(const DiskBench& bench) {
  auto held = bench.disk.lock(bench.directory);
  REQUIRE(held);
  const auto second = bench.disk.lock(bench.directory);
  REQUIRE_FALSE(second);
  CHECK(second.error().code == Errc::already_exists);
  CHECK(second.error().message.starts_with("the directory " + bench.directory + " is in use"));
  held->reset();
  CHECK(bench.disk.lock(bench.directory));
  CHECK(*bench.disk.list(bench.directory) == std::vector<std::string>{"LOCK"});
  CHECK(bench.disk.lock(bench.path("none")).error().code == Errc::not_found);
}

inline void check_jobs(const DiskBench& bench) {
  constexpr size_t kJobs = 20;
  size_t done = 0;
  bool inside = true;
  for (size_t i = 0; i < kJobs; ++i) {
    bench.disk.submit(
        [&bench, i]() -> Status {
          const auto file = bench.disk.open(bench.path(std::to_string(i)), Disk::Open::create);
          if (!file) return file.error();
          if (Status status = (*file)->write_at(0, {{"x"}}); !status) return status;
          return (*file)->sync();
        },
        [&](const Status& status) {
          CHECK(status);
          CHECK_FALSE(inside);
          ++done;
        });
  }
  inside = false;
  bench.wait_until([&] { return done == kJobs; });
  CHECK(bench.disk.list(bench.directory)->size() == kJobs);

  Status result = ok();
  bench.disk.submit(
      [] {
        return Status(Error{Errc::no_space, "full"});
      },
      [&](Status status) {
        result = std::move(status);
        // A job may lead to the next.
        bench.disk.submit([] { return ok(); }, [&](const Status&) { ++done; });
      });
  bench.wait_until([&] { return done == kJobs + 1; });
  REQUIRE_FALSE(result);
  CHECK(result.error().code == Errc::no_space);
  CHECK(result.error().message == "full");
}

// Called from a TEST_CASE, with a new bench for each section.
inline void check_disk(const DiskBench& bench) {
  SECTION("writes") { check_writes(bench); }
  SECTION("reads") { check_reads(bench); }
  SECTION("opening") { check_opening(bench); }
  SECTION("names") { check_names(bench); }
  SECTION("locks") { check_locks(bench); }
  SECTION("jobs") { check_jobs(bench); }
  SECTION("boot id") {
    CHECK_FALSE(bench.disk.boot_id().empty());
    CHECK(bench.disk.boot_id() == bench.disk.boot_id());
  }
}

}  // namespace quoris::testing
