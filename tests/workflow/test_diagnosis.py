"""A profile is examined: what works, what does not, and until when."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from typing_extensions import override

import tailorbird
from tailorbird import Workbench
from tailorbird.config import Profile
from tailorbird.providers.fake import FakeProvider, FakeSettings, Fault, Script, VirtualClock
from tailorbird.types import Capabilities, Capability, DeploymentName, ModelCard, ModelId, RoleModel
from tailorbird.workbench import Diagnosis, diagnose_profile
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
