"""An index moves from the local engine to PostgreSQL, and no embedding is paid for again."""

from __future__ import annotations

from pathlib import Path

import tailorbird
from tailorbird.types import Document, DocumentId


async def test_a_move_costs_no_embedding(
    tmp_path: Path, postgres_dsn: str, postgres_schema: str
) -> None:
    """The workspace knows the vectors: another engine is another line in the profile."""
    config = tmp_path / "tailorbird.toml"
    config.write_text(
        '[profiles.one]\nprovider = "fake"\n'
        '[profiles.many]\nprovider = "fake"\n'
        '[profiles.many.retrieval]\nengine = "postgres"\ndsn_env = "PG_DSN"\n'
        f'schema = "{postgres_schema}"\n',
        encoding="utf-8",
    )
    documents = [
        Document(id=DocumentId(f"d{number}"), text=f"Shelf {number} holds item {number * 7}.")
        for number in range(60)
    ]
    where, environ = tmp_path / "workspace", {"PG_DSN": postgres_dsn}
    async with tailorbird.open("one", config=config, workspace=where, environ=environ) as bench:
        first = await bench.build_index(documents, name="shelves")
        before = await bench.search("item 77", index=first)
    async with tailorbird.open("many", config=config, workspace=where, environ=environ) as bench:
        told = await bench.estimate_index(documents, name="shelves")
        moved = await bench.build_index(documents, name="shelves")
        after = await bench.search("item 77", index=moved)
    assert (first.embedded, told.texts, moved.added, moved.embedded) == (60, 0, 60, 0)
    assert [hit.chunk.id for hit in after] == [hit.chunk.id for hit in before]
