// What the request reader keeps, moves and gives back.
#include <catch2/catch.hpp>
#include <cstring>
#include <string>
#include <vector>

#include "base/free_list.h"
#include "resp/request_reader.h"
#include "tests/resp/requests.h"

namespace quoris::resp {

namespace {

using test::encode;
using test::Words;
using test::words_of;

constexpr RequestLimits kLimits;

// Feeds as a socket would: whatever fits into the room that is offered, at most `read_max`.
ReadStatus read_from(RequestReader& reader, std::string_view& bytes,
                     size_t read_max = RequestReader::kReadSize,
                     const RequestLimits& limits = kLimits) {
  const std::span<char> room = reader.prepare();
  const size_t count = bytes.copy(room.data(), std::min(room.size(), read_max));
  bytes.remove_prefix(count);
  return reader.commit(count, limits);
}

}  // namespace

TEST_CASE("request reader: an idle one is small and holds nothing", "[resp]") {
  static_assert(sizeof(RequestReader) <= 64);
  RequestReader reader;
  CHECK(reader.memory() == 0);
  reader.feed(encode({"SET", "key", std::string(100'000, 'x')}), kLimits);
  CHECK(reader.memory() > 100'000);
  reader.drop(1);
  CHECK(reader.memory() == 0);
  CHECK(reader.buffered() == 0);
  CHECK(reader.free_space() == 0);
  // Reading nothing (EAGAIN, or a turn without input) leaves it idle too.
  static_cast<void>(reader.prepare());
  reader.commit(0, kLimits);
  CHECK(reader.memory() == 0);
}

TEST_CASE("request reader: request after request uses the same buffer", "[resp]") {
  if (!kFreeLists) return;  // by design under AddressSanitizer
  const std::string request = encode({"GET", "key:000000000001"});
  RequestReader first;
  RequestReader second;
  const char* buffer = first.prepare().data();
  for (int i = 0; i < 100; ++i) {
    RequestReader& reader = i % 2 == 0 ? first : second;
    const std::span<char> room = reader.prepare();
    REQUIRE(room.data() == buffer);
    REQUIRE(room.size() == RequestReader::kReadSize);
    std::memcpy(room.data(), request.data(), request.size());
    reader.commit(request.size(), kLimits);
    REQUIRE(reader.commands().size() == 1);
    reader.drop(1);
    REQUIRE(reader.memory() == 0);
  }
}

TEST_CASE("request reader: prepare may be called again before commit", "[resp]") {
  RequestReader reader;
  static_cast<void>(reader.prepare());
  const std::span<char> room = reader.prepare();
  REQUIRE(room.size() >= 6);
  std::memcpy(room.data(), "PING\r\n", 6);
  reader.commit(6, kLimits);
  static_cast<void>(reader.prepare());
  REQUIRE(reader.commands().size() == 1);
  CHECK(words_of(reader, reader.commands()[0]) == Words{"PING"});
}

TEST_CASE(
    "request reader: a bulk of 100 MB is read with few moves and no more memory than it needs",
    "[resp]") {
  const size_t size = 100'000'000;
  RequestReader reader;
  const std::string head = "*3\r\n$3\r\nSET\r\n$1\r\nk\r\n$" + std::to_string(size) + "\r\n";
  std::string_view rest = head;
  read_from(reader, rest);
  // A promise costs nothing.
  CHECK(reader.memory() < 2 * RequestReader::kReadSize);

  size_t moved = 0;
  size_t left = size + 2;
  size_t capacity = reader.buffered() + reader.free_space();
  while (left > 0) {
    const size_t in_use = reader.buffered();
    const std::span<char> room = reader.prepare();
    const size_t now = reader.buffered() + reader.free_space();
    if (now != capacity) moved += in_use;
    REQUIRE(now <= 2 * std::max(in_use, RequestReader::kReadSize) + RequestReader::kReadSize);
    capacity = now;
    const size_t count = std::min({room.size(), left, 64UL * 1024});
    std::memset(room.data(), 'x', count);
    left -= count;
    REQUIRE(reader.commit(count, kLimits) == ReadStatus::ok);
  }
  REQUIRE(reader.commands().size() == 1);
  CHECK(reader.arguments(reader.commands()[0])[2].size() == size);
  CHECK(reader.arguments(reader.commands()[0])[2].find_first_not_of('x') == std::string::npos);
  CHECK(moved < 2 * size);
  CHECK(reader.memory() < size + 64UL * 1024);
  reader.drop(1);
  CHECK(reader.memory() == 0);
}

TEST_CASE("request reader: a pipeline of 100k commands is read whole and dropped piece by piece",
          "[resp]") {
  std::string bytes;
  for (int i = 0; i < 100'000; ++i) bytes += encode({"SET", "key:" + std::to_string(i), "v"});
  for (const size_t step : {1UL, 7UL, 1000UL, 100'000UL}) {
    RequestReader reader;
    REQUIRE(reader.feed(bytes, kLimits) == ReadStatus::ok);
    REQUIRE(reader.commands().size() == 100'000);
    CHECK(reader.buffered() == bytes.size());
    int next = 0;
    while (!reader.commands().empty()) {
      REQUIRE(words_of(reader, reader.commands()[0])[1] == "key:" + std::to_string(next));
      const size_t count = std::min(step, reader.commands().size());
      reader.drop(count);
      next += static_cast<int>(count);
    }
    CHECK(next == 100'000);
    CHECK(reader.memory() == 0);
  }
}

TEST_CASE("request reader: dropping in between reads keeps what is not executed yet", "[resp]") {
  // A turn that is cut short for fairness: 3 of some commands run, more input comes meanwhile.
  std::string bytes;
  for (int i = 0; i < 20'000; ++i) {
    bytes += encode({"SET", std::to_string(i), std::string(static_cast<size_t>(i % 100), 'x')});
  }
  RequestReader reader;
  std::string_view rest = bytes;
  int next = 0;
  while (!rest.empty() || !reader.commands().empty()) {
    if (!rest.empty()) REQUIRE(read_from(reader, rest, 100) == ReadStatus::ok);
    for (int i = 0; i < 3 && !reader.commands().empty(); ++i) {
      const Words expected = {"SET", std::to_string(next),
                              std::string(static_cast<size_t>(next % 100), 'x')};
      REQUIRE(words_of(reader, reader.commands()[0]) == expected);
      reader.drop(1);
      ++next;
    }
    // The space in front is used again: memory does not grow with what went through.
    REQUIRE(reader.memory() < 256UL * 1024);
  }
  CHECK(next == 20'000);
  CHECK(reader.memory() == 0);
}

TEST_CASE("request reader: a started command survives drops, moves and growth", "[resp]") {
  const Words started = {"MSET", "a", std::string(5000, 'b'), "c", std::string(30'000, 'd'),
                         "",     "e"};
  const std::string tail = encode(started);
  for (size_t cut = 1; cut < tail.size(); cut += cut < 60 ? 1 : 997) {
    RequestReader reader;
    const std::string front = encode({"PING", std::string(6000, 'p')}) + "\r\nPING\r\n";
    REQUIRE(reader.feed(front + tail.substr(0, cut), kLimits) == ReadStatus::ok);
    REQUIRE(reader.commands().size() == 2);
    reader.drop(1);
    static_cast<void>(reader.prepare());
    REQUIRE(words_of(reader, reader.commands()[0]) == Words{"PING"});
    reader.drop(1);
    CHECK(reader.buffered() <= cut + 2);  // at most a blank line with it
    if (cut % 2 == 0) reader.shrink();
    REQUIRE(reader.feed(tail.substr(cut) + "PING\r\n", kLimits) == ReadStatus::ok);
    REQUIRE(reader.commands().size() == 2);
    REQUIRE(words_of(reader, reader.commands()[0]) == started);
    REQUIRE(words_of(reader, reader.commands()[1]) == Words{"PING"});
    reader.drop(2);
    CHECK(reader.memory() == 0);
  }
}

TEST_CASE("request reader: a client that is never idle gives a big buffer back", "[resp]") {
  RequestReader reader;
  reader.feed(encode({"SET", "k", std::string(5'000'000, 'x')}) + "PIN", kLimits);
  REQUIRE(reader.commands().size() == 1);
  CHECK(reader.memory() > 5'000'000);
  reader.drop(1);
  reader.feed("G\r\nPI", kLimits);
  CHECK(reader.memory() < 4 * RequestReader::kReadSize);
  REQUIRE(reader.commands().size() == 1);
  CHECK(words_of(reader, reader.commands()[0]) == Words{"PING"});
}

TEST_CASE("request reader: half a frame and silence costs little after shrinking", "[resp]") {
  RequestReader reader;
  reader.feed("*3\r\n$3\r\nSET\r\n$4\r\nke", kLimits);
  reader.shrink();
  CHECK(reader.memory() < 2048);
  reader.feed("y1\r\n$1\r\nv\r\n", kLimits);
  REQUIRE(reader.commands().size() == 1);
  CHECK(words_of(reader, reader.commands()[0]) == Words{"SET", "key1", "v"});
  reader.shrink();  // commands wait: nothing happens to their views
  CHECK(words_of(reader, reader.commands()[0]) == Words{"SET", "key1", "v"});
}

TEST_CASE("request reader: huge counts and lengths are not believed", "[resp]") {
  for (const char* promise : {"*2147483647\r\n", "*1000000\r\n$3\r\nDEL\r\n",
                              "*1\r\n$536870912\r\n", "*2147483647\r\n$536870912\r\n"}) {
    RequestReader reader;
    CHECK(reader.feed(promise, kLimits) == ReadStatus::ok);
    CHECK(reader.memory() < 2 * RequestReader::kReadSize);
    static_cast<void>(reader.prepare());
    CHECK(reader.memory() < 3 * RequestReader::kReadSize);
  }
}

TEST_CASE("request reader: the limit counts the arguments, not only their bytes", "[resp]") {
  const RequestLimits limits{.buffer_max = 4UL * 1024UL * 1024};
  RequestReader reader;
  std::string empties = "*100000000\r\n";
  for (int i = 0; i < 10'000; ++i) empties += "$0\r\n\r\n";
  ReadStatus status = ReadStatus::ok;
  size_t sent = 0;
  while (status == ReadStatus::ok && sent < 100'000'000) {
    status = reader.feed(empties, limits);
    if (sent == 0) empties.erase(0, empties.find('$'));
    sent += empties.size();
  }
  CHECK(status == ReadStatus::over_limit);
  CHECK(sent < limits.buffer_max);
  CHECK(reader.memory() < 3 * limits.buffer_max);
}

TEST_CASE("request reader: commands that nobody executes come to the limit", "[resp]") {
  const RequestLimits limits{.buffer_max = 1024UL * 1024};
  RequestReader reader;
  ReadStatus status = ReadStatus::ok;
  for (int i = 0; i < 100'000 && status == ReadStatus::ok; ++i) {
    status = reader.feed("PING\r\nPING\r\nPING\r\nPING\r\nPING\r\n", limits);
  }
  CHECK(status == ReadStatus::over_limit);
}

TEST_CASE("request reader: the largest bulk fits its limit", "[resp]") {
  const RequestLimits limits{.bulk_max = 8UL * 1024 * 1024, .buffer_max = 9UL * 1024UL * 1024};
  RequestReader reader;
  REQUIRE(reader.feed(encode({"SET", "k", std::string(limits.bulk_max, 'x')}), limits) ==
          ReadStatus::ok);
  CHECK(reader.commands().size() == 1);
}

}  // namespace quoris::resp
