"""A profile is examined: what works, what does not, and until when."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from datetime import UTC, date, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import httpx2
import pytest
from typing_extensions import override

import tailorbird
from tailorbird import QuestionSet, Workbench, Workspace
from tailorbird.config import OwnPrice, Profile, RetrievalSettings, describe, load_profile
from tailorbird.exceptions import InvalidInputError
from tailorbird.protocols import ProviderContext
from tailorbird.providers.fake import FakeProvider, FakeSettings, Fault, Script, VirtualClock
from tailorbird.providers.openai import OpenAIProvider
from tailorbird.registry import find_provider
from tailorbird.testing.wire import wire_app
from tailorbird.types import (
    Capabilities,
    Capability,
    DeploymentName,
    Document,
    DocumentId,
    ModelCard,
    ModelId,
    RoleModel,
)
from tailorbird.workbench.diagnosis import Diagnosis, diagnose_profile
from tailorbird.workflow.diagnosis import Finding, worst


def named(found: Diagnosis, topic: str) -> dict[str, tuple[str, str]]:
    """Give level and text of the findings about a topic, by subject."""
    return {one.subject: (one.level, one.text) for one in found.findings if one.topic == topic}


def profile(**roles: RoleModel) -> Profile:
    """Make a profile with these roles."""
    return Profile(name="mine", provider="fake", roles=roles)


async def test_a_profile_that_works_has_no_errors(tmp_path: Path) -> None:
    """Account, roles and the source of values are told, and nothing is changed."""
    async with tailorbird.open("fake", workspace=tmp_path, environ={}) as bench:
        found = await bench.diagnose()
        assert isinstance(bench.provider, FakeProvider)
        assert [call.operation for call in bench.provider.calls] == ["models.list"]
    assert found.ok
    assert (found.profile, found.provider) == ("fake", "fake")
    assert found.examination is not None
    assert found.examination.reachable
    assert {one.role: one.found for one in found.examination.roles} == {
        "chat": True,
        "embedding": True,
        "judge": True,
        "tune_base": True,
    }
    assert named(found, "provider")["fake"][1].startswith("fake/plain/seed-0 answers, and lists ")
    assert "ok      role chat: fake-chat" in str(found)


async def test_dates_are_counted_in_days() -> None:
    """What ends soon is a warning; how many days are left is said."""
    provider = FakeProvider(FakeSettings(flavor="openai"))
    async with Workbench(provider) as bench:
        found = await bench.diagnose()
    assert found.ok
    assert found.examination is not None
    [jobs] = [
        one for one in found.examination.capabilities if one.capability is Capability.JOBS_CREATE
    ]
    assert (jobs.available, str(jobs.until), jobs.days_left) == (True, "2027-01-06", 45)
    level, text = named(found, "capability")["jobs.create"]
    assert level == "warning"
    assert text.startswith("ends on 2027-01-06, in 45 days; ")
    assert "; instead: " in text


async def test_what_has_ended_is_told() -> None:
    """A capability that is gone is a warning, a role's model that is gone an error."""
    clock = VirtualClock(datetime(2027, 3, 1, tzinfo=UTC))
    async with Workbench(FakeProvider(FakeSettings(flavor="openai"), clock=clock)) as bench:
        found = await bench.diagnose()
    assert named(found, "capability")["jobs.create"][1].startswith("ended on 2027-01-06")


async def test_a_role_without_a_model_is_an_error() -> None:
    """A model that the account does not have is answered with a near one."""
    roles = {
        "chat": RoleModel(model=ModelId("fake-chatt")),
        "judge": RoleModel(model=ModelId("zzz")),
        "tune_base": RoleModel(model=ModelId("fake-base-2026-01")),
    }
    async with Workbench(FakeProvider(), profile=profile(**roles)) as bench:
        found = await bench.diagnose()
    assert not found.ok
    told = named(found, "role")
    assert told["chat"] == (
        "error",
        "the account lists no model 'fake-chatt'; did you mean 'fake-chat'?",
    )
    assert told["judge"] == ("error", "the account lists no model 'zzz'")
    assert told["tune_base"][0] == "ok"


@pytest.mark.parametrize(
    ("deployment", "script", "level", "text"),
    [
        ("chat-1", Script(), "error", "there is no deployment 'chat-1'"),
        (
            "chat-1",
            Script().on("deployments.get", Fault.wrong_key()),
            "ok",
            "chat-1 (gpt-4.1-mini)",
        ),
    ],
)
async def test_deployments_are_asked_for_by_name(
    deployment: str, script: Script, level: str, text: str
) -> None:
    """A deployment that is not there is an error; one that may not be looked up is none."""
    role = RoleModel(model=ModelId("gpt-4.1-mini"), deployment=DeploymentName(deployment))
    provider = FakeProvider(FakeSettings(flavor="azure"), script=script)
    async with Workbench(provider, profile=profile(chat=role)) as bench:
        found = await bench.diagnose()
    assert named(found, "role")["chat"][0] == level
    assert named(found, "role")["chat"][1].startswith(text)


class Dated(FakeProvider):
    """A provider whose models have dated names, and ends."""

    @property
    @override
    def models(self) -> Any:
        """List three snapshots."""

        class Listed:
            async def list(self) -> AsyncIterator[ModelCard]:
                for id_, day in (
                    ("m-2026-01-01", "2026-12-01"),
                    ("m-2026-06-01", "2027-12-01"),
                    ("old-2025-01-01", "2026-11-01"),
                ):
                    yield ModelCard.model_validate(
                        {"id": id_, "shutdown_date": day, "successor": "m-2026-06-01"}
                    )

        return Listed()


async def test_a_name_without_its_date_is_the_newest_snapshot() -> None:
    """Aliases are found; what is gone or goes soon is told with its successor."""
    roles = {
        "chat": RoleModel(model=ModelId("m")),
        "judge": RoleModel(model=ModelId("m-2026-01-01")),
        "tune_base": RoleModel(model=ModelId("old")),
        "embedding": RoleModel(model=ModelId("m-2026-06-01")),
    }
    async with Workbench(Dated(), profile=profile(**roles)) as bench:
        found = await bench.diagnose()
    told = named(found, "role")
    assert told["chat"] == (
        "ok",
        "m answers until 2027-12-01, 374 days; its provider recommends 'm-2026-06-01'",
    )
    assert told["judge"][0] == "warning"
    assert told["tune_base"] == (
        "error",
        "old was shut down on 2026-11-01; its provider recommends 'm-2026-06-01'",
    )
    assert not found.ok


async def test_a_provider_that_does_not_answer_is_an_error() -> None:
    """The provider's words stand there once, and roles are not asked for."""
    script = Script().on("models.list", Fault.wrong_key())
    async with Workbench(FakeProvider(script=script)) as bench:
        found = await bench.diagnose()
    assert not found.ok
    assert named(found, "provider")["fake"][0] == "error"
    assert named(found, "role") == {}
    assert found.examination is not None
    assert {one.found for one in found.examination.roles} == {None}


class Unlisted(FakeProvider):
    """A provider that cannot list its models."""

    @property
    @override
    def capabilities(self) -> Capabilities:
        """Leave the list of models out."""
        known = super().capabilities
        entries = tuple(one for one in known.entries if one.capability is not Capability.MODELS)
        return known.model_copy(update={"entries": entries})


async def test_where_nothing_is_free_nothing_is_asked() -> None:
    """A provider without a list of models is not called."""
    async with Workbench(Unlisted()) as bench:
        found = await bench.diagnose()
    assert found.ok
    assert found.examination is not None
    assert found.examination.reachable is None
    assert named(found, "provider")["fake"][0] == "note"


async def test_a_profile_is_examined_from_the_file_on(tmp_path: Path) -> None:
    """Keys, variables and roles of a file are findings, and no error is raised."""
    config = tmp_path / "t.toml"
    config.write_text(
        '[profiles.x]\nprovider = "fake"\nflavour = "plain"\nkeys = { api_key_env = "A_KEY" }\n'
    )
    found = await diagnose_profile("x", config=config, environ={"OPENAI_ORG_ID": "org-1"})
    assert not found.ok
    assert named(found, "key")["A_KEY"][0] == "error"
    assert named(found, "environment")["OPENAI_ORG_ID"][0] == "warning"
    assert "unknown key 'flavour'" in named(found, "provider")["fake"][1]
    assert found.description is not None
    environ = {"A_KEY": "0123456789 "}
    found = await diagnose_profile("x", config=config, environ=environ, workspace=tmp_path / "r")
    level, text = named(found, "key")["A_KEY"]
    assert level == "ok"
    assert text.startswith("there, 10 characters (not shown); A_KEY: 1 blank character(s) around")
    assert "0123456789" not in found.model_dump_json()


async def test_the_usual_variable_of_a_key_is_told(tmp_path: Path) -> None:
    """A key that no setting names is looked for and told, with its length only."""
    config = tmp_path / "t.toml"
    config.write_text(
        '[profiles.x]\nprovider = "openai"\n'
        '[profiles.y]\nprovider = "openai"\napi_key_env = "MINE"\n'
        '[profiles.z]\nprovider = "azure"\nendpoint = "https://contoso.openai.azure.com"\n'
        'auth = "key"\n'
        '[profiles.z.search]\nendpoint = "https://contoso.search.windows.net"\n'
        'api_key_env = "SEARCH"\n'
        '[profiles.w]\nprovider = "openai"\nbase_url = "http://127.0.0.1:9/v1"\nserver = {}\n'
    )
    environ = {
        "OPENAI_API_KEY": "sk-0123456789abcdef0123",
        "MINE": "sk-0123456789",
        "AZURE_OPENAI_API_KEY": "0" * 16 + "a" * 16,
        "SEARCH": "b2" * 26,
    }
    told = {}
    for name in "xyzw":
        profile = await asyncio.to_thread(load_profile, name, config=config, environ=environ)
        context = ProviderContext(environ=environ)
        made = await asyncio.to_thread(find_provider, profile.provider)
        provider = made(profile.options, context=context)
        keys = describe(profile, environ=environ, key_variables=provider.key_variables).keys
        told[name] = {one.setting: (one.variable, one.length) for one in keys}
    assert told == {
        "x": {"default": ("OPENAI_API_KEY", 23)},
        "y": {"profiles.y.api_key_env": ("MINE", 13)},
        "z": {
            "profiles.z.search.api_key_env": ("SEARCH", 52),
            "default": ("AZURE_OPENAI_API_KEY", 32),
        },
        "w": {},
    }


async def test_the_usual_key_is_among_the_findings() -> None:
    """What is found out of an open provider names the variable it took its key from."""
    environ = {"OPENAI_API_KEY": "test-key"}
    async with FakeProvider(FakeSettings(flavor="openai")) as fake, wire_app(fake) as app:
        transport = httpx2.ASGITransport(app=app)
        cloud = OpenAIProvider(clock=fake.clock, environ=environ, transport=transport)
        mine = Profile(name="cloud", provider="openai")
        async with Workbench(cloud, profile=mine, environ=environ) as bench:
            found = await bench.diagnose()
    assert found.ok
    assert named(found, "key") == {"OPENAI_API_KEY": ("ok", "there, 8 characters (not shown)")}
    assert "test-key" not in found.model_dump_json()


async def test_a_missing_key_without_a_setting_is_named(tmp_path: Path) -> None:
    """Before anything is opened, the error says which variable to set."""
    config = tmp_path / "t.toml"
    config.write_text('[profiles.x]\nprovider = "openai"\n')
    found = await diagnose_profile("x", config=config, environ={})
    assert not found.ok
    assert "the environment variable OPENAI_API_KEY is not set" in str(found)


async def test_the_engine_of_indexes_is_reached(tmp_path: Path) -> None:
    """The local engine, and a provider's own, are asked for their indexes; nothing is written."""
    for engine in ("local", "hosted"):
        folder = tmp_path / engine
        mine = Profile(name="m", provider="fake", retrieval=RetrievalSettings(engine=engine))
        async with Workbench(FakeProvider(), profile=mine, workspace=Workspace(folder)) as bench:
            before = sorted(folder.rglob("*"))
            found = await bench.diagnose()
            assert named(found, "retrieval") == {engine: ("ok", "it answers, and holds 0 indexes")}
            assert sorted(folder.rglob("*")) == before
            await bench.build_index([Document(id=DocumentId("a"), text="Text.")], name="library")
            told = named(await bench.diagnose(), "retrieval")
            assert told == {engine: ("ok", "it answers, and holds 1 indexes")}


@pytest.mark.parametrize(
    ("retrieval", "script", "words"),
    [
        ("engine = 'hosted'", "refused", "the key is wrong"),
        ("engine = 'locla'", "", "there is no retrieval engine 'locla'; did you mean 'local'?"),
        ("engine = 'postgres'\ndsn_env = 'NO_DSN'", "", "NO_DSN is not set"),
    ],
)
async def test_an_engine_that_cannot_be_used_is_an_error(
    tmp_path: Path, retrieval: str, script: str, words: str
) -> None:
    """Whatever is wrong with it is a finding, and the others are there all the same."""
    config = tmp_path / "t.toml"
    config.write_text(f"[profiles.x]\nprovider = 'fake'\n[profiles.x.retrieval]\n{retrieval}\n")
    mine = await asyncio.to_thread(load_profile, "x", config=config, environ={})
    faults = Script().on("retrieval.list", Fault.wrong_key()) if script else Script()
    async with Workbench(FakeProvider(script=faults), profile=mine, environ={}) as bench:
        found = await bench.diagnose()
    assert not found.ok
    [(level, text)] = named(found, "retrieval").values()
    assert level == "error"
    assert words in text
    assert {level for level, _ in named(found, "role").values()} == {"ok"}


async def test_a_file_that_cannot_be_read_is_a_finding(tmp_path: Path) -> None:
    """Without a profile there is nothing else to say."""
    found = await diagnose_profile(config=tmp_path / "none.toml")
    assert (found.ok, found.description, found.examination) == (False, None, None)
    assert named(found, "profile")[""][1].startswith("cannot read the configuration")
    assert (await diagnose_profile("fake", clock=VirtualClock())).ok


def test_the_worst_of_nothing_is_fine() -> None:
    """Without findings nothing is wrong."""
    note = Finding(topic="role", subject="x", level="note", text="y")
    assert (worst([]), worst([note])) == ("ok", "note")


async def test_old_prices_are_told() -> None:
    """A price that was read long ago is a warning that names the table to write it into."""
    old = OwnPrice(input_per_mtok=Decimal(1), read_on=date(2026, 1, 1))
    profile = Profile(name="mine", provider="fake", prices={"fake-chat": old})
    async with Workbench(FakeProvider(), profile=profile) as bench:
        [found] = [one for one in (await bench.diagnose()).findings if one.topic == "price"]
    assert (found.level, found.subject) == ("warning", "fake-chat")
    assert 'write it into [profiles.mine.prices."fake-chat"]' in found.text


async def test_a_dying_model_fails_within_the_horizon(tmp_path: Path) -> None:
    """Days are counted for tuned models, roles and capabilities; a horizon makes them errors."""
    rows = QuestionSet.from_rows([(f"What is shelf {n}?", f"Shelf {n} is red.") for n in range(12)])
    clock = VirtualClock(datetime(2026, 11, 22, tzinfo=UTC))
    fake = FakeProvider(FakeSettings(flavor="openai"), clock=clock)
    async with Workbench(fake, workspace=Workspace(tmp_path)) as bench:
        await bench.fine_tune(rows, name="shelves")
        near = await bench.diagnose()
        assert near.ok
        level, text = named(near, "tuned")["shelves"]
        assert level == "warning"
        assert "answers until 2027-01-14, 53 days; record what it says: tailorbird record" in text
        assert (await bench.diagnose(horizon_days=30)).ok
        found = await bench.diagnose(horizon_days=60)
        assert not found.ok
        assert named(found, "tuned")["shelves"][0] == "error"
        assert {one.level for one in found.findings if one.days_left is not None} == {"error"}
        assert {"tuned", "capability"} <= {one.topic for one in found.findings if one.days_left}
        with pytest.raises(InvalidInputError, match="at least 0 days"):
            await bench.diagnose(horizon_days=-1)
        clock.advance(60 * 86_400)
        ended = await bench.diagnose()
        assert named(ended, "tuned")["shelves"] == (
            "error",
            f"{(await bench.tuned('shelves')).model} stopped answering on 2027-01-14",
        )


async def test_an_end_that_is_far_off_is_no_warning() -> None:
    """A model that answers for most of a year needs nobody's care yet."""
    rows = QuestionSet.from_rows([(f"What is shelf {n}?", f"Shelf {n} is red.") for n in range(12)])
    clock = VirtualClock(datetime(2026, 11, 22, tzinfo=UTC))
    async with Workbench(FakeProvider(FakeSettings(flavor="azure"), clock=clock)) as bench:
        await bench.fine_tune(rows, name="shelves")
        found = await bench.diagnose()
    assert named(found, "tuned")["shelves"][0] == "ok"
    assert "record" not in named(found, "tuned")["shelves"][1]


async def test_a_model_without_an_end_is_fine() -> None:
    """Where no end is announced, none is invented."""
    rows = QuestionSet.from_rows([(f"What is shelf {n}?", f"Shelf {n} is red.") for n in range(12)])
    async with tailorbird.open("fake", workspace=None, environ={}) as bench:
        await bench.fine_tune(rows, name="shelves")
        found = await bench.diagnose(horizon_days=10_000)
    assert named(found, "tuned")["shelves"][1].endswith("no end is announced")
    assert found.ok
