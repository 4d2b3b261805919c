"""Files come from a mirror or their address, and only with a checksum that is known or accepted."""

import hashlib
import io
import threading
import zipfile
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from gatehouse.datasets.fetch import fetch
from gatehouse.datasets.items import Source, SourceFile
from gatehouse.errors import OutsideError, RefusedError

CONTENT = b"id,text\n1,hello\n"


def sha(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


def source(*files: SourceFile) -> Source:
    return Source(
        name="made-up",
        title="Made up",
        licence="CC0",
        population="nobody",
        home="",
        language=None,
        labels=("spam",),
        rows=1,
        files=files,
        limits=(),
        read=lambda _: iter(()),
    )


def file(address: str | None, content: bytes = CONTENT, name: str = "a.csv", member: str | None = None) -> SourceFile:
    return SourceFile(name, sha(content), len(content), address, member)


@pytest.fixture
def server():
    """Serves a plain file and a zip archive on this machine."""
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as archive:
        archive.writestr("inside.csv", CONTENT)
    pages = {"/a.csv": CONTENT, "/a.zip": packed.getvalue()}

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self):
            page = pages.get(self.path)
            self.send_response(404 if page is None else 200)
            self.end_headers()
            self.wfile.write(page or b"")

        def log_message(self, *_):
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as running:
        thread = threading.Thread(target=running.serve_forever)
        thread.start()
        yield f"http://127.0.0.1:{running.server_address[1]}"
        running.shutdown()
        thread.join()


def never(address: str):
    raise AssertionError(f"opened {address}")


def test_a_mirror_is_taken_before_the_network(tmp_path):
    (tmp_path / "mirror" / "made-up").mkdir(parents=True)
    (tmp_path / "mirror" / "made-up" / "a.csv").write_bytes(CONTENT)
    [done] = fetch(source(file("http://nowhere")), tmp_path / "into", [tmp_path / "mirror"], opener=never)
    assert done.path.read_bytes() == CONTENT
    assert done.origin == str(tmp_path / "mirror" / "made-up" / "a.csv")
    [again] = fetch(source(file("http://nowhere")), tmp_path / "into", [], opener=never)
    assert again.origin == "already there"


def test_files_are_downloaded_and_taken_out_of_archives(tmp_path, server):
    plain, packed = file(f"{server}/a.csv"), file(f"{server}/a.zip", name="inside.csv", member="inside.csv")
    fetch(source(plain, packed), tmp_path, [])
    assert (tmp_path / "made-up" / "a.csv").read_bytes() == CONTENT
    assert (tmp_path / "made-up" / "inside.csv").read_bytes() == CONTENT
    assert sorted(path.name for path in (tmp_path / "made-up").iterdir()) == ["a.csv", "inside.csv"]


def test_an_unknown_checksum_is_refused_with_the_way_to_accept_it(tmp_path, server):
    strange = source(file(f"{server}/a.csv", b"other"))
    with pytest.raises(RefusedError) as error:
        fetch(strange, tmp_path, [])
    assert str(error.value) == (
        f"{server}/a.csv: a.csv has SHA-256 {sha(CONTENT)}, known is {sha(b'other')}; nothing was kept\n"
        f"    → look at what it holds; to accept it: gatehouse data fetch made-up --sha256 {sha(CONTENT)}"
    )
    assert list((tmp_path / "made-up").iterdir()) == []
    fetch(strange, tmp_path, [], [sha(CONTENT)])
    assert (tmp_path / "made-up" / "a.csv").read_bytes() == CONTENT


@pytest.mark.parametrize("page", ["missing.csv", "a.csv#zip"])
def test_what_the_network_does_not_give_is_said_with_the_next_step(tmp_path, server, page):
    name, _, packed = page.partition("#")
    with pytest.raises(OutsideError, match="could not be downloaded") as error:
        fetch(source(file(f"{server}/{name}", member="inside.csv" if packed else None)), tmp_path, [])
    assert error.value.faults[0].where == f"{server}/{name}"
    assert "GATEHOUSE_DATA" in error.value.faults[0].fix


def test_no_network_and_no_address_are_told_apart(tmp_path):
    with pytest.raises(OutsideError, match="could not be downloaded"):
        fetch(source(file("http://127.0.0.1:9/a.csv")), tmp_path, [])
    with pytest.raises(OutsideError, match="published at no address that is known"):
        fetch(source(file(None)), tmp_path, [])


def test_a_download_without_end_is_cut_off(tmp_path):
    class Endless(io.RawIOBase):
        def read(self, size=-1):
            return bytes(2**20)

    with pytest.raises(OutsideError, match="longer than"):
        fetch(source(file("http://endless/a.csv")), tmp_path, [], opener=lambda _: Endless())
