#include "command/scan_options.h"

#include <catch2/catch.hpp>
#include <limits>
#include <vector>

namespace quoris::command {
namespace {

using Words = std::vector<std::string_view>;

TEST_CASE("scan options: cursors are read as strtoul reads them", "[command]") {
  CHECK(*parse_cursor("") == 0);
  CHECK(*parse_cursor("0017") == 17);
  CHECK(*parse_cursor("+5") == 5);
  CHECK(*parse_cursor("-1") == std::numeric_limits<uint64_t>::max());
  CHECK(*parse_cursor("18446744073709551615") == std::numeric_limits<uint64_t>::max());
  for (const char* text : {" 1", "1 ", "-", "+", "x", "1x", "--1", "18446744073709551616"}) {
    CAPTURE(text);
    REQUIRE(!parse_cursor(text));
    CHECK(parse_cursor(text).error() == errors::kInvalidCursor);
  }
}

TEST_CASE("scan options: COUNT and MATCH in any order, the last one counts", "[command]") {
  const auto options =
      parse_scan_options(Words{"match", "a*", "COUNT", "3", "MATCH", "b*"}, ScanKind::elements);
  REQUIRE(options);
  CHECK(options->count == 3);
  CHECK(options->matches("bc"));
  CHECK_FALSE(options->matches("ac"));
  CHECK(parse_scan_options(Words{}, ScanKind::elements)->matches("whatever"));
}

TEST_CASE("scan options: TYPE is for keys alone", "[command]") {
  const auto options = parse_scan_options(Words{"TYPE", "set"}, ScanKind::keys);
  REQUIRE(options);
  CHECK(options->type == "set");
  CHECK_FALSE(options->any_type);
  CHECK(parse_scan_options(Words{"TYPE", "set"}, ScanKind::elements).error() == errors::kSyntax);
}

TEST_CASE("scan options: what is wrong with them is told", "[command]") {
  const auto error = [](const Words& words) {
    return parse_scan_options(words, ScanKind::keys).error();
  };
  CHECK(error({"COUNT"}) == errors::kSyntax);
  CHECK(error({"MATCH", "a", "COUNT"}) == errors::kSyntax);
  CHECK(error({"COUNT", "0"}) == errors::kSyntax);
  CHECK(error({"COUNT", "x"}) == errors::kNotInteger);
  CHECK(error({"NOVALUES", "x"}) == errors::kSyntax);
}

}  // namespace
}  // namespace quoris::command
