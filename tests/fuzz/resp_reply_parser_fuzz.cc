// The reply parser on arbitrary bytes, in one piece and cut as the input says: the same values,
// the same error.
#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/assert.h"
#include "resp/reply_parser.h"

namespace {

using quoris::resp::ReplyParser;
using quoris::resp::Value;

// Two values alike but for doubles, of which NaN equals nothing.
bool alike(const Value& a, const Value& b) {
  return a.kind == b.kind && a.integer == b.integer && a.text == b.text &&
         std::equal(a.items.begin(), a.items.end(), b.items.begin(), b.items.end(), alike);
}

struct Parsed {
  std::vector<Value> values;
  std::string error;
};

// False: the input is beyond repair.
bool take(ReplyParser& parser, Parsed& parsed) {
  for (;;) {
    auto next = parser.next();
    if (!next) {
      parsed.error = next.error().message;
      return false;
    }
    if (!next->has_value()) return true;
    parsed.values.push_back(std::move(**next));
  }
}

}  // namespace

// NOLINTNEXTLINE(readability-identifier-naming): libFuzzer calls it by this name
extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  if (size < 1) return 0;
  const size_t step = data[0] % 64 + 1U;
  std::string_view bytes(reinterpret_cast<const char*>(data) + 1, size - 1);

  Parsed whole;
  ReplyParser at_once;
  at_once.feed(bytes);
  take(at_once, whole);

  Parsed cut;
  ReplyParser piecewise;
  bool fine = true;
  for (size_t round = 1; fine && !bytes.empty(); ++round) {
    const size_t count = std::min(bytes.size(), 1 + (step * round) % 97);
    piecewise.feed(bytes.substr(0, count));
    bytes.remove_prefix(count);
    fine = take(piecewise, cut);
  }
  QUORIS_ASSERT(cut.error == whole.error);
  QUORIS_ASSERT(std::equal(cut.values.begin(), cut.values.end(), whole.values.begin(),
                           whole.values.end(), alike));
  return 0;
}
