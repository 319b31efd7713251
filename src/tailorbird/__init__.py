"""Stitch your own data into a language model, and measure what it deserves.

```python
async with tailorbird.open("fake") as bench:
    faq = tailorbird.read_questions("faq.csv")
    train, held_out = faq.split(held_out=0.25, seed=7)
    tuned = await bench.fine_tune(train, system="…", name="faq-bot")
    handbook = await bench.build_index("handbook/", name="handbook")
    print(await bench.compare(bench.arms(tuned=tuned, index=handbook), held_out))
```

Contracts live in `tailorbird.protocols`, data in `tailorbird.types`, the fake in
`tailorbird.providers.fake`, suites and fixtures for tests in `tailorbird.testing`.
"""

from __future__ import annotations
