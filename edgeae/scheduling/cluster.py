"""A connection to a Dask cluster: one that runs somewhere, or one inside this process.

Importing this module does not import Dask; without the extra, the errors say what installs it.
"""

import contextlib
import http.client
import importlib.util
import ipaddress
import logging
import urllib.request
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from edgeae.errors import BadInput, RuntimeUnavailable
from edgeae.system.extras import lacking

#: The value of `--scheduler` that asks for a cluster inside this process.
INSIDE = "dask"
_PROTOCOLS = ("tcp", "tls", "ws", "wss")
_CONNECT_S = 5.0
_CLOSE_S = 2.0
_PAGE_S = 1.0


@dataclass(frozen=True)
class Certificates:
    """The PEM files of a cluster whose machines know each other by TLS.

    Attributes:
        ca: the authority that signed all certificates of the cluster.
        cert: the client's certificate.
        key: its key.
    """

    ca: Path
    cert: Path
    key: Path


@contextlib.contextmanager
def connected(
    address: str, *, jobs: int, certificates: Certificates | None, say: Callable[[str], None]
) -> Iterator[Any]:
    """Connect to a scheduler, and yield `distributed.Client`.

    Args:
        address: `tcp://host:port` or `tls://host:port`; or `INSIDE`, for workers of this process.
        jobs: number of workers, if they are inside this process.
        certificates: the files of TLS, or None.
        say: receives a warning if whoever reaches the scheduler can run code on its workers, and
            the address of Dask's dashboard.

    Raises:
        BadInput: the address is none, or a certificate cannot be read.
        RuntimeUnavailable: Dask is not installed, or no scheduler answers.
    """
    check(address, certificates)
    if importlib.util.find_spec("distributed") is None:
        raise lacking(f"--scheduler {address}: Dask is not installed", "dask")
    if address != INSIDE and not _is_loopback(address) and certificates is None:
        say(
            f"warning: {address}: neither on this machine nor under TLS: whoever reaches this "
            "scheduler can run any code on its workers, and on this machine"
        )
    from distributed import Client

    _silence()
    with contextlib.ExitStack() as stack:
        where: Any = address
        if address == INSIDE:
            where = stack.enter_context(_workers(jobs))
        try:
            client = Client(
                where,
                timeout=_CONNECT_S,
                security=_security(certificates),
                set_as_default=False,
            )
        except (OSError, TimeoutError) as error:
            raise RuntimeUnavailable(
                f"{address}: no Dask scheduler answers ({_reason(error)})",
                "`dask scheduler` starts one",
            ) from None
        stack.callback(_closed, client)
        if address != INSIDE and _answers(client.dashboard_link):
            say(f"Dask's dashboard: {client.dashboard_link}")
        yield client


def check(address: str, certificates: Certificates | None) -> None:
    """Check what the user said of a cluster, without connecting.

    Raises:
        BadInput: the address is none, or a certificate is not there.
    """
    if address != INSIDE:
        try:
            parts = urlsplit(address)
            whole = parts.scheme in _PROTOCOLS and parts.hostname and parts.port
        except ValueError:
            whole = False
        if not whole:
            raise BadInput(
                f"--scheduler {address}: allowed are local, {INSIDE}, tcp://HOST:PORT and "
                "tls://HOST:PORT"
            )
    for path in (certificates.ca, certificates.cert, certificates.key) if certificates else ():
        if not path.is_file():
            raise BadInput(
                f"{path}: no such file; --tls-ca, --tls-cert and --tls-key are PEM files"
            )


def _is_loopback(address: str) -> bool:
    host = urlsplit(address).hostname or ""
    try:
        return host == "localhost" or ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def _security(certificates: Certificates | None) -> Any:
    if certificates is None:
        return None
    from distributed.security import Security

    return Security(
        tls_ca_file=str(certificates.ca),
        tls_client_cert=str(certificates.cert),
        tls_client_key=str(certificates.key),
        require_encryption=True,
    )


@contextlib.contextmanager
def _workers(jobs: int) -> Iterator[Any]:
    """Yield a cluster of threads of this process, which run child processes all the same."""
    from distributed import LocalCluster

    cluster = LocalCluster(
        n_workers=jobs,
        threads_per_worker=1,
        processes=False,
        memory_limit=0,  # the memory is that of the children
        dashboard_address="127.0.0.1:0",  # two such clusters must not ask for one port
        silence_logs=logging.CRITICAL,
    )
    try:
        yield cluster
    finally:
        with contextlib.suppress(Exception):
            cluster.close(timeout=_CLOSE_S)


def _answers(link: str | None) -> bool:
    """Return whether there is a page: a scheduler without bokeh has an address and no dashboard."""
    if not link:
        return False
    direct = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    try:
        with direct.open(link, timeout=_PAGE_S) as page:
            return bool(page.status == 200)
    except (OSError, http.client.HTTPException, ValueError):
        return False


def _closed(client: Any) -> None:
    with contextlib.suppress(Exception):  # of a scheduler that is gone
        client.close(timeout=_CLOSE_S)


def _silence() -> None:
    """Keep Dask's own log from standard error: what the user needs is said in one line."""
    for name in list(logging.root.manager.loggerDict):
        if name.split(".")[0] in ("distributed", "tornado"):
            logging.getLogger(name).setLevel(logging.CRITICAL + 1)


def _reason(error: Exception) -> str:
    return " ".join(str(error).split())[:200] or type(error).__name__
