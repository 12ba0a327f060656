# SPDX-License-Identifier: GPL-2.0-or-later
"""The signer of common/sigv4.c against botocore's, which was written by other people."""

import json
import random
import string
import subprocess
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from urllib.parse import quote

import botocore.auth
import pytest
from botocore.awsrequest import AWSRequest
from botocore.compat import HTTPHeaders
from botocore.credentials import Credentials

BUILD = Path(__file__).parents[1] / "build"
TOOL = BUILD / "tests" / "tool_sigv4"
SEED = 20261121
RANDOM_REQUESTS = 3000

# Paths, queries, header values and bodies are put together from these.
UNICODE = "äßéøλжשदकあ漢字한🚑\u0301"
PUNCTUATION = "-._~!$'()*+,;:@%/ \"<>[]{}|\\^`"
REGIONS = [
    "us-east-1",
    "ap-northeast-1",
    "cn-northwest-1",
    "us-gov-west-1",
    "eusc-de-east-1",
    "us-iso-east-1",
]
SERVICES = ["ec2", "route53", "sts", "elasticloadbalancing"]
UNSIGNED_HEADERS = ["User-Agent", "Expect", "X-Amzn-Trace-Id", "Transfer-Encoding", "traceparent"]


@dataclass
class Request:
    """A request as it goes over the wire, and who signs it when."""

    method: str = "POST"
    scheme: str = "https"
    host: str = "ec2.ap-northeast-1.amazonaws.com"
    port: int | None = None
    path: str = "/"
    query: str = ""
    headers: list[tuple[str, str]] = field(default_factory=list)
    body: str = ""
    service: str = "ec2"
    region: str = "ap-northeast-1"
    time_s: int = 1790000000
    access_key_id: str = "AKIDEXAMPLE"
    secret_access_key: str = "a/secret+for/tests"
    session_token: str = ""

    @property
    def host_header(self) -> str:
        """What an HTTP client sends as Host."""
        default = {"http": 80, "https": 443}[self.scheme]
        return self.host if self.port in (None, default) else f"{self.host}:{self.port}"

    @property
    def url(self) -> str:
        """The whole URL."""
        port = "" if self.port is None else f":{self.port}"
        query = f"?{self.query}" if self.query else ""
        return f"{self.scheme}://{self.host}{port}{self.path}{query}"

    def tool_line(self) -> str:
        """The request as tool_sigv4 reads it."""
        return json.dumps(
            {
                "method": self.method,
                "host": self.host_header,
                "path": self.path,
                "query": self.query,
                "headers": self.headers,
                "body": self.body,
                "service": self.service,
                "region": self.region,
                "time_s": self.time_s,
                "access_key_id": self.access_key_id,
                "secret_access_key": self.secret_access_key,
                "session_token": self.session_token,
            }
        )


def by_tool(requests: list[Request]) -> list[dict]:
    """Sign with the library; one answer a request."""
    done = subprocess.run(
        [TOOL],
        input="".join(f"{r.tool_line()}\n" for r in requests),
        capture_output=True,
        text=True,
        check=True,
        timeout=60,
    )
    answers = [json.loads(line) for line in done.stdout.splitlines()]
    assert len(answers) == len(requests)
    return answers


def by_botocore(request: Request, monkeypatch: pytest.MonkeyPatch) -> dict:
    """Sign with botocore, stage by stage, in the shape that tool_sigv4 answers in."""
    now = datetime.fromtimestamp(request.time_s, UTC)
    monkeypatch.setattr(botocore.auth, "get_current_datetime", lambda: now)
    aws = AWSRequest(method=request.method, url=request.url, data=request.body.encode())
    aws.headers = HTTPHeaders()
    for name, value in request.headers:
        aws.headers[name] = value  # appends; HTTPHeaders keeps several of one name
    credentials = Credentials(
        request.access_key_id, request.secret_access_key, request.session_token or None
    )
    signer = botocore.auth.SigV4Auth(credentials, request.service, request.region)
    signer.add_auth(aws)
    authorization = aws.headers["Authorization"]
    del aws.headers["Authorization"]  # it was not there when the request was signed
    canonical = signer.canonical_request(aws)
    return {
        "canonical": canonical,
        "to_sign": signer.string_to_sign(aws, canonical),
        "date": aws.headers["X-Amz-Date"],
        "authorization": authorization,
        "token": aws.headers["X-Amz-Security-Token"],
    }


def random_text(rng: random.Random, alphabet: str, longest: int) -> str:
    """A random string, often empty or short."""
    return "".join(rng.choices(alphabet, k=rng.choice([0, 1, 2, 5, rng.randint(0, longest)])))


def random_path(rng: random.Random) -> str:
    """A path of plain, encoded, dot and empty segments."""
    segments = []
    for _ in range(rng.randint(0, 6)):
        text = random_text(rng, string.ascii_letters + string.digits + PUNCTUATION + UNICODE, 12)
        kind = rng.randrange(6)
        if kind == 0:
            segments.append(rng.choice([".", "..", "", "...", ".hidden", "%2E%2E", "%2F"]))
        elif kind == 1:
            # Not encoded at all, as a careless caller may send it, without what ends a path.
            segments.append("".join(c for c in text if c not in "[]"))
        else:
            segments.append(quote(text, safe=rng.choice(["", "~", "!$&'()*+,;=:@/"])))
    return "/" + "/".join(segments) + rng.choice(["", "/"]) if segments else rng.choice(["", "/"])


def random_query(rng: random.Random) -> str:
    """Pairs with repeated, empty and bare names."""
    names = [quote(random_text(rng, string.ascii_letters + UNICODE + "-.", 8), safe="-_.~")]
    names += ["Action", "Version", "Filter.1.Name", "a", "a-b", "A"]
    pairs = []
    for _ in range(rng.choice([0, 0, 1, 2, 3, 8])):
        value = quote(random_text(rng, string.printable[:94] + UNICODE, 16), safe="-_.~")
        name = rng.choice(names)
        pairs.append(rng.choice([f"{name}={value}", f"{name}={value}", name, f"{name}=", "", "="]))
    return "&".join(pairs)


def random_headers(rng: random.Random) -> list[tuple[str, str]]:
    """Headers in mixed case, some repeated, some that are not to be signed, odd white space."""
    names = ["Content-Type", "Accept", "X-Amz-Target", "x-b", "X-B3", "zz", "Range", "If-Match"]
    headers = []
    for _ in range(rng.choice([0, 1, 2, 4, 12])):
        name = rng.choice(names + UNSIGNED_HEADERS)
        name = rng.choice([name, name.lower(), name.upper()])
        words = [random_text(rng, string.ascii_letters + '=;,/"' + UNICODE, 10) for _ in range(3)]
        glue = rng.choice([" ", "  ", "\t", " \t "])
        headers.append(
            (name, rng.choice(["", " ", "\t"]) + glue.join(words) + rng.choice(["", " "]))
        )
    return headers


def random_request(rng: random.Random) -> Request:
    """Any request that the HTTP client could send."""
    scheme = rng.choice(["https", "https", "http"])
    service = rng.choice(SERVICES)
    region = rng.choice(REGIONS)
    hosts = [f"{service}.{region}.amazonaws.com", "127.0.0.1", "vpce-0a1.example.internal", "[::1]"]
    return Request(
        method=rng.choice(["GET", "POST", "PUT", "HEAD", "DELETE"]),
        scheme=scheme,
        host=rng.choice(hosts),
        port=rng.choice([None, None, 80, 443, 8443, 5000]),
        path=random_path(rng),
        query=random_query(rng),
        headers=random_headers(rng),
        body=random_text(rng, string.printable[:94] + "\n" + UNICODE, 2000),
        service=service,
        region=region,
        time_s=rng.randint(0, 4102444800),  # up to the year 2100
        access_key_id="AKIA" + "".join(rng.choices(string.ascii_uppercase + string.digits, k=16)),
        secret_access_key="".join(rng.choices(string.ascii_letters + "+/", k=40)),
        session_token=random_text(rng, string.ascii_letters + string.digits + "+/=", 3000),
    )


def test_random_requests_signed_like_botocore(monkeypatch: pytest.MonkeyPatch) -> None:
    """Every stage of every request is the same text."""
    rng = random.Random(SEED)
    requests = [random_request(rng) for _ in range(RANDOM_REQUESTS)]
    for request, answer in zip(requests, by_tool(requests), strict=True):
        assert answer == by_botocore(request, monkeypatch), request
