"""Compare the time of `import tailorbird` with that of `import pydantic` and one model.

    python benchmarks/import_cost.py [rounds]

The two take turns, each in a new interpreter, so a busy machine slows both. Medians in
milliseconds, without the interpreter's own start.
"""

from __future__ import annotations

import statistics
import subprocess
import sys

ROUNDS = 21
PEER = "import pydantic\nclass Model(pydantic.BaseModel): number: int"
OURS = "import tailorbird"
TIMED = """
import time
start = time.perf_counter()
{statements}
print((time.perf_counter() - start) * 1000)
"""


def import_ms(statements: str) -> float:
    """Return how many milliseconds `statements` take in a new interpreter."""
    program = TIMED.format(statements=statements)
    run = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True
    )
    return float(run.stdout)


def main(rounds: int) -> None:
    """Print both medians and their ratio."""
    import_ms(PEER)  # the first run of each fills the file and bytecode caches
    import_ms(OURS)
    pairs = [(import_ms(PEER), import_ms(OURS)) for _ in range(rounds)]
    peer, ours = (statistics.median(times) for times in zip(*pairs, strict=True))
    print(f"pydantic with one model  {peer:7.1f} ms")
    print(f"tailorbird               {ours:7.1f} ms")
    print(f"ratio                    {ours / peer:7.2f}")


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else ROUNDS)
