// Connection: one link as a state machine over a Stream: it connects, shakes hands, carries frames
// both ways, and ends when its peer is silent, malformed or gone.
//
// Whoever began it sends HEARTBEAT, the other answers; either side closes after silence. What is
// sent is gathered and written once per turn (flush()). What was read is parsed at once and handled
// in the turn (take_frames()). A connection never connects anew; its owner makes another one.
//
// Until the peer has proved itself, it may send little, slowly never, and only the handshake; a
// client that went astray gets PONG for PING and an error for the rest.
//
// Invariants: frames leave and are handed over in order; on_end() is called once, and nothing
// afterwards; the stream is gone then. The owner destroys a connection only between turns.
// Limits: bus_options.h. Used by: Bus.
#pragma once

#include <cstdint>
#include <deque>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "base/byte_chain.h"
#include "base/env.h"
#include "base/transport.h"
#include "cluster/bus/bus_options.h"
#include "cluster/bus/handshake.h"
#include "cluster/bus/link_counters.h"
#include "cluster/fault/fault_rules.h"
#include "resp/request_reader.h"

namespace quoris::bus {

// What becomes of a message that is to be sent.
enum class SendResult : uint8_t {
  sent,       // it is on its way, or the link goes down
  not_open,   // surely not sent
  full,       // surely not sent: too much waits
  too_large,  // surely not sent, and never will be
};

enum class EndReason : uint8_t {
  unreachable,  // could not connect
  gone,         // closed by the peer, or the connection broke
  silent,       // nothing was heard for too long; a handshake that took too long
  refused,      // by either side, see notice()
  malformed,    // the peer sent what no peer sends
  client,       // it was none of ours
  replaced,     // by us: there is a newer one
  dropped,      // by us: the peer is not wanted any more
};

[[nodiscard]] std::string_view name_of(EndReason reason);

// How the bus names a peer that it knows by identity, member or not. Never reused.
enum class PeerId : uint32_t {};

class Connection;

// The bus, as a connection sees it.
class ConnectionOwner {
 public:
  virtual ~ConnectionOwner() = default;

  // The peer has proved who it is; a notice refuses it.
  [[nodiscard]] virtual std::optional<Notice> admit(Connection& connection) = 0;
  virtual void on_open(Connection& connection) = 0;
  // A whole frame of an open link. False: malformed, the link is to be closed.
  [[nodiscard]] virtual bool on_frame(Connection& connection, Words words) = 0;
  // There is something for take_frames(), for flush().
  virtual void on_readable(Connection& connection) = 0;
  virtual void on_writable(Connection& connection) = 0;
  // Half of the queue is free again, after a message was not taken.
  virtual void on_room(Connection& connection) = 0;
  virtual void on_end(Connection& connection, EndReason reason) = 0;
  // Fault rules: nothing goes this way.
  [[nodiscard]] virtual bool is_cut(const Connection& connection, fault::Way way) const = 0;
};

class Connection final : public ConnectHandler {
 public:
  // Calling: not yet connected. Closing: last words are on their way.
  enum class State : uint8_t { calling, shaking_hands, open, closing, ended };

  // What a connection works with; all of it outlives it.
  struct Context {
    ConnectionOwner& owner;
    const BusOptions& options;
    Clock& clock;
    Rng& rng;
    const LocalNode& local;
  };

  struct Target {
    HostPort address;
    LinkKind link = LinkKind::control;
    std::string identity{};  // empty: whoever is there
    NodeNumber number{0};    // 0: unknown
  };

  // `counters` may be exchanged by count_into(); it outlives the connection. `serial` tells
  // connections apart.
  Connection(const Context& context, LinkCounters& counters, uint64_t serial);

  // One of the two, once.
  void call(Transport& transport, const Target& target);
  void take(std::unique_ptr<Stream> stream);

  [[nodiscard]] uint64_t serial() const { return serial_; }

  // Whose it is, once the owner knows.
  [[nodiscard]] std::optional<PeerId> peer() const { return peer_; }

  void set_peer(PeerId peer) { peer_ = peer; }

  [[nodiscard]] State state() const { return state_; }

  [[nodiscard]] bool is_open() const { return state_ == State::open; }

  [[nodiscard]] bool began_here() const { return target_.has_value(); }

  // REQUIRES: began_here().
  [[nodiscard]] const Target& target() const { return *target_; }

  // Before the handshake says so: of the target, of the HELLO.
  [[nodiscard]] LinkKind link() const;

  // What the peer says of itself, from its first message on.
  [[nodiscard]] const Handshake& handshake() const { return *handshake_; }

  // The target's, or the one that a stranger claims.
  [[nodiscard]] NodeNumber claimed_number() const;

  // Why it was refused; by the peer, and by one who knows the secret.
  [[nodiscard]] const Notice& notice() const { return notice_; }

  [[nodiscard]] bool refused_by_peer() const { return refused_by_peer_; }

  [[nodiscard]] bool refusal_is_proven() const { return refusal_is_proven_; }

  // "127.0.0.1:54321" of an incoming one, "host:port" as it was called.
  [[nodiscard]] const std::string& peer_address() const { return peer_address_; }

  // When the peer's clock read handshake().peer().wall_us, ours read this.
  [[nodiscard]] int64_t greeted_wall_us() const { return greeted_wall_us_; }

  // Of the last heartbeat that was answered; nothing before.
  [[nodiscard]] std::optional<uint64_t> round_trip_us() const { return round_trip_us_; }

  [[nodiscard]] std::optional<int64_t> clock_offset_us() const { return clock_offset_us_; }

  // It is, or has been.
  [[nodiscard]] bool was_open() const { return was_open_; }

  [[nodiscard]] uint64_t opened_ns() const { return opened_ns_; }

  [[nodiscard]] size_t queued_bytes() const;

  [[nodiscard]] size_t queued_messages() const { return unsent_ends_.size(); }

  void count_into(LinkCounters& counters) { counters_ = &counters; }

  // Takes the frame if there is room, for the turn's write.
  [[nodiscard]] SendResult send(ByteChain& frame);

  // Handles what was read since the last time.
  void take_frames();
  // The turn's one write.
  void flush();
  // Heartbeats, silence, deadlines. `lateness_ns`: for so long this node itself did not run.
  void tick(uint64_t now_ns, uint64_t lateness_ns);

  void end(EndReason reason);

  // --- ConnectHandler -------------------------------------------------------------------------
  void on_connected() override;
  void on_failed(const Error& error) override;
  [[nodiscard]] std::span<char> read_buffer() override;
  void on_read(size_t count) override;
  void on_drained() override;
  void on_closed() override;

 private:
  void handle(Words words);
  void handle_handshake(Words words);
  void handle_open(Words words);
  void decide();
  void answer_client(Words words);
  void on_heartbeat(const Heartbeat& heartbeat);
  void on_heartbeat_ack(const HeartbeatAck& ack);

  // For what the connection itself has to say; fault rules may swallow it.
  void say(std::string_view frame);
  template <HasFields T>
  void say_message(const T& message);
  // Sends what waits, then closes.
  void end_after_write(EndReason reason);
  void note_refusal(bool by_peer);
  void note_output(size_t bytes);
  void forget_sent();
  [[nodiscard]] std::string nonce() const;
  [[nodiscard]] resp::RequestLimits read_limits() const;

  Context context_;
  LinkCounters* counters_;
  uint64_t serial_;
  std::optional<PeerId> peer_;
  std::optional<Target> target_;
  std::string peer_address_;
  std::unique_ptr<Stream> stream_;
  State state_ = State::calling;
  resp::RequestReader reader_;
  resp::ReadStatus input_ = resp::ReadStatus::ok;
  bool announced_ = false;  // to on_readable()
  bool paused_ = false;     // too much is read and not handled
  size_t stranger_bytes_ = 0;

  std::optional<Handshake> handshake_;
  int64_t greeted_wall_us_ = 0;
  Notice notice_;
  bool refused_by_peer_ = false;
  bool refusal_is_proven_ = false;
  EndReason closing_reason_ = EndReason::gone;

  uint64_t deadline_ns_ = 0;  // of every state but open
  uint64_t heard_ns_ = 0;
  uint64_t next_heartbeat_ns_ = 0;
  uint64_t opened_ns_ = 0;
  bool was_open_ = false;
  std::optional<uint64_t> round_trip_us_;
  std::optional<int64_t> clock_offset_us_;

  ByteChain out_;                     // of this turn
  uint64_t appended_ = 0;             // bytes, ever
  std::deque<uint64_t> unsent_ends_;  // of messages: `appended_` behind each that waits
  bool was_full_ = false;
  bool dirty_ = false;  // on_writable() was told
};

}  // namespace quoris::bus
