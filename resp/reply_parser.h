// Parses RESP2 and RESP3 replies into a tree of values: for tests, tools and peers.
//
// Incremental: feed bytes, take whole values. An unfinished value is kept as the stack of its open
// aggregates, so no byte is looked at twice. Never trusts its input: depth and sizes are bounded,
// and memory grows with what came, not with what was announced. After an error the parser only
// repeats it. Streamed strings and aggregates of RESP3 ("$?", "*?") are refused: no server that
// we talk to sends them.
// Used by: tests, the cluster bus (later). Source: RESP3 specification.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/result.h"

namespace quoris::resp {

struct Value {
  enum class Kind : uint8_t {
    simple,
    error,
    integer,
    bulk,
    null,
    array,
    map,
    set,
    push,
    number,
    boolean,
    big_number,
    verbatim,
    blob_error,
    attribute,
  };

  Kind kind = Kind::null;
  int64_t integer = 0;         // integer, boolean
  double number = 0;           // number
  std::string text{};          // all kinds made of bytes; verbatim without its format prefix
  std::vector<Value> items{};  // aggregates; a map's keys and values in turn

  bool operator==(const Value&) const = default;
};

class ReplyParser {
 public:
  static constexpr size_t kDepthMax = 64;
  // Longest line (simple strings, errors, numbers, lengths), its end not counted.
  static constexpr size_t kLineMax = 64UL * 1024;
  // Longest string with a stated length, and most elements of one aggregate.
  static constexpr int64_t kBulkMax = 512LL * 1024 * 1024;
  static constexpr int64_t kCountMax = 64LL * 1024 * 1024;

  void feed(std::string_view bytes);

  // A whole value, nothing yet (an empty optional), or what is wrong with the input. An attribute
  // is a value of its own before the one it describes; inside an aggregate it is an extra item
  // before it and does not count.
  [[nodiscard]] Result<std::optional<Value>> next();

 private:
  // An aggregate that lacks `left` items.
  struct Open {
    Value value;
    int64_t left = 0;
  };

  // What a step over the input found: a leaf or an empty aggregate in `value`, an aggregate that
  // was pushed on the stack, or that bytes are missing.
  enum class Step : uint8_t { value, opened, starved, failed };

  Step step(Value& value);
  Step line_value(char kind, std::string_view text, Value& value);
  Step length_value(char kind, std::string_view text, Value& value);
  Step aggregate(Value::Kind kind, int64_t count, Value& value);
  Step bulk(Value& value);
  Step fail(const char* what);

  // Puts a whole value into the innermost open aggregate, closing what it completes. True: the
  // value is a whole reply.
  bool place(Value& value);

  std::string buffer_;
  size_t position_ = 0;       // first byte not taken
  size_t scanned_ = 0;        // bytes behind it without a line end
  int64_t bulk_length_ = -1;  // of a string whose length is known and whose bytes are awaited
  char bulk_kind_ = 0;
  const char* failure_ = nullptr;
  std::vector<Open> open_;
};

}  // namespace quoris::resp
