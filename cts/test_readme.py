# SPDX-License-Identifier: GPL-2.0-or-later
"""The READMEs say of each parameter what the agent's metadata says."""

import os
import subprocess
from pathlib import Path
from xml.etree import ElementTree

import pytest

REPOSITORY = Path(__file__).resolve().parent.parent
BUILD = Path(os.environ.get("OCF_AWS_BUILD", REPOSITORY / "build"))
AGENTS = sorted(path.stem for path in (REPOSITORY / "agents").glob("*.c"))


def parameter_rows(agent: str, language: str) -> list[str]:
    """The rows of a README's table, from the metadata."""
    program = BUILD / "agents" / agent
    metadata = subprocess.run([program, "meta-data"], check=True, capture_output=True, text=True)
    rows = []
    for parameter in ElementTree.fromstring(metadata.stdout).iter("parameter"):
        default = parameter.find("content").get("default")
        required = {"en": "required", "ja": "必須"}[language]
        shown = f"`{default}`" if default is not None else ""
        if parameter.get("required") == "1":
            shown = required
        # The table has a column for what the text of the metadata ends with.
        ending = {"en": f" Default: {default}.", "ja": f"既定値: {default}。"}[language]
        text = parameter.find(f"longdesc[@lang='{language}']").text.removesuffix(ending)
        rows.append(f"| `{parameter.get('name')}` | {shown} | {text} |")
    return rows


@pytest.mark.parametrize("agent", AGENTS)
@pytest.mark.parametrize(("name", "language"), [("README.md", "en"), ("README.ja.md", "ja")])
def test_readme_has_every_parameter_as_the_metadata_says(
    agent: str, name: str, language: str
) -> None:
    lines = (REPOSITORY / name).read_text().splitlines()
    missing = [row for row in parameter_rows(agent, language) if row not in lines]
    assert missing == []


@pytest.mark.parametrize("agent", AGENTS)
@pytest.mark.parametrize("name", ["README.md", "README.ja.md"])
def test_readme_names_agent_and_policy(agent: str, name: str) -> None:
    text = (REPOSITORY / name).read_text()
    assert f"| `{agent}` |" in text
    assert f"xml/iam/{agent}.json" in text
