#include "net/listener.h"

#include <fcntl.h>
#include <sys/socket.h>

#include <string_view>
#include <utility>

#include "net/os_error.h"
#include "net/uv_stream.h"

namespace quoris::net {

namespace {

FileDescriptor open_spare() { return FileDescriptor(::open("/dev/null", O_RDONLY | O_CLOEXEC)); }

FileDescriptor accept_from(int listening, sockaddr_storage& peer) {
  socklen_t length = sizeof peer;
  return FileDescriptor(accept4(listening, reinterpret_cast<sockaddr*>(&peer), &length,
                                SOCK_NONBLOCK | SOCK_CLOEXEC));
}

// Errors of one connection, not of accepting: it was gone before we came.
bool concerns_connection_only(int error) {
  return error == EINTR || error == ECONNABORTED || error == EPROTO || error == EPERM;
}

}  // namespace

Listener::Listener(const Context& context, FileDescriptor socket)
    : context_(context), socket_(std::move(socket)) {}

Result<std::unique_ptr<Listener>> Listener::open_tcp(const Context& context,
                                                     const TcpListenOptions& options) {
  auto socket = listen_tcp(options);
  if (!socket) return socket.error();
  std::unique_ptr<Listener> self(new Listener(context, std::move(socket).value()));
  sockaddr_storage address{};
  socklen_t length = sizeof address;
  if (getsockname(self->socket_.get(), reinterpret_cast<sockaddr*>(&address), &length) != 0) {
    return os_error("cannot learn the port", errno);
  }
  self->address_ = SocketAddress::from(reinterpret_cast<const sockaddr*>(&address));
  if (auto started = self->start(); !started) return started.error();
  return self;
}

Result<std::unique_ptr<Listener>> Listener::open_unix(const Context& context,
                                                      const UnixListenOptions& options) {
  auto socket = listen_unix(options);
  if (!socket) return socket.error();
  std::unique_ptr<Listener> self(new Listener(context, std::move(socket).value()));
  self->path_ = options.path;
  if (auto started = self->start(); !started) return started.error();
  return self;
}

Result<std::vector<std::unique_ptr<Listener>>> Listener::open_all(
    const Context& context, std::span<const std::string> addresses,
    const TcpListenOptions& options) {
  std::vector<std::unique_ptr<Listener>> listeners;
  TcpListenOptions one = options;
  for (const std::string_view word : addresses) {
    const bool optional = word.starts_with('-');
    one.address = std::string(word.substr(optional ? 1 : 0));
    auto listener = open_tcp(context, one);
    if (!listener) {
      const Error& error = listener.error();
      if (optional && error.code == Errc::not_found) continue;
      if (error.code != Errc::unsupported) return error;
      context.log.write(LogLevel::warning, "{}; this address is left out", error.message);
      continue;
    }
    one.port = listener.value()->port();
    listeners.push_back(std::move(listener).value());
  }
  return listeners;
}

Listener::~Listener() {
  // libuv must forget the descriptor before it is closed.
  poll_.reset();
  if (!path_.empty()) unlink(path_.c_str());
}

std::string Listener::address() const { return path_.empty() ? address_.text() : path_; }

Status Listener::set_keepalive(int keepalive_s) {
  return net::set_keepalive(socket_.get(), keepalive_s);
}

Status Listener::start() {
  spare_ = open_spare();
  retry_ = make_uv_handle<uv_timer_t>();
  uv_timer_init(context_.loop.raw(), retry_.get());
  retry_->data = this;
  poll_ = make_uv_handle<uv_poll_t>();
  const int status = uv_poll_init(context_.loop.raw(), poll_.get(), socket_.get());
  if (status != 0) return uv_error("cannot watch a listening socket", status);
  poll_->data = this;
  watch();
  return ok();
}

void Listener::watch() {
  uv_poll_start(poll_.get(), UV_READABLE, [](uv_poll_t* poll, int, int) {
    static_cast<Listener*>(poll->data)->accept_ready();
  });
}

void Listener::accept_ready() {
  for (int accepted = 0; accepted < kAcceptsPerTurn; ++accepted) {
    sockaddr_storage peer{};
    FileDescriptor socket = accept_from(socket_.get(), peer);
    if (socket) {
      take(std::move(socket), reinterpret_cast<const sockaddr*>(&peer));
      continue;
    }
    const int error = errno;
    if (error == EAGAIN) return;
    if (concerns_connection_only(error)) continue;
    refuse(error);
    return;
  }
}

void Listener::take(FileDescriptor socket, const sockaddr* peer) {
  auto opened = path_.empty() ? UvStream::open_tcp(context_.loop, std::move(socket),
                                                   SocketAddress::from(peer))
                              : UvStream::open_unix(context_.loop, std::move(socket));
  if (!opened) {
    context_.log.write(LogLevel::warning, "{}", opened.error().message);
    return;
  }
  UvStream* stream = opened.value().get();
  StreamHandler* handler = context_.acceptor.accept(std::move(opened).value());
  if (handler != nullptr) stream->attach(*handler);
}

// The connections that wait are closed with the help of the spare descriptor; where that is
// impossible, they wait for the retry.
void Listener::refuse(int error) {
  bool helped = false;
  if ((error == EMFILE || error == ENFILE) && spare_) {
    for (int closed = 0; closed < kAcceptsPerTurn; ++closed) {
      spare_.reset();
      sockaddr_storage peer{};
      FileDescriptor socket = accept_from(socket_.get(), peer);
      if (!socket) break;
      helped = true;
      ++refused_;
      context_.acceptor.on_unserved();
      socket.reset();
    }
    spare_ = open_spare();
  }
  if (!helped) pause();
  log_refusals(error);
}

void Listener::pause() {
  uv_poll_stop(poll_.get());
  uv_timer_start(
      retry_.get(),
      [](uv_timer_t* timer) {
        auto* self = static_cast<Listener*>(timer->data);
        if (!self->spare_) self->spare_ = open_spare();
        self->watch();
      },
      kAcceptRetryMs, 0);
}

void Listener::log_refusals(int error) {
  const uint64_t now_ms = uv_now(context_.loop.raw());
  if (now_ms < next_log_ms_) return;
  next_log_ms_ = now_ms + kRefusalLogIntervalMs;
  context_.log.write(LogLevel::warning,
                     "Cannot accept connections on {}: {} ({} refused since the last report)",
                     address(), os_message(error), refused_ - refused_logged_);
  refused_logged_ = refused_;
}

}  // namespace quoris::net
