// What a peer may send: frames of the channel's own messages and of a sample decoded (all others:
// control_messages_fuzz.cc), and the handshake fed with them on both sides. What was decoded by the
// strict rule has just one form, and no handshake succeeds.
#include <cstdint>
#include <string_view>
#include <vector>

#include "base/assert.h"
#include "cluster/bus/channel_messages.h"
#include "cluster/bus/handshake.h"
#include "resp/request_reader.h"

namespace {

using namespace quoris::bus;

enum class Shape : uint8_t { round, square };

struct Inner {
  int32_t number = 0;
  std::vector<std::string> names;
  static constexpr auto kFields = std::make_tuple(&Inner::number, &Inner::names);
};

struct Outer {
  uint64_t id = 0;
  Shape shape = Shape::round;
  std::optional<Inner> inner;
  std::vector<Inner> list;
  bool flag = false;
  static constexpr size_t kFieldsAtFirst = 3;
  static constexpr auto kFields =
      std::make_tuple(&Outer::id, &Outer::shape, &Outer::inner, &Outer::list, &Outer::flag);
};

using Messages =
    JoinedTable<ChannelMessages, MessageTable<Row<"OUTER", 10, LinkKind::control, Outer>>>;

std::string encoded(const Messages::Message& message) {
  quoris::ByteChain chain;
  Messages::encode(message, chain);
  std::vector<std::string_view> pieces;
  chain.pieces(pieces, SIZE_MAX);
  std::string text;
  for (const std::string_view piece : pieces) text += piece;
  return text;
}

void check_decoding(Words words) {
  for (const PeerVersion version : {PeerVersion::same, PeerVersion::older, PeerVersion::newer}) {
    const auto message = Messages::decode(words, LinkKind::control, version);
    if (!message || version != PeerVersion::same) continue;
    quoris::resp::RequestReader reader;
    QUORIS_ASSERT(reader.feed(encoded(*message), {}) == quoris::resp::ReadStatus::ok);
    QUORIS_ASSERT(reader.commands().size() == 1);
    const auto again = reader.arguments(reader.commands()[0]);
    QUORIS_ASSERT(std::vector(again.begin(), again.end()) ==
                  std::vector(words.begin(), words.end()));
  }
}

LocalNode node(char digit) {
  LocalNode local;
  local.cluster = "orchard";
  local.secret = "sesame";
  local.facts.identity = std::string(kIdentityDigits, digit);
  return local;
}

}  // namespace

// NOLINTNEXTLINE(readability-identifier-naming): libFuzzer calls it by this name
extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  quoris::resp::RequestReader reader;
  static_cast<void>(reader.feed({reinterpret_cast<const char*>(data), size},
                                {.bulk_max = 1 << 20, .buffer_max = 8 << 20}));
  Handshake caller = Handshake::begin(node('1'), {}, std::string(kNonceBytes, 'a'));
  Handshake called = Handshake::await(node('2'), std::string(kNonceBytes, 'b'));
  for (const auto& command : reader.commands()) {
    const Words words = reader.arguments(command);
    check_decoding(words);
    QUORIS_ASSERT(caller.on_frame(words) != Handshake::Next::admit);
    QUORIS_ASSERT(called.on_frame(words) != Handshake::Next::admit);
  }
  return 0;
}
