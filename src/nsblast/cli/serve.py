"""nsblast serve: run the server in the foreground until SIGTERM or Ctrl-C."""

from pathlib import Path
from typing import Any

import click

from nsblast._core.view import View
from nsblast.admin.opening import main as control_main
from nsblast.admin.opening import read_all
from nsblast.cli.options import config_option, layers_of, setting_options
from nsblast.serve.worker import main as worker_main
from nsblast.supervise.parent import Supervisor


@click.command()
@config_option
@click.option("--json", "as_json", is_flag=True, help="Log as JSON lines; if the start fails, print one JSON document.")
@setting_options
def serve(config: Path | None, as_json: bool, **flags: Any) -> None:
    """Serve DNS until told to stop (SIGTERM, Ctrl-C). SIGHUP reads the settings again."""
    if as_json and flags["log_format"] is None:
        flags["log_format"] = "json"
    Supervisor(layers_of(config, flags), control_main, worker_main, View.create, _forget, read_all).run()


def _forget(fd: int, index: int, pid: int) -> None:
    """Free a dead worker's slot, unless somebody else has it by now."""
    view = View(fd)
    try:
        if view.worker_stats(index)["pid"] == pid:
            view.worker_leave(index)
    finally:
        view.close()
