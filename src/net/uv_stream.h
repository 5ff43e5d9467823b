// UvStream: a client connection over libuv, TCP or unix socket.
//
// Reading goes straight into the handler's buffer. Writing tries the socket at once; what it
// doesn't take waits in one chain, of which libuv gets a slice at a time, and each slice's memory
// is freed when it is through. An idle connection holds no buffer.
//
// Invariants: on_closed() is called once, behind a turn, never from within a call of the handler
// or of write(); so requests that came with the end of the stream are executed first, and what
// they had to say is sent to a peer that only shut its sending side. The handler is not called
// after on_closed(). on_drained() is called from the loop, and only after output had to wait.
// A pending write owns its bytes by itself: it outlives a stream that is destroyed.
// Limits: below. Errors: of a read or a write, they end in on_closed().
// Used by: Listener (makes), the core through Stream.
#pragma once

#include <uv.h>

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string>

#include "base/byte_chain.h"
#include "base/stream.h"
#include "net/deferred.h"
#include "net/event_loop.h"
#include "net/file_descriptor.h"
#include "net/socket_address.h"
#include "net/uv_handle.h"

namespace quoris::net {

// Bytes read from one connection per turn. More: fewer turns for bulk loads. Less: a shorter wait
// for everybody else behind a flooding client (256 KiB take about 0.1 ms to read).
inline constexpr size_t kReadPerTurnBytes = 256UL * 1024;

// Bytes offered to the socket at once, by write() and per slice of what waits: the longest time
// one reader as fast as we are can hold the loop, and the memory that is freed late.
inline constexpr size_t kSliceBytes = 1024UL * 1024;

// Pieces of a chain per system call.
inline constexpr size_t kPiecesPerWrite = 64;

// Bytes read and thrown away when a connection with unread input is closed: else the system sends
// a reset, and the peer may lose our last words.
inline constexpr size_t kDiscardBytes = 256UL * 1024;

class UvStream final : public Stream, private Deferred {
 public:
  // Both take a connected, non-blocking socket; nothing is read before attach().
  [[nodiscard]] static Result<std::unique_ptr<UvStream>> open_tcp(EventLoop& loop,
                                                                  FileDescriptor socket,
                                                                  const SocketAddress& peer);
  [[nodiscard]] static Result<std::unique_ptr<UvStream>> open_unix(EventLoop& loop,
                                                                   FileDescriptor socket);

  ~UvStream() override;

  // Starts reading. REQUIRES: called once; `handler` lives as Stream says.
  void attach(StreamHandler& handler);

  void write(ByteChain&& bytes) override;
  [[nodiscard]] size_t pending() const override;
  void pause_reading() override;
  void resume_reading() override;
  void close_after_write() override;
  [[nodiscard]] std::string peer_address() const override;
  [[nodiscard]] std::string local_address() const override;
  [[nodiscard]] int descriptor() const override;
  [[nodiscard]] bool is_local() const override;

  [[nodiscard]] bool is_unix() const override { return unix_; }

  [[nodiscard]] size_t unsent() const override;

  // What libuv needs per connection; the two kinds begin alike.
  union Socket {
    uv_stream_t stream;
    uv_tcp_t tcp;
    uv_pipe_t pipe;
  };

 private:
  // finishing: nothing is read any more, what waits is still sent. closed: nothing is sent any
  // more either, on_closed() is due or was called.
  enum class State : uint8_t { open, finishing, closed };

  struct WriteQueue;

  UvStream(EventLoop& loop, bool is_unix);

  [[nodiscard]] uv_stream_t* socket() const { return &socket_->stream; }

  void run_deferred() override;

  void start_reading();
  void stop_reading();
  [[nodiscard]] std::span<char> next_read_buffer();
  void read_done(ssize_t count);

  [[nodiscard]] int write_now(ByteChain& bytes);
  void start_slice();
  void slice_done(int status);
  static void on_slice_done(uv_write_t* request, int status);

  // The connection is of no use any more: drops what waits, tells the handler behind the turn.
  void fail();
  void discard_unread() const;

  EventLoop& loop_;
  StreamHandler* handler_ = nullptr;
  UvPtr<Socket> socket_;
  WriteQueue* queue_ = nullptr;  // owned by libuv's pending write; null when nothing waits
  uint64_t read_turn_ = 0;
  uint32_t read_bytes_ = 0;  // in read_turn_
  SocketAddress peer_;
  State state_ = State::open;
  bool unix_ = false;
  bool reading_ = false;
  bool paused_ = false;
  bool input_ended_ = false;  // end of the stream, or an error
  bool over_quota_ = false;   // the empty buffer that libuv was given was for fairness
};

// Ten thousand idle connections shall stay cheap; the session's own state comes on top.
static_assert(sizeof(UvStream) + sizeof(UvStream::Socket) < 512);

}  // namespace quoris::net
