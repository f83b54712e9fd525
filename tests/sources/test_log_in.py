"""Cameras that want a user name and a password."""

import base64
import hashlib
import re
from urllib.parse import quote

import pytest

from live_cam.errors import AccessDeniedError
from tests.sources.helpers import assert_one_line
from tests.sources.http_camera import JPEGS, levels, read, send_body, send_head
from tests.sources.rtsp_responder import RtspServer

pytestmark = pytest.mark.slow


def _md5(text):
    return hashlib.md5(text.encode()).hexdigest()


def _sha256(text):
    return hashlib.sha256(text.encode()).hexdigest()


def protected(challenges, is_allowed):
    """Returns a response that requires a log-in."""

    def respond(connection, request):
        authorization = re.search(r"^Authorization: (.*)$", request, re.MULTILINE)
        if authorization is not None and is_allowed(authorization[1], request.split()[1]):
            return send_body("image/jpeg", JPEGS[0])(connection, request)
        headers = [f"WWW-Authenticate: {challenge}" for challenge in challenges]
        return send_head(connection, "text/plain", "Content-Length: 0", *headers, status="401 Unauthorized")

    return respond


def basic(user_info):
    return lambda authorization, _: authorization == f"Basic {base64.b64encode(user_info.encode()).decode()}"


def digest(hashed, user, password):
    def is_allowed(authorization, path):
        fields = dict(re.findall(r'(\w+)="?([^",]*)"?', authorization))
        expected = hashed(f"{hashed(f'{user}:cam:{password}')}:n:{hashed(f'GET:{path}')}")
        return fields.get("response") == expected

    return is_allowed


BASIC = 'Basic realm="cam"'
MD5 = 'Digest realm="cam", nonce="n"'
SHA256 = 'Digest realm="cam", nonce="n", algorithm="SHA-256"'
UNKNOWN = 'Digest realm="cam", nonce="n", algorithm="SHA-3"'


@pytest.mark.parametrize(
    ("challenges", "is_allowed", "user_info"),
    [
        ([BASIC], basic("admin:"), "admin@"),
        ([BASIC], basic("admin:"), "admin:@"),
        ([BASIC], basic("a:p@:/"), f"a:{quote('p@:/', safe='')}@"),
        ([MD5], digest(_md5, "user", "secret"), "user:secret@"),
        ([SHA256], digest(_sha256, "user", "secret"), "user:secret@"),
        ([SHA256], digest(_sha256, "user", ""), "user@"),
        (["Negotiate", UNKNOWN, BASIC], basic("user:secret"), "user:secret@"),
    ],
)
def test_every_usual_kind_of_log_in_works(serve, challenges, is_allowed, user_info):
    camera = serve(protected(challenges, is_allowed))
    assert levels(read(camera.url("/a?b=c", user_info), 2, poll_fps=50)) == [60, 60]


@pytest.mark.parametrize(
    ("challenges", "message"),
    [
        (["NTLM"], "wants a kind of log-in that is not supported (ntlm)"),
        ([UNKNOWN], "wants a kind of log-in that is not supported (Digest with SHA-3)"),
        ([SHA256], "denies access; check user name and password (http://user:password@host"),
        ([], "denies access; check user name and password"),
    ],
)
def test_a_refusal_is_named_after_one_log_in_at_most(serve, challenges, message):
    camera = serve(protected(challenges, lambda *_: False))
    with pytest.raises(AccessDeniedError) as failure:
        read(camera.url("/", "user:hunter2@"))
    assert_one_line(failure.value, message)
    assert "hunter2" not in str(failure.value)
    assert sum("Authorization:" in request for _, request in camera.requests) <= 1


def test_no_password_reaches_another_host(serve):
    other = serve(protected([BASIC], basic("user:secret")))
    camera = serve(lambda connection, _: send_head(connection, "", f"Location: {other.url()}", status="302 Found"))
    with pytest.raises(AccessDeniedError):
        read(camera.url("/", "user:secret@"))
    assert not any("Authorization:" in request for _, request in other.requests)


@pytest.mark.parametrize(
    ("challenges", "message"),
    [
        ([SHA256], "wants a kind of log-in that is not supported (Digest with SHA-256); choose Digest with MD5 there"),
        ([BASIC, MD5, SHA256], "is not supported (Digest with SHA-256)"),
        (["Negotiate"], "is not supported (negotiate)"),
        ([BASIC], "denies access; check user name and password (rtsp://user:password@host"),
        ([SHA256, MD5], "denies access"),
        ([MD5 + ", algorithm=MD5"], "denies access"),
        ([], "denies access"),
    ],
)
def test_a_log_in_that_rtsp_cameras_want_in_vain_is_named(run, challenges, message):
    camera = run(RtspServer("401 Unauthorized", *(f"WWW-Authenticate: {challenge}" for challenge in challenges)))
    with pytest.raises(AccessDeniedError) as failure:
        read(f"{camera.url.replace('://', '://user:hunter2@')}/stream?a=b")
    assert_one_line(failure.value, message)
    assert "hunter2" not in "".join([str(failure.value), *camera.requests])
    assert sum("Authorization:" in request for request in camera.requests) <= 1
