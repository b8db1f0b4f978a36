"""Files in a bucket: the same store against a real S3-compatible server that checks who signs what."""

from __future__ import annotations

import json
import socket
from datetime import timedelta
from io import BytesIO
from typing import TYPE_CHECKING, Any
from urllib.request import Request, urlopen

import boto3
import pytest
from moto.server import ThreadedMotoServer

from matsapply.files import actions
from matsapply.files.models import StoredFile
from matsapply.files.upkeep import GRACE, remove_orphans
from matsapply.pages.files import response_for
from matsapply.people.models import Person
from matsapply.platform import clock as clock_module, storage
from tests.hostile.test_files import pdf
from tests.mail.contexts import NOON

if TYPE_CHECKING:
    from collections.abc import Iterator

BUCKET = "s3://uploads/matsapply"
REGION = "eu-west-1"
ALLOW_FILES = {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "s3:*", "Resource": "*"}]}


@pytest.fixture(scope="module")
def server() -> Iterator[str]:
    """The address of a server in a thread of this process."""
    running = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    running.start()
    host, port = running.get_host_and_port()
    yield f"http://{host}:{port}"
    running.stop()


def tell(server: str, path: str, data: bytes = b"") -> None:
    asking = Request(f"{server}/moto-api/{path}", data, {"Content-Type": "text/plain"}, method="POST")  # noqa: S310
    with urlopen(asking, timeout=10) as answer:  # noqa: S310
        assert answer.status == 200


@pytest.fixture
def bucket(server: str, monkeypatch: pytest.MonkeyPatch) -> Iterator[storage.Storage]:
    """An empty bucket; its user's keys stand in the environment, as an operator gives them."""
    anybody: dict[str, Any] = {
        "endpoint_url": server,
        "region_name": REGION,
        "aws_access_key_id": "anybody",
        "aws_secret_access_key": "anybody",
    }
    s3, iam = boto3.client("s3", **anybody), boto3.client("iam", **anybody)
    s3.create_bucket(Bucket="uploads", CreateBucketConfiguration={"LocationConstraint": REGION})
    iam.create_user(UserName="site")
    iam.put_user_policy(UserName="site", PolicyName="files", PolicyDocument=json.dumps(ALLOW_FILES))
    key = iam.create_access_key(UserName="site")["AccessKey"]
    tell(server, "reset-auth", b"0")  # from now on every request must be signed with a key the server knows
    environment = {
        "AWS_ENDPOINT_URL": server,
        "AWS_REGION": REGION,
        "AWS_ALLOW_HTTP": "true",
        "AWS_ACCESS_KEY_ID": key["AccessKeyId"],
        "AWS_SECRET_ACCESS_KEY": key["SecretAccessKey"],
    }
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    storage.configure(BUCKET)
    storage._store_in.cache_clear()
    yield storage.current()
    storage._store_in.cache_clear()
    tell(server, "reset-auth", b"inf")
    tell(server, "reset")
    s3.close()
    iam.close()


def keys(store: storage.Storage) -> list[str]:
    return sorted(item.key for item in store.listing())


def test_bytes_go_in_come_out_and_go(bucket: storage.Storage) -> None:
    data = bytes(range(256)) * 10_000
    bucket.put("2027/01/one", data)
    bucket.put("2027/01/two", BytesIO(data))
    assert keys(bucket) == ["2027/01/one", "2027/01/two"]
    assert bucket.get("2027/01/one") == data == bucket.get("2027/01/two")
    assert bucket.exists("2027/01/one")
    bucket.delete("2027/01/one")
    bucket.delete("2027/01/one")
    assert not bucket.exists("2027/01/one")
    with pytest.raises(storage.MissingError):
        bucket.get("2027/01/one")
    assert [item.size for item in bucket.listing()] == [len(data)]


def test_more_objects_than_one_answer_lists(bucket: storage.Storage) -> None:
    for number in range(1005):
        bucket.put(f"2027/02/{number:05}", b"x")
    assert len(keys(bucket)) == 1005


def test_an_upload_is_handed_out_and_what_no_row_names_goes(app, bucket, live_session) -> None:
    storage.configure(BUCKET)  # the site was built with its own folder
    person = Person(display_name="Ada")
    live_session.add(person)
    live_session.flush()
    data = pdf(2)
    file = actions.store_upload(live_session, person.id, BytesIO(data), "cv.pdf", 5, NOON)
    assert isinstance(file, StoredFile)
    with app.test_request_context():
        assert response_for(file).get_data() == data
    bucket.put("2027/01/orphan", b"x")
    later = clock_module.SystemClock().now() + GRACE + timedelta(minutes=1)
    assert remove_orphans(live_session, bucket, later) == 1
    assert keys(bucket) == [file.key]


@pytest.mark.parametrize(
    ("name", "value"), [("AWS_SECRET_ACCESS_KEY", "not the secret"), ("AWS_ACCESS_KEY_ID", "AKIANOBODY")]
)
def test_a_wrong_key_is_said_and_stores_nothing(
    bucket: storage.Storage, monkeypatch: pytest.MonkeyPatch, name: str, value: str
) -> None:
    monkeypatch.setenv(name, value)
    stranger = storage.Storage(BUCKET)
    with pytest.raises(storage.UnavailableError, match="s3://uploads"):
        stranger.put("2027/01/one", b"x")
    with pytest.raises(storage.UnavailableError, match="s3://uploads"):
        stranger.exists("2027/01/one")
    assert keys(bucket) == []


def test_a_server_that_is_away_is_said(bucket: storage.Storage, monkeypatch: pytest.MonkeyPatch) -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        monkeypatch.setenv("AWS_ENDPOINT_URL", f"http://127.0.0.1:{free.getsockname()[1]}")
        away = storage.Storage(BUCKET)
        with pytest.raises(storage.UnavailableError):
            away.put("2027/01/one", b"x")
        with pytest.raises(storage.UnavailableError):
            list(away.listing())


def test_a_server_without_tls_is_used_only_where_that_is_allowed(
    bucket: storage.Storage, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("AWS_ALLOW_HTTP")
    with pytest.raises(storage.UnavailableError):
        storage.Storage(BUCKET).put("2027/01/one", b"x")
    assert keys(bucket) == []
