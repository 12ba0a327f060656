# SPDX-License-Identifier: GPL-2.0-or-later
"""An agent among others who mean harm: servers that answer, users of the host, its environment.

It runs on this host with servers on loopback: nothing here needs a lab, and all changes are in a
directory of the test.
"""

from __future__ import annotations

import http.server
import json
import os
import stat
import subprocess
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from lab.state import until
from runner import FORBIDDEN, REASON, ocf_environment

AGENT = "route53-record"
NOBODY = 65534
KEY, SECRET, SESSION, IMDS_TOKEN = "ASIASECURITYTEST", "s" * 40, "t" * 64, "m" * 40
SECRETS = (SECRET, SESSION, IMDS_TOKEN)
ROLE_PATH = "/latest/meta-data/iam/security-credentials/"
KEYS = {
    "Code": "Success",
    "AccessKeyId": KEY,
    "SecretAccessKey": SECRET,
    "Token": SESSION,
    "Expiration": "2100-01-01T00:00:00Z",
}
REFUSAL = (
    '<ErrorResponse xmlns="https://route53.amazonaws.com/doc/2013-04-01/"><Error><Type>Sender'
    "</Type><Code>{code}</Code><Message>{message}</Message></Error></ErrorResponse>"
)
BEGIN_TIMEOUT_S = 10.0
# What is answered so that it may be asked again is, until this is over.
TIMEOUT_MS = 3000

Page = tuple[int, dict[str, str], str]


@dataclass
class Server:
    """An HTTP server, what it was asked, and what it answers to everything."""

    answer: Callable[[str, str], Page]
    asked: list[tuple[str, str, dict[str, str], str]] = field(default_factory=list)
    url: str = ""

    def headers(self) -> str:
        """All that was sent to it, as a text to search in."""
        return "\n".join(map(str, self.asked))


def serve(server: Server) -> http.server.ThreadingHTTPServer:
    """Make a server listen on a port of its own."""

    class Handler(http.server.BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def _reply(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
            server.asked.append((self.command, self.path, dict(self.headers), body.decode()))
            status, headers, text = server.answer(self.command, self.path)
            data = text.encode()
            self.send_response(status)
            for name, value in headers.items():
                self.send_header(name, value)
            self.send_header("Content-Length", str(len(data)))
            self.end_headers()
            self.wfile.write(data)

        do_GET = do_PUT = do_POST = _reply

        def log_message(self, format: str, *args: object) -> None:
            """What was asked is kept, not printed."""

    found = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.url = f"http://127.0.0.1:{found.server_address[1]}"
    threading.Thread(target=found.serve_forever, args=[0.05], daemon=True).start()
    return found


def metadata(method: str, path: str) -> Page:
    """IMDS with the credentials of a role."""
    if method == "PUT":
        return 200, {}, IMDS_TOKEN
    return 200, {}, "role" if path == ROLE_PATH else json.dumps(KEYS)


def refuse(code: str = "InvalidInput", message: str = "no") -> Callable[[str, str], Page]:
    """AWS that refuses everything."""
    return lambda _method, _path: (400, {}, REFUSAL.format(code=code, message=message))


@dataclass
class Stage:
    """The agent, its servers and its directory."""

    program: Path
    directory: Path
    aws: Server
    imds: Server
    other: Server  # nothing has any business there

    @property
    def rsctmp(self) -> Path:
        return self.directory / "rsctmp"

    @property
    def state(self) -> Path:
        return self.rsctmp / "ocf-aws"

    def environment(self, **parameters: str) -> dict[str, str]:
        """As the executor makes it, with a PATH and a log in the test's directory."""
        own = {
            "name": "db.example.com",
            "hosted_zone_id": "Z0123456789ABCDEFGHIJ",
            "value": "192.0.2.7",
            "region": "ap-northeast-1",
            "endpoint_url": self.aws.url,
            "metadata_url": self.imds.url,
        }
        found = ocf_environment(
            AGENT, "validate-all", depth=10, timeout_ms=TIMEOUT_MS, **(own | parameters)
        )
        return found | {
            "HA_RSCTMP": str(self.rsctmp),
            "PCMK_debug": "yes",
            "PCMK_logfile": str(self.directory / "agent.log"),
        }

    def begin(
        self, environment: dict[str, str] | None = None, umask: int = 0o022, **parameters: str
    ) -> subprocess.Popen[str]:
        """Start validate-all, which asks AWS."""
        return subprocess.Popen(
            [self.program, "validate-all"],
            env=self.environment(**parameters) | (environment or {}),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            umask=umask,
        )

    def end(self, process: subprocess.Popen[str]) -> str:
        """What it said. No secret is in that, nor in its log, nor anything to command a terminal."""
        stdout, stderr = process.communicate(timeout=60)
        assert process.returncode != 0, "these servers grant nothing"
        assert stdout == ""
        log = self.directory / "agent.log"
        for text in (stderr, log.read_text() if log.exists() else ""):
            assert not FORBIDDEN.search(text), text
            assert not [secret for secret in SECRETS if secret in text], text
            assert all(line.isprintable() for line in text.replace("\t", " ").split("\n")), text
        assert sum(line.startswith(REASON) for line in stderr.splitlines()) == 1, stderr
        return stderr

    def run(self, environment: dict[str, str] | None = None, **parameters: str) -> str:
        return self.end(self.begin(environment, **parameters))


@pytest.fixture
def stage(agents: Path, tmp_path: Path) -> Iterator[Stage]:
    """Servers that refuse, and an empty state directory."""
    servers = [Server(refuse()), Server(metadata), Server(refuse())]
    listening = [serve(server) for server in servers]
    found = Stage(agents / AGENT, tmp_path, *servers)
    found.rsctmp.mkdir(mode=0o755)
    yield found
    for server in listening:
        server.shutdown()
        server.server_close()


# --- servers ---------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("code", "message"),
    [
        ("InvalidInput", "a&#10;ocf-exit-reason:all is well"),
        ("InvalidInput", "\u009b2J\u009b31m\u0085\u007fred"),
        ("In&#10;ocf-exit-reason:\u009b31m", "m"),
        ("SignatureDoesNotMatch", f"no&#10;&#10;x-amz-security-token:{SESSION}"),
        ("InvalidInput", "%s%n%s%n" * 8),
        ("InvalidInput", "\u3042" * 5000),
    ],
    ids=["line", "terminal", "code", "echo", "format", "long"],
)
def test_words_of_a_server_are_words(stage: Stage, code: str, message: str) -> None:
    stage.aws.answer = refuse(code, message)
    stage.run()
    assert KEY in stage.aws.headers()


@pytest.mark.parametrize("status", [301, 302, 307, 308])
def test_redirect_is_not_followed(stage: Stage, status: int) -> None:
    stage.aws.answer = lambda _method, path: (status, {"Location": stage.other.url + path}, "")
    stage.run()
    assert stage.aws.asked
    assert stage.other.asked == []


def test_redirect_of_metadata_is_not_followed(stage: Stage) -> None:
    def elsewhere(method: str, path: str) -> Page:
        if method == "PUT":
            return metadata(method, path)
        return 307, {"Location": stage.other.url + path}, ""

    stage.imds.answer = elsewhere
    stage.run()
    assert IMDS_TOKEN in stage.imds.headers()
    assert stage.other.asked == stage.aws.asked == []


def test_each_server_gets_what_is_for_it(stage: Stage) -> None:
    stage.run()
    assert SECRET not in stage.aws.headers()
    assert SESSION in stage.aws.headers()
    assert IMDS_TOKEN not in stage.aws.headers()
    assert "Authorization" not in stage.imds.headers()
    assert SESSION not in stage.imds.headers()


# --- the environment -------------------------------------------------------------------------


def test_proxy_of_the_environment_is_not_for_metadata(stage: Stage) -> None:
    names = ("http_proxy", "https_proxy", "all_proxy")
    stage.run(dict.fromkeys(names, stage.other.url), endpoint_url="http://ec2.invalid")
    assert IMDS_TOKEN in stage.imds.headers()
    assert stage.other.asked
    assert IMDS_TOKEN not in stage.other.headers()
    assert "/latest/" not in stage.other.headers()


def test_files_of_curl_are_not_read(stage: Stage) -> None:
    (stage.directory / ".netrc").write_text("machine 127.0.0.1 login me password pass-word\n")
    (stage.directory / ".curlrc").write_text(f'proxy = "{stage.other.url}"\nlocation\n')
    home = str(stage.directory)
    stage.run({"HOME": home, "CURL_HOME": home, "NETRC": f"{home}/.netrc"})
    assert stage.other.asked == []
    assert stage.aws.asked
    assert "Basic" not in stage.aws.headers() + stage.imds.headers()


def test_process_has_no_child_no_core_and_no_secret_argument(stage: Stage) -> None:
    release = threading.Event()

    def wait(method: str, path: str) -> Page:
        release.wait(60)
        return refuse()(method, path)

    stage.aws.answer = wait
    process = stage.begin()
    proc = Path(f"/proc/{process.pid}")
    try:
        until(lambda: stage.aws.asked, BEGIN_TIMEOUT_S, "the agent to ask AWS")
        children = [(task / "children").read_text() for task in (proc / "task").iterdir()]
        limits = (proc / "limits").read_text()
        command = (proc / "cmdline").read_bytes()
    finally:
        release.set()
        stage.end(process)
    assert "".join(children) == ""
    assert "Max core file size        0                    0" in limits
    assert command.split(b"\0")[1:] == [b"validate-all", b""]


# --- files -----------------------------------------------------------------------------------


@pytest.mark.parametrize("umask", [0, 0o022, 0o777])
def test_state_is_private_whatever_the_umask(stage: Stage, umask: int) -> None:
    stage.end(stage.begin(umask=umask))
    modes = {stat.S_IMODE(path.lstat().st_mode) for path in stage.state.iterdir()}
    assert stat.S_IMODE(stage.state.stat().st_mode) & ~umask == 0o700 & ~umask
    assert modes
    assert not [mode for mode in modes if mode & 0o077]


def _owned_by_another(stage: Stage) -> None:
    stage.state.mkdir(mode=0o700)
    os.chown(stage.state, NOBODY, NOBODY)


def _open_to_all(stage: Stage) -> None:
    stage.state.mkdir()
    stage.state.chmod(0o777)


def _link(stage: Stage) -> None:
    (stage.directory / "elsewhere").mkdir(mode=0o700)
    stage.state.symlink_to(stage.directory / "elsewhere")


@pytest.mark.parametrize("trap", [_owned_by_another, _open_to_all, _link])
def test_state_of_another_is_not_used(stage: Stage, trap: Callable[[Stage], None]) -> None:
    stage.rsctmp.chmod(0o1777)
    trap(stage)
    stage.run()
    assert KEY in stage.aws.headers()
    assert list(stage.state.iterdir()) == []


def test_state_replaced_while_running(stage: Stage) -> None:
    """Whoever may write to the parent can take our directory away, and gets nothing by it."""

    def replace(method: str, path: str) -> Page:
        if stage.state.stat().st_uid != NOBODY:
            stage.state.rename(stage.rsctmp / "taken")
            _owned_by_another(stage)
        return metadata(method, path)

    stage.imds.answer = replace
    stage.run()
    assert KEY in stage.aws.headers()
    assert list(stage.state.iterdir()) == []


def test_ca_file_that_anybody_can_write_to_is_not_trusted(stage: Stage) -> None:
    bundle = stage.directory / "bundle"
    bundle.write_text("")
    bundle.chmod(0o666)
    endpoint = stage.aws.url.replace("http:", "https:")
    assert "anybody can write to it" in stage.run(ca_file=str(bundle), endpoint_url=endpoint)
    assert stage.aws.asked == []


@pytest.mark.parametrize("name", ["credentials_file", "ca_file"])
def test_file_of_root_is_not_told(stage: Stage, name: str) -> None:
    hidden = stage.directory / "shadow"
    hidden.write_text("root:$y$top$secret:19000:0:99999:7:::\nbin:*:19000::::::\n")
    hidden.chmod(0o600)
    endpoint = stage.aws.url.replace("http:", "https:" if name == "ca_file" else "http:")
    said = stage.run(**{name: str(hidden), "endpoint_url": endpoint})
    assert "secret" not in said
    assert "secret" not in stage.aws.headers()


def test_profile_sends_no_other_file(stage: Stage) -> None:
    hidden = stage.directory / "shadow"
    hidden.write_text("top-secret\n")
    profile = stage.directory / "profile"
    role = "arn:aws:iam::123456789012:role/r"
    profile.write_text(f"[default]\nrole_arn={role}\nweb_identity_token_file={hidden}\n")
    profile.chmod(0o600)
    assert "not a web identity token" in stage.run(credentials_file=str(profile))
    assert stage.aws.asked == stage.imds.asked == []
