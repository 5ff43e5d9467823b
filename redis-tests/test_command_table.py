"""COMMAND, COMMAND INFO and COMMAND DOCS of every command and subcommand, against the oracle's."""

import unittest

from compare import PairTest, unordered
from harness import quoris_is_oracle

# Redis has these, Quoris does not yet: the list is exact, so whoever adds a command takes it off.
NOT_YET = set("""
    acl bitcount bitfield bitfield_ro bitop bitpos client|caching client|tracking
    client|trackinginfo dump eval eval_ro evalsha evalsha_ro failover fcall fcall_ro
    function geoadd geodist geohash geopos georadius georadius_ro georadiusbymember
    georadiusbymember_ro geosearch geosearchstore migrate module pfadd pfcount pfdebug pfmerge
    pfselftest psync replconf replicaof restore restore-asking script slaveof
    sync xack xadd xautoclaim xclaim xdel xgroup xinfo xlen xpending xrange xread xreadgroup
    xrevrange xsetid xtrim getbit setbit
""".split())

# Quoris has these, redis-server 7.0.15 does not.
OURS_ALONE = {"nodes", "ring", "fault", "cluster|join", "cluster|leave", "cluster|remove",
              "consistency", "client|setinfo", "client|no-touch", "latency|loop"}

# Takes a node here, for it is about Raft's leader.
OTHER_ARGUMENTS = {"cluster|failover"}

SUBCOMMANDS = 9  # place of the subcommands in a row of COMMAND INFO


def info_rows(rows):
    """Name to row, subcommands included; a row without its subcommands."""
    found = {}
    for row in rows:
        found[row.value[0].value.decode()] = row.value[:SUBCOMMANDS]
        found.update(info_rows(row.value[SUBCOMMANDS].value))
    return found


def info_of(client):
    return info_rows(client.ask("COMMAND").value)


def docs_of(client):
    """Name to docs, as dictionaries; subcommands as entries of their own."""
    return flatten_docs(pairs_of(client.ask("COMMAND", "DOCS")))


def pairs_of(reply):
    """A map of RESP3, or RESP2's array in its place, as a dictionary of text to reply."""
    if reply.kind == b"%":
        pairs = reply.value
    else:
        pairs = zip(reply.value[::2], reply.value[1::2])
    return {key.value.decode(): value for key, value in pairs}


def flatten_docs(rows):
    found = {}
    for name, docs in rows.items():
        entry = pairs_of(docs)
        found.update(flatten_docs(pairs_of(entry.pop("subcommands")))
                     if "subcommands" in entry else {})
        found[name] = {field: value.plain() for field, value in entry.items()}
    return found


def comparable_docs(docs):
    """Without what is in our own words: summary, complexity, the texts of the history."""
    kept = {field: value for field, value in docs.items() if field not in ("summary", "complexity")}
    if "history" in kept:
        kept["history"] = [entry[0] for entry in kept["history"]]
    if "doc_flags" in kept:
        kept["doc_flags"] = sorted(kept["doc_flags"])
    return kept


def top_level(names, other):
    """Of a command that the other side lacks altogether only its own name."""
    lacking = names - other
    return {name for name in lacking if name.split("|")[0] not in lacking or "|" not in name}


class CommandTable(PairTest):
    def setUp(self):
        super().setUp()
        self.ours, self.theirs = self.pairs[2].ours, self.pairs[2].theirs

    def report(self, differences):
        if differences:
            self.fail("\n".join([f"{len(differences)} commands differ", *differences]))

    def check_info(self, protocol):
        pair = self.pairs[protocol]
        ours, theirs = info_of(pair.ours), info_of(pair.theirs)
        differences = []
        for name in sorted(ours.keys() & theirs.keys()):
            if [unordered(item) for item in ours[name]] != [unordered(i) for i in theirs[name]]:
                differences.append(f"{name}\n  quoris {[item.plain() for item in ours[name]]}"
                                   f"\n  redis  {[item.plain() for item in theirs[name]]}")
        self.assertGreater(len(ours), 60)
        self.report(differences)

    def test_info_is_the_oracle_s_in_resp2(self):
        self.check_info(2)

    def test_info_is_the_oracle_s_in_resp3(self):
        self.check_info(3)

    def test_docs_are_the_oracle_s_but_for_our_words(self):
        ours, theirs = docs_of(self.ours), docs_of(self.theirs)
        differences = []
        for name in sorted(ours.keys() & theirs.keys()):
            mine, other = comparable_docs(ours[name]), comparable_docs(theirs[name])
            for field in sorted(mine.keys() | other.keys()):
                if field == "arguments" and name in OTHER_ARGUMENTS:
                    continue
                if mine.get(field) != other.get(field):
                    differences.append(f"{name}: {field}\n  quoris {mine.get(field)}"
                                       f"\n  redis  {other.get(field)}")
        self.report(differences)

    def test_docs_have_a_summary_and_where_the_oracle_has_one_a_complexity(self):
        ours, theirs = docs_of(self.ours), docs_of(self.theirs)
        for name, docs in ours.items():
            with self.subTest(name):
                self.assertTrue(docs.get("summary"))
                if "complexity" in theirs.get(name, {}):
                    self.assertTrue(docs.get("complexity"))

    def test_docs_are_in_our_own_words(self):
        if quoris_is_oracle():
            self.skipTest("the oracle sits in both seats")
        ours, theirs = docs_of(self.ours), docs_of(self.theirs)
        copied = [name for name in ours.keys() & theirs.keys()
                  if ours[name].get("summary") == theirs[name].get("summary")
                  and len(ours[name].get("summary", b"").split()) > 6]
        self.assertEqual(copied, [])

    def test_docs_of_one_command_are_those_in_the_whole(self):
        every = docs_of(self.ours)
        for name in ("get", "set", "config", "client"):
            alone = flatten_docs(pairs_of(self.ours.ask("COMMAND", "DOCS", name)))
            self.assertEqual(alone[name], every[name])

    def test_what_only_one_side_has_stands_in_the_lists(self):
        if quoris_is_oracle():
            self.skipTest("the oracle sits in both seats")
        ours, theirs = set(info_of(self.ours)), set(info_of(self.theirs))
        missing, extra = top_level(theirs, ours), top_level(ours, theirs)
        self.assertEqual(sorted(missing - NOT_YET), [], "missing, and not in NOT_YET")
        self.assertEqual(sorted(NOT_YET - missing), [], "there by now: take it off NOT_YET")
        self.assertEqual(sorted(extra), sorted(OURS_ALONE))

    def test_count_and_list_agree_with_command(self):
        names = set(info_of(self.ours))
        top = {name for name in names if "|" not in name}
        self.assertEqual(self.ours.call("COMMAND", "COUNT"), len(top))
        listed = {name.decode() for name in self.ours.call("COMMAND", "LIST")}
        # The oracle's own LIST decides whether subcommands belong in it.
        with_subcommands = any(b"|" in name for name in self.theirs.call("COMMAND", "LIST"))
        self.assertEqual(listed, names if with_subcommands else top)

    def test_info_of_a_subcommand_by_its_name(self):
        for name in ("config|get", "CLIENT|LIST", "object|encoding", "command|docs"):
            self.same("COMMAND", "INFO", name, how="unordered")

    def test_list_filtered_by_category_is_the_oracle_s_as_far_as_both_have_commands(self):
        common = set(info_of(self.ours)) & set(info_of(self.theirs))
        categories = ("read write keyspace string connection transaction admin dangerous slow fast"
                      " blocking pubsub").split()
        for category in categories:
            mine, other = (
                {name.decode() for name in client.call("COMMAND", "LIST", "FILTERBY", "ACLCAT",
                                                       category)} & common
                for client in (self.ours, self.theirs))
            self.assertEqual(mine, other, category)


del PairTest

if __name__ == "__main__":
    unittest.main()
