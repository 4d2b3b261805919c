"""Enforcements sent to a platform's own server: signed, without content unless asked, to allowed hosts only.

Headers and signature are those of Standard Webhooks (https://www.standardwebhooks.com), for which there are libraries
in most languages.
"""

import base64
import hashlib
import hmac
import ipaddress
import socket
import ssl
import threading
import time
from collections.abc import Callable, Collection, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from email.utils import parsedate_to_datetime
from functools import cache
from http.client import HTTPConnection, HTTPException, HTTPResponse, HTTPSConnection
from urllib.parse import SplitResult, urlsplit

import msgspec

from gatehouse import __version__
from gatehouse.enforcement.undo import act_of
from gatehouse.errors import RefusedError, UserError
from gatehouse.flows.asked import Asked, LateError
from gatehouse.ports.actuator import NotDoneError
from gatehouse.records.enforcement import Enforcement
from gatehouse.records.event import Event

LONGEST = 25.0
"""Seconds that an exchange may take: what a performer begins ends within its lease."""

_LEAST = 0.01
_LONGEST_ANSWER = 64 * 1024

_NEVER = frozenset({400, 404, 405, 406, 410, 411, 413, 414, 415, 422, 431, 451})
"""Answers that will not change however often it is sent."""


@dataclass(frozen=True)
class Webhook:
    """Where and how enforcements are sent.

    `hosts` are the only ones that may be spoken to, the address's own where none is named. Private, loopback and other
    addresses that are not of the public internet are refused unless `private`; plain http too. `timeout` (seconds) is
    for the whole exchange, LONGEST at most.
    """

    url: str
    secret: bytes = field(repr=False)
    hosts: frozenset[str] = frozenset()
    private: bool = False
    timeout: float = 10.0

    def __post_init__(self) -> None:
        parts = _parts(self.url)
        if parts is None or parts.scheme not in ("https", "http") or not parts.hostname:
            raise UserError("a webhook needs a whole address", where=self.shown, fix="write https://host/path")
        allowed = {host.lower() for host in self.hosts} or {parts.hostname}
        if parts.username is not None or parts.password is not None:
            raise UserError(
                "a webhook's address holds a password", where=self.shown, fix="the signature proves who sends"
            )
        if parts.hostname not in allowed:
            raise UserError(
                f"{parts.hostname} is no allowed host", where=self.shown, fix=f"allowed: {_listed(allowed)}"
            )
        if parts.scheme == "http" and not self.private:
            raise UserError(
                "a webhook goes over https", where=self.shown, fix="http is for private addresses: allow them"
            )
        if len(self.secret) < 16:
            raise UserError("a webhook's secret is shorter than 16 bytes", where=self.shown, fix="openssl rand -hex 32")

    @property
    def shown(self) -> str:
        """The address without what may be secret in it."""
        parts = _parts(self.url)
        return "" if parts is None else f"{parts.scheme}://{parts.hostname}{parts.path}"


def _parts(url: str) -> SplitResult | None:
    """The parts of an address; None where it is none, or holds what must be escaped."""
    try:
        parts = urlsplit(url)
        whole = parts.port != 0
    except ValueError:
        return None
    return parts if whole and all("!" <= one <= "~" for one in f"{parts.path}{parts.query}") else None


def _listed(hosts: Collection[str | None]) -> str:
    return ", ".join(sorted(host for host in hosts if host))


def sign(secret: bytes, id: str, at: int, body: bytes) -> str:
    """The signature of a message: HMAC-SHA256 of `id.at.body`, at in seconds, as Standard Webhooks writes it."""
    signed = b".".join((id.encode(), str(at).encode(), body))
    return "v1," + base64.b64encode(hmac.new(secret, signed, hashlib.sha256).digest()).decode()


def secret_of(text: str) -> bytes:
    """The key of a written secret: the base64 behind `whsec_`, else the text's own bytes."""
    if text.startswith("whsec_"):
        try:
            return base64.b64decode(text.removeprefix("whsec_"), validate=True)
        except ValueError:
            raise UserError("what stands behind 'whsec_' is not base64", fix="openssl rand -base64 32") from None
    return text.encode()


class WebhookActuator:
    """Sends each enforcement in one request; trying again is the outbox's work.

    `content` gives the event that an enforcement is about; without it nothing of the event is sent but its id.
    """

    def __init__(
        self,
        webhook: Webhook,
        *,
        clock: Callable[[], float] = time.time,
        content: Callable[[str], Event | None] | None = None,
    ) -> None:
        self._webhook = webhook
        self._clock = clock
        self._content = content

    def act(self, enforcement: Enforcement, key: str) -> str:
        """Send it; gives back the receipt that the answer names, else the status.

        Raises NotDoneError where it is not known to have arrived or may be taken later, RefusedError where the server
        says that it never will be.
        """
        at = int(self._clock())
        body = self._body(enforcement, at)
        headers = {
            "Content-Type": "application/json",
            "User-Agent": f"gatehouse/{__version__}",
            "Idempotency-Key": key,
            "webhook-id": key,
            "webhook-timestamp": str(at),
            "webhook-signature": sign(self._webhook.secret, key, at, body),
            "Connection": "close",
        }
        parts = urlsplit(self._webhook.url)
        target = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
        try:
            with self._connected() as connection:
                connection.request("POST", target, body, headers)
                answer = connection.getresponse()
                said = answer.read(_LONGEST_ANSWER)
        except (OSError, HTTPException) as error:
            raise self._not_done(f"no answer ({type(error).__name__})") from error
        return self._receipt(answer, said)

    def _body(self, enforcement: Enforcement, at: int) -> bytes:
        data = msgspec.structs.asdict(enforcement)
        del data["state"]
        data["subject"] = enforcement.on
        message = {"type": f"enforcement.{act_of(enforcement)}", "timestamp": at, "data": data}
        if self._content is not None and (event := self._content(enforcement.event_id)) is not None:
            message["event"] = event
        return msgspec.json.encode(message)

    @contextmanager
    def _connected(self) -> Iterator[HTTPConnection]:
        """A connection to an address that may be spoken to, cut off when the time is over however slowly it drips."""
        parts, webhook = urlsplit(self._webhook.url), self._webhook
        assert parts.hostname is not None
        port = parts.port or (443 if parts.scheme == "https" else 80)
        end = time.monotonic() + webhook.timeout
        pinned = self._socket(parts.hostname, port, end)
        kind = _PinnedTls if parts.scheme == "https" else _Pinned
        connection = kind(parts.hostname, port, pinned, webhook.timeout)
        cut = threading.Timer(max(end - time.monotonic(), 0.0), _cut, [connection])
        cut.daemon = True
        cut.start()
        try:
            yield connection
        finally:
            cut.cancel()
            connection.close()
            connection.pinned.close()

    def _socket(self, host: str, port: int, end: float) -> socket.socket:
        """A socket to the first address of a host that may be spoken to and answers before `end`.

        The address that was checked is the one that is connected to: the name is not looked up a second time.
        """
        lookup = Asked(lambda: socket.getaddrinfo(host, port, type=socket.SOCK_STREAM))
        try:
            found = lookup.answer(end - time.monotonic())
        except LateError as error:
            raise self._not_done(f"{host} could not be looked up in time") from error
        addresses = list(dict.fromkeys((family, address[0]) for family, _, _, _, address in found))
        open_ones = [one for one in addresses if self._webhook.private or is_public(str(one[1]))]
        if not open_ones:
            what = f"{host} leads to addresses that are not of the public internet"
            raise self._not_done(what, fix="allow private addresses for this webhook if that is meant")
        failed: OSError | None = None
        for place, (family, address) in enumerate(open_ones):
            made = socket.socket(family, socket.SOCK_STREAM)
            made.settimeout(max((end - time.monotonic()) / (len(open_ones) - place), _LEAST))
            try:
                made.connect((address, port))
            except OSError as error:
                made.close()
                failed = error
            else:
                made.settimeout(self._webhook.timeout)
                return made
        assert failed is not None
        raise failed

    def _receipt(self, answer: HTTPResponse, said: bytes) -> str:
        if 200 <= answer.status < 300:
            with suppress(msgspec.DecodeError):
                receipt = msgspec.json.decode(said, type=_Answer).receipt
                return receipt or f"HTTP {answer.status}"
            return f"HTTP {answer.status}"
        what = f"answered {answer.status}"
        if answer.status in _NEVER:
            raise RefusedError(what, where=self._webhook.shown, fix="look into the server's log under the key")
        if 300 <= answer.status < 400:
            raise self._not_done(f"{what}: redirects are not followed", fix="name the address that it leads to")
        raise self._not_done(what, after=self._after(answer.getheader("Retry-After")))

    def _after(self, said: str | None) -> float | None:
        """The seconds of a Retry-After, which is a number of them or a date; None for anything else."""
        if said is None:
            return None
        if said.strip().isascii() and said.strip().isdigit():
            return float(said)
        with suppress(ValueError, TypeError):
            return max(parsedate_to_datetime(said).timestamp() - self._clock(), 0.0)
        return None

    def _not_done(self, what: str, *, fix: str = "", after: float | None = None) -> NotDoneError:
        return NotDoneError(what, where=self._webhook.shown, fix=fix or "it is tried again by itself", after=after)


class _Answer(msgspec.Struct):
    receipt: str = ""


class _Pinned(HTTPConnection):
    """A connection over a socket that is there."""

    def __init__(self, host: str, port: int, pinned: socket.socket, timeout: float) -> None:
        super().__init__(host, port, timeout=timeout)
        self.pinned = pinned

    def connect(self) -> None:
        """Use the socket."""
        self.sock = self.pinned


class _PinnedTls(HTTPSConnection):
    """The same with TLS, whose certificate must be the host's."""

    def __init__(self, host: str, port: int, pinned: socket.socket, timeout: float) -> None:
        super().__init__(host, port, timeout=timeout, context=_tls())
        self.pinned = pinned

    def connect(self) -> None:
        """Use the socket."""
        wrapped = _tls().wrap_socket(self.pinned, server_hostname=self.host, do_handshake_on_connect=False)
        self.pinned = self.sock = wrapped
        wrapped.do_handshake()


@cache
def _tls() -> ssl.SSLContext:
    """What all connections check certificates with: reading the known authorities takes some 20 ms."""
    return ssl.create_default_context()


def _cut(connection: _Pinned | _PinnedTls) -> None:
    with suppress(OSError):
        connection.pinned.shutdown(socket.SHUT_RDWR)


def is_public(address: str) -> bool:
    """Whether an address is one of the public internet; one that wraps another is what it wraps."""
    parsed = ipaddress.ip_address(address.partition("%")[0])
    if isinstance(parsed, ipaddress.IPv4Address):
        return parsed.is_global and not parsed.is_multicast and parsed not in _PROTOCOLS
    inner = parsed.ipv4_mapped or parsed.sixtofour or (parsed.teredo[1] if parsed.teredo else None)
    if inner is None and parsed in _NAT64:
        inner = ipaddress.IPv4Address(int(parsed) & 0xFFFFFFFF)
    if inner is not None:
        return is_public(str(inner))
    return parsed in _PUBLIC and parsed.is_global and parsed not in _EXAMPLES


_PROTOCOLS = ipaddress.IPv4Network("192.0.0.0/24")
_NAT64 = ipaddress.IPv6Network("64:ff9b::/96")
_PUBLIC = ipaddress.IPv6Network("2000::/3")
"""All that is given out as public; what lies elsewhere, Python's own list does not know in full."""
_EXAMPLES = ipaddress.IPv6Network("3fff::/20")
