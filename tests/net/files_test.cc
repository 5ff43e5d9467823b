#include "net/files.h"

#include <sys/stat.h>
#include <unistd.h>

#include <catch2/catch.hpp>
#include <filesystem>
#include <string>

#include "net/spdlog_sink.h"
#include "tests/net/temporary_directory.h"

namespace quoris::net {
namespace {

using Directory = testing::TemporaryDirectory;

TEST_CASE("files: a file is replaced whole, keeps its permissions and leaves nothing beside it",
          "[net]") {
  const Directory directory;
  const std::string path = directory.path + "/quoris.conf";
  REQUIRE(replace_file(path, "port 1\n"));
  REQUIRE(chmod(path.c_str(), 0600) == 0);
  const std::string large(100'000, 'x');
  REQUIRE(replace_file(path, large));
  CHECK(*read_file(path) == large);

  struct stat state {};

  REQUIRE(stat(path.c_str(), &state) == 0);
  CHECK((state.st_mode & 0777) == 0600);
  size_t entries = 0;
  for ([[maybe_unused]] const auto& entry : std::filesystem::directory_iterator(directory.path)) {
    ++entries;
  }
  CHECK(entries == 1);
}

TEST_CASE("files: errors name the path and the reason", "[net]") {
  const Directory directory;
  const auto missing = read_file(directory.path + "/none");
  REQUIRE_FALSE(missing);
  CHECK(missing.error().code == Errc::not_found);
  CHECK(missing.error().message ==
        "cannot open " + directory.path + "/none: No such file or directory");
  CHECK_FALSE(replace_file(directory.path + "/no/such/file", "x"));
  CHECK_FALSE(read_file(directory.path));
  CHECK(remove_file(directory.path + "/none"));
}

TEST_CASE("files: pid file and directories", "[net]") {
  const Directory directory;
  const std::string deep = directory.path + "/a/b/c";
  const std::vector<std::string> made = {deep, directory.path + "/a/b", directory.path + "/a"};
  CHECK(*make_directories(deep) == made);
  CHECK(make_directories(deep)->empty());
  REQUIRE(write_pid_file(deep + "/quoris.pid"));
  CHECK(*read_file(deep + "/quoris.pid") == std::to_string(getpid()) + "\n");
  CHECK_FALSE(make_directories(deep + "/quoris.pid/d"));

  const std::string before = *current_directory();
  REQUIRE(change_directory(deep));
  CHECK(*absolute_path("x") == *current_directory() + "/x");
  CHECK(*absolute_path("/x") == "/x");
  CHECK(*absolute_path("./x/./y/") == *current_directory() + "/x/y");
  CHECK(*absolute_path("/x//../y") == "/x/../y");
  REQUIRE(change_directory(before));
  CHECK_FALSE(change_directory(deep + "/none"));

  remove_directories(made);
  CHECK(std::filesystem::exists(deep));
  CHECK(remove_file(deep + "/quoris.pid"));
  remove_directories(made);
  CHECK_FALSE(std::filesystem::exists(directory.path + "/a"));
}

TEST_CASE("files: the one path of a directory", "[net]") {
  const Directory directory;
  REQUIRE(make_directories(directory.path + "/a/b"));
  std::filesystem::create_directory_symlink(directory.path + "/a/b", directory.path + "/link");
  const std::string real = *real_path(directory.path);
  CHECK(*real_path(directory.path + "/./a/") == real + "/a");
  CHECK(*real_path(directory.path + "/link/..") == real + "/a");
  CHECK_FALSE(real_path(directory.path + "/none"));
}

TEST_CASE("files: the pid file of another server is left alone", "[net]") {
  const Directory directory;
  const std::string path = directory.path + "/quoris.pid";
  REQUIRE(write_pid_file(path));
  remove_own_pid_file(path);
  CHECK_FALSE(read_file(path));
  REQUIRE(replace_file(path, "1\n"));
  remove_own_pid_file(path);
  CHECK(*read_file(path) == "1\n");
  const Status status = write_pid_file(directory.path + "/none/quoris.pid");
  REQUIRE_FALSE(status);
  CHECK(status.error().message == "cannot create the pid file " + directory.path +
                                      "/none/quoris.pid: No such file or directory");
}

TEST_CASE("log sink: a directory that is missing is not made", "[net]") {
  const Directory directory;
  const auto sink = SpdlogSink::open(directory.path + "/none/quoris.log");
  REQUIRE_FALSE(sink);
  CHECK(sink.error().message == "cannot open the log file " + directory.path +
                                    "/none/quoris.log: there is no directory " + directory.path +
                                    "/none");
}

TEST_CASE("log sink: lines go to the file in force, also after it was moved away", "[net]") {
  const Directory directory;
  const std::string first = directory.path + "/one.log";
  const std::string second = directory.path + "/two.log";
  auto sink = SpdlogSink::open(first);
  REQUIRE(sink);
  (*sink)->write(LogLevel::warning, "braces {} stay");
  const std::string line = *read_file(first);
  CHECK(line.starts_with(std::to_string(getpid()) + " 20"));
  CHECK(line.ends_with(" warning braces {} stay\n"));

  REQUIRE((*sink)->set_file(second));
  (*sink)->write(LogLevel::notice, "here");
  CHECK(read_file(second)->ends_with(" notice  here\n"));
  CHECK(*read_file(first) == line);

  std::filesystem::rename(second, first);
  REQUIRE((*sink)->reopen());
  (*sink)->write(LogLevel::debug, "again");
  CHECK(read_file(second)->ends_with(" debug   again\n"));

  CHECK_FALSE((*sink)->set_file(directory.path));
  (*sink)->write(LogLevel::verbose, "still there");
  CHECK(read_file(second)->ends_with(" verbose still there\n"));
}

}  // namespace
}  // namespace quoris::net
