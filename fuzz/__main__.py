"""`python -m fuzz --inputs N`: N mutated inputs over all targets, counted and measured; exits 1 if anything failed."""

import argparse
import json
import resource
import sys
import time
from random import Random

from fuzz.kept import found
from fuzz.mutate import changed, inside, value_changed
from fuzz.targets import TARGETS, Target
from pratique.credentials.reasons import REASONS, CredentialError

MAX_MS, MAX_MIB = 50.0, 64.0
_RARE = {  # slower by nature: every n-th round
    "picture": 200,
    "key set problems": 4,
    "trust file": 4,
    "bundle signed": 4,
    "verify signed claims": 4,
    "verify signed card": 4,
    "verify signed pass": 4,
    "status token signed": 4,
}


def inputs(target: Target, chance: Random) -> bytes:
    """The next input of a target: a seed, changed as bytes or as a value."""
    seed, other = chance.choice(target.seeds), chance.choice(target.seeds)
    if target.text:
        return inside(seed, other, chance)
    return value_changed(seed, chance) if chance.random() < 0.3 else changed(seed, other, chance)


def judged(target: Target, raw: bytes) -> str | None:
    """What is wrong with how a target took an input, None if nothing."""
    try:
        target.run(raw)
    except CredentialError as fault:
        return None if fault.code in REASONS else f"a reason that is not listed: {fault.code}"
    except BaseException as fault:
        if isinstance(fault, KeyboardInterrupt):
            raise
        return f"{type(fault).__name__}: {fault}"
    return None


def main() -> int:
    """Run, print the table and one JSON line."""
    reader = argparse.ArgumentParser(prog="python -m fuzz", description=__doc__)
    reader.add_argument("--inputs", type=int, default=200_000)
    reader.add_argument("--seed", type=int, default=1)
    reader.add_argument("--only", help="one target")
    asked = reader.parse_args()
    chance = Random(asked.seed)
    chosen = [target for target in TARGETS if asked.only in (None, target.name)]
    seeds = {target.name: target._replace(seeds=target.seeds + found(target.name)) for target in chosen}
    for target in seeds.values():
        for raw in target.seeds:
            judged(target, raw)
    begun = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    counts, slowest = dict.fromkeys(seeds, 0), dict.fromkeys(seeds, 0.0)
    failures: list[tuple[str, str, bytes]] = []
    done = round_ = 0
    start = time.process_time()
    while done < asked.inputs:
        round_ += 1
        for name, target in seeds.items():
            if round_ % _RARE.get(name, 1):
                continue
            raw = inputs(target, chance)
            before = time.thread_time()
            wrong = judged(target, raw)
            took = (time.thread_time() - before) * 1000
            done += 1
            counts[name] += 1
            slowest[name] = max(slowest[name], took)
            if took > MAX_MS and name != "picture":
                wrong = wrong or f"{took:.0f} ms"
            if wrong and len(failures) < 50:
                failures.append((name, wrong, raw))
    spent = time.process_time() - start
    grown = (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - begun) / 1024
    for name, count in counts.items():
        print(f"{name:22} {count:9} inputs   slowest {slowest[name]:7.2f} ms")
    for name, wrong, raw in failures:
        print(f"FAILED {name}: {wrong}\n  {json.dumps({'target': name, 'hex': raw.hex()})}")
    line = {
        "claim": "mutated inputs over every decoder: nothing uncaught, nothing forged, <= 50 ms and <= 64 MiB",
        "inputs": done,
        "failed": len(failures),
        "slowest_ms": round(max(ms for name, ms in slowest.items() if name != "picture"), 2),
        "slowest_picture_ms": round(slowest.get("picture", 0.0), 2),
        "memory_grown_mib": round(grown, 1),
        "cpu_s": round(spent, 1),
        "seed": asked.seed,
    }
    print(json.dumps(line))
    return int(bool(failures) or grown > MAX_MIB)


if __name__ == "__main__":
    sys.exit(main())
