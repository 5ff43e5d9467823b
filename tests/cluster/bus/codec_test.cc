#include "cluster/bus/codec.h"

#include <catch2/catch.hpp>

#include "cluster/bus/channel_messages.h"
#include "cluster/bus/mac.h"
#include "sim/env/sim_env.h"
#include "tests/cluster/bus/frames.h"
#include "tests/cluster/bus/sample_messages.h"

namespace quoris::bus {

namespace {

using testing::Chunk;
using testing::Color;
using testing::Everything;
using testing::fill;
using testing::frame_of;
using testing::Note;
using testing::Nothing;
using testing::OwnedWords;
using testing::Point;
using testing::SampleMessages;
using testing::views;
using testing::words_of;

template <class T>
Result<T> decode_words(const OwnedWords& words, PeerVersion version = PeerVersion::same) {
  const auto seen = views(words);
  return decode_message<T>(seen, version);
}

template <class Table>
void round_trip(uint64_t seed) {
  sim::SimRng rng(seed);
  const auto one = [&]<class T>(T message, LinkKind link) {
    fill(message, rng);
    const std::string frame = frame_of<Table>(message);
    const OwnedWords words = words_of(frame);
    REQUIRE(testing::join_words(words) == frame);
    const auto seen = views(words);
    const auto decoded = Table::decode(seen, link, PeerVersion::same);
    REQUIRE(decoded);
    REQUIRE(std::get_if<T>(&*decoded) != nullptr);
    REQUIRE(frame_of<Table>(std::get<T>(*decoded)) == frame);
    REQUIRE(frame_of<Table>(*decoded) == frame);
  };
  [&]<size_t... kIndex>(std::index_sequence<kIndex...>) {
    (one(std::variant_alternative_t<kIndex, typename Table::Message>{}, Table::kRows[kIndex].link),
     ...);
  }
  (std::make_index_sequence<Table::kRows.size()>{});
}

OwnedWords everything_words() {
  Everything message;
  message.numbers = {1, 2};
  message.points = {{-1, 2}};
  message.words = {"a"};
  message.maybe = 5;
  message.nested = {std::vector<Color>{Color::blue}};
  return words_of(frame_of<SampleMessages>(message));
}

// Decodes `Everything` with one word changed; nothing where that is fine.
std::string problem_with(size_t index, const std::string& word) {
  OwnedWords words = everything_words();
  words.at(index) = word;
  const auto decoded = decode_words<Everything>(words);
  if (decoded) return "";
  CHECK(decoded.error().code == Errc::corrupt);
  return decoded.error().message;
}

}  // namespace

TEST_CASE("codec: a message is its name and its fields' elements", "[bus]") {
  CHECK(frame_of<SampleMessages>(Note{.number = 18446744073709551615U, .text = "a\r\nb"}) ==
        "*3\r\n$4\r\nNOTE\r\n$20\r\n18446744073709551615\r\n$4\r\na\r\nb\r\n");
  CHECK(frame_of<SampleMessages>(Nothing{}) == "*1\r\n$7\r\nNOTHING\r\n");
  CHECK(everything_words() == OwnedWords{"EVERYTHING", "0",  "0", "0", "0", "0",
                                         "0",          "0",  "0", "",  "0", "0",  // point
                                         "2",          "1",  "2",                 // numbers
                                         "1",          "-1", "2",                 // points
                                         "1",          "a",                       // words
                                         "1",          "5",                       // maybe
                                         "0",                                     // maybe_point
                                         "1",          "1",  "1", "7"});          // nested
}

TEST_CASE("codec: random values of every message come back as they went", "[bus]") {
  for (uint64_t seed = 1; seed <= 300; ++seed) {
    round_trip<SampleMessages>(seed);
    round_trip<ChannelMessages>(seed);
  }
  sim::SimRng rng(7);
  for (int i = 0; i < 300; ++i) {
    Everything message;
    fill(message, rng);
    const auto decoded = decode_words<Everything>(words_of(frame_of<SampleMessages>(message)));
    REQUIRE(decoded);
    REQUIRE(*decoded == message);
  }
}

TEST_CASE("codec: numbers have one form and their field's range", "[bus]") {
  for (const std::string no_number : {"", "+1", "01", "1 ", " 1", "-0", "1.0", "x", "0x1"}) {
    INFO(no_number);
    CHECK(problem_with(1, no_number) == "EVERYTHING: element 1 is no number");
  }
  CHECK(problem_with(1, "18446744073709551615").empty());
  CHECK(problem_with(1, "18446744073709551616") == "EVERYTHING: element 1 is no number");
  CHECK(problem_with(1, "-1") == "EVERYTHING: element 1 is no number");
  CHECK(problem_with(2, "-9223372036854775808").empty());
  CHECK(problem_with(2, "-9223372036854775809") == "EVERYTHING: element 2 is no number");
  CHECK(problem_with(3, "-128").empty());
  CHECK(problem_with(3, "128") == "EVERYTHING: element 3 is out of range");
  CHECK(problem_with(3, "-129") == "EVERYTHING: element 3 is out of range");
  CHECK(problem_with(4, "65535").empty());
  CHECK(problem_with(4, "65536") == "EVERYTHING: element 4 is out of range");
  CHECK(problem_with(5, "1").empty());
  CHECK(problem_with(5, "2") == "EVERYTHING: element 5 is neither 0 nor 1");
  CHECK(problem_with(8, "65536") == "EVERYTHING: element 8 is out of range");
}

TEST_CASE("codec: a choice is one that has a name", "[bus]") {
  CHECK(problem_with(6, "0").empty());
  CHECK(problem_with(6, "1").empty());
  CHECK(problem_with(6, "7").empty());
  for (const std::string none : {"2", "3", "6", "8", "255"}) {
    CHECK(problem_with(6, none) == "EVERYTHING: element 6 is none of the choices");
  }
  CHECK(problem_with(6, "256") == "EVERYTHING: element 6 is out of range");
}

TEST_CASE("codec: counts are backed by elements before memory is taken for them", "[bus]") {
  CHECK(problem_with(12, "3") != "");
  CHECK(problem_with(12, "18446744073709551615") ==
        "EVERYTHING: element 13 is missing, the count says more");
  CHECK(problem_with(12, "1000000") == "EVERYTHING: element 13 is missing, the count says more");
  CHECK(problem_with(12, "-1") == "EVERYTHING: element 12 is no number");
  // A count that would fit as numbers does not fit as pairs.
  CHECK(problem_with(15, "6") == "EVERYTHING: element 16 is missing, the count says more");
  CHECK(problem_with(22, "2") == "EVERYTHING: element 22 is neither 0 nor 1");
}

TEST_CASE("codec: every frame that was cut or has something behind it is refused", "[bus]") {
  const OwnedWords whole = everything_words();
  REQUIRE(decode_words<Everything>(whole));
  for (size_t size = 1; size < whole.size(); ++size) {
    const OwnedWords cut(whole.begin(), whole.begin() + static_cast<ptrdiff_t>(size));
    for (const PeerVersion version : {PeerVersion::same, PeerVersion::older, PeerVersion::newer}) {
      CHECK_FALSE(decode_words<Everything>(cut, version));
    }
  }
  OwnedWords longer = whole;
  longer.push_back("0");
  const auto decoded = decode_words<Everything>(longer);
  REQUIRE_FALSE(decoded);
  CHECK(decoded.error().message == "EVERYTHING: element 27 is one too many");
}

namespace {

// As a version has it that added `added` and `more`.
struct GrownNote {
  uint64_t number = 0;
  std::string text;
  uint64_t added = 9;
  Point more{.x = 8, .y = 8};
  static constexpr size_t kFieldsAtFirst = 2;
  static constexpr auto kFields =
      std::make_tuple(&GrownNote::number, &GrownNote::text, &GrownNote::added, &GrownNote::more);
};

}  // namespace

TEST_CASE("codec: rolling upgrade: who is newer may send more, who is older less", "[bus]") {
  const OwnedWords old{"NOTE", "1", "hi"};
  const OwnedWords grown{"NOTE", "1", "hi", "3", "4", "5"};
  CHECK_FALSE(decode_words<Note>(grown, PeerVersion::same));
  CHECK_FALSE(decode_words<Note>(grown, PeerVersion::older));
  const auto by_old = decode_words<Note>(grown, PeerVersion::newer);
  REQUIRE(by_old);
  CHECK(*by_old == Note{.number = 1, .text = "hi"});

  CHECK_FALSE(decode_words<GrownNote>(old, PeerVersion::same));
  CHECK_FALSE(decode_words<GrownNote>(old, PeerVersion::newer));
  const auto by_new = decode_words<GrownNote>(old, PeerVersion::older);
  REQUIRE(by_new);
  CHECK(by_new->added == 9);
  CHECK(by_new->more == Point{.x = 8, .y = 8});
  // Whole fields only, and not those that were always there.
  CHECK(decode_words<GrownNote>({"NOTE", "1", "hi", "3"}, PeerVersion::older));
  CHECK_FALSE(decode_words<GrownNote>({"NOTE", "1", "hi", "3", "4"}, PeerVersion::older));
  CHECK_FALSE(decode_words<GrownNote>({"NOTE", "1"}, PeerVersion::older));
}

TEST_CASE("message table: rows by struct and by name, each on its link", "[bus]") {
  CHECK(SampleMessages::row_of<Chunk>().ordinal == 103);
  CHECK(SampleMessages::row_of(Note{}).name == "NOTE");
  const auto decode = [](const OwnedWords& words, LinkKind link) {
    const auto seen = views(words);
    return SampleMessages::decode(seen, link, PeerVersion::same);
  };
  CHECK(decode({"NOTE", "1", "x"}, LinkKind::control));
  const auto wrong_link = decode({"NOTE", "1", "x"}, LinkKind::bulk);
  REQUIRE_FALSE(wrong_link);
  CHECK(wrong_link.error().code == Errc::corrupt);
  CHECK(wrong_link.error().message == "NOTE on the bulk link");
  for (const std::string name : {"", "note", "NOT", "NOTES", "ZZZ", "AAA"}) {
    const auto unknown = decode({name}, LinkKind::control);
    REQUIRE_FALSE(unknown);
    CHECK(unknown.error().code == Errc::unsupported);
  }
  using Joined = JoinedTable<ChannelMessages, SampleMessages>;
  static_assert(Joined::kRows.size() == ChannelMessages::kRows.size() + 5);
  CHECK(Joined::row_of<Note>().ordinal == 100);
}

TEST_CASE("codec: mutated and random frames are decoded or refused, never more", "[bus]") {
  sim::SimRng rng(11);
  size_t good = 0;
  for (int i = 0; i < 20'000; ++i) {
    OwnedWords words = everything_words();
    if (i % 2 == 0) {
      Everything message;
      fill(message, rng);
      words = words_of(frame_of<SampleMessages>(message));
    }
    for (uint64_t changes = rng.below(4); changes > 0; --changes) {
      const size_t at = rng.below(words.size());
      switch (rng.below(5)) {
        case 0:
          words[at] = std::to_string(rng.below(300));
          break;
        case 1:
          words[at] = std::to_string(rng.next());
          break;
        case 2:
          if (words.size() > 1) words.erase(words.begin() + static_cast<ptrdiff_t>(at));
          break;
        case 3:
          words.insert(words.begin() + static_cast<ptrdiff_t>(at), words[at]);
          break;
        default:
          if (!words[at].empty()) words[at][rng.below(words[at].size())] ^= 1;
      }
    }
    const auto seen = views(words);
    for (const PeerVersion version : {PeerVersion::same, PeerVersion::older, PeerVersion::newer}) {
      const auto decoded = SampleMessages::decode(seen, LinkKind::data, version);
      if (!decoded || version != PeerVersion::same) continue;
      ++good;
      // Only one form of a message is taken.
      REQUIRE(frame_of<SampleMessages>(*decoded) == testing::join_words(words));
    }
  }
  CHECK(good > 4000);
  CHECK(good < 15'000);
}

TEST_CASE("mac: HMAC-SHA256 as RFC 4231 has it", "[bus]") {
  const auto hex = [](const std::string& bytes) {
    std::string text;
    for (const char c : bytes) {
      text += "0123456789abcdef"[(c >> 4) & 15];
      text += "0123456789abcdef"[c & 15];
    }
    return text;
  };
  CHECK(hex(hmac_sha256(std::string(20, '\x0b'), "Hi There")) ==
        "b0344c61d8db38535ca8afceaf0bf12b881dc200c9833da726e9376c2e32cff7");
  CHECK(hex(hmac_sha256("Jefe", "what do ya want for nothing?")) ==
        "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843");
  CHECK(hex(hmac_sha256(std::string(131, '\xaa'),
                        "Test Using Larger Than Block-Size Key - Hash Key First")) ==
        "60e431591ee0b67f0d8a26aacbf5b77f8e0bc6213728c5140546040f0ee37f54");
  CHECK(equals_secretly("abc", "abc"));
  CHECK_FALSE(equals_secretly("abc", "abd"));
  CHECK_FALSE(equals_secretly("abc", "ab"));
  CHECK(equals_secretly("", ""));
}

}  // namespace quoris::bus
