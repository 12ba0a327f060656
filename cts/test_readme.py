# SPDX-License-Identifier: GPL-2.0-or-later
"""The READMEs say of each parameter what the agent's metadata says, in both languages alike."""

import json
import os
import re
import subprocess
from pathlib import Path
from xml.etree import ElementTree

import pytest

REPOSITORY = Path(__file__).resolve().parent.parent
BUILD = Path(os.environ.get("OCF_AWS_BUILD", REPOSITORY / "build"))
AGENTS = sorted(path.stem for path in (REPOSITORY / "agents").glob("*.c"))
PARAMETER_ROW = re.compile(r"\| `([a-z0-9_]+)` \|")
LANGUAGES = {
    "README.md": "en",
    "README.ja.md": "ja",
}
OWN = {"en": "Parameters of {agent}", "ja": "{agent} のパラメーター"}
SHARED = {"en": "Parameters that all agents share", "ja": "共通パラメーター"}
IAM = "IAM"

readmes = pytest.mark.parametrize(("name", "language"), LANGUAGES.items(), ids=LANGUAGES.values())


def parameter_rows(agent: str, language: str) -> dict[str, str]:
    """The rows of a README's tables by parameter, from the metadata."""
    program = BUILD / "agents" / agent
    metadata = subprocess.run([program, "meta-data"], check=True, capture_output=True, text=True)
    rows = {}
    for parameter in ElementTree.fromstring(metadata.stdout).iter("parameter"):
        default = parameter.find("content").get("default")
        required = {"en": "required", "ja": "必須"}[language]
        shown = f"`{default}`" if default is not None else ""
        if parameter.get("required") == "1":
            shown = required
        # The table has a column for what the text of the metadata ends with.
        ending = {"en": f" Default: {default}.", "ja": f"既定値: {default}。"}[language]
        text = parameter.find(f"longdesc[@lang='{language}']").text.removesuffix(ending)
        name = parameter.get("name")
        rows[name] = f"| `{name}` | {shown} | {text} |"
    return rows


def section(name: str, title: str) -> list[str]:
    """The lines of a README between a heading and the next of its kind."""
    lines = (REPOSITORY / name).read_text().splitlines()
    begin = lines.index(f"## {title}") + 1
    end = next((i for i in range(begin, len(lines)) if lines[i].startswith("## ")), len(lines))
    return lines[begin:end]


def table(name: str, title: str) -> dict[str, str]:
    """The rows of the parameters in a section of a README; each parameter has one."""
    rows = [line for line in section(name, title) if PARAMETER_ROW.match(line)]
    by_parameter = {PARAMETER_ROW.match(row)[1]: row for row in rows}
    assert len(by_parameter) == len(rows)
    return by_parameter


def commands(name: str) -> list[str]:
    """The blocks of commands in a README, without what comments say."""
    blocks = re.findall(
        r"^```\n(.*?)^```$", (REPOSITORY / name).read_text(), re.DOTALL | re.MULTILINE
    )
    return [re.sub(r" +#.*", "", block) for block in blocks]


@readmes
@pytest.mark.parametrize("agent", AGENTS)
def test_each_parameter_is_in_one_table_as_the_metadata_says(
    agent: str, name: str, language: str
) -> None:
    own = table(name, OWN[language].format(agent=agent))
    shared = table(name, SHARED[language])
    wanted = parameter_rows(agent, language)
    assert own.keys() & shared.keys() == set()
    assert own == {what: row for what, row in wanted.items() if what not in shared}
    assert {what: row for what, row in shared.items() if what in wanted} == {
        what: row for what, row in wanted.items() if what in shared
    }


@readmes
def test_shared_parameters_are_those_of_several_agents(name: str, language: str) -> None:
    """What one agent has alone belongs to its own table, and to no other."""
    have = [parameter_rows(agent, language) for agent in AGENTS]
    lonely = [
        what for what in table(name, SHARED[language]) if sum(what in rows for rows in have) < 2
    ]
    assert lonely == []


@pytest.mark.parametrize("name", LANGUAGES)
@pytest.mark.parametrize("agent", AGENTS)
def test_each_agent_is_in_the_table_of_agents_and_has_an_example(agent: str, name: str) -> None:
    text = (REPOSITORY / name).read_text()
    assert f"| `{agent}` |" in text
    assert f"### {agent}" in text.splitlines()
    assert any(f"ocf:aws:{agent} " in block for block in commands(name))


@pytest.mark.parametrize("name", LANGUAGES)
@pytest.mark.parametrize("agent", AGENTS)
def test_policy_is_linked_with_all_its_actions(agent: str, name: str) -> None:
    policy = f"xml/iam/{agent}.json"
    statements = json.loads((REPOSITORY / policy).read_text())["Statement"]
    allowed = set()
    for statement in statements:
        action = statement["Action"]
        allowed |= {action} if isinstance(action, str) else set(action)
    (row,) = [line for line in section(name, IAM) if policy in line]
    assert set(re.findall(r"`([a-z0-9]+:[A-Za-z0-9]+)`", row)) == allowed


def test_commands_are_the_same_in_both_languages() -> None:
    english, japanese = map(commands, LANGUAGES)
    assert english == japanese


@pytest.mark.parametrize("name", LANGUAGES)
def test_links_lead_to_files(name: str) -> None:
    targets = re.findall(r"\]\(([^)#:]+)\)", (REPOSITORY / name).read_text())
    assert targets != []
    assert [target for target in targets if not (REPOSITORY / target).exists()] == []
