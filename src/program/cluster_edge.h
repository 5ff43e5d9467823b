// ClusterEdge: a node's place in a cluster, over libuv: control on a loop of its own within the
// node's loop, its timers, disk jobs and connections, and the listeners of the cluster port.
//
// A node belongs to a cluster if its data directory says so (quoris.cluster), or if the settings
// name a cluster port or a seed; then a new directory is made for it. Settings win over what the
// directory keeps; what may not change is refused by Control.
//
// Invariants: control is driven by its own loop alone, which runs within the node's (NestedLoop),
// and by breathe().
// Used by: Server. Blocks while it opens. Errors: texts for people.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "base/env.h"
#include "base/log.h"
#include "cluster/control/control.h"
#include "net/event_loop.h"
#include "net/listener.h"
#include "net/nested_loop.h"
#include "net/uv_disk.h"
#include "net/uv_timers.h"
#include "net/uv_transport.h"
#include "persistence/data_directory.h"
#include "server/settings/settings_table.h"

namespace quoris::program {

class ClusterEdge final : private control::ControlOwner {
 public:
  // Descriptors beside the clients': loop, timers and files, listeners with a spare each, and six
  // connections (three links, either side may have begun them) to each of 32 peers.
  static constexpr uint64_t kDescriptors = 256;

  // All of it outlives this.
  struct Context {
    net::EventLoop& loop;  // the node's
    Disk& disk;            // the same
    Clock& clock;
    Rng& rng;
    LogSink& sink;
    server::Settings& settings;
    const persistence::DataDirectory& directory;
  };

  // Why it can't go on; called from its loop.
  using OnFatal = std::function<void(const std::string& why)>;

  // Null: the node runs alone. Else the ports of the settings are those of the cluster from now on.
  [[nodiscard]] static Result<std::unique_ptr<ClusterEdge>> open(const Context& context,
                                                                 OnFatal on_fatal);

  ClusterEdge(const ClusterEdge&) = delete;
  ClusterEdge& operator=(const ClusterEdge&) = delete;
  // REQUIRES: the node is gone.
  ~ClusterEdge() override;

  [[nodiscard]] control::Control& control() { return *control_; }

  // On the addresses for clients.
  [[nodiscard]] Status listen();
  // Begins to call others. When all else stands.
  void start();

  // The control link may run; see server::NodeEdge.
  void breathe();

  // Level and topics of the log.
  void settings_changed();

 private:
  ClusterEdge(const Context& context, OnFatal on_fatal);

  [[nodiscard]] Status make_parts();
  [[nodiscard]] Status open_control();
  [[nodiscard]] control::Wish wish() const;
  void on_fatal(const std::string& why) override;

  Context context_;
  OnFatal on_fatal_;
  Log log_;
  // In the order in which they need each other.
  std::unique_ptr<net::EventLoop> loop_;
  std::unique_ptr<net::NestedLoop> nested_;
  std::unique_ptr<net::UvTimers> timers_;
  std::unique_ptr<net::UvDisk> disk_;
  std::unique_ptr<net::UvTransport> transport_;
  std::unique_ptr<control::Control> control_;
  std::vector<std::unique_ptr<net::Listener>> listeners_;
};

}  // namespace quoris::program
