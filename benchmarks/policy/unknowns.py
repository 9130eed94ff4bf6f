"""100,000 generated requests with missing facts: is anything OPEN that learning more makes BLOCKED?

    python benchmarks/policy/unknowns.py [--requests 100000]

For each request a quarter of the facts is dropped, the verdict is taken, the facts are
filled in again, and once more with other values. Every rule is also asked of CEL, where
a missing key is an error. Both counts must be 0 and every answer must agree.
"""

from __future__ import annotations

import argparse
import datetime as dt
import random
import time

import cel
from permits import permissions
from rules300 import book, facts, request

from reliant.core.verdict import Axis, Verdict
from reliant.policy import RuleBook
from reliant.policy.conditions import NO, UNKNOWN, YES
from reliant.policy.export import cel_of, facts_as_lists

DAY = dt.date(2025, 3, 1)
RULES_A_BOOK = 12
REQUESTS_A_BOOK = 250


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--requests", type=int, default=100_000)
    wanted = parser.parse_args().requests
    rng = random.Random(5)
    started = time.perf_counter()
    done = open_seen = turned = differ = answers = unknown = 0
    while done < wanted:
        seed = rng.randrange(1 << 30)
        rules = RuleBook([*book(RULES_A_BOOK, seed).rules.values(), *permissions(seed)])
        snapshot = rules.at(DAY)
        programs = [
            (entry, cel.compile(cel_of(entry, entry.variants[0], snapshot))) for entry in snapshot.entries
        ]
        for _ in range(min(REQUESTS_A_BOOK, wanted - done)):
            done += 1
            full, other = request(rng), request(rng)
            partial = {name: value for name, value in full.items() if rng.random() > 0.25}
            before = rules.decide(facts(partial), DAY)
            for completion in (full, {**other, **partial}):
                after = rules.decide(facts(completion), DAY)
                for axis in Axis:
                    if before.axes[axis].verdict is Verdict.OPEN:
                        open_seen += 1
                        turned += after.axes[axis].verdict is Verdict.BLOCKED
            context = {"f": facts_as_lists(partial)}
            fired, open_ = snapshot.fire(partial)
            ours = {entry.rule.id: YES for entry in fired} | {entry.rule.id: UNKNOWN for entry in open_}
            for entry, program in programs:
                try:
                    theirs = YES if program.execute(context) else NO
                except (KeyError, RuntimeError):
                    theirs = UNKNOWN
                answers += 1
                unknown += theirs == UNKNOWN
                differ += ours.get(entry.rule.id, NO) != theirs
    spent = time.perf_counter() - started
    print(f"{done:,} requests in {spent:.0f} s; {open_seen:,} OPEN answers on an axis were completed")
    print(f"OPEN that a completion makes BLOCKED: {turned}")
    print(f"answers of single rules: {answers:,}, unknown {unknown:,}; different from CEL: {differ}")
    assert turned == differ == 0


if __name__ == "__main__":
    main()
