"""The floor: echo.c, which answers nothing right and shows what the kernel costs."""

from pathlib import Path

import dns.message

from perf_compare.build import compiled
from perf_compare.questions import Question
from perf_compare.servers.common import ADDRESS, Server
from perf_compare.workloads import Workload


class Echo(Server):
    """recvmmsg, a flipped bit, sendmmsg."""

    name = "echo"

    def prepare(self, workload: Workload) -> None:
        self.program: Path = compiled("echo")

    def command(self) -> list[str]:
        return [str(self.program), ADDRESS, str(self.port)]

    def right(self, question: Question, answer: dns.message.Message | None) -> bool:
        return answer is not None
