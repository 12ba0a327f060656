# SPDX-License-Identifier: GPL-2.0-or-later
"""Process 1 of a node: `python -m lab.init LAB NODE BOOT_SECONDS`.

Puts itself into the node's namespaces, starts the cluster when it has "booted" for so long, and
then only collects dead children. Killing it from outside ends the node at once, with every process.
lab.node starts this and keeps what it prints in the node's console.log.
"""

import ctypes
import json
import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

from lab import booth, clock, netns
from lab.state import CLEAN_ENV, REPOSITORY, State

CLONE_NEWNS = 0x00020000
CLONE_NEWUTS = 0x04000000
CLONE_NEWIPC = 0x08000000
CLONE_NEWPID = 0x20000000
CLONE_NEWNET = 0x40000000
MS_NOSUID, MS_NODEV, MS_NOEXEC = 2, 4, 8
MS_BIND, MS_REC, MS_SLAVE = 4096, 16384, 1 << 19

OCF_AGENTS = Path("/usr/lib/ocf/resource.d")
SYSRQ_TRIGGER = Path("/proc/sysrq-trigger")
# The host's own would look for systemd, which the node has not.
SYSTEMCTL = Path(__file__).with_name("systemctl")
HOST_SYSTEMCTL = Path("/usr/bin/systemctl")
# Debian 12's own cannot fence from another region; the file says why. It runs the host's.
FENCE_AWS = Path(__file__).with_name("fence_aws")
HOST_FENCE_AWS = Path("/usr/sbin/fence_aws")
ORIGINAL_FENCE_AWS = Path("/run/fence_aws")
# The host's own in surroundings it can live in; lab.booth says why.
BOOTHD = Path(__file__).with_name("boothd")

# Where the node's own directories are seen. Those on disk outlive a reboot of the node. What the
# host has not, for want of a package, the node has not either.
ON_DISK = {
    "etc-booth": "/etc/booth",
    "etc-corosync": "/etc/corosync",
    "var-lib-corosync": "/var/lib/corosync",
    "var-lib-pacemaker": "/var/lib/pacemaker",
    "log": "/var/log",
    "root": "/root",
    "srv": "/srv",
    "tmp": "/tmp",
}
IN_MEMORY = {"/run": "mode=755", "/dev/shm": "mode=1777"}

# OpenSSL looks authorities up here by hash; mounted before the bundle, which may lie in it.
HASHED_DIRECTORY = Path("/etc/ssl/certs")
# The bundles that programs read: OpenSSL and curl on Debian, RHEL and SLES; then the copies
# inside Python packages, which boto3 and the AWS CLI fall back to.
TRUST_STORES = (
    "/etc/ssl/certs/ca-certificates.crt",
    "/etc/pki/ca-trust/extracted/pem/tls-ca-bundle.pem",
    "/var/lib/ca-certificates/ca-bundle.pem",
    "/usr/lib/python3/dist-packages/awscli/botocore/cacert.pem",
    "/usr/lib/python3/dist-packages/botocore/cacert.pem",
    "/usr/lib/python3/dist-packages/certifi/cacert.pem",
)

_libc = ctypes.CDLL(None, use_errno=True)


def _check(result: int, what: str) -> None:
    if result != 0:
        number = ctypes.get_errno()
        raise OSError(number, f"{what}: {os.strerror(number)}")


def _mount(
    source: str | Path, target: str | Path, kind: str = "", flags: int = 0, data: str = ""
) -> None:
    arguments = [str(value).encode() or None for value in (source, target, kind)]
    _check(
        _libc.mount(*arguments, ctypes.c_ulong(flags), data.encode() or None),
        f"mount {source} on {target}",
    )


class _Source:
    """A file or directory that can be bound elsewhere even when its own path is covered."""

    def __init__(self, path: Path):
        self._fd = os.open(path, os.O_PATH | os.O_CLOEXEC)

    def bind_to(self, target: str | Path) -> None:
        _mount(f"/proc/self/fd/{self._fd}", target, flags=MS_BIND | MS_REC)
        os.close(self._fd)


def _covered(path: Path) -> bool:
    return any(path.is_relative_to(target) for target in (*ON_DISK.values(), *IN_MEMORY))


def _on_disk() -> dict[str, str]:
    return {name: target for name, target in ON_DISK.items() if Path(target).is_dir()}


def _make_directories(directory: Path) -> None:
    for name in _on_disk():
        (directory / name).mkdir(exist_ok=True)
    (directory / "tmp").chmod(0o1777)
    (directory / "root").chmod(0o700)


def _combine_agents(directory: Path, agents: str | None) -> Path | None:
    """The machine's OCF agents with the provider `aws` added, for this node alone."""
    if agents is None or not OCF_AGENTS.is_dir():
        return None
    combined = directory / "resource.d"
    providers = [path for path in OCF_AGENTS.iterdir() if path.is_dir() and path.name != "aws"]
    for provider in [*providers, Path(agents)]:
        target = combined / ("aws" if provider == Path(agents) else provider.name)
        target.mkdir(parents=True, exist_ok=True)
        _mount(provider, target, flags=MS_BIND | MS_REC)
    return combined


def _own_files(state: State, directory: Path, own_fence_aws: bool) -> dict[Path, _Source]:
    """What to show instead of the host's files: name, AWS's host names, authorities."""
    shown = {Path("/etc") / name: directory / name for name in ("hosts", "hostname")}
    shown[HOST_SYSTEMCTL] = SYSTEMCTL
    if own_fence_aws:
        shown[HOST_FENCE_AWS] = FENCE_AWS
    if state.booth_dir.exists():
        shown[booth.HOST_BOOTHD] = BOOTHD
    shown[HASHED_DIRECTORY] = state.trust_dir
    shown |= {Path(bundle): state.trust_pem for bundle in TRUST_STORES}
    return {path.resolve(): _Source(own) for path, own in shown.items() if path.exists()}


def _needs_fence_aws(options: dict[str, Any]) -> bool:
    """Whether there are nodes in several regions and the host's fence_aws is not made for it."""
    regions = {entry["region"] for entry in options["nodes"].values()}
    if len(regions) == 1 or not HOST_FENCE_AWS.exists():
        return False
    return "skip_race_check" not in HOST_FENCE_AWS.read_text()


def _show_resolver(text: str) -> None:
    """Replace /etc/resolv.conf, which may be a link into the host's /run."""
    real = Path("/etc/resolv.conf").resolve()
    if _covered(real):
        real.parent.mkdir(parents=True, exist_ok=True)
        real.write_text(text)
    elif real.exists():
        own = Path("/run/resolv.conf")
        own.write_text(text)
        _Source(own).bind_to(real)


def _enter(state: State, node: str, options: dict[str, Any]) -> None:
    """Leave the host's namespaces for the node's own."""
    directory = state.node(node)
    _make_directories(directory)
    with open(netns.path(state.netns(node)), "rb") as namespace:
        _check(_libc.setns(namespace.fileno(), CLONE_NEWNET), f"enter {namespace.name}")
    _check(_libc.unshare(CLONE_NEWNS | CLONE_NEWPID | CLONE_NEWIPC | CLONE_NEWUTS), "unshare")
    _mount("none", "/", flags=MS_REC | MS_SLAVE)

    combined = _combine_agents(directory, options["agents"])
    agents_source = _Source(combined) if combined else None
    own_directories = {target: _Source(directory / name) for name, target in _on_disk().items()}
    fence_aws = _Source(HOST_FENCE_AWS) if _needs_fence_aws(options) else None
    own_files = _own_files(state, directory, own_fence_aws=fence_aws is not None)
    resolver = (directory / "resolv.conf").read_text()
    # The lab's own code and interpreter may lie below a directory that gets covered.
    code = {path.resolve() for path in (REPOSITORY, Path(sys.prefix), Path(sys.base_prefix))}
    kept = {path: _Source(path) for path in sorted(code) if _covered(path)}
    if state.booth_dir.exists():
        kept[booth.SHOWN_AT] = _Source(state.booth_dir)
    if state.clock(node).exists():
        kept[clock.SHOWN_AT] = _Source(state.clock(node))

    for target, mode in IN_MEMORY.items():
        _mount("tmpfs", target, "tmpfs", MS_NOSUID | MS_NODEV, mode)
    for target, source in own_directories.items():
        source.bind_to(target)
    for path, source in kept.items():
        path.mkdir(parents=True, exist_ok=True)
        source.bind_to(path)
    if fence_aws:
        # Before the other covers it.
        ORIGINAL_FENCE_AWS.touch()
        fence_aws.bind_to(ORIGINAL_FENCE_AWS)
    for target, source in own_files.items():
        source.bind_to(target)
    _show_resolver(resolver)
    if agents_source:
        agents_source.bind_to(OCF_AGENTS)
    _mount("sysfs", "/sys", "sysfs", MS_NOSUID | MS_NODEV | MS_NOEXEC)
    _check(_libc.sethostname(node.encode(), len(node)), "sethostname")


def _prepare_run() -> None:
    """What systemd-tmpfiles would make."""
    for name, mode in (("/run/lock", 0o1777), ("/run/resource-agents", 0o1755)):
        Path(name).mkdir()
        Path(name).chmod(mode)


def _unit(options: dict[str, Any], name: str) -> str | None:
    """What a machine starts at its boot, as systemd would."""
    if options["cluster"] and name in options["nodes"]:
        return "pacemaker"
    if options["cluster"] and name == options["quorum_device"]:
        return "corosync-qnetd"
    return None


def _be_init(unit: str | None, boot_s: str, environment: dict[str, str]) -> None:
    """Process 1: boot, then collect the dead for ever."""
    _mount("proc", "/proc", "proc", MS_NOSUID | MS_NODEV | MS_NOEXEC)
    # A node that panics must not take the host with it.
    if SYSRQ_TRIGGER.exists():
        _mount("/dev/null", SYSRQ_TRIGGER, flags=MS_BIND)
    _prepare_run()
    print("ready", flush=True)
    os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
    os.dup2(2, 1)
    if unit is not None:
        boot = ["sh", "-c", 'sleep "$1" && exec "$0" start "$2"', SYSTEMCTL, boot_s, unit]
        subprocess.Popen(boot, env=environment, start_new_session=True)
    # Blocked, a SIGCHLD stays pending until sigwait: none is missed.
    signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGCHLD})
    while True:
        _collect_children()
        signal.sigwait({signal.SIGCHLD})


def _collect_children() -> None:
    try:
        while os.waitpid(-1, os.WNOHANG)[0]:
            pass
    except ChildProcessError:
        return


def main() -> None:
    """Print the pid of the node's process 1, which goes on once it can read a line.

    It then prints "ready" itself.
    """
    state, node, boot_s = State(sys.argv[1]), sys.argv[2], sys.argv[3]
    options = json.loads(state.lab_json.read_text())
    _enter(state, node, options)
    pid = os.fork()
    if pid == 0:
        # Wait to be recorded, so that there is never a node nobody could end.
        if not sys.stdin.readline():
            os._exit(1)
        _be_init(_unit(options, node), boot_s, CLEAN_ENV | clock.environment(state, node))
    print(pid, flush=True)


if __name__ == "__main__":
    main()
