#include "server/monitoring/node_table.h"

#include <fmt/format.h>

#include <algorithm>

namespace quoris::server {
namespace {

using topology::ClusterMap;
using topology::Holding;
using topology::Member;

// A name or a host is what a peer said it is; a reply's line must bear it.
std::string printable(std::string word) {
  std::ranges::replace_if(
      word, [](char c) { return c < ' ' || c == '\x7F'; }, '?');
  return word;
}

std::string cluster_address(const Member& member) {
  return address_text(member.addresses.host, member.addresses.cluster_port);
}

std::string percent(uint32_t part, size_t whole) {
  if (whole == 0) return "-";
  return fmt::format("{:.1f}%", 100.0 * part / static_cast<double>(whole));
}

class Fields {
 public:
  explicit Fields(resp::ReplyWriter& reply) : reply_(reply), deferred_(reply.open()) {}

  ~Fields() { reply_.close_map(deferred_, count_); }

  Fields(const Fields&) = delete;
  Fields& operator=(const Fields&) = delete;

  void text(std::string_view name, std::string_view value) {
    begin(name);
    reply_.bulk(value);
  }

  template <class Number>
  void number(std::string_view name, Number value) {
    begin(name);
    reply_.integer(static_cast<int64_t>(value));
  }

  template <class Number>
  void number(std::string_view name, const std::optional<Number>& value) {
    if (value) return number(name, *value);
    begin(name);
    reply_.null();
  }

  // An aggregate is to follow.
  void begin(std::string_view name) {
    ++count_;
    reply_.bulk(name);
  }

 private:
  resp::ReplyWriter& reply_;
  resp::ReplyWriter::Deferred deferred_;
  size_t count_ = 0;
};

// "node1 10.0.0.1:7001". Null: a number that is no member's any more.
std::string name_and_address(const Member* member, NodeNumber number) {
  if (member == nullptr) return fmt::format("{}", raw(number));
  return fmt::format("{} {}", member->name, client_address(*member));
}

void write_nodes(resp::ReplyWriter& reply, const ClusterMap& map,
                 const std::vector<NodeNumber>& numbers) {
  reply.array(numbers.size());
  for (const NodeNumber number : numbers) reply.bulk(name_and_address(map.find(number), number));
}

}  // namespace

std::vector<std::string> align_columns(const std::vector<std::vector<std::string>>& rows,
                                       size_t texts) {
  constexpr size_t kGap = 2;
  std::vector<size_t> widths;
  for (const std::vector<std::string>& row : rows) {
    widths.resize(std::max(widths.size(), row.size()));
    for (size_t i = 0; i < row.size(); ++i) widths[i] = std::max(widths[i], row[i].size());
  }
  std::vector<std::string> lines;
  for (const std::vector<std::string>& row : rows) {
    std::string& line = lines.emplace_back();
    for (size_t i = 0; i < row.size(); ++i) {
      const bool at_right = i >= texts;
      const std::string space(widths[i] - row[i].size(), ' ');
      if (at_right) line += space;
      line += printable(row[i]);
      if (i + 1 == row.size()) break;
      if (!at_right) line += space;
      line.append(kGap, ' ');
    }
  }
  return lines;
}

void write_lines(resp::ReplyWriter& reply, const std::vector<std::string>& lines) {
  reply.array(lines.size());
  for (const std::string& line : lines) reply.simple(line);
}

std::string_view role_of(const ClusterView& view, const Member& member) {
  const bool is_alone = view.shared == nullptr && member.state == topology::MemberState::up;
  const bool leads = view.leader != topology::kNoNode && view.leader == member.number;
  return is_alone || leads ? "LEADER" : "FOLLOWER";
}

std::vector<std::string> node_table(const ClusterView& view) {
  std::vector<std::vector<std::string>> rows{{"NODE ID", "ADDRESS", "ROLE", "STATE"}};
  const std::vector<Member>& members = view.map().members;
  for (size_t i = 0; i < members.size(); ++i) {
    rows.push_back({members[i].name, client_address(members[i]),
                    std::string(role_of(view, members[i])), std::string(view.looks[i].state)});
  }
  return align_columns(rows, rows.front().size());
}

void write_nodes_full(resp::ReplyWriter& reply, const ClusterView& view,
                      const std::vector<NodeDetails>& details) {
  const std::vector<Member>& members = view.map().members;
  const std::vector<Holding> holdings = topology::holdings(view.map());
  reply.array(members.size());
  for (size_t i = 0; i < members.size(); ++i) {
    const Member& member = members[i];
    Fields fields(reply);
    fields.text("id", member.identity);
    fields.number("number", raw(member.number));
    fields.text("name", member.name);
    fields.text("client-address", client_address(member));
    fields.text("cluster-address", cluster_address(member));
    fields.text("rack", member.rack);
    fields.number("weight", member.weight);
    fields.text("role", role_of(view, member));
    fields.text("state", view.looks[i].state);
    fields.number("departs", member.departs ? 1 : 0);
    fields.number("partitions-primary", holdings[i].primary);
    fields.number("partitions-replica", holdings[i].replica);
    fields.number("partitions-coming", holdings[i].coming);
    fields.number("boot", raw(member.boot));
    fields.number("incarnation", details[i].incarnation);
    fields.number("lease-left-ms", details[i].lease_left_ms);
    fields.number("clock-offset-us", details[i].clock_offset_us);
    fields.number("round-trip-us", details[i].round_trip_us);
    fields.number("map-version", details[i].map_version);
    fields.number("keys", details[i].keys);
    fields.text("program", member.program);
    fields.text("raft", details[i].raft);
  }
}

std::vector<std::string> ring_table(const ClusterView& view,
                                    const std::vector<std::optional<uint64_t>>& keys) {
  const ClusterMap& map = view.map();
  std::vector<std::vector<std::string>> rows{
      {"NODE ID", "ADDRESS", "PRIMARY", "COPIES", "COMING", "SHARE", "KEYS"}};
  size_t copies = 0;
  for (const topology::Partition& partition : map.partitions) copies += partition.replicas.size();
  const std::vector<Holding> holdings = topology::holdings(map);
  for (size_t i = 0; i < map.members.size(); ++i) {
    const Member& member = map.members[i];
    const Holding& holding = holdings[i];
    rows.push_back({member.name, client_address(member), fmt::format("{}", holding.primary),
                    fmt::format("{}", holding.replica), fmt::format("{}", holding.coming),
                    percent(holding.replica, copies), keys[i] ? fmt::format("{}", *keys[i]) : "-"});
  }
  constexpr size_t kTexts = 2;  // NODE ID, ADDRESS
  return align_columns(rows, kTexts);
}

void write_ring_key(resp::ReplyWriter& reply, const ClusterMap& map, std::string_view key) {
  const Slot slot = topology::slot_of(key);
  const PartitionIndex index = map.partition_of(slot);
  const topology::Partition& partition = *map.find(index);
  std::vector<NodeNumber> others = partition.replicas;
  std::erase(others, partition.primary.node);
  std::vector<NodeNumber> coming;
  for (const NodeNumber node : partition.future) {
    if (!topology::contains(partition.replicas, node)) coming.push_back(node);
  }
  Fields fields(reply);
  fields.number("slot", raw(slot));
  fields.number("partition", raw(index));
  fields.number("epoch", raw(partition.epoch));
  fields.text("primary",
              name_and_address(map.find(partition.primary.node), partition.primary.node));
  fields.begin("replicas");
  write_nodes(reply, map, others);
  if (coming.empty()) return;
  fields.begin("coming");
  write_nodes(reply, map, coming);
}

}  // namespace quoris::server
