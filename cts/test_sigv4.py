# SPDX-License-Identifier: GPL-2.0-or-later
"""The signer of common/sigv4.c against botocore's, which was written by other people."""

import json
import os
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

BUILD = Path(os.environ.get("OCF_AWS_BUILD", Path(__file__).parents[1] / "build"))
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
UNSIGNED_HEADERS = botocore.auth.SIGNED_HEADERS_BLACKLIST


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


FIXED_CASES = {
    "ec2_form": Request(
        headers=[("Content-Type", "application/x-www-form-urlencoded; charset=utf-8")],
        body="Action=DescribeRouteTables&Version=2016-11-15",
    ),
    "ec2_form_with_token": Request(body="Action=ReplaceRoute", session_token="t/o+k=="),
    "route53_list": Request(
        method="GET",
        host="route53.amazonaws.com",
        path="/2013-04-01/hostedzone/Z0123456789ABCDEFGHIJ/rrset",
        query="name=vip.example.com.&type=A&maxitems=1",
        service="route53",
        region="us-east-1",
    ),
    "route53_change": Request(
        host="route53.amazonaws.com",
        path="/2013-04-01/hostedzone/Z1/rrset/",
        headers=[("Content-Type", "text/xml")],
        body="<?xml version='1.0'?><ChangeResourceRecordSetsRequest>ä漢</...>",
        service="route53",
        region="cn-northwest-1",
    ),
    "sts_global": Request(host="sts.amazonaws.com", service="sts", region="us-east-1"),
    "path_empty": Request(path=""),
    "path_dots": Request(path="/a/./b/../c//d/"),
    "path_above_root": Request(path="/../../a"),
    "path_only_dots": Request(path="/./../."),
    "path_encoded": Request(path="/a%20b/%2e%2e/%E6%BC%A2"),
    "path_not_encoded": Request(path="/a b/漢🚑/!$&'()*+,;=:@"),
    "query_repeated": Request(query="b=2&a=2&a=1&a=1"),
    "query_bare_and_empty": Request(query="c&b=&=a&&="),
    "query_order_by_name_not_line": Request(query="a-b=1&a=2&a.b=3&a%20=4"),
    "query_equals_in_value": Request(query="a=b=c&a=b"),
    "query_upper_and_lower": Request(query="b=1&B=1&a=1&A=1&_=1&~=1"),
    "headers_repeated": Request(headers=[("X-B", " 1 "), ("x-b", ""), ("X-B", "a,  b")]),
    "headers_white_space": Request(headers=[("X-B", "\t a \t  b\t"), ("X-C", " \t ")]),
    "headers_unicode": Request(headers=[("X-B", "漢字  ä")]),
    "headers_unsigned": Request(headers=[(name, "x") for name in UNSIGNED_HEADERS]),
    "headers_like_unsigned": Request(headers=[(f"{name}s", "x") for name in UNSIGNED_HEADERS]),
    "headers_sorted_by_name": Request(headers=[("a-b", "1"), ("a", "2"), ("a1", "3"), ("A_", "4")]),
    "port_default_https": Request(port=443),
    "port_default_http": Request(scheme="http", port=80),
    "port_other": Request(scheme="http", host="127.0.0.1", port=5000),
    "port_of_the_other_scheme": Request(scheme="https", port=80),
    "host_ipv6": Request(scheme="http", host="[fd00:ec2::254]", port=8080),
    "body_one_byte": Request(body="0"),
    "body_unicode": Request(body="漢🚑\n"),
    "token_long": Request(session_token="x/+=" * 2000),
    "time_epoch": Request(time_s=0),
    "time_leap_day": Request(time_s=1709164799),
    "time_last_second_of_a_year": Request(time_s=1798761599),
}


@pytest.mark.parametrize("name", FIXED_CASES)
def test_fixed_case_signed_like_botocore(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """One oddity a case, so that a failure has a name."""
    (answer,) = by_tool([FIXED_CASES[name]])
    assert answer == by_botocore(FIXED_CASES[name], monkeypatch)


def test_another_secret_signs_differently() -> None:
    """The comparison sees a wrong key."""
    right, wrong = by_tool([Request(), Request(secret_access_key="a/secret+for/testt")])
    assert right["to_sign"] == wrong["to_sign"]
    assert right["authorization"] != wrong["authorization"]


@pytest.mark.parametrize(
    "request_",
    [
        Request(headers=[("X-B", "a\r\nX-C: b")]),
        Request(headers=[("X-B\n", "a")]),
        Request(headers=[("Authorization", "mine")]),
        Request(query="a=\n"),
        Request(session_token="a\nb"),
        Request(region="us-east-1\n"),
    ],
)
def test_what_would_break_lines_is_refused(request_: Request) -> None:
    """Nothing is signed that would be another request on the wire."""
    (answer,) = by_tool([request_])
    assert list(answer) == ["error"]
