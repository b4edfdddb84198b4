"""Options of the commands whose tasks can run on other machines, and what they ask for."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from edgeae.cli.output import say
from edgeae.errors import BadInput

if TYPE_CHECKING:
    from edgeae.scheduling.dask_executor import Dask
    from edgeae.scheduling.task import Executor

#: The value of `--scheduler` that asks for child processes of this command, without Dask.
LOCAL = "local"
#: The value that asks for a cluster inside this command, as in `edgeae.scheduling.cluster`.
_INSIDE = "dask"
_RETRIES = 2
#: The variable with the address of a scheduler, as Dask itself names it.
_ADDRESS = "DASK_SCHEDULER_ADDRESS"

Scheduler = Annotated[
    str,
    typer.Option(
        "--scheduler",
        metavar="WHERE",
        envvar=_ADDRESS,
        help="Where tasks run: local, dask (a cluster inside this command) or the address of a "
        "Dask scheduler, tcp://HOST:PORT.",
    ),
]
#: As `Scheduler`, of commands that measure: the variable sends nobody's measurement elsewhere.
DeviceScheduler = Annotated[
    str | None,
    typer.Option(
        "--scheduler",
        metavar="ADDRESS",
        help="Dask scheduler, tcp://HOST:PORT: a device that is a worker of it measures, instead "
        f"of this machine [default with --on: {_ADDRESS}].",
    ),
]
On = Annotated[
    str | None,
    typer.Option(
        "--on",
        metavar="NAME",
        help="Name of the worker that measures, which declares the resource bench [default: any "
        "such worker].",
    ),
]
Retries = Annotated[
    int | None,
    typer.Option(
        "--retries",
        min=0,
        help=f"How often a task runs again after its worker was lost [default: {_RETRIES}].",
    ),
]
Store = Annotated[
    str | None,
    typer.Option(
        "--store",
        metavar="PATH|URL",
        help="A folder or bucket (s3://, gs://, …) that all machines reach, through which inputs "
        "travel [default: the client sends them].",
    ),
]
TlsCa = Annotated[
    Path | None,
    typer.Option(
        "--tls-ca", metavar="PEM", help="Authority that signed the cluster's certificates."
    ),
]
TlsCert = Annotated[
    Path | None, typer.Option("--tls-cert", metavar="PEM", help="Certificate for the cluster.")
]
TlsKey = Annotated[Path | None, typer.Option("--tls-key", metavar="PEM", help="Key of --tls-cert.")]


class Cluster:
    """What the options ask for.

    Args:
        scheduler, retries, store, ca, cert, key: values of the options above.

    Raises:
        BadInput: an option is only for a cluster, one of three is missing, or a value is wrong.
    """

    def __init__(
        self,
        scheduler: str,
        retries: int | None,
        store: str | None,
        ca: Path | None,
        cert: Path | None,
        key: Path | None,
    ) -> None:
        self.address = scheduler
        self._retries = _RETRIES if retries is None else retries
        self._store = store
        self._certificates = None
        files = {"--tls-ca": ca, "--tls-cert": cert, "--tls-key": key}
        given = [f"{option} {path}" for option, path in files.items() if path is not None]
        if self.is_local:
            own = {"--retries": retries, "--store": store}
            alone = [f"{option} {value}" for option, value in own.items() if value is not None]
            alone += given
            if alone:
                raise BadInput(f"{alone[0]}: only with --scheduler")
            return
        from edgeae.scheduling.cluster import Certificates, check

        if ca is not None and cert is not None and key is not None:
            self._certificates = Certificates(ca, cert, key)
        elif given:
            raise BadInput(f"{given[0]}: --tls-ca, --tls-cert and --tls-key go together")
        check(scheduler, self._certificates)

    @property
    def is_local(self) -> bool:
        """Whether the tasks are child processes of this command."""
        return self.address == LOCAL

    @property
    def is_remote(self) -> bool:
        """Whether the tasks run on workers that are no part of this command."""
        return self.address not in (LOCAL, _INSIDE)

    def executor(self, jobs: int) -> Executor | None:
        """Connect to the cluster; None if the tasks are child processes of this command.

        Args:
            jobs: number of workers, if the cluster is inside this command.

        Raises:
            EdgeaeError: see `edgeae.scheduling.cluster.connected`.
        """
        return None if self.is_local else self._dask(jobs)

    def device(self, on: str) -> Dask:
        """Connect to the cluster of a device.

        Args:
            on: name of its worker; empty for any worker that declares the resource `bench`.

        Raises:
            NoWorker: there is no such worker now.
            EdgeaeError: see `edgeae.scheduling.cluster.connected`.
        """
        from edgeae.scheduling.device import needs

        dask = self._dask(1)
        try:
            dask.require(needs(on))
        except BaseException:
            dask.close()
            raise
        return dask

    def _dask(self, jobs: int) -> Dask:
        from edgeae.scheduling.dask_executor import Dask

        return Dask(
            self.address,
            jobs=jobs,
            retries=self._retries,
            certificates=self._certificates,
            store=self._store,
            say=say,
        )


def device(
    scheduler: str | None,
    on: str | None,
    retries: int | None,
    ca: Path | None,
    cert: Path | None,
    key: Path | None,
) -> Cluster | None:
    """Return the cluster that one of its workers measures for; None if this machine measures.

    Raises:
        BadInput: `--on` is given without a scheduler, the scheduler is inside this command, or see
            `Cluster`.
    """
    if scheduler is None and on is not None:
        scheduler = os.environ.get(_ADDRESS)
        if scheduler is None:
            raise BadInput(f"--on {on}: needs --scheduler tcp://HOST:PORT")
    cluster = Cluster(scheduler or LOCAL, retries, None, ca, cert, key)
    if cluster.is_local:
        if on is not None:
            raise BadInput(f"--on {on}: not with --scheduler {LOCAL}; a worker of a cluster has it")
        return None
    if not cluster.is_remote:
        raise BadInput(f"--scheduler {_INSIDE}: its workers are this machine; leave it out")
    return cluster
