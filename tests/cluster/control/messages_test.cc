// The bytes of every message between nodes, in a data file whose changes are to be reviewed:
// transcripts/messages.txt. QUORIS_UPDATE_TRANSCRIPTS=1 writes it anew.
#include "cluster/control/messages.h"

#include <fmt/format.h>

#include <algorithm>
#include <catch2/catch.hpp>
#include <cstdlib>
#include <fstream>
#include <sstream>

#include "base/fields.h"
#include "base/text.h"
#include "tests/cluster/bus/frames.h"
#include "tests/cluster/bus/sample_messages.h"

namespace quoris::control {
namespace {

// Values that differ from field to field; lists have one element.
template <class T>
void fill(T& value, uint64_t& count) {
  if constexpr (HasFields<T>) {
    for_each_field(value, [&count](auto& field) { fill(field, count); });
  } else if constexpr (kIsVector<T>) {
    value.resize(1);
    fill(value.front(), count);
  } else if constexpr (kIsOptional<T>) {
    value.emplace();
    fill(*value, count);
  } else if constexpr (std::same_as<T, std::string>) {
    value = fmt::format("s{}", ++count);
  } else if constexpr (std::same_as<T, bool>) {
    value = true;
  } else if constexpr (std::is_enum_v<T> && sizeof(T) == 1) {
    value = static_cast<T>(1);  // a choice: each has one of that number
  } else {
    value = static_cast<T>(++count);
  }
}

template <class Row>
std::string frame_of(uint64_t& count) {
  typename Row::Message message{};
  fill(message, count);
  ByteChain frame;
  ControlMessages::encode(message, frame);
  return bus::testing::text_of(frame);
}

template <class... Rows>
std::vector<std::string> frames(bus::MessageTable<Rows...> /*table*/) {
  uint64_t count = 0;
  return {frame_of<Rows>(count)...};
}

}  // namespace

TEST_CASE("messages: what stands on the wire is what the file says", "[control]") {
  std::string text;
  const std::vector<std::string> all = frames(ControlMessages{});
  REQUIRE(all.size() == ControlMessages::kRows.size());
  for (size_t i = 0; i < all.size(); ++i) {
    const bus::RowInfo& row = ControlMessages::kRows[i];
    text += fmt::format("{} {} {}\n", row.ordinal, name_of(row.link), quote_for_display(all[i]));
  }
  const std::string path = std::string(QUORIS_CONTROL_TRANSCRIPTS) + "/messages.txt";
  if (std::getenv("QUORIS_UPDATE_TRANSCRIPTS") != nullptr) {
    std::ofstream(path, std::ios::binary) << text;
  }
  std::ifstream file(path, std::ios::binary);
  REQUIRE(file);
  std::ostringstream expected;
  expected << file.rdbuf();
  CHECK(text == expected.str());
}

TEST_CASE("messages: what was encoded is decoded, and encodes the same again", "[control]") {
  for (const std::string& frame : frames(ControlMessages{})) {
    const auto lists = bus::testing::split_frames(frame);
    REQUIRE(lists.size() == 1);
    const std::vector<std::string_view> words(lists[0].begin(), lists[0].end());
    const auto& link = *std::ranges::find(ControlMessages::kRows, words[0], &bus::RowInfo::name);
    auto message = ControlMessages::decode(words, link.link, bus::PeerVersion::same);
    INFO(frame);
    REQUIRE(message);
    ByteChain again;
    ControlMessages::encode(*message, again);
    CHECK(bus::testing::text_of(again) == frame);
  }
}

TEST_CASE("messages: no ordinal and no name stands twice, the channel's own included",
          "[control]") {
  CHECK(AllMessages::kRows.size() ==
        bus::ChannelMessages::kRows.size() + ControlMessages::kRows.size());
}

}  // namespace quoris::control
