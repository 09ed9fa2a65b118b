"""The floor: echo.c, which answers nothing right and shows what the kernel costs."""

from pathlib import Path

from perf_compare.build import compiled
from perf_compare.servers.common import ADDRESS, Server
from perf_compare.zones import Question, Workload


class Echo(Server):
    """recvmmsg, a flipped bit, sendmmsg."""

    name = "echo"

    def prepare(self, workload: Workload) -> None:
        self.program: Path = compiled("echo")

    def command(self) -> list[str]:
        return [str(self.program), ADDRESS, str(self.port)]

    def launch(self, question: Question, patience: float = 300.0) -> None:
        super().launch(question, patience)
