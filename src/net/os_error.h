// Turns errno and libuv's negative statuses into Errors with a readable text.
//
// Used by: src/net.
#pragma once

#include <uv.h>

#include <cerrno>
#include <string>
#include <string_view>
#include <system_error>

#include "base/result.h"

namespace quoris::net {

// "No such file or directory" for ENOENT.
[[nodiscard]] inline std::string os_message(int error) {
  return std::generic_category().message(error);
}

// "<what>: <the system's text>". REQUIRES: `error` is a value of errno.
[[nodiscard]] inline Error os_error(std::string_view what, int error) {
  Errc code = Errc::io;
  if (error == ENOENT || error == EADDRNOTAVAIL) code = Errc::not_found;
  if (error == EEXIST || error == EADDRINUSE) code = Errc::already_exists;
  if (error == EMFILE || error == ENFILE) code = Errc::limit_exceeded;
  if (error == ENOSPC || error == EDQUOT) code = Errc::no_space;
  if (error == EAFNOSUPPORT || error == EPROTONOSUPPORT || error == ESOCKTNOSUPPORT ||
      error == EPFNOSUPPORT || error == ENOPROTOOPT) {
    code = Errc::unsupported;
  }
  return Error{code, std::string(what) + ": " + os_message(error)};
}

// The same for a status of libuv, which on unix is a negated errno.
[[nodiscard]] inline Error uv_error(std::string_view what, int status) {
  return os_error(what, -status);
}

}  // namespace quoris::net
