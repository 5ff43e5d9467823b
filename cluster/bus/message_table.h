// The table of messages: one row declares a message, everything else derives from it.
//
//   using Messages = MessageTable<Row<"PING", 10, LinkKind::control, membership::Ping>,
//                                 Row<"VOTE", 20, LinkKind::control, raft::Vote>, ...>;
//   Messages::Message   a std::variant of all structs, in the order of the rows
//   Messages::encode(message, out); Messages::decode(words, link, version)
//
// Invariants (checked by the compiler): names, ordinals and structs are unique. Ordinals are
// append-only and never reused, as are names: a retired message's row stays. On the wire a message
// goes by its name; ordinals number it in counters and traces.
// Used by: cluster/control (all messages), channel_messages.h (the channel's own).
#pragma once

#include <algorithm>
#include <array>
#include <string>
#include <string_view>
#include <utility>
#include <variant>

#include "base/byte_chain.h"
#include "base/result.h"
#include "cluster/bus/codec.h"
#include "cluster/bus/link_kind.h"

namespace quoris::bus {

// A message's name as a template argument.
template <size_t kSize>
struct MessageName {
  char text[kSize]{};

  // NOLINTNEXTLINE(google-explicit-constructor): a literal is to become one
  consteval MessageName(const char (&literal)[kSize]) { std::copy_n(literal, kSize, text); }

  [[nodiscard]] constexpr std::string_view view() const { return {text, kSize - 1}; }
};

template <MessageName kMessageName, uint16_t kMessageOrdinal, LinkKind kMessageLink, HasFields T>
struct Row {
  using Message = T;
  static constexpr auto kName = kMessageName;
  static constexpr uint16_t kOrdinal = kMessageOrdinal;
  static constexpr LinkKind kLink = kMessageLink;
};

// A row as a value, for lists and counters.
struct RowInfo {
  std::string_view name;
  uint16_t ordinal = 0;
  LinkKind link = LinkKind::control;
  size_t fields = 0;
};

// No two rows share a name or an ordinal.
template <class... Rows>
[[nodiscard]] consteval bool are_unique() {
  const std::array<std::string_view, sizeof...(Rows)> names{Rows::kName.view()...};
  const std::array<uint16_t, sizeof...(Rows)> ordinals{Rows::kOrdinal...};
  for (size_t i = 0; i < sizeof...(Rows); ++i) {
    for (size_t j = 0; j < i; ++j) {
      if (names[i] == names[j] || ordinals[i] == ordinals[j]) return false;
    }
  }
  return true;
}

// Where T stands among Ts; their number if it doesn't.
template <class T, class... Ts>
[[nodiscard]] consteval size_t index_in() {
  size_t index = 0;
  static_cast<void>(((std::same_as<T, Ts> || (++index, false)) || ...));
  return index;
}

template <class... Rows>
class MessageTable {
 public:
  using Message = std::variant<typename Rows::Message...>;

  static constexpr std::array<RowInfo, sizeof...(Rows)> kRows{RowInfo{
      Rows::kName.view(), Rows::kOrdinal, Rows::kLink, kFieldCount<typename Rows::Message>}...};

  template <class T>
  [[nodiscard]] static constexpr const RowInfo& row_of() {
    constexpr size_t kIndex = index_in<T, typename Rows::Message...>();
    static_assert(kIndex < sizeof...(Rows), "no row for this message");
    return kRows[kIndex];
  }

  [[nodiscard]] static const RowInfo& row_of(const Message& message) {
    return kRows[message.index()];
  }

  // Appends the frame of one of the rows' structs.
  template <HasFields T>
  static void encode(const T& message, ByteChain& out) {
    encode_message(row_of<T>().name, message, out);
  }

  static void encode(const Message& message, ByteChain& out) {
    std::visit([&](const auto& one) { encode(one, out); }, message);
  }

  // What came over a link. Errors: unsupported for a name that no row has; corrupt for all else
  // that is wrong, the link among it.
  [[nodiscard]] static Result<Message> decode(Words words, LinkKind link, PeerVersion version) {
    if (words.empty()) return Error{Errc::corrupt, "a message without a name"};
    const auto found = std::ranges::lower_bound(kByName, words.front(), {}, &Decoder::name);
    if (found == kByName.end() || found->name != words.front()) {
      return Error{Errc::unsupported, "no message has this name"};
    }
    if (found->link != link) {
      return Error{Errc::corrupt,
                   std::string(found->name) + " on the " + std::string(name_of(link)) + " link"};
    }
    return found->decode(words, version);
  }

 private:
  struct Decoder {
    std::string_view name;
    LinkKind link = LinkKind::control;
    Result<Message> (*decode)(Words, PeerVersion) = nullptr;
  };

  template <class T>
  static Result<Message> decode_as(Words words, PeerVersion version) {
    auto decoded = decode_message<T>(words, version);
    if (!decoded) return decoded.error();
    return Message(std::move(*decoded));
  }

  static constexpr auto kByName = [] {
    std::array<Decoder, sizeof...(Rows)> decoders{
        Decoder{Rows::kName.view(), Rows::kLink, &decode_as<typename Rows::Message>}...};
    std::ranges::sort(decoders, {}, &Decoder::name);
    return decoders;
  }();

  static_assert(are_unique<Rows...>(), "two rows share a name or an ordinal");
};

// The rows of several tables in one, in their order.
template <class... Tables>
struct Joined;

template <class... Rows>
struct Joined<MessageTable<Rows...>> {
  using Table = MessageTable<Rows...>;
};

template <class... First, class... Second, class... Others>
struct Joined<MessageTable<First...>, MessageTable<Second...>, Others...> {
  using Table = typename Joined<MessageTable<First..., Second...>, Others...>::Table;
};

template <class... Tables>
using JoinedTable = typename Joined<Tables...>::Table;

}  // namespace quoris::bus
