// Writes RESP2 or RESP3 replies into a ByteChain: one call per value, the protocol decides the
// form.
//
// A handler says what a thing is (map, set, double, null ...); the writer turns it into what the
// client's protocol can carry (a RESP2 map is an array of twice the length, and so on).
// Invariant: after an aggregate header the caller writes exactly that many elements.
// Used by: command handlers, server. No sockets here.
// Sources: RESP2 and RESP3 specifications; forms as redis-server 7.0.15 sends them.
#pragma once

#include <cstdint>
#include <string_view>

#include "base/byte_chain.h"
#include "base/text.h"

namespace quoris::resp {

enum class Protocol : uint8_t { resp2 = 2, resp3 = 3 };

class ReplyWriter {
 public:
  // Longer codes are cut, for the counters only.
  static constexpr size_t kErrorCodeMax = 32;

  ReplyWriter(ByteChain& out, Protocol protocol) : out_(&out), protocol_(protocol) {}

  [[nodiscard]] Protocol protocol() const { return protocol_; }

  void set_protocol(Protocol protocol) { protocol_ = protocol; }

  // Another place to write to from now on (MULTI's replies, CLIENT REPLY OFF).
  void redirect(ByteChain& out) { out_ = &out; }

  [[nodiscard]] ByteChain& out() { return *out_; }

  void ok() { out_->append("+OK\r\n"); }

  // REQUIRES: no line ends in text.
  void simple(std::string_view text);

  // `text` begins with its code: "ERR syntax error", "WRONGTYPE ...". Line ends become spaces,
  // those at its end are dropped. Counted; the code of the last one is kept for INFO errorstats.
  void error(std::string_view text);

  void integer(int64_t value) { header(':', value); }

  void bulk(std::string_view bytes) {
    if (bytes.size() > kCopiedWhole) [[unlikely]] {
      bulk_large(bytes);
      return;
    }
    char* at = out_->reserve(kHeaderMax + bytes.size() + 2);
    size_t length = put_header(at, '$', static_cast<int64_t>(bytes.size()));
    length += bytes.copy(at + length, bytes.size());
    at[length] = '\r';
    at[length + 1] = '\n';
    out_->commit(length + 2);
  }

  void bulk_integer(int64_t value);  // the number's decimal form as a bulk string

  // RESP2 "$-1", RESP3 "_".
  void null() { out_->append(protocol_ == Protocol::resp2 ? "$-1\r\n" : "_\r\n"); }

  // RESP2 "*-1", RESP3 "_".
  void null_array() { out_->append(protocol_ == Protocol::resp2 ? "*-1\r\n" : "_\r\n"); }

  void array(size_t count) { header('*', static_cast<int64_t>(count)); }

  void map(size_t pairs);        // RESP2: array of 2 * pairs
  void set(size_t count);        // RESP2: array
  void push(size_t count);       // RESP2: array
  void attribute(size_t pairs);  // RESP3 only; REQUIRES: protocol() is resp3

  void number(double value);                 // RESP2: bulk string
  void human_number(long double value);      // INCRBYFLOAT's form, bulk string in both protocols
  void boolean(bool value);                  // RESP2: 1 or 0
  void big_number(std::string_view digits);  // RESP2: bulk string
  // RESP2: bulk string. `format` is three letters: "txt", "mkd".
  void verbatim(std::string_view format, std::string_view text);

  // Bytes that are a reply already (prebuilt constants, replies of a queued command).
  void raw(std::string_view bytes) { out_->append(bytes); }

  // Aggregates whose length is known only when they are through. `close_*` is called once, after
  // the elements; several may be open at once (nested).
  struct Deferred {
    ByteChain::Gap gap;
  };

  [[nodiscard]] Deferred open();
  void close_array(Deferred deferred, size_t count);
  void close_map(Deferred deferred, size_t pairs);
  void close_set(Deferred deferred, size_t count);

  // Errors written so far, and the code (first word, at most kErrorCodeMax bytes) of the last one.
  [[nodiscard]] uint64_t errors() const { return errors_; }

  [[nodiscard]] std::string_view last_error_code() const { return {last_code_, last_code_size_}; }

 private:
  // Kind, digits, line end.
  static constexpr size_t kHeaderMax = 1 + kInt64TextMax + 2;
  // Bulk strings up to here are written in one go with header and line end; so the rest of a
  // chunk that is left unused for one of them is small.
  static constexpr size_t kCopiedWhole = 512;

  // Returns the length. REQUIRES: room for kHeaderMax characters.
  static size_t put_header(char* at, char kind, int64_t value) {
    at[0] = kind;
    size_t digits = 1;
    if (value >= 0 && value < 10) {
      at[1] = static_cast<char>('0' + value);
    } else if (value >= 10 && value < 100) {
      at[1] = static_cast<char>('0' + value / 10);
      at[2] = static_cast<char>('0' + value % 10);
      digits = 2;
    } else {
      digits = format_int64(value, at + 1);
    }
    at[1 + digits] = '\r';
    at[2 + digits] = '\n';
    return digits + 3;
  }

  void header(char kind, int64_t value) {
    out_->commit(put_header(out_->reserve(kHeaderMax), kind, value));
  }

  void bulk_large(std::string_view bytes);
  void line(char kind, std::string_view text);
  void close(Deferred deferred, char kind, size_t count);

  ByteChain* out_;
  uint64_t errors_ = 0;
  Protocol protocol_;
  uint8_t last_code_size_ = 0;
  char last_code_[kErrorCodeMax] = {};
};

}  // namespace quoris::resp
