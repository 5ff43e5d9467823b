#include "net/uv_stream.h"

#include <sys/socket.h>
#include <sys/un.h>

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstring>
#include <string_view>
#include <utility>

#include "base/assert.h"
#include "net/os_error.h"

namespace quoris::net {

namespace {

// The first pieces of `chain`, at most `limit_bytes` of them, as libuv wants them.
struct Slice {
  std::array<uv_buf_t, kPiecesPerWrite> buffers{};
  unsigned count = 0;
  size_t bytes = 0;
};

void fill_slice(Slice& slice, const ByteChain& chain, std::vector<std::string_view>& pieces,
                size_t limit_bytes) {
  pieces.clear();
  chain.pieces(pieces, kPiecesPerWrite);
  for (const std::string_view piece : pieces) {
    const size_t size = std::min(piece.size(), limit_bytes - slice.bytes);
    if (size == 0) break;
    // libuv doesn't write to it; its type serves reading too.
    slice.buffers[slice.count++] =
        uv_buf_init(const_cast<char*>(piece.data()), static_cast<unsigned>(size));
    slice.bytes += size;
  }
  QUORIS_ASSERT(slice.count > 0);
}

std::string unix_text(const sockaddr_un& address, socklen_t length) {
  const auto* path = static_cast<const char*>(address.sun_path);
  const size_t longest = length - std::min<size_t>(length, offsetof(sockaddr_un, sun_path));
  return std::string(path, strnlen(path, longest)) + ":0";
}

}  // namespace

// A write that libuv has not finished, and all that waits behind it.
struct UvStream::WriteQueue {
  uv_write_t request{};
  ByteChain chain;
  size_t in_flight = 0;        // bytes at the chain's front that libuv has
  UvStream* stream = nullptr;  // null: it is gone, only the bytes had to stay
};

UvStream::UvStream(EventLoop& loop, bool is_unix)
    : loop_(loop), socket_(make_uv_handle<Socket>()), unix_(is_unix) {}

Result<std::unique_ptr<UvStream>> UvStream::open_tcp(EventLoop& loop, FileDescriptor socket,
                                                     const SocketAddress& peer) {
  std::unique_ptr<UvStream> self(new UvStream(loop, false));
  self->peer_ = peer;
  uv_tcp_init(loop.raw(), &self->socket_->tcp);
  self->socket()->data = self.get();
  if (const int status = uv_tcp_open(&self->socket_->tcp, socket.get()); status != 0) {
    return uv_error("cannot take a connection", status);
  }
  static_cast<void>(socket.release());
  return self;
}

Result<std::unique_ptr<UvStream>> UvStream::open_unix(EventLoop& loop, FileDescriptor socket) {
  std::unique_ptr<UvStream> self(new UvStream(loop, true));
  uv_pipe_init(loop.raw(), &self->socket_->pipe, 0);
  self->socket()->data = self.get();
  if (const int status = uv_pipe_open(&self->socket_->pipe, socket.get()); status != 0) {
    return uv_error("cannot take a connection", status);
  }
  static_cast<void>(socket.release());
  return self;
}

UvStream::~UvStream() {
  if (queue_ != nullptr) {
    // Closing the handle cancels the write, and its callback frees the queue.
    queue_->stream = nullptr;
  } else if (!input_ended_) {
    discard_unread();
  }
  socket()->data = nullptr;
}

void UvStream::attach(StreamHandler& handler) {
  QUORIS_ASSERT(handler_ == nullptr);
  handler_ = &handler;
  start_reading();
}

void UvStream::run_deferred() {
  if (state_ == State::open || handler_ == nullptr) return;
  if (state_ == State::finishing && queue_ != nullptr) return;
  state_ = State::closed;
  std::exchange(handler_, nullptr)->on_closed();
}

// Reading.

void UvStream::start_reading() {
  if (reading_ || paused_ || state_ != State::open || handler_ == nullptr) return;
  const int status = uv_read_start(
      socket(),
      [](uv_handle_t* handle, size_t, uv_buf_t* buffer) {
        auto* self = static_cast<UvStream*>(handle->data);
        const std::span<char> room = self->next_read_buffer();
        *buffer = uv_buf_init(room.data(), static_cast<unsigned>(room.size()));
      },
      [](uv_stream_t* stream, ssize_t count, const uv_buf_t*) {
        auto* self = static_cast<UvStream*>(stream->data);
        if (self != nullptr && count != 0) self->read_done(count);
      });
  if (status != 0) {
    fail();
    return;
  }
  reading_ = true;
}

void UvStream::stop_reading() {
  if (!reading_) return;
  uv_read_stop(socket());
  reading_ = false;
}

std::span<char> UvStream::next_read_buffer() {
  if (read_turn_ != loop_.turn()) {
    read_turn_ = loop_.turn();
    read_bytes_ = 0;
  }
  over_quota_ = read_bytes_ >= kReadPerTurnBytes;
  if (over_quota_) return {};
  const std::span<char> room = handler_->read_buffer();
  return room.first(std::min(room.size(), kReadPerTurnBytes - read_bytes_));
}

void UvStream::read_done(ssize_t count) {
  if (count > 0) {
    read_bytes_ += static_cast<uint32_t>(count);
    handler_->on_read(static_cast<size_t>(count));
    return;  // the stream may be gone
  }
  if (count == UV_ENOBUFS) {
    // No room for it. When that is for fairness the socket stays watched, and as it is still
    // readable the next poll returns at once.
    if (!over_quota_) stop_reading();
    return;
  }
  input_ended_ = true;
  if (count != UV_EOF) {
    fail();
    return;
  }
  stop_reading();
  state_ = State::finishing;
  loop_.defer(*this);
}

void UvStream::pause_reading() {
  paused_ = true;
  stop_reading();
}

void UvStream::resume_reading() {
  paused_ = false;
  start_reading();
}

// Writing.

void UvStream::write(ByteChain&& bytes) {
  if (bytes.empty() || state_ == State::closed) {
    bytes.clear();
    return;
  }
  if (queue_ != nullptr) {
    queue_->chain.splice(std::move(bytes));
    return;
  }
  if (write_now(bytes) != 0) {
    bytes.clear();
    fail();
    return;
  }
  if (bytes.empty()) {
    bytes.clear();
    return;
  }
  queue_ = new WriteQueue;
  queue_->chain = std::move(bytes);
  queue_->stream = this;
  queue_->request.data = queue_;
  start_slice();
}

// Writes until the socket is full or a slice's worth is through; 0 or libuv's error.
int UvStream::write_now(ByteChain& bytes) {
  size_t budget = kSliceBytes;
  while (!bytes.empty() && budget > 0) {
    Slice slice;
    fill_slice(slice, bytes, loop_.scratch_pieces(), budget);
    const int written = uv_try_write(socket(), slice.buffers.data(), slice.count);
    if (written == UV_EAGAIN) return 0;
    if (written < 0) return written;
    bytes.consume(static_cast<size_t>(written));
    if (static_cast<size_t>(written) < slice.bytes) return 0;
    budget -= slice.bytes;
  }
  return 0;
}

void UvStream::start_slice() {
  Slice slice;
  fill_slice(slice, queue_->chain, loop_.scratch_pieces(), kSliceBytes);
  queue_->in_flight = slice.bytes;
  const int status =
      uv_write(&queue_->request, socket(), slice.buffers.data(), slice.count, &on_slice_done);
  if (status == 0) return;
  delete std::exchange(queue_, nullptr);
  fail();
}

void UvStream::on_slice_done(uv_write_t* request, int status) {
  auto* queue = static_cast<WriteQueue*>(request->data);
  if (queue->stream == nullptr) {
    delete queue;
    return;
  }
  queue->stream->slice_done(status);
}

void UvStream::slice_done(int status) {
  if (status != 0) {
    delete std::exchange(queue_, nullptr);
    fail();
    return;
  }
  queue_->chain.consume(std::exchange(queue_->in_flight, 0));
  if (!queue_->chain.empty()) {
    start_slice();
    return;
  }
  delete std::exchange(queue_, nullptr);
  loop_.request_turn();
  if (state_ == State::finishing) loop_.defer(*this);
  if (handler_ != nullptr) handler_->on_drained();  // the stream may be gone
}

size_t UvStream::pending() const { return queue_ == nullptr ? 0 : queue_->chain.memory(); }

// Closing.

void UvStream::close_after_write() {
  if (state_ != State::open) return;
  stop_reading();
  state_ = State::finishing;
  if (queue_ == nullptr) loop_.defer(*this);
}

void UvStream::fail() {
  if (state_ == State::closed) return;
  stop_reading();
  state_ = State::closed;
  input_ended_ = true;
  // The socket is closed with the stream; until then the write fails or stays, without us.
  if (queue_ != nullptr) std::exchange(queue_, nullptr)->stream = nullptr;
  loop_.defer(*this);
}

void UvStream::discard_unread() const {
  const int socket_descriptor = descriptor();
  if (socket_descriptor < 0) return;
  std::array<char, 4096> scrap{};
  for (size_t discarded = 0; discarded < kDiscardBytes;) {
    const ssize_t count = recv(socket_descriptor, scrap.data(), scrap.size(), MSG_DONTWAIT);
    if (count <= 0) return;
    discarded += static_cast<size_t>(count);
  }
}

size_t UvStream::unsent() const {
  if (queue_ == nullptr) return 0;
  return queue_->chain.size() - queue_->in_flight + uv_stream_get_write_queue_size(socket());
}

// Addresses.

std::string UvStream::peer_address() const { return unix_ ? local_address() : peer_.text(); }

std::string UvStream::local_address() const {
  sockaddr_storage address{};
  socklen_t length = sizeof address;
  if (getsockname(descriptor(), reinterpret_cast<sockaddr*>(&address), &length) != 0) return "?:0";
  if (unix_) return unix_text(reinterpret_cast<const sockaddr_un&>(address), length);
  return SocketAddress::from(reinterpret_cast<const sockaddr*>(&address)).text();
}

int UvStream::descriptor() const {
  uv_os_fd_t descriptor = -1;
  return uv_fileno(as_handle(socket_.get()), &descriptor) == 0 ? descriptor : -1;
}

bool UvStream::is_local() const { return unix_ || peer_.is_loopback(); }

}  // namespace quoris::net
