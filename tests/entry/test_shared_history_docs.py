"""What the page on the shared history has people run works as it stands there."""

import re
import shutil
import tempfile
import textwrap
from pathlib import Path

import pytest

pytest.importorskip("redis", reason="Redis' client is not installed: pip install 'gatehouse[redis]'")

from tests.adapters.redis.redis_server import RealRedis, find_server
from tests.entry.conftest import Command

from gatehouse.adapters.redis.rebuild import is_filled
from gatehouse.adapters.redis.server import Server
from gatehouse.bootstrap import open_house
from gatehouse.entry.live import open_gate
from gatehouse.records.event import Entity, Event
from gatehouse.settings import read

PAGE = (Path(__file__).parents[2] / "docs" / "shared-history.md").read_text(encoding="utf-8")


@pytest.mark.skipif(find_server() is None, reason="no redis-server here")
def test_an_empty_redis_is_filled_by_the_lines_of_the_page(
    with_spam: Command, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    (lines,) = re.findall(r"(?:^    .*\n|^\n)*^    print\(rebuild.*\n", PAGE, re.MULTILINE)
    gate, _ = open_gate(open_house(read()), ())
    gate.decide([Event(id=f"e{number}", text="see you", actor=Entity("account", "a")) for number in range(3)])
    # The path of a socket has to be short.
    folder = tempfile.mkdtemp(prefix="gr")
    server = RealRedis(Path(folder))
    try:
        monkeypatch.setenv("GATEHOUSE_REDIS", server.url)
        asked = Server(server.url)
        assert not is_filled(gate.judge, asked)
        exec(textwrap.dedent(lines), {})
        assert capsys.readouterr().out == "3 events counted from the ledger\n"
        assert is_filled(gate.judge, asked)
    finally:
        server.stop()
        shutil.rmtree(folder)
        gate.close()
