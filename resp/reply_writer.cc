#include "resp/reply_writer.h"

#include <algorithm>
#include <string>

#include "base/assert.h"

namespace quoris::resp {

namespace {

constexpr std::string_view kLineEnds = "\r\n";

}  // namespace

// REQUIRES: no line ends in text.
void ReplyWriter::line(char kind, std::string_view text) {
  out_->append({&kind, 1});
  out_->append(text);
  out_->append(kLineEnds);
}

void ReplyWriter::simple(std::string_view text) {
  QUORIS_DCHECK(text.find_first_of(kLineEnds) == std::string_view::npos);
  line('+', text);
}

void ReplyWriter::error(std::string_view text) {
  const size_t last = text.find_last_not_of(kLineEnds);
  text = text.substr(0, last == std::string_view::npos ? 0 : last + 1);

  errors_++;
  const std::string_view code = text.substr(0, text.find(' ')).substr(0, kErrorCodeMax);
  last_code_size_ = static_cast<uint8_t>(code.copy(last_code_, code.size()));

  if (text.find_first_of(kLineEnds) == std::string_view::npos) {
    line('-', text);
    return;
  }
  std::string one_line(text);
  std::replace(one_line.begin(), one_line.end(), '\r', ' ');
  std::replace(one_line.begin(), one_line.end(), '\n', ' ');
  line('-', one_line);
}

void ReplyWriter::bulk_large(std::string_view bytes) {
  header('$', static_cast<int64_t>(bytes.size()));
  out_->append(bytes);
  out_->append(kLineEnds);
}

void ReplyWriter::bulk_integer(int64_t value) {
  char text[kInt64TextMax];
  bulk({text, format_int64(value, text)});
}

void ReplyWriter::map(size_t pairs) {
  if (protocol_ == Protocol::resp2) {
    array(2 * pairs);
  } else {
    header('%', static_cast<int64_t>(pairs));
  }
}

void ReplyWriter::set(size_t count) {
  header(protocol_ == Protocol::resp2 ? '*' : '~', static_cast<int64_t>(count));
}

void ReplyWriter::push(size_t count) {
  header(protocol_ == Protocol::resp2 ? '*' : '>', static_cast<int64_t>(count));
}

void ReplyWriter::attribute(size_t pairs) {
  QUORIS_ASSERT(protocol_ == Protocol::resp3);
  header('|', static_cast<int64_t>(pairs));
}

void ReplyWriter::number(double value) {
  char text[kDoubleTextMax + 1];
  const std::string_view digits(text, format_double(value, text));
  if (protocol_ == Protocol::resp2) {
    bulk(digits);
  } else {
    line(',', digits);
  }
}

void ReplyWriter::human_number(long double value) { bulk(format_long_double(value)); }

void ReplyWriter::boolean(bool value) {
  if (protocol_ == Protocol::resp2) {
    integer(value ? 1 : 0);
  } else {
    out_->append(value ? "#t\r\n" : "#f\r\n");
  }
}

void ReplyWriter::big_number(std::string_view digits) {
  if (protocol_ == Protocol::resp2) {
    bulk(digits);
  } else {
    line('(', digits);
  }
}

void ReplyWriter::verbatim(std::string_view format, std::string_view text) {
  QUORIS_ASSERT(format.size() == 3);
  if (protocol_ == Protocol::resp2) {
    bulk(text);
    return;
  }
  header('=', static_cast<int64_t>(format.size() + 1 + text.size()));
  out_->append(format);
  line(':', text);
}

ReplyWriter::Deferred ReplyWriter::open() { return {out_->gap()}; }

void ReplyWriter::close(Deferred deferred, char kind, size_t count) {
  static_assert(kHeaderMax <= ByteChain::kGapBytes);
  char text[kHeaderMax];
  out_->fill(deferred.gap, {text, put_header(text, kind, static_cast<int64_t>(count))});
}

void ReplyWriter::close_array(Deferred deferred, size_t count) { close(deferred, '*', count); }

void ReplyWriter::close_map(Deferred deferred, size_t pairs) {
  if (protocol_ == Protocol::resp2) {
    close(deferred, '*', 2 * pairs);
  } else {
    close(deferred, '%', pairs);
  }
}

void ReplyWriter::close_set(Deferred deferred, size_t count) {
  close(deferred, protocol_ == Protocol::resp2 ? '*' : '~', count);
}

}  // namespace quoris::resp
