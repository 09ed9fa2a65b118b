"""Glue between a UDP socket's readiness and the compiled UdpServer: batches, misses, hand-over.

Never looks into a packet. Answers found in memory have been sent before any of this runs (promise 6 of the design).
"""

import asyncio
import select
import signal
import threading

from nsblast._core.engine import HAND_OVER
from nsblast._core.serve_udp import UdpServer
from nsblast.logs import log
from nsblast.serve.fill import Filler
from nsblast.serve.handover import HandOver, Request, default_answer
from nsblast.serve.sockets import Listener

_SOON = 0.001  # a zone being changed stands still again within this


class UdpPort:
    """One UDP socket in the worker's loop."""

    def __init__(self, listener: Listener, filler: Filler, handover: HandOver) -> None:
        self.listener = listener
        self._filler = filler
        self._handover = handover
        self._loop = asyncio.get_running_loop()
        self._server = UdpServer(filler.engine, listener.sock.fileno(), listener.wildcard)
        self._standing: threading.Thread | None = None
        self._timer: asyncio.TimerHandle | None = None
        self._tasks: set[asyncio.Task[None]] = set()
        self._handed: set[int] = set()
        self._stopped = False

    def poll(self) -> bool:
        """Answer what has arrived, before start(); whether anything had."""
        poll = select.poll()
        poll.register(self.listener.sock, select.POLLIN)
        if not poll.poll(0):
            return False
        self.readable()
        return True

    def start(self) -> None:
        """Serve from now on."""
        self._loop.add_reader(self.listener.sock.fileno(), self.readable)
        self._engage()

    def stop(self) -> None:
        """Answer what has arrived, then leave the port to others. Stopping twice is nothing."""
        if self._stopped:
            return
        self._loop.remove_reader(self.listener.sock.fileno())
        self._dismiss()
        self.readable()
        # What is still under way can be answered no more: the socket's number may soon be another file's.
        self._stopped = True
        if self._timer is not None:
            self._timer.cancel()
        self.listener.sock.close()

    def readable(self) -> None:
        """The socket has datagrams."""
        if self._server.on_readable():
            self._look_after()

    def renew(self) -> None:
        """The Engine was replaced (new settings): packets that wait are dropped, their clients ask again."""
        if self._stopped:
            return
        self._dismiss()
        self._server = UdpServer(self._filler.engine, self.listener.sock.fileno(), self.listener.wildcard)
        self._handed.clear()
        self._engage()

    def relieve(self) -> None:
        """The caller is about to hold the interpreter's lock for long: a thread answers meanwhile what memory has."""
        if self._standing is not None:
            self._server.relieve()

    def recall(self) -> None:
        """The loop is about to be back."""
        if self._standing is not None:
            self._server.recall()

    def take_back(self) -> None:
        """The loop serves again; what the thread could not answer is looked after as soon as it is free."""
        if self._standing is not None and self._server.take_back():
            self._loop.call_soon(self._catch_up_on)

    def _catch_up_on(self) -> None:
        if self._server.waiting and not self._stopped:
            self._look_after()

    def _engage(self) -> None:
        standing = threading.Thread(target=_stand_in, args=(self._server,), name="stand-in", daemon=True)
        try:
            standing.start()
        except RuntimeError as error:
            log().warning("no thread for answers beside other work", reason=str(error))
            return
        self._standing = standing
        self._filler.relief.append(self)

    def _dismiss(self) -> None:
        if self._standing is not None:
            self._filler.relief.remove(self)
            self._server.dismiss()
            self._standing.join()
            self._standing = None

    def _look_after(self) -> None:
        """Misses are filled now; what stands still in a moment is tried then; the rest is handed over."""
        again = self._filler.serve(self._server)
        self._filler.tell_control()
        for place, status, _, _, _ in self._server.misses():
            if status == HAND_OVER and place not in self._handed:
                self._hand_over(place)
        if again and self._timer is None:
            self._timer = self._loop.call_later(_SOON, self._again)

    def _again(self) -> None:
        self._timer = None
        if self._server.retry():
            self._look_after()

    def _hand_over(self, place: int) -> None:
        packet, client = self._server.request(place)
        request = Request(packet, client, tcp=False)
        handler = self._handover.find(request)
        if handler is None:
            answer = default_answer(packet)
            self._filler.note(packet, answer, client, False)
            self._server.reply(place, answer)
            return
        self._handed.add(place)
        task = self._loop.create_task(self._run(self._server, place, request))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _run(self, server: UdpServer, place: int, request: Request) -> None:
        answer = b""
        try:
            handler = self._handover.find(request)
            given = await handler(request) if handler is not None else b""
            answer = given if isinstance(given, bytes) else b""
        except Exception:
            log().error("request failed", transport="udp", exc_info=True)
        self._filler.note(request.packet, answer, request.client, False)
        if server is self._server and not self._stopped:
            self._handed.discard(place)
            server.reply(place, answer)


def _stand_in(server: UdpServer) -> None:
    """The stand-in's life. Signals are the loop's."""
    signal.pthread_sigmask(signal.SIG_SETMASK, signal.valid_signals())
    server.stand_in()
