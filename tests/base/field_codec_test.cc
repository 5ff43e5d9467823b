#include "base/field_codec.h"

#include <catch2/catch.hpp>
#include <limits>
#include <string>
#include <variant>
#include <vector>

namespace quoris {

namespace {

enum class Colour : uint8_t { red = 1, green = 200 };

struct Point {
  int32_t x = 0;
  uint16_t y = 0;

  bool operator==(const Point&) const = default;
  static constexpr auto kFields = std::make_tuple(&Point::x, &Point::y);
};

struct Name {
  std::string text;

  bool operator==(const Name&) const = default;
  static constexpr auto kFields = std::make_tuple(&Name::text);
};

struct Everything {
  uint64_t big = 0;
  int64_t deep = 0;
  bool is_on = false;
  Colour colour = Colour::red;
  Term term{0};
  std::string bytes;
  Point point;
  std::vector<Point> path;
  std::optional<std::string> note;
  std::variant<Point, Name> either;

  bool operator==(const Everything&) const = default;
  static constexpr auto kFields =
      std::make_tuple(&Everything::big, &Everything::deep, &Everything::is_on, &Everything::colour,
                      &Everything::term, &Everything::bytes, &Everything::point, &Everything::path,
                      &Everything::note, &Everything::either);
};

Everything sample() {
  return {.big = UINT64_MAX,
          .deep = INT64_MIN,
          .is_on = true,
          .colour = Colour::green,
          .term = Term{300},
          .bytes = std::string("a\0b", 3),
          .point = {.x = -7, .y = 65535},
          .path = {{.x = 1, .y = 2}, {.x = 3, .y = 4}},
          .note = "",
          .either = Name{.text = "n"}};
}

}  // namespace

TEST_CASE("field codec: what is decoded is what was encoded", "[base]") {
  for (const Everything& value : {Everything{}, sample()}) {
    const std::optional<Everything> decoded = decode_fields<Everything>(encode_fields(value));
    REQUIRE(decoded.has_value());
    REQUIRE(*decoded == value);
  }
}

TEST_CASE("field codec: the bytes are as the header says", "[base]") {
  REQUIRE(encode_fields(Point{.x = -2, .y = 300}) == "\x03\xAC\x02");
  REQUIRE(encode_fields(std::vector<bool>::size_type{128}) == "\x80\x01");
  REQUIRE(encode_fields(std::string("ab")) ==
          "\x02"
          "ab");
  REQUIRE(encode_fields(std::optional<bool>()) == std::string(1, '\0'));
  REQUIRE(encode_fields(std::optional<bool>(true)) == "\x01\x01");
  REQUIRE(encode_fields(std::variant<Point, Name>(Name{.text = "x"})) == "\x01\x01x");
}

TEST_CASE("field codec: every truncation and every byte more is refused", "[base]") {
  const std::string bytes = encode_fields(sample());
  for (size_t size = 0; size < bytes.size(); ++size) {
    REQUIRE_FALSE(decode_fields<Everything>(bytes.substr(0, size)));
  }
  REQUIRE_FALSE(decode_fields<Everything>(bytes + '\0'));
}

TEST_CASE("field codec: whatever is decoded has these very bytes", "[base]") {
  const std::string bytes = encode_fields(sample());
  size_t decoded_count = 0;
  for (size_t i = 0; i < bytes.size(); ++i) {
    for (int change = 1; change < 256; ++change) {
      std::string changed = bytes;
      changed[i] = static_cast<char>(changed[i] ^ change);
      const std::optional<Everything> decoded = decode_fields<Everything>(changed);
      if (!decoded) continue;
      ++decoded_count;
      REQUIRE(encode_fields(*decoded) == changed);
      REQUIRE_FALSE(*decoded == sample());
    }
  }
  REQUIRE(decoded_count > 0);
}

TEST_CASE("field codec: what doesn't fit its type is refused", "[base]") {
  REQUIRE(decode_fields<uint8_t>("\xFF\x01") == 255);
  REQUIRE_FALSE(decode_fields<uint8_t>("\x80\x02"));
  REQUIRE(decode_fields<int8_t>("\xFF\x01") == -128);
  REQUIRE_FALSE(decode_fields<int8_t>("\x80\x02"));
  REQUIRE_FALSE(decode_fields<bool>("\x02"));
  const std::string longer_than_need_be("\x81\x00", 2);
  REQUIRE_FALSE(decode_fields<uint64_t>(longer_than_need_be));
  REQUIRE_FALSE(decode_fields<std::variant<Point, Name>>("\x02\x01x"));
}

TEST_CASE("field codec: a size that the bytes can't hold asks for no memory", "[base]") {
  const std::string huge = encode_fields(std::numeric_limits<uint64_t>::max() / 2);
  REQUIRE_FALSE(decode_fields<std::string>(huge + "abc"));
  REQUIRE_FALSE(decode_fields<std::vector<Point>>(huge + "abc"));
}

}  // namespace quoris
