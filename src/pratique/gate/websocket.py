"""The same view over a WebSocket (RFC 6455), for a maker's own panel: statuses out, scans and turns in.

One thread reads the page's queue, the handler's own thread reads the socket. What comes in is judged exactly like a
`POST /scan`; a message that is not understood is answered with one sentence and changes nothing.
"""

import json
import queue
import socket
import threading
from collections.abc import Callable
from contextlib import suppress

from wsproto import ConnectionType, WSConnection
from wsproto.events import (
    AcceptConnection,
    CloseConnection,
    Event,
    Ping,
    Request,
    TextMessage,
)
from wsproto.utilities import ProtocolError

MOST_BYTES = 64 << 10  # of one message


def serve(
    sock: socket.socket,
    request: bytes,
    statuses: "queue.Queue[bytes]",
    every: float,
    last: Callable[[], bytes],
    take: Callable[[str], str],
) -> None:
    """Speak until either side ends. `request` is the HTTP request as it came; `last` the present status, repeated
    after `every` silent seconds; `take` answers one message with "" or with what was wrong about it."""
    panel = _Panel(sock, take)

    def tell() -> None:
        with suppress(OSError, ProtocolError):
            while not panel.over.is_set():
                try:
                    status = statuses.get(timeout=every)
                except queue.Empty:
                    status = last()
                panel.send(TextMessage(status.decode()))
        panel.over.set()

    with suppress(OSError, ProtocolError):
        panel.hear(request)
        threading.Thread(target=tell, name="panel", daemon=True).start()
        while not panel.over.is_set() and (data := sock.recv(65_536)):
            panel.hear(data)
    panel.over.set()


class _Panel:
    """One open socket. Written to by two threads, read by one."""

    def __init__(self, sock: socket.socket, take: Callable[[str], str]) -> None:
        self.over = threading.Event()
        self._sock, self._take, self._held = sock, take, ""
        self._connection, self._sending = WSConnection(ConnectionType.SERVER), threading.Lock()

    def send(self, event: Event) -> None:
        with self._sending:
            self._sock.sendall(self._connection.send(event))

    def hear(self, data: bytes) -> None:
        self._connection.receive_data(data)
        for event in self._connection.events():
            match event:
                case Request():
                    self.send(AcceptConnection())
                case TextMessage():
                    self._message(event)
                case Ping() | CloseConnection():
                    self.send(event.response())
                    if isinstance(event, CloseConnection):
                        self.over.set()

    def _message(self, part: TextMessage) -> None:
        self._held += part.data
        if len(self._held) > MOST_BYTES:
            self.send(CloseConnection(1009, "too large"))
            self.over.set()
        elif part.message_finished:
            refused, self._held = self._take(self._held), ""
            if refused:
                self.send(TextMessage(json.dumps({"refused": refused}, ensure_ascii=False)))
