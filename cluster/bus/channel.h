// Channel: the bus, speaking the messages of a table.
//
//   Channel<Messages> channel(bus);
//   channel.send(NodeNumber{3}, raft::Vote{...});
//   auto message = channel.decode(from, words);   // in BusOwner::on_message
//
// Used by: cluster/control, tests.
#pragma once

#include "cluster/bus/bus.h"
#include "cluster/bus/message_table.h"

namespace quoris::bus {

template <class Table>
class Channel {
 public:
  using Message = typename Table::Message;

  // REQUIRES: `bus` outlives this.
  explicit Channel(Bus& bus) : bus_(bus) {}

  // One of the table's structs, or its variant; `to` is a NodeNumber, or a PeerId for who has none.
  template <class To, class T>
  [[nodiscard]] SendResult send(To to, const T& message) {
    ByteChain frame;
    Table::encode(message, frame);
    if constexpr (std::same_as<T, Message>) {
      return bus_.send(to, Table::row_of(message).link, frame);
    } else {
      return bus_.send(to, Table::template row_of<T>().link, frame);
    }
  }

  [[nodiscard]] static Result<Message> decode(const Sender& from, Words words) {
    return Table::decode(words, from.link, from.version);
  }

 private:
  Bus& bus_;
};

}  // namespace quoris::bus
