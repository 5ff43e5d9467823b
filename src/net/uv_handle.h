// UvPtr: a libuv handle that closes itself.
//
// libuv owns a handle's memory until the close callback has run, so the deleter starts the close
// and the callback frees. A handle whose uv_*_init never ran (loop still null) is freed at once,
// so make_uv_handle() zeroes it.
// Used by: every owner of a handle in src/net.
#pragma once

#include <uv.h>

#include <memory>

#include "base/assert.h"

namespace quoris::net {

// Handle is one of libuv's handle types, or a union of them: all begin as uv_handle_t does.
template <class Handle>
[[nodiscard]] uv_handle_t* as_handle(Handle* handle) noexcept {
  return reinterpret_cast<uv_handle_t*>(handle);
}

struct UvClose {
  template <class Handle>
  void operator()(Handle* handle) const noexcept {
    uv_handle_t* base = as_handle(handle);
    if (base->loop == nullptr) {
      delete handle;
      return;
    }
    QUORIS_ASSERT(uv_is_closing(base) == 0);
    uv_close(base, [](uv_handle_t* closed) { delete reinterpret_cast<Handle*>(closed); });
  }
};

template <class Handle>
using UvPtr = std::unique_ptr<Handle, UvClose>;

template <class Handle>
[[nodiscard]] UvPtr<Handle> make_uv_handle() {
  return UvPtr<Handle>(new Handle{});
}

}  // namespace quoris::net
