#include "store/packed_element.h"

#include <catch2/catch.hpp>
#include <limits>
#include <memory>
#include <vector>

#include "tests/store/test_rng.h"

namespace quoris::store::packed {
namespace {

using testing::TestRng;

std::string text_of(const StringView& element) {
  char digits[21];
  return std::string(element.text(digits));
}

std::string encoded(std::string_view text) {
  std::string out;
  append(out, best_element(text));
  return out;
}

// In memory of exactly that size, so that a sanitizer sees what reads beyond it.
Decoded decode_alone(std::string_view bytes) {
  const std::unique_ptr<char[]> copy(new char[bytes.size()]);
  bytes.copy(copy.get(), bytes.size());
  Decoded decoded = decode_checked({copy.get(), bytes.size()});
  decoded.value = {};
  return decoded;
}

// At the ends of every form.
std::vector<std::string> samples() {
  std::vector<std::string> texts = {"", "a", "01", "-0", "+1", "1.0", "9223372036854775808"};
  for (const int64_t edge : {int64_t{0}, int64_t{58}, int64_t{127}, int64_t{32767},
                             int64_t{2147483647}, int64_t{2147483648}}) {
    for (int64_t value = edge - 2; value <= edge + 2; ++value) {
      texts.push_back(std::to_string(value));
      texts.push_back(std::to_string(-value));
    }
  }
  texts.push_back(std::to_string(std::numeric_limits<int64_t>::max()));
  texts.push_back(std::to_string(std::numeric_limits<int64_t>::min()));
  for (const size_t length : {190, 191, 192, 248, 249, 250, 253, 254, 255, 256, 70'000}) {
    texts.emplace_back(length, 'x');
  }
  return texts;
}

TEST_CASE("packed element: what is written is read, forwards and backwards", "[packed]") {
  for (const std::string& text : samples()) {
    CAPTURE(text.substr(0, 30), text.size());
    const std::string bytes = encoded(text);
    CHECK(bytes.size() == encoded_size(best_element(text)));
    CHECK(size_at(bytes.data()) == bytes.size());
    CHECK(size_before(bytes.data() + bytes.size()) == bytes.size());
    CHECK(text_of(decode(bytes.data()).value) == text);
    CHECK(decode(bytes.data()).size == bytes.size());
    CHECK(decode_checked(bytes).size == bytes.size());
  }
}

TEST_CASE("packed element: small integers take two bytes, canonical texts only are integers",
          "[packed]") {
  CHECK(encoded("0").size() == 2);
  CHECK(encoded("58").size() == 2);
  CHECK(encoded("59").size() == 3);
  CHECK(encoded("abc").size() == 5);
  CHECK(best_element("12").is_integer);
  for (const char* text : {"", "01", "-0", "+1", "1.0", " 1", "9223372036854775808"}) {
    CAPTURE(text);
    CHECK_FALSE(best_element(text).is_integer);
  }
}

TEST_CASE("packed element: one is found by its equals alone", "[packed]") {
  const auto texts = samples();
  for (const std::string& wanted : texts) {
    const Wanted search(best_element(wanted));
    for (const std::string& text : texts) {
      if (search.equals(encoded(text).data()) == (wanted == text)) continue;
      CAPTURE(wanted.substr(0, 30), text.substr(0, 30));
      FAIL("equal to another, or not to itself");
    }
  }
}

TEST_CASE("packed element: bytes from outside that are cut or changed are refused", "[packed]") {
  for (const std::string& text : samples()) {
    const std::string bytes = encoded(text);
    CAPTURE(text.substr(0, 30), text.size());
    for (size_t length = 0; length < std::min<size_t>(bytes.size(), 300); ++length) {
      REQUIRE(decode_alone(std::string_view(bytes).substr(0, length)).size == 0);
    }
    for (size_t back = 1; back <= bytes.size() - size_before(bytes.data() + bytes.size()) + 1;
         ++back) {
      std::string broken = bytes;
      broken[broken.size() - back] = static_cast<char>(broken[broken.size() - back] ^ 0x41);
      CHECK(decode_alone(broken).size == 0);
    }
  }
  CHECK(decode_alone("\xff\xff").size == 0);  // a wide tail where no wide one fits
}

TEST_CASE("packed element: no bytes make the reader leave them", "[packed]") {
  TestRng rng(11);
  size_t sound = 0;
  for (int i = 0; i < 200'000; ++i) {
    std::string bytes(rng.below(12), '\0');
    for (char& byte : bytes) byte = static_cast<char>(rng.next());
    if (!bytes.empty() && rng.below(2) == 0) bytes[0] = static_cast<char>(0xC0 + rng.below(6));
    const Decoded decoded = decode_alone(bytes);
    REQUIRE(decoded.size <= bytes.size());
    if (decoded.size > 0) ++sound;
  }
  CHECK(sound > 100);
}

}  // namespace
}  // namespace quoris::store::packed
