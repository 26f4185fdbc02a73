"""Claim: the status of 10 million passes, 1 % revoked, fits 140 KiB, exactly, and is looked up in a microsecond.

Peers in the same run: the EU form (128-bit hashes, the size is arithmetic) and a Python set of the same revoked
places, whose look-up is the fastest there is without decoding anything.
"""

import json
import os
import random
import statistics
import time
from collections.abc import Callable

from pratique.credentials import status

PASSES, SHARE = 10_000_000, 0.01
LOOK_UPS, ROUNDS = 200_000, 5


def seconds(act: Callable[[], object]) -> float:
    """CPU seconds of one call."""
    start = time.process_time()
    act()
    return time.process_time() - start


def main() -> None:
    """Print the table and the JSON line."""
    chance = random.Random(20260105)
    size = status.SIZE
    revoked: list[list[int]] = [[] for _ in range(-(-PASSES // size))]
    for place in chance.sample(range(PASSES), int(PASSES * SHARE)):
        revoked[place // size].append(place % size)
    packed: list[bytes] = []

    def build() -> None:
        packed[:] = [status.build(1, size, [(place, 1) for place in places]).pack() for places in revoked]

    build_s = seconds(build)
    unpacked = [status.unpack(1, lst, size // 8) for lst in packed]
    load_s = statistics.median(
        seconds(lambda: [status.unpack(1, one, size // 8) for one in packed]) for _ in range(ROUNDS)
    )
    for places, one in zip(revoked, unpacked, strict=True):
        marked = set(places)
        if any(one.value(place) != (place in marked) for place in range(0, size, 97)):
            raise SystemExit("a list does not say what was put into it")
    places = [chance.randrange(size) for _ in range(LOOK_UPS)]
    look, known = unpacked[0], set(revoked[0])

    def ours() -> int:
        return sum(look.value(place) for place in places)

    def peer() -> int:
        return sum(place in known for place in places)

    if ours() != peer():
        raise SystemExit("the two look-ups differ")
    rounds = [(seconds(ours), seconds(peer)) for _ in range(ROUNDS)]
    ours_s, peer_s = (statistics.median(column) / LOOK_UPS for column in zip(*rounds, strict=True))
    total = sum(map(len, packed))
    hashes = 16 * sum(map(len, revoked))
    print(f"{PASSES:,} passes, {sum(map(len, revoked)):,} revoked")
    print(
        f"status lists on the wire   {total / 1024:8.1f} KiB   ({hashes / total:.1f} times smaller than 128-bit hashes)"
    )
    print(f"made in {build_s:.2f} s, loaded in {load_s * 1000:.1f} ms")
    print(f"look-up                    {ours_s * 1e6:8.3f} µs    (a Python set: {peer_s * 1e6:.3f} µs)")
    line = {
        "claim": "status of 10 M passes at 1 % revoked, KiB on the wire, over 128-bit hashes",
        "ours": round(total / 1024, 1),
        "peer": round(hashes / 1024, 1),
        "peer_name": "EU 128-bit hash lists",
        "ratio": round(total / hashes, 4),
        "look_up_us": round(ours_s * 1e6, 3),
        "set_look_up_us": round(peer_s * 1e6, 3),
        "load_ms": round(load_s * 1000, 1),
        "unit": "KiB",
        "runs": ROUNDS,
        "load": round(os.getloadavg()[0], 2),
    }
    print(json.dumps(line))


if __name__ == "__main__":
    main()
