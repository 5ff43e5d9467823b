// Messages of all shapes for the tests of codec, table and bus, and random values for any message.
#pragma once

#include <cstdint>
#include <limits>
#include <optional>
#include <string>
#include <tuple>
#include <vector>

#include "base/byte_chain.h"
#include "base/env.h"
#include "base/ids.h"
#include "cluster/bus/message_table.h"

namespace quoris::bus::testing {

enum class Color : uint8_t { red, green, blue = 7 };

struct Point {
  int32_t x = 0;
  uint8_t y = 0;

  bool operator==(const Point&) const = default;
  static constexpr auto kFields = std::make_tuple(&Point::x, &Point::y);
};

struct Everything {
  uint64_t large = 0;
  int64_t negative = 0;
  int8_t small = 0;
  uint16_t port = 0;
  bool flag = false;
  Color color = Color::red;
  Term term{0};
  NodeNumber node{0};
  std::string bytes{};
  Point point;
  std::vector<uint32_t> numbers;
  std::vector<Point> points;
  std::vector<std::string> words;
  std::optional<int16_t> maybe;
  std::optional<Point> maybe_point;
  std::vector<std::optional<std::vector<Color>>> nested;

  bool operator==(const Everything&) const = default;
  static constexpr auto kFields = std::make_tuple(
      &Everything::large, &Everything::negative, &Everything::small, &Everything::port,
      &Everything::flag, &Everything::color, &Everything::term, &Everything::node,
      &Everything::bytes, &Everything::point, &Everything::numbers, &Everything::points,
      &Everything::words, &Everything::maybe, &Everything::maybe_point, &Everything::nested);
};

struct Nothing {
  bool operator==(const Nothing&) const = default;
  static constexpr auto kFields = std::make_tuple();
};

struct Note {
  uint64_t number = 0;
  std::string text{};

  bool operator==(const Note&) const = default;
  static constexpr auto kFields = std::make_tuple(&Note::number, &Note::text);
};

struct Chunk {
  uint64_t offset = 0;
  std::string bytes{};

  bool operator==(const Chunk&) const = default;
  static constexpr auto kFields = std::make_tuple(&Chunk::offset, &Chunk::bytes);
};

struct Record {
  uint64_t number = 0;
  std::string bytes{};

  bool operator==(const Record&) const = default;
  static constexpr auto kFields = std::make_tuple(&Record::number, &Record::bytes);
};

using SampleMessages = MessageTable<
    Row<"NOTE", 100, LinkKind::control, Note>, Row<"NOTHING", 101, LinkKind::control, Nothing>,
    Row<"EVERYTHING", 102, LinkKind::data, Everything>, Row<"RECORD", 104, LinkKind::data, Record>,
    Row<"CHUNK", 103, LinkKind::bulk, Chunk>>;

inline std::string text_of(const ByteChain& chain) {
  std::vector<std::string_view> pieces;
  chain.pieces(pieces, SIZE_MAX);
  std::string text{};
  for (const std::string_view piece : pieces) text += piece;
  return text;
}

// The frame as it stands on the wire.
template <class Table, class T>
std::string frame_of(const T& message) {
  ByteChain chain;
  Table::encode(message, chain);
  return text_of(chain);
}

// --- random values --------------------------------------------------------------------------

template <class T>
void fill(T& out, Rng& rng) {
  if constexpr (HasFields<T>) {
    std::apply([&](auto... field) { (fill(out.*field, rng), ...); }, T::kFields);
  } else if constexpr (kIsVector<T>) {
    out.resize(rng.below(4));
    for (auto& item : out) fill(item, rng);
  } else if constexpr (kIsOptional<T>) {
    out.reset();
    if (rng.below(2) == 0) fill(out.emplace(), rng);
  } else if constexpr (std::same_as<T, std::string>) {
    out.resize(rng.below(8) == 0 ? rng.below(2000) : rng.below(12));
    for (char& c : out) c = static_cast<char>(rng.below(256));
  } else if constexpr (std::same_as<T, bool>) {
    out = rng.below(2) == 1;
  } else if constexpr (Choice<T>) {
    uint8_t value = 0;
    do {
      value = static_cast<uint8_t>(rng.below(16));
    } while (!kNamedValues<T>[value]);
    out = static_cast<T>(value);
  } else if constexpr (std::is_enum_v<T>) {
    std::underlying_type_t<T> value{};
    fill(value, rng);
    out = static_cast<T>(value);
  } else {
    using Limits = std::numeric_limits<T>;
    const uint64_t kind = rng.below(4);
    out = kind == 0 ? Limits::max() : kind == 1 ? Limits::min() : static_cast<T>(rng.next());
  }
}

}  // namespace quoris::bus::testing
