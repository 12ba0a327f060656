# SPDX-License-Identifier: GPL-2.0-or-later
"""Nodes and clients: their files, their start, and commands inside them."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

from lab import clock
from lab.process import Process
from lab.state import CLEAN_ENV, LabError, State, write_atomically
from lab.topology import Topology

HOST_BUNDLES = (
    "/etc/ssl/certs/ca-certificates.crt",
    "/etc/pki/ca-trust/extracted/pem/tls-ca-bundle.pem",
    "/var/lib/ca-certificates/ca-bundle.pem",
)
HASHED_DIRECTORY = Path("/etc/ssl/certs")
# Own directories that begin as empty copies of the host's, with the packages' owners and modes.
LIKE_HOST = {
    "log": "/var/log",
    "var-lib-corosync": "/var/lib/corosync",
    "var-lib-pacemaker": "/var/lib/pacemaker",
}
# As Amazon's own images have it.
RESOLV_CONF = "nameserver {}\noptions timeout:2 attempts:5\n"
# Namespaces a command enters: mount, uts, ipc, net, pid.
_ENTER = ("-m", "-u", "-i", "-n", "-p")


def prepare(state: State, topology: Topology) -> None:
    """Write the files that are shown inside the nodes in place of the host's."""
    hosts = ["127.0.0.1 localhost", "::1 localhost ip6-localhost"]
    for member in topology.members.values():
        hosts += [f"{address} {member.name}" for address in member.addresses]
    hosts += [f"{address} {host}" for host, address in sorted(topology.endpoints.items())]
    for name, member in topology.members.items():
        directory = state.node(name)
        directory.mkdir(parents=True)
        (directory / "hosts").write_text("\n".join(hosts) + "\n")
        (directory / "hostname").write_text(f"{name}\n")
        (directory / "resolv.conf").write_text(RESOLV_CONF.format(member.vpc.resolvers[0]))
        for own, of_host in LIKE_HOST.items():
            _copy_directories(Path(of_host), directory / own)
    host_bundle = next((Path(path) for path in HOST_BUNDLES if os.path.exists(path)), None)
    trusted = host_bundle.read_text() if host_bundle else ""
    write_atomically(state.trust_pem, trusted + state.ca_pem.read_text())
    _prepare_trust_dir(state)


def _prepare_trust_dir(state: State) -> None:
    """Copy the host's hashed directory and add the lab's authority to it."""
    if HASHED_DIRECTORY.is_dir():
        shutil.copytree(HASHED_DIRECTORY, state.trust_dir, symlinks=True)
    else:
        state.trust_dir.mkdir()
    subject_hash = subprocess.run(
        ["openssl", "x509", "-noout", "-subject_hash", "-in", state.ca_pem],
        check=True,
        stdout=subprocess.PIPE,
        text=True,
    ).stdout.strip()
    shutil.copyfile(state.ca_pem, state.trust_dir / f"{subject_hash}.0")


def _copy_directories(source: Path, target: Path) -> None:
    """Copy a directory and those right below it, without any files."""
    target.mkdir()
    for path in [source, *source.iterdir()] if source.is_dir() else []:
        if path.is_dir() and not path.is_symlink():
            copy = target / path.relative_to(source)
            copy.mkdir(exist_ok=True)
            shutil.copystat(path, copy)
            shutil.chown(copy, path.stat().st_uid, path.stat().st_gid)


def running(state: State, node: str) -> Process | None:
    """Process 1 of the node, None while it is off."""
    return Process.recorded(state.node(node) / "init.json")


def boot(state: State, node: str, boot_s: float = 0) -> None:
    """Start a node that is off; its cluster starts boot_s seconds later.

    Raises LabError with the last words of the node's console if it cannot start.
    """
    if running(state, node):
        raise LabError(f"node '{node}' is running already")
    console_log = state.node(node) / "console.log"
    with open(console_log, "ab") as console:
        starter = subprocess.Popen(
            [sys.executable, "-m", "lab.init", state.name, node, str(boot_s)],
            env=CLEAN_ENV,
            cwd="/",
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=console,
            text=True,
            start_new_session=True,
        )
        with starter:
            ready = ""
            pid = starter.stdout.readline().strip()
            if pid:
                Process.of(int(pid)).record(state.node(node) / "init.json")
                starter.stdin.write("go\n")
                starter.stdin.flush()
                ready = starter.stdout.readline()
    if not ready:
        last = console_log.read_text().splitlines()[-1:]
        raise LabError(f"node '{node}' did not start: {' '.join(last) or 'it said nothing'}")


def command(state: State, node: str, argv: list[str]) -> list[str]:
    """The command line that runs argv inside a node, in an environment of its own."""
    first = running(state, node)
    if first is None:
        raise LabError(f"node '{node}' is off")
    variables = CLEAN_ENV | clock.environment(state, node)
    environment = [f"{key}={value}" for key, value in variables.items() if key != "PYTHONPATH"]
    if "TERM" in os.environ:
        environment.append(f"TERM={os.environ['TERM']}")
    # nsenter waits outside; its end, however it comes, has to be the end of the command.
    enter = ["nsenter", "-t", str(first.pid), *_ENTER, "setpriv", "--pdeathsig", "KILL", "--"]
    return [*enter, "env", "-i", "--chdir=/root", *environment, *argv]
