// A client connection as the core sees it, and the core's session as the edge sees it.
//
// Stream is implemented by src/net over libuv and by the simulator; StreamHandler by
// server::Session. The edge reads straight into the handler's buffer, tells it how much came, and
// runs the node's turn once all readable sockets have been read (TurnHandler). The core hands
// replies over once per turn. All on the reactor thread.
#pragma once

#include <cstddef>
#include <memory>
#include <span>
#include <string>

#include "base/byte_chain.h"

namespace quoris {

class Stream {
 public:
  // Destroying a stream closes the connection at once; what was not sent yet is dropped, and no
  // handler is called any more.
  virtual ~Stream() = default;

  // Takes all of `bytes`, sends what the socket takes now and the rest as it drains, freeing
  // memory on the way.
  virtual void write(ByteChain&& bytes) = 0;

  // Bytes of memory (not only of data) that wait for the socket.
  [[nodiscard]] virtual size_t pending() const = 0;

  // Bytes of data among them: tells whether a slow reader makes progress.
  [[nodiscard]] virtual size_t unsent() const = 0;

  // Stops and starts the reading of requests: a session that must not be served now.
  virtual void pause_reading() = 0;
  virtual void resume_reading() = 0;

  // Sends what is pending, then closes and calls on_closed. Reads nothing more.
  virtual void close_after_write() = 0;

  // "127.0.0.1:54321", "[::1]:54321" or "/path/to.sock:0", as CLIENT LIST shows them.
  [[nodiscard]] virtual std::string peer_address() const = 0;
  [[nodiscard]] virtual std::string local_address() const = 0;

  // The file descriptor, for CLIENT LIST; -1 where there is none.
  [[nodiscard]] virtual int descriptor() const = 0;

  // True for a unix socket or an address of the loopback interface (protected mode).
  [[nodiscard]] virtual bool is_local() const = 0;
  [[nodiscard]] virtual bool is_unix() const = 0;
};

class StreamHandler {
 public:
  virtual ~StreamHandler() = default;

  // Where the next bytes go; empty: read nothing now. Followed by on_read, or by another call.
  [[nodiscard]] virtual std::span<char> read_buffer() = 0;

  // `count` bytes are in read_buffer(). Only parses; nothing is executed before the turn.
  virtual void on_read(size_t count) = 0;

  // All pending output has been sent.
  virtual void on_drained() = 0;

  // The peer is gone, or close_after_write() is through. The stream may be destroyed within.
  virtual void on_closed() = 0;
};

// What the edge runs after it has read from all sockets that had something to say.
class TurnHandler {
 public:
  virtual ~TurnHandler() = default;

  virtual void run_turn() = 0;

  // True when there is work left that needs no new input (a turn cut short for fairness): the
  // loop must not sleep.
  [[nodiscard]] virtual bool wants_turn() const = 0;
};

// Who takes new connections.
class StreamAcceptor {
 public:
  virtual ~StreamAcceptor() = default;

  // Takes the stream; the handler lives until its on_closed() or until it destroys the stream.
  // Null: refused (an error may have been written; the stream is gone).
  virtual StreamHandler* accept(std::unique_ptr<Stream> stream) = 0;

  // A connection was closed unseen, because the system had no descriptor left for it.
  virtual void on_unserved() = 0;
};

}  // namespace quoris
