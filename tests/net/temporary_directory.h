// A directory for one test, removed with all that is in it.
#pragma once

#include <stdlib.h>  // NOLINT(modernize-deprecated-headers): mkdtemp is POSIX

#include <catch2/catch.hpp>
#include <filesystem>
#include <string>

namespace quoris::net::testing {

class TemporaryDirectory {
 public:
  TemporaryDirectory() {
    std::string name = "/tmp/quoris-net-test-XXXXXX";
    REQUIRE(mkdtemp(name.data()) != nullptr);
    path = name;
  }

  TemporaryDirectory(const TemporaryDirectory&) = delete;
  TemporaryDirectory& operator=(const TemporaryDirectory&) = delete;

  ~TemporaryDirectory() { std::filesystem::remove_all(path); }

  std::string path;
};

}  // namespace quoris::net::testing
