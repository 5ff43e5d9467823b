// Control: how a newcomer gets in, from its side and from the members', and how a node that has
// started tells what is new about it.
#include <fmt/format.h>

#include <algorithm>

#include "base/text.h"
#include "cluster/control/control.h"
#include "cluster/topology/map_check.h"
#include "cluster/topology/map_codec.h"

namespace quoris::control {

using topology::Member;

namespace {

// The same refusal is logged once in a minute, of so many different ones.
constexpr uint64_t kLogIntervalUs = 60'000'000;
constexpr size_t kLoggedMax = 64;

// "127.0.0.1", "::1", "localhost": where only this machine reaches it.
[[nodiscard]] bool is_loopback(std::string_view host) {
  return host.starts_with("127.") || host == "::1" || host == "localhost";
}

// Of "host:port" or "[host]:port", as connections show it.
[[nodiscard]] std::string host_of(const std::string& address) {
  const Result<HostPort> parsed = parse_host_port(address);
  return parsed ? parsed->host : std::string();
}

}  // namespace

// --- the newcomer -------------------------------------------------------------------------------

topology::Newcomer Control::newcomer() const {
  return {.identity = parts_.identity,
          .name = file_.name,
          .addresses = {.host = host_,
                        .client_port = file_.client_port,
                        .cluster_port = file_.cluster_port,
                        .announce_host = {}},
          .rack = file_.rack,
          .weight = file_.weight,
          .boot = file_.boot,
          .program = parts_.program};
}

// Any member will do: it asks the leader. All that are connected are asked, for one may be cut off
// from the others.
void Control::ask_to_join() {
  join_due_us_ = now_us() + options_.join_retry_us;
  for (const bus::LinkStatus& link : bus_->links()) {
    const bool is_open = link.state == bus::Connection::State::open &&
                         link.link == bus::LinkKind::control && link.began_here;
    if (!is_open) continue;
    static_cast<void>(
        channel_->send(link.peer, JoinRequest{.newcomer = newcomer(),
                                              .reached_host = host_of(link.address),
                                              .replication_factor = file_.replication_factor,
                                              .partitions = file_.partitions}));
  }
}

void Control::on_message(const bus::Sender& from, const JoinAnswer& answer) {
  if (phase_ != Phase::newcomer) return;
  if (answer.number == topology::kNoNode) {
    if (answer.is_final) join_due_us_ = now_us() + options_.join_refused_us;
    if (answer.error.empty() || std::exchange(last_refusal_, answer.error) == answer.error) return;
    parts_.log.write(LogLevel::warning, "not let in: {}", answer.error);
    return;
  }
  Result<topology::ClusterMap> map = topology::decode_map(answer.map);
  const Member* self = map ? map->find(answer.number) : nullptr;
  if (self == nullptr || self->identity != parts_.identity) {
    ++figures_.malformed;
    return bus_->drop(from.peer);
  }
  NodeFile file = file_;
  file.cluster_id = map->id;
  file.cluster_name = map->name;
  file.number = answer.number;
  // Those of its first life, if it was let in before.
  file.rack = self->rack;
  file.weight = self->weight;
  file.replication_factor = 0;
  file.partitions = 0;
  for (const Member& member : map->members) {
    if (member.number == answer.number) continue;
    const HostPort contact{.host = member.addresses.host, .port = member.addresses.cluster_port};
    if (std::ranges::find(file.contacts, contact) == file.contacts.end()) {
      file.contacts.push_back(contact);
    }
  }
  if (const Status kept = write_node_file(parts_.env.disk, parts_.directory, file); !kept) {
    return fatal("can't keep what the cluster said: " + kept.error().message);
  }
  file_ = std::move(file);
  is_secret_kept_ = true;
  number_ = answer.number;
  const topology::ClusterMap before = std::exchange(map_, std::move(map).value());
  host_ = map_.find(number_)->addresses.host;
  parts_.log.write(LogLevel::notice, "cluster: this is node {} of {} ({} members)", raw(number_),
                   map_.name, map_.members.size());
  // Called anew, with the number: to a member that hears of us later the old links are a
  // stranger's, and it could not follow us if we lead by then.
  for (const bus::LinkStatus& link : bus_->links()) {
    if (link.number == topology::kNoNode) bus_->drop(link.peer);
  }
  make_member(std::exchange(stored_, {}));
  map_changed(before);
}

Status Control::add_seed(const HostPort& seed) {
  if (phase_ != Phase::newcomer) {
    return Error{Errc::unsupported,
                 fmt::format("this node is a member of the cluster {} already", map_.name)};
  }
  if (std::ranges::find(file_.contacts, seed) == file_.contacts.end()) {
    file_.contacts.push_back(seed);
  }
  tell_bus();
  return ok();
}

// --- the members --------------------------------------------------------------------------------

std::optional<JoinAnswer> Control::refuse_join(const JoinRequest& request) const {
  const auto refuse = [](std::string why, bool is_final) {
    return JoinAnswer{.error = std::move(why), .is_final = is_final};
  };
  if (phase_ == Phase::newcomer || !map_.is_founded()) {
    return refuse("the node that was asked is no member yet", false);
  }
  if (request.replication_factor != 0 && request.replication_factor != map_.replication_wanted) {
    return refuse(fmt::format("the cluster's replication factor is {}, not {}",
                              map_.replication_wanted, request.replication_factor),
                  true);
  }
  if (request.partitions != 0 && request.partitions != map_.partitions.size()) {
    return refuse(fmt::format("the cluster has {} partitions, not {}", map_.partitions.size(),
                              request.partitions),
                  true);
  }
  return std::nullopt;
}

void Control::on_message(const bus::Sender& from, const JoinRequest& request) {
  const bus::NodeFacts* facts = bus_->facts(from.peer);
  if (facts == nullptr || facts->identity != request.newcomer.identity) {
    ++figures_.malformed;
    return;
  }
  if (std::optional<JoinAnswer> refusal = refuse_join(request)) {
    if (refusal->is_final) log_refusal(*facts, refusal->error);
    static_cast<void>(channel_->send(from.peer, *refusal));
    return;
  }
  // Under way already.
  if (!joining_.insert(request.newcomer.identity).second) return;
  topology::Newcomer newcomer = request.newcomer;
  if (newcomer.addresses.host.empty()) {
    for (const bus::LinkStatus& link : bus_->links()) {
      if (link.peer == from.peer && !link.began_here) {
        newcomer.addresses.host = host_of(link.address);
      }
    }
  }
  // Somebody from another machine knows better than we do where we are.
  if (is_loopback(host_) && file_.announce_host.empty() &&
      topology::is_host(request.reached_host) && !is_loopback(request.reached_host)) {
    host_ = request.reached_host;
  }
  propose(
      topology::AddMember{.newcomer = std::move(newcomer)},
      [this, peer = from.peer, identity = request.newcomer.identity](const ProposalResult& result) {
        joining_.erase(identity);
        answer_join(peer, result);
      });
}

void Control::log_refusal(const bus::NodeFacts& newcomer, const std::string& why) {
  const uint64_t now = now_us();
  std::erase_if(refused_us_,
                [now](const auto& refused) { return now - refused.second >= kLogIntervalUs; });
  if (refused_us_.size() >= kLoggedMax) return;
  if (!refused_us_.emplace(newcomer.identity + " " + why, now).second) return;
  parts_.log.write(LogLevel::warning, "not letting in {} ({}): {}",
                   quote_for_display(newcomer.name), newcomer.identity, why);
}

void Control::answer_join(bus::PeerId guest, const ProposalResult& result) {
  JoinAnswer answer;
  switch (result.kind) {
    case ProposalResult::Kind::applied:
      answer.number = result.applied.number;
      answer.map = topology::encode_map(map_);
      break;
    case ProposalResult::Kind::refused:
      answer.error = result.message;
      answer.is_final = result.why == topology::Refusal::invalid ||
                        result.why == topology::Refusal::name_taken ||
                        result.why == topology::Refusal::no_number;
      break;
    case ProposalResult::Kind::unreachable:
      answer.error = "the cluster has no leader now";
      break;
  }
  if (const bus::NodeFacts* facts = bus_->facts(guest)) {
    if (answer.is_final) log_refusal(*facts, answer.error);
    static_cast<void>(channel_->send(guest, answer));
  }
  bus_->flush();
}

// --- what is new about this node ----------------------------------------------------------------

topology::Addresses Control::wanted_addresses(const Member& self) const {
  topology::Addresses wanted = self.addresses;
  if (!host_.empty()) wanted.host = host_;
  wanted.client_port = file_.client_port;
  wanted.cluster_port = file_.cluster_port;
  return wanted;
}

// Once a member has proved that it knows the secret of this start.
void Control::keep_secret() {
  const auto has_taken_it = [](const bus::LinkStatus& link) {
    return link.number != topology::kNoNode && link.state == bus::Connection::State::open;
  };
  if (is_secret_kept_ || std::ranges::none_of(bus_->links(), has_taken_it)) return;
  is_secret_kept_ = true;
  const Status kept = write_node_file(parts_.env.disk, parts_.directory, file_);
  parts_.log.write(kept ? LogLevel::notice : LogLevel::warning, "cluster: the new secret is {}",
                   kept ? "kept" : "not kept: " + kept.error().message);
}

// Until the map says so.
void Control::announce_self() {
  keep_secret();
  const Member* self = map_.find(number_);
  if (self == nullptr || is_announcing_ || phase_ != Phase::member) return;
  if (now_us() < announce_due_us_) return;
  std::optional<topology::MapChange> change;
  if (self->boot != file_.boot) {
    change =
        topology::AnnounceBoot{.number = number_, .boot = file_.boot, .program = parts_.program};
  } else if (const topology::Addresses wanted = wanted_addresses(*self);
             wanted != self->addresses) {
    change = topology::UpdateAddresses{
        .member = {.number = number_, .boot = self->boot, .version = map_.version},
        .addresses = wanted};
  }
  if (!change) return;
  is_announcing_ = true;
  propose(*change, [this](const ProposalResult& result) {
    is_announcing_ = false;
    if (result.kind == ProposalResult::Kind::refused) {
      announce_due_us_ = now_us() + options_.join_refused_us;
      parts_.log.topic(LogTopic::raft, "not announced: {}", result.message);
    }
  });
}

}  // namespace quoris::control
