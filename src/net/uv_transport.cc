#include "net/uv_transport.h"

#include <fmt/format.h>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>

#include <cstring>
#include <optional>
#include <utility>
#include <vector>

#include "base/assert.h"
#include "net/file_descriptor.h"
#include "net/os_error.h"
#include "net/sockets.h"
#include "net/uv_handle.h"
#include "net/uv_stream.h"

namespace quoris::net {

namespace {

// More addresses of one name than these are not tried.
constexpr size_t kAddressesMax = 8;

struct RemoteAddress {
  sockaddr_storage storage{};
  socklen_t length = 0;

  [[nodiscard]] const sockaddr* get() const { return reinterpret_cast<const sockaddr*>(&storage); }
};

std::vector<RemoteAddress> addresses_of(const addrinfo* list) {
  std::vector<RemoteAddress> found;
  for (; list != nullptr && found.size() < kAddressesMax; list = list->ai_next) {
    RemoteAddress& address = found.emplace_back();
    address.length = list->ai_addrlen;
    std::memcpy(&address.storage, list->ai_addr, list->ai_addrlen);
  }
  return found;
}

// "127.0.0.1" or "::1"; nothing for a name.
std::vector<RemoteAddress> parse_address(const HostPort& to) {
  RemoteAddress address;
  sockaddr_in v4{};
  if (uv_ip4_addr(to.host.c_str(), to.port, &v4) == 0) {
    address.length = sizeof v4;
    std::memcpy(&address.storage, &v4, sizeof v4);
    return {address};
  }
  sockaddr_in6 v6{};
  if (uv_ip6_addr(to.host.c_str(), to.port, &v6) == 0) {
    address.length = sizeof v6;
    std::memcpy(&address.storage, &v6, sizeof v6);
    return {address};
  }
  return {};
}

// A stream that is not connected yet; afterwards it hands everything on to the UvStream.
class ConnectingStream final : public Stream, private Deferred {
 public:
  ConnectingStream(EventLoop& loop, const ConnectOptions& options, HostPort to,
                   ConnectHandler& handler)
      : loop_(loop), options_(options), to_(std::move(to)), handler_(handler) {}

  ~ConnectingStream() override {
    if (look_up_ == nullptr) return;
    look_up_->stream = nullptr;
    uv_cancel(reinterpret_cast<uv_req_t*>(&look_up_->request));
  }

  void start();

  void write(ByteChain&& bytes) override {
    if (stream_ != nullptr) {
      stream_->write(std::move(bytes));
    } else {
      waiting_.splice(std::move(bytes));
    }
  }

  [[nodiscard]] size_t pending() const override {
    return stream_ == nullptr ? waiting_.memory() : stream_->pending();
  }

  [[nodiscard]] size_t unsent() const override {
    return stream_ == nullptr ? waiting_.size() : stream_->unsent();
  }

  void pause_reading() override {
    paused_ = true;
    if (stream_ != nullptr) stream_->pause_reading();
  }

  void resume_reading() override {
    paused_ = false;
    if (stream_ != nullptr) stream_->resume_reading();
  }

  void close_after_write() override {
    closing_ = true;
    if (stream_ != nullptr) stream_->close_after_write();
  }

  [[nodiscard]] std::string peer_address() const override {
    return stream_ == nullptr ? text() : stream_->peer_address();
  }

  [[nodiscard]] std::string local_address() const override {
    return stream_ == nullptr ? "?:0" : stream_->local_address();
  }

  [[nodiscard]] int descriptor() const override {
    return stream_ == nullptr ? socket_.get() : stream_->descriptor();
  }

  [[nodiscard]] bool is_local() const override { return stream_ != nullptr && stream_->is_local(); }

  [[nodiscard]] bool is_unix() const override { return false; }

 private:
  // Outlives the stream if that is destroyed while libuv's threads look the name up.
  struct LookUp {
    uv_getaddrinfo_t request{};
    ConnectingStream* stream = nullptr;
  };

  [[nodiscard]] std::string text() const { return fmt::format("{}:{}", to_.host, to_.port); }

  void run_deferred() override { try_next(); }

  void look_up();
  void looked_up(int status, const addrinfo* list);
  void try_next();
  [[nodiscard]] Status begin(const RemoteAddress& address);
  [[nodiscard]] Status watch();
  void attempt_done();
  void attempt_failed(Error error);
  void connected();
  void fail();

  EventLoop& loop_;
  ConnectOptions options_;
  HostPort to_;
  ConnectHandler& handler_;
  LookUp* look_up_ = nullptr;  // owned by libuv while it works
  std::vector<RemoteAddress> addresses_;
  size_t next_ = 0;
  // The attempt under way. The watcher goes before its socket.
  FileDescriptor socket_;
  UvPtr<uv_poll_t> poll_;
  UvPtr<uv_timer_t> timer_;
  Error error_{Errc::not_found, "no address"};
  std::unique_ptr<UvStream> stream_;  // once connected
  ByteChain waiting_;
  bool paused_ = false;
  bool closing_ = false;
};

void ConnectingStream::start() {
  addresses_ = parse_address(to_);
  if (addresses_.empty()) {
    look_up();
  } else {
    loop_.defer(*this);
  }
}

void ConnectingStream::look_up() {
  look_up_ = new LookUp;
  look_up_->stream = this;
  look_up_->request.data = look_up_;
  addrinfo hints{};
  hints.ai_family = AF_UNSPEC;
  hints.ai_socktype = SOCK_STREAM;
  hints.ai_flags = AI_NUMERICSERV;
  const std::string port = std::to_string(to_.port);
  const int status = uv_getaddrinfo(
      loop_.raw(), &look_up_->request,
      [](uv_getaddrinfo_t* request, int result, addrinfo* list) {
        const std::unique_ptr<LookUp> owned(static_cast<LookUp*>(request->data));
        ConnectingStream* self = owned->stream;
        if (self != nullptr) {
          self->look_up_ = nullptr;
          self->loop_.request_turn();
          self->looked_up(result, list);
        }
        uv_freeaddrinfo(list);
      },
      to_.host.c_str(), port.c_str(), &hints);
  if (status == 0) return;
  delete std::exchange(look_up_, nullptr);
  error_ = uv_error("cannot look up " + to_.host, status);
  loop_.defer(*this);
}

void ConnectingStream::looked_up(int status, const addrinfo* list) {
  if (status != 0) {
    error_ =
        Error{Errc::not_found, fmt::format("cannot look up {}: {}", to_.host, uv_strerror(status))};
  } else {
    addresses_ = addresses_of(list);
  }
  try_next();
}

// The stream may be gone afterwards.
void ConnectingStream::try_next() {
  while (next_ < addresses_.size()) {
    const RemoteAddress& address = addresses_[next_++];
    Status begun = begin(address);
    if (begun) return;
    error_ = begun.error();
  }
  fail();
}

Status ConnectingStream::begin(const RemoteAddress& address) {
  const std::string what =
      fmt::format("cannot connect to {}", SocketAddress::from(address.get()).text());
  socket_ = FileDescriptor(
      ::socket(address.get()->sa_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
  if (!socket_) return os_error(what, errno);
  if (auto set = set_node_options(socket_.get(), options_.user_timeout_ms); !set) return set;
  const int status =
      retried([&] { return ::connect(socket_.get(), address.get(), address.length); });
  if (status != 0 && errno != EINPROGRESS) return os_error(what, errno);
  return watch();
}

Status ConnectingStream::watch() {
  poll_ = make_uv_handle<uv_poll_t>();
  if (const int status = uv_poll_init(loop_.raw(), poll_.get(), socket_.get()); status != 0) {
    return uv_error("cannot watch a connection", status);
  }
  poll_->data = this;
  uv_poll_start(poll_.get(), UV_WRITABLE, [](uv_poll_t* poll, int, int) {
    static_cast<ConnectingStream*>(poll->data)->attempt_done();
  });
  timer_ = make_uv_handle<uv_timer_t>();
  uv_timer_init(loop_.raw(), timer_.get());
  timer_->data = this;
  uv_timer_start(
      timer_.get(),
      [](uv_timer_t* timer) {
        auto* self = static_cast<ConnectingStream*>(timer->data);
        self->loop_.request_turn();
        self->attempt_failed(os_error("cannot connect to " + self->text(), ETIMEDOUT));
      },
      options_.connect_ms, 0);
  return ok();
}

void ConnectingStream::attempt_done() {
  int error = 0;
  socklen_t length = sizeof error;
  if (getsockopt(socket_.get(), SOL_SOCKET, SO_ERROR, &error, &length) != 0) error = errno;
  if (error != 0) {
    attempt_failed(os_error("cannot connect to " + text(), error));
    return;
  }
  connected();
}

void ConnectingStream::attempt_failed(Error error) {
  error_ = std::move(error);
  timer_.reset();
  poll_.reset();
  socket_.reset();
  try_next();
}

void ConnectingStream::connected() {
  timer_.reset();
  poll_.reset();
  const auto peer = SocketAddress::from(addresses_[next_ - 1].get());
  auto opened = UvStream::open_tcp(loop_, std::move(socket_), peer);
  if (!opened) {
    attempt_failed(opened.error());
    return;
  }
  stream_ = std::move(opened).value();
  if (paused_) stream_->pause_reading();
  stream_->attach(handler_);
  stream_->write(std::move(waiting_));
  if (closing_) stream_->close_after_write();
  handler_.on_connected();  // the stream may be gone
}

void ConnectingStream::fail() {
  const Error error = error_;
  handler_.on_failed(error);  // the stream may be gone
}

}  // namespace

std::unique_ptr<Stream> UvTransport::connect(const HostPort& to, ConnectHandler& handler) {
  auto stream = std::make_unique<ConnectingStream>(loop_, options_, to, handler);
  stream->start();
  return stream;
}

}  // namespace quoris::net
