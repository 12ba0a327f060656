# SPDX-License-Identifier: GPL-2.0-or-later
"""What the OCF standard, Pacemaker, pcs and crmsh ask of every agent, for each that was built."""

import os
import re
import shutil
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from xml.etree import ElementTree

import pytest
from lab.aws.cloud import is_read
from lab.handle import Lab
from lab.topology import PUBLIC_IP, SECONDARY, VIP, ZONE
from runner import AGENTS, INSTALLED, LOG_FILE, RSCTMP, Outcome, Runner, agents, ocf_environment

# Parameters that are enough, and fit the lab: those that are required, and one of each choice.
REQUIRED = {
    "elastic-ip": {"public_ip": PUBLIC_IP},
    "nlb-health-probe": {"port": "9000"},
    "route-table-vip": {"ip": VIP},
    "route53-record": {"name": f"db.{ZONE}", "zone": ZONE},
    "secondary-ip": {"ip": SECONDARY},
    "transit-gateway-vip": {"ip": VIP},
}
LAB_NAME = "cts_agents"
LANGUAGES = ["en", "ja"]
DTD_DIRECTORY = Path("/usr/share/resource-agents")
PCS_SCHEMA = Path("/usr/share/pcs/data/ocf-1.1.rng")
NOBODY = "65534"
STANDARD = {"start", "stop", "monitor", "meta-data", "validate-all"}
OK, USAGE, UNIMPLEMENTED, CONFIGURATION, NOT_RUNNING = 0, 2, 3, (2, 6), 7
# Directories of a node in which an agent could leave something behind.
WRITABLE = ["/run", "/tmp", "/root", "/dev/shm", "/var/log", "/var/lib/pacemaker"]

pytestmark = pytest.mark.parametrize("agent", agents())


def run(agent: str, *arguments: str, **parameters: str) -> Outcome:
    """Run an agent on this machine, where neither AWS nor a cluster is."""
    environment = {"PATH": os.environ["PATH"]}
    if parameters:
        environment |= ocf_environment(agent, **parameters) | {"HA_RSCTMP": "/proc/none"}
    done = subprocess.run(
        [AGENTS / agent, *arguments],
        env=environment,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    return Outcome(" ".join(arguments), done.returncode, done.stdout, done.stderr)


@dataclass(frozen=True)
class Parameter:
    """One parameter as the metadata has it."""

    name: str
    type: str
    default: str | None

    @property
    def wrong(self) -> str | None:
        """A value that cannot be, as far as the metadata tells."""
        if self.type == "boolean":
            return "maybe"
        if self.type == "integer" or re.fullmatch(r"\d+(ms|s|min)?", self.default or ""):
            return "-1"
        if self.name.endswith("_url") or self.name == "proxy":
            return "ftp://nowhere"
        if re.fullmatch(r"[a-z]+", self.default or ""):
            return "no-such-choice"
        return None


def metadata(agent: str) -> ElementTree.Element:
    """What the agent says about itself."""
    return ElementTree.fromstring(run(agent, "meta-data").stdout)


def parameters(agent: str) -> list[Parameter]:
    """All its parameters."""
    return [
        Parameter(
            entry.get("name"),
            entry.find("content").get("type"),
            entry.find("content").get("default"),
        )
        for entry in metadata(agent).iterfind("parameters/parameter")
    ]


def wrong_values(agent: str) -> dict[str, str]:
    """A wrong value for each parameter for which one is known."""
    return {each.name: each.wrong for each in parameters(agent) if each.wrong is not None}


# --- metadata ------------------------------------------------------------------------------


@pytest.fixture
def readable(agent: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A copy of the agent that everybody can reach."""
    directory = Path(f"/tmp/ocf-aws-{os.getpid()}")
    directory.mkdir(mode=0o755)
    copy = Path(shutil.copy(AGENTS / agent, directory))
    yield copy
    shutil.rmtree(directory)


def test_metadata_needs_no_rights_network_or_environment(agent: str, readable: Path) -> None:
    argv = ["unshare", "--net", "setpriv", f"--reuid={NOBODY}", f"--regid={NOBODY}"]
    argv += ["--clear-groups", "env", "-i", readable, "meta-data"]
    done = subprocess.run(argv, capture_output=True, text=True, check=False, cwd="/")
    assert (done.returncode, done.stderr) == (OK, "")
    assert done.stdout == run(agent, "meta-data").stdout


def lint(text: str, *options: str) -> None:
    """Let xmllint look at the metadata; it must have nothing to say."""
    done = subprocess.run(
        ["xmllint", "--noout", *options, "-"],
        input=text,
        cwd=DTD_DIRECTORY,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert done.stderr.strip() in ("", "- validates")


def test_metadata_is_valid_by_the_dtd(agent: str) -> None:
    lint(run(agent, "meta-data").stdout, "--valid")


def test_metadata_is_valid_by_the_schema_of_pcs(agent: str) -> None:
    lint(run(agent, "meta-data").stdout, "--relaxng", str(PCS_SCHEMA))


def test_metadata_names_the_agent_and_the_standard(agent: str) -> None:
    root = metadata(agent)
    assert root.get("name") == agent
    assert root.findtext("version") == "1.1"


def test_every_parameter_is_described_in_every_language(agent: str) -> None:
    assert parameters(agent)
    for entry in metadata(agent).iterfind("parameters/parameter"):
        for kind in ("longdesc", "shortdesc"):
            texts = {text.get("lang"): text.text for text in entry.iterfind(kind)}
            assert list(texts) == LANGUAGES, entry.get("name")
            assert all(texts.values()), entry.get("name")


def test_every_action_has_a_timeout_in_seconds(agent: str) -> None:
    actions = metadata(agent).findall("actions/action")
    assert {action.get("name") for action in actions} >= STANDARD
    for action in actions:
        assert re.fullmatch(r"[1-9]\d*s", action.get("timeout")), action.get("name")
        assert re.fullmatch(r"[1-9]\d*s", action.get("interval", "1s")), action.get("name")
        assert (action.get("name") == "monitor") == ("interval" in action.attrib)


# --- the command line ----------------------------------------------------------------------


@pytest.mark.parametrize(
    "action",
    ["promote", "star", "monitorx", "start ", "START", "", "meta-data\n", "--help", "x" * 999],
)
def test_unknown_action(agent: str, action: str) -> None:
    done = run(agent, action)
    assert (done.code, done.stdout) == (UNIMPLEMENTED, "")
    assert action[:40] in done.stderr
    assert "unknown action" in done.reason


@pytest.mark.parametrize("arguments", [(), ("start", "now")])
def test_not_one_argument(agent: str, arguments: tuple[str, ...]) -> None:
    done = run(agent, *arguments)
    assert (done.code, done.stdout) == (USAGE, "")
    assert f"{agent} usage" in done.reason


def test_usage_names_every_parameter_and_action(agent: str) -> None:
    done = run(agent, "usage")
    assert (done.code, done.stderr) == (OK, "")
    words = set(done.stdout.split())
    assert {each.name for each in parameters(agent)} <= words
    assert {action.get("name") for action in metadata(agent).iterfind("actions/action")} <= words


# --- parameters ----------------------------------------------------------------------------


def test_required_parameters_are_enough(agent: str) -> None:
    done = run(agent, "validate-all", **REQUIRED[agent])
    assert (done.code, done.stdout, done.stderr) == (OK, "", "")


def test_required_parameter_is_missed(agent: str) -> None:
    required = metadata(agent).findall("parameters/parameter[@required='1']")
    assert {entry.get("name") for entry in required} <= set(REQUIRED[agent])
    for name in REQUIRED[agent]:
        rest = {other: value for other, value in REQUIRED[agent].items() if other != name}
        done = run(agent, "validate-all", **rest)
        assert done.code in CONFIGURATION
        assert name in done.reason
        assert "required" in done.reason


def test_wrong_value_is_named_with_its_parameter(agent: str) -> None:
    wrong = wrong_values(agent)
    assert wrong
    for name, value in wrong.items():
        for action in ("validate-all", "start", "monitor"):
            done = run(agent, action, **REQUIRED[agent] | {name: value})
            assert done.code in CONFIGURATION, (name, action)
            assert f'{name}="{value}"' in done.reason
            assert "allowed is" in done.reason
            assert len(done.stderr.splitlines()) == 1


@pytest.mark.parametrize("value", ["a\nb", "a\x01b", "x" * 5000, "\n".join("y" * 99)])
def test_strange_value_is_told_in_lines_of_text(agent: str, value: str) -> None:
    for each in parameters(agent):
        done = run(agent, "validate-all", **REQUIRED[agent] | {each.name: value, "nonsense": value})
        assert done.code in CONFIGURATION, each.name
        assert each.name in done.reason
        lines = done.stderr.splitlines()
        assert len(lines) <= 2, "what the exit reason has no room for, and the reason"
        assert all(line.isprintable() for line in lines), lines
    done = run(agent, "validate-all", **REQUIRED[agent] | {"nonsense": value})
    (line,) = done.stderr.splitlines()
    assert line.isprintable()


def test_spelling_error_is_warned_about(agent: str) -> None:
    for each in parameters(agent):
        misspelt = f"x{each.name}"
        done = run(agent, "validate-all", **REQUIRED[agent] | {misspelt: "1"})
        assert done.code == OK
        (line,) = done.stderr.splitlines()
        assert f'{misspelt}="1"' in line
        assert f"did you mean {each.name}?" in line


# --- in a node -----------------------------------------------------------------------------


@pytest.fixture(scope="module")
def machines() -> Iterator[Lab]:
    """Nodes without a cluster, where nothing happens by itself."""
    with Lab.running(LAB_NAME, scenario="complete", with_cluster=False, agents=AGENTS) as lab:
        yield lab


@pytest.fixture
def runner(machines: Lab, agent: str) -> Iterator[Runner]:
    runner = Runner(machines, agent, **REQUIRED[agent])
    runner.clean()
    yield runner
    runner.stop("n1")
    runner.check_secrets()


def files(lab: Lab) -> set[str]:
    """All files of a node that an agent may have written, with size and time of change."""
    argv = ["find", *WRITABLE, "-path", f"{RSCTMP}/ocf-aws", "-prune", "-o"]
    argv += ["(", "-type", "d", "-printf", "%p\\n", "-o", "-printf", "%p %s %T@\\n", ")"]
    found = lab.exec("n1", *argv).stdout.splitlines()
    return {line for line in found if not line.startswith(LOG_FILE)}


def test_actions_leave_no_process_and_no_file(machines: Lab, runner: Runner, agent: str) -> None:
    """That no process of an action is left is looked at after each one."""
    before = files(machines)
    actions = [action.get("name") for action in metadata(agent).iterfind("actions/action")]
    assert runner.start("n1").code == OK
    for action in dict.fromkeys([*actions, "stop", "validate-all", "start", "monitor"]):
        runner("n1", action)
    runner("n1", "validate-all", depth=10)
    runner.probe("n1")
    assert runner.stop("n1").code == OK
    assert runner.processes("n1") == []
    assert files(machines) == before
    private = machines.exec("n1", "find", f"{RSCTMP}/ocf-aws", "-perm", "/077").stdout
    assert private == "", "only root may read what is kept"


def test_stop_with_a_wrong_value_changes_nothing(machines: Lab, runner: Runner, agent: str) -> None:
    def state() -> tuple[str, str]:
        return machines.exec("n1", "ip", "address").stdout, str(machines.state())

    before = state()
    for name, value in wrong_values(agent).items():
        stopped = runner.stop("n1", **{name: value})
        aws = [entry for entry in stopped.requests if entry["service"] != "imds"]
        assert stopped.code == OK, name
        assert all(is_read(entry["action"]) for entry in aws), name
    assert state() == before


# --- in a cluster --------------------------------------------------------------------------


def paragraphs(agent: str, text: str, name: str) -> dict[str, str]:
    """What is said about each parameter: from its name (a pattern) on until the next one's."""
    pattern = "|".join(each.name for each in parameters(agent))
    parts = re.split(name.format(f"({pattern})"), text, flags=re.MULTILINE)
    return {key: " ".join(said.split()) for key, said in zip(parts[1::2], parts[2::2], strict=True)}


def test_pcs_describes_every_parameter(lab: Lab, agent: str) -> None:
    text = lab.exec("n1", "pcs", "resource", "describe", f"ocf:aws:{agent}", "--full").stdout
    said = paragraphs(agent, text, "^  {}(?=:| \\()")
    for each in parameters(agent):
        assert each.default is None or f"Default: {each.default}." in said[each.name], each.name
    assert list(said) == [each.name for each in parameters(agent)]


def test_crm_describes_every_parameter(lab: Lab, agent: str) -> None:
    text = lab.exec("n1", "crm", "ra", "info", f"ocf:aws:{agent}").stdout
    said = paragraphs(agent, text, "^{}(?=\\*? \\()")
    for each in parameters(agent):
        default = "" if each.default is None else f", [{each.default}]"
        assert f"({each.type}{default}):" in said[each.name], each.name
    assert list(said) == [each.name for each in parameters(agent)]


def test_ocf_tester_has_no_complaint(lab: Lab, agent: str) -> None:
    options = [f"-o{name}={value}" for name, value in REQUIRED[agent].items()]
    arguments = [word for option in options for word in (option[:2], option[2:])]
    done = lab.exec("n1", "ocf-tester", "-n", "tested", *arguments, f"{INSTALLED}/{agent}")
    lines = done.stdout.splitlines()
    assert lines[-1] == f"{INSTALLED}/{agent} passed all tests"
    complaints = [line for line in lines if line.startswith("*") and "(optional)" not in line]
    assert (complaints, done.stderr) == ([], "")


@pytest.fixture
def resource(lab: Lab, agent: str) -> Iterator[str]:
    """A resource that the cluster does not run by itself."""
    name = "forced"
    options = [f"{name}={value}" for name, value in REQUIRED[agent].items()]
    lab.exec("n1", "pcs", "resource", "create", name, f"ocf:aws:{agent}", *options, "--disabled")
    yield name
    lab.exec("n1", "crm_resource", "-r", name, "--force-stop")
    lab.exec("n1", "pcs", "resource", "delete", name)


def test_crm_resource_can_force_every_action(lab: Lab, resource: str) -> None:
    def force(what: str) -> int:
        return lab.exec("n1", "crm_resource", "-r", resource, what, check=False).returncode

    assert force("--validate") == OK
    assert force("--force-check") == NOT_RUNNING
    for what in ("--force-start", "--force-check", "--force-start", "--force-stop", "--force-stop"):
        assert force(what) == OK, what
    assert force("--force-check") == NOT_RUNNING
