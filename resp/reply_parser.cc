#include "resp/reply_parser.h"

#include <algorithm>
#include <limits>

#include "base/text.h"

namespace quoris::resp {

namespace {

using Kind = Value::Kind;

bool is_big_number(std::string_view text) {
  if (!text.empty() && (text[0] == '-' || text[0] == '+')) text.remove_prefix(1);
  return !text.empty() &&
         std::all_of(text.begin(), text.end(), [](char c) { return c >= '0' && c <= '9'; });
}

// A double as replies carry it: also "nan", which no argument may be.
std::optional<double> reply_double(std::string_view text) {
  if (text == "nan" || text == "-nan") return std::numeric_limits<double>::quiet_NaN();
  return parse_double(text);
}

}  // namespace

void ReplyParser::feed(std::string_view bytes) {
  // Taken bytes are moved out of the way only when they are at least half of the buffer.
  if (position_ > 0 && position_ >= buffer_.size() - position_) {
    buffer_.erase(0, position_);
    position_ = 0;
  }
  if (failure_ == nullptr) buffer_.append(bytes);
}

ReplyParser::Step ReplyParser::fail(const char* what) {
  failure_ = what;
  return Step::failed;
}

Result<std::optional<Value>> ReplyParser::next() {
  while (failure_ == nullptr) {
    Value value;
    const Step result = step(value);
    if (result == Step::starved) return std::optional<Value>();
    if (result == Step::value && place(value)) return std::optional<Value>(std::move(value));
  }
  return Error{Errc::corrupt, failure_};
}

bool ReplyParser::place(Value& value) {
  while (!open_.empty()) {
    Open& innermost = open_.back();
    if (value.kind != Kind::attribute) innermost.left--;
    innermost.value.items.push_back(std::move(value));
    if (innermost.left > 0) return false;
    value = std::move(innermost.value);
    open_.pop_back();
  }
  return true;
}

ReplyParser::Step ReplyParser::step(Value& value) {
  if (bulk_length_ >= 0) return bulk(value);
  const std::string_view rest = std::string_view(buffer_).substr(position_);
  if (rest.empty()) return Step::starved;
  const size_t end = rest.find("\r\n", scanned_);
  // The kind's byte stands before the line's text.
  if (std::min(end, rest.size()) > kLineMax + 1) return fail("line too long");
  if (end == std::string_view::npos) {
    scanned_ = rest.size() - 1;  // its last byte may be half of a line end
    return Step::starved;
  }
  if (end == 0) return fail("empty line");
  scanned_ = 0;
  position_ += end + 2;
  return line_value(rest[0], rest.substr(1, end - 1), value);
}

ReplyParser::Step ReplyParser::line_value(char kind, std::string_view text, Value& value) {
  switch (kind) {
    case '+':
    case '-':
      value.kind = kind == '+' ? Kind::simple : Kind::error;
      value.text = text;
      return Step::value;
    case ':': {
      const std::optional<int64_t> number = parse_int64(text);
      if (!number) return fail("invalid integer");
      value.kind = Kind::integer;
      value.integer = *number;
      return Step::value;
    }
    case ',': {
      const std::optional<double> number = reply_double(text);
      if (!number) return fail("invalid double");
      value.kind = Kind::number;
      value.number = *number;
      return Step::value;
    }
    case '(':
      if (!is_big_number(text)) return fail("invalid big number");
      value.kind = Kind::big_number;
      value.text = text;
      return Step::value;
    case '#':
      if (text != "t" && text != "f") return fail("invalid boolean");
      value.kind = Kind::boolean;
      value.integer = text == "t" ? 1 : 0;
      return Step::value;
    case '_':
      if (!text.empty()) return fail("invalid null");
      return Step::value;
    default:
      return length_value(kind, text, value);
  }
}

ReplyParser::Step ReplyParser::length_value(char kind, std::string_view text, Value& value) {
  const std::optional<int64_t> length = parse_int64(text);
  if (!length) return fail("invalid length or unknown type");
  // RESP2 has two nulls; no other kind may be absent.
  if (*length == -1 && (kind == '$' || kind == '*')) return Step::value;
  if (*length < 0) return fail("negative length");
  switch (kind) {
    case '$':
    case '=':
    case '!':
      if (*length > kBulkMax) return fail("string too long");
      bulk_length_ = *length;
      bulk_kind_ = kind;
      return bulk(value);
    case '*':
      return aggregate(Kind::array, *length, value);
    case '~':
      return aggregate(Kind::set, *length, value);
    case '>':
      return aggregate(Kind::push, *length, value);
    case '%':
    case '|':
      if (*length > kCountMax) return fail("too many elements");
      return aggregate(kind == '%' ? Kind::map : Kind::attribute, 2 * *length, value);
    default:
      return fail("unknown type");
  }
}

ReplyParser::Step ReplyParser::aggregate(Kind kind, int64_t count, Value& value) {
  if (count > kCountMax) return fail("too many elements");
  value.kind = kind;
  if (count == 0) return Step::value;
  if (open_.size() == kDepthMax) return fail("nested too deep");
  open_.push_back({std::move(value), count});
  return Step::opened;
}

ReplyParser::Step ReplyParser::bulk(Value& value) {
  const std::string_view rest = std::string_view(buffer_).substr(position_);
  const auto length = static_cast<size_t>(bulk_length_);
  if (rest.size() < length + 2) return Step::starved;
  if (rest.substr(length, 2) != "\r\n") return fail("string without line end");
  std::string_view text = rest.substr(0, length);
  if (bulk_kind_ == '=') {
    if (text.size() < 4 || text[3] != ':') return fail("verbatim string without format");
    text.remove_prefix(4);
  }
  value.kind = bulk_kind_ == '$'   ? Kind::bulk
               : bulk_kind_ == '=' ? Kind::verbatim
                                   : Kind::blob_error;
  value.text = text;
  position_ += length + 2;
  bulk_length_ = -1;
  return Step::value;
}

}  // namespace quoris::resp
