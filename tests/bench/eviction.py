"""Hit rate under each eviction policy on a Zipf load, beside redis-server.

Run by `scripts/bench eviction`. Both servers get room for the same number of keys: what a server
uses with that many is its `maxmemory`. Then the same reads go to both, a miss is followed by a
write, and the second half of the reads counts. Differences between two runs with other numbers
are some tenths of a point.
"""

import argparse
import bisect
import itertools
import random

from load import info
from harness import start_oracle, start_quoris  # load.py has set the path

BATCH = 200
VALUE = "v" * 200
POLICIES = ["allkeys-lru", "allkeys-lfu", "allkeys-random", "volatile-lru", "volatile-lfu",
            "volatile-random", "volatile-ttl"]


def zipf_numbers(keys, exponent, seed):
    """Ranks 0 (the most popular) to keys - 1, for ever."""
    sums = list(itertools.accumulate(1 / (rank + 1) ** exponent for rank in range(keys)))
    generator = random.Random(seed)
    while True:
        yield bisect.bisect_left(sums, generator.random() * sums[-1])


def name(rank, keys):
    # Popular keys are spread over the names.
    return "key:%08d" % (rank * 7_368_787 % keys)


def write_of(key, policy, rank):
    command = ["SET", key, VALUE]
    if policy.startswith("volatile"):
        # volatile-ttl takes what goes first anyway: popular keys live longest.
        command += ["EX", str(100_000 - rank // 10)]
    return command


def hit_rate(server, policy, options, seed):
    keys = options.keys
    with server.client() as client:
        client.call("CONFIG", "SET", "maxmemory", "0")
        client.call("FLUSHALL")
        client.call("CONFIG", "SET", "maxmemory-policy", policy)
        room = int(keys * options.room)
        for start in range(0, room, BATCH):
            client.pipeline([write_of(name(rank, keys), policy, rank)
                             for rank in range(start, min(start + BATCH, room))])
        limit = int(info(client, "used_memory"))
        client.call("FLUSHALL")
        client.call("CONFIG", "SET", "maxmemory", str(limit))
        ranks = zipf_numbers(keys, options.exponent, seed)
        hits = 0
        batches = options.reads // BATCH
        for number in range(batches):
            batch = list(itertools.islice(ranks, BATCH))
            replies = client.pipeline([["GET", name(rank, keys)] for rank in batch])
            missed = [rank for rank, reply in zip(batch, replies) if reply.value is None]
            if number >= batches // 2:
                hits += len(batch) - len(missed)
            for reply in client.pipeline([write_of(name(rank, keys), policy, rank)
                                          for rank in missed]) if missed else []:
                assert not reply.is_error, reply
        return 100 * hits / ((batches - batches // 2) * BATCH), client.call("DBSIZE")


def main():
    parser = argparse.ArgumentParser(prog="scripts/bench eviction", description=__doc__)
    parser.add_argument("--keys", type=int, default=100_000)
    parser.add_argument("--reads", type=int, default=1_000_000)
    parser.add_argument("--room", type=float, default=0.1, help="share of the keys that fit")
    parser.add_argument("--exponent", type=float, default=0.99)
    parser.add_argument("--policies", default=",".join(POLICIES))
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args()
    ours, theirs = start_quoris(), start_oracle()
    print("| policy | hits, % | redis | difference | keys kept | redis |\n"
          "| --- | --- | --- | --- | --- | --- |")
    for policy in options.policies.split(","):
        rate, kept = hit_rate(ours, policy, options, options.seed)
        peer_rate, peer_kept = hit_rate(theirs, policy, options, options.seed)
        print(f"| {policy} | {rate:.2f} | {peer_rate:.2f} | {rate - peer_rate:+.2f} "
              f"| {kept:,} | {peer_kept:,} |", flush=True)


if __name__ == "__main__":
    main()
