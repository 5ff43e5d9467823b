// Everything that members say to each other: frames of all messages of control, Raft and gossip.
//
// A frame that is decoded is encoded again, and decoded to the same; of a peer of our own version
// it has just one form. A fuzzer seldom finds a whole frame by itself, so the bytes are taken in
// three ways: as RESP, as the words of one message (a line each), and as the values of its fields.
// Raft's messages go through is_valid(), a proposal's change and a newcomer's map through their own
// decoders.
#include <algorithm>
#include <array>
#include <concepts>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "base/assert.h"
#include "base/byte_chain.h"
#include "base/fields.h"
#include "cluster/control/messages.h"
#include "cluster/topology/map_codec.h"
#include "resp/request_reader.h"

namespace quoris::control {
namespace {

using bus::LinkKind;
using bus::PeerVersion;
using bus::Words;

using OwnedWords = std::vector<std::string>;

OwnedWords encoded(const ControlMessages::Message& message) {
  ByteChain chain;
  ControlMessages::encode(message, chain);
  std::vector<std::string_view> pieces;
  chain.pieces(pieces, SIZE_MAX);
  std::string text;
  for (const std::string_view piece : pieces) text += piece;
  resp::RequestReader reader;
  QUORIS_ASSERT(reader.feed(text, {}) == resp::ReadStatus::ok);
  QUORIS_ASSERT(reader.commands().size() == 1);
  const auto words = reader.arguments(reader.commands()[0]);
  return {words.begin(), words.end()};
}

template <class T, class Variant>
inline constexpr bool kIsIn = false;
template <class T, class... Ts>
inline constexpr bool kIsIn<T, std::variant<Ts...>> = (std::same_as<T, Ts> || ...);

template <class T>
void check_meaning(const T& message) {
  if constexpr (kIsIn<T, raft::Message>) {
    if (!raft::is_valid(raft::Message(message))) return;
    QUORIS_ASSERT(raw(message.term) <= raft::kNumberMax);
    if constexpr (std::same_as<T, raft::Append>) {
      for (size_t i = 0; i < message.entries.size(); ++i) {
        QUORIS_ASSERT(raw(message.entries[i].index) == raw(message.previous_index) + i + 1);
      }
    } else if constexpr (std::same_as<T, raft::SnapshotChunk>) {
      QUORIS_ASSERT(message.offset + message.bytes.size() <= message.size);
    }
  } else if constexpr (std::same_as<T, Propose>) {
    const auto change = topology::decode_change(message.change);
    if (change) QUORIS_ASSERT(topology::encode_change(*change) == message.change);
  } else if constexpr (std::same_as<T, JoinAnswer>) {
    const auto map = topology::decode_map(message.map);
    if (map) QUORIS_ASSERT(topology::encode_map(*map) == message.map);
  }
}

void check_message(const ControlMessages::Message& message) {
  const OwnedWords words = encoded(message);
  const std::vector<std::string_view> views(words.begin(), words.end());
  const LinkKind link = ControlMessages::row_of(message).link;
  const auto again = ControlMessages::decode(views, link, PeerVersion::same);
  QUORIS_ASSERT(again);
  QUORIS_ASSERT(again->index() == message.index());
  QUORIS_ASSERT(encoded(*again) == words);
  std::visit([](const auto& one) { check_meaning(one); }, *again);
}

// --- what came --------------------------------------------------------------------------------

void check_frame(Words words) {
  for (const LinkKind link : bus::kLinkKinds) {
    for (const PeerVersion version : {PeerVersion::same, PeerVersion::older, PeerVersion::newer}) {
      const auto message = ControlMessages::decode(words, link, version);
      if (!message) continue;
      QUORIS_ASSERT(ControlMessages::row_of(*message).link == link);
      check_message(*message);
      if (version != PeerVersion::same) continue;
      const OwnedWords form = encoded(*message);
      QUORIS_ASSERT(std::equal(form.begin(), form.end(), words.begin(), words.end()));
    }
  }
}

void check_frames(std::string_view bytes) {
  resp::RequestReader reader;
  static_cast<void>(reader.feed(bytes, {.bulk_max = 1 << 20, .buffer_max = 8 << 20}));
  for (const auto& command : reader.commands()) check_frame(reader.arguments(command));
}

// The first byte chooses the message, each line is an element.
void check_lines(std::string_view bytes) {
  const size_t row = static_cast<uint8_t>(bytes.front()) % ControlMessages::kRows.size();
  std::vector<std::string_view> words{ControlMessages::kRows[row].name};
  bytes.remove_prefix(1);
  while (!bytes.empty()) {
    const size_t end = std::min(bytes.find('\n'), bytes.size());
    words.push_back(bytes.substr(0, end));
    bytes.remove_prefix(std::min(end + 1, bytes.size()));
  }
  check_frame(words);
}

// --- what could be sent -----------------------------------------------------------------------

constexpr size_t kItemsMax = 4;
constexpr size_t kTextMax = 64;

// Values out of bytes; zeros when there are none any more.
class Source {
 public:
  explicit Source(std::string_view bytes) : bytes_(bytes) {}

  uint8_t byte() {
    if (bytes_.empty()) return 0;
    const auto value = static_cast<uint8_t>(bytes_.front());
    bytes_.remove_prefix(1);
    return value;
  }

  // Small ones in few bytes: what is sane has small numbers.
  uint64_t number() {
    uint64_t value = 0;
    for (size_t left = byte() % (sizeof value + 1); left > 0; --left) value = (value << 8) | byte();
    return value;
  }

  std::string_view text() {
    const size_t wanted = byte() % (kTextMax + 1);
    const std::string_view taken = bytes_.substr(0, wanted);
    bytes_.remove_prefix(taken.size());
    return taken;
  }

 private:
  std::string_view bytes_;
};

template <class T>
void fill(T& out, Source& source) {
  if constexpr (HasFields<T>) {
    for_each_field(out, [&source](auto& field) { fill(field, source); });
  } else if constexpr (kIsVector<T>) {
    out.resize(source.byte() % (kItemsMax + 1));
    for (auto& item : out) fill(item, source);
  } else if constexpr (kIsOptional<T>) {
    if (source.byte() % 2 == 1) fill(out.emplace(), source);
  } else if constexpr (std::same_as<T, std::string>) {
    out = source.text();
  } else if constexpr (std::same_as<T, bool>) {
    out = source.byte() % 2 == 1;
  } else if constexpr (bus::Choice<T>) {
    uint8_t value = source.byte();
    while (!bus::kNamedValues<T>[value]) ++value;  // around, to the next one that has a name
    out = static_cast<T>(value);
  } else {
    out = static_cast<T>(source.number());
  }
}

template <class T>
ControlMessages::Message made(Source& source) {
  T message{};
  fill(message, source);
  return message;
}

template <class... Rows>
ControlMessages::Message make(bus::MessageTable<Rows...> /*table*/, size_t row, Source& source) {
  using Make = ControlMessages::Message (*)(Source&);
  constexpr std::array<Make, sizeof...(Rows)> kMakers{&made<typename Rows::Message>...};
  return kMakers.at(row)(source);
}

void check_values(std::string_view bytes) {
  Source source(bytes);
  const size_t row = source.byte() % ControlMessages::kRows.size();
  check_message(make(ControlMessages{}, row, source));
}

}  // namespace
}  // namespace quoris::control

// NOLINTNEXTLINE(readability-identifier-naming): libFuzzer calls it by this name
extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const std::string_view bytes(reinterpret_cast<const char*>(data), size);
  quoris::control::check_frames(bytes);
  if (!bytes.empty()) quoris::control::check_lines(bytes);
  quoris::control::check_values(bytes);
  return 0;
}
