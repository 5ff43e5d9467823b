// Query buffer and request parser of one client: bytes in, whole commands out.
//
// Bytes are read straight into the buffer, parsed in place, and arguments are views into it until
// they are executed, so nothing is copied; when the buffer grows the views move along.
// Parsing continues where it stopped: no byte is looked at twice, however a request is cut into
// reads. Accepts RESP arrays of bulk strings and inline commands (decoded in place).
//
// Invariants: commands() are complete and in order; a started command stays at the buffer's end.
// After an error nothing more is parsed. An idle reader (nothing buffered) holds no memory: what
// it worked with goes to a small per-thread pool, so that request and reply cost no allocation.
// Used by: server::Session. No sockets here.
// Sources: the RESP specification; rules and error texts as redis-server 7.0.15 has them, but for
// a NUL byte in a line, which hides the rest of the line there and is a byte like others here.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace quoris::resp {

struct RequestLimits {
  size_t bulk_max = 512ULL * 1024 * 1024;     // proto-max-bulk-len
  size_t buffer_max = 1024ULL * 1024 * 1024;  // client-query-buffer-limit, memory of the reader
  bool authenticated = true;                  // before AUTH: at most 10 arguments of 16 KiB each
};

enum class ReadStatus : uint8_t {
  ok,              // more may follow
  protocol_error,  // error() says what to send before closing
  over_limit,      // buffer_max passed: close without a word, as Redis does
};

class RequestReader {
 public:
  // Longest inline request, and longest line that states a length (PROTO_INLINE_MAX_SIZE).
  static constexpr size_t kInlineMax = 64UL * 1024;
  // What is read at once when nothing is known of the request's size.
  static constexpr size_t kReadSize = 16UL * 1024;
  // A buffer above this is given back as soon as little of it is used, not only when idle.
  static constexpr size_t kKeptMax = 256UL * 1024;
  // Most arguments of one command, and what an unauthenticated client may send.
  static constexpr int64_t kArgumentsMax = INT32_MAX;
  static constexpr int64_t kUnauthenticatedArgumentsMax = 10;
  static constexpr int64_t kUnauthenticatedBulkMax = 16LL * 1024;

  struct Command {
    uint32_t first_argument = 0;
    uint32_t argument_count = 0;  // at least 1
    size_t end = 0;               // offset behind its last byte
    size_t bytes = 0;             // length of the arguments, for accounting
  };

  RequestReader() = default;
  RequestReader(const RequestReader&) = delete;
  RequestReader& operator=(const RequestReader&) = delete;
  ~RequestReader();

  // Room for the next read: at least 1 byte, usually kReadSize, and for a bulk string that is
  // under way enough to end it with few reads (grown by doubling, never the whole of what a
  // client merely promised). Invalidated by every other call that is not const.
  [[nodiscard]] std::span<char> prepare();

  // `count` bytes were read into prepare()'s span: parse as far as they go. After an error the
  // bytes are ignored and the same status comes again.
  // REQUIRES: count is 0, or at most the size of the span of a prepare() just before.
  ReadStatus commit(size_t count, const RequestLimits& limits);

  // For requests that don't come from a socket (tests, simulator, --pipe).
  ReadStatus feed(std::string_view bytes, const RequestLimits& limits);

  // Commands parsed and not yet dropped. Blank lines, *0 and *-1 leave no trace here.
  [[nodiscard]] std::span<const Command> commands() const;

  // The arguments of `command`, without copying them; valid until the next non-const call.
  [[nodiscard]] std::span<const std::string_view> arguments(const Command& command) const;

  // Appends the arguments of `command` to `out`; views are valid until the next non-const call.
  void arguments(const Command& command, std::vector<std::string_view>& out) const;

  // Drops the first `count` commands; gives memory back when nothing is left.
  // REQUIRES: count <= commands().size().
  void drop(size_t count);

  // True when an unauthenticated client sent more than it may behind a command that was not
  // executed yet, and that may be its AUTH. Once commands() are executed and dropped, call
  // commit(0, limits): it parses on, or finds the protocol error.
  [[nodiscard]] bool stalled() const;

  // Moves a request that is long under way into a buffer that just fits (a client that sent half
  // a frame and went silent). For the clients' cron; not for each turn.
  void shrink();

  // The text of a protocol error, "Protocol error: ...", without "-ERR ". Empty if none.
  [[nodiscard]] std::string_view error() const { return error_; }

  // Bytes that wait: unexecuted commands and a started one (CLIENT LIST qbuf), and memory held.
  [[nodiscard]] size_t buffered() const;
  [[nodiscard]] size_t memory() const;
  [[nodiscard]] size_t free_space() const;

 private:
  struct Work;  // buffer, parse state, arguments and commands of a reader that is not idle
  class Parser;

  [[nodiscard]] static Work* take_work();
  static void give_back(Work* work) noexcept;
  void release() noexcept;

  Work* work_ = nullptr;
  std::string error_;
};

}  // namespace quoris::resp
