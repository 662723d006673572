"""Where runs are made: processes of this machine, a Dask cluster, a Ray cluster; joblib underneath."""

import socket
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

from joblib import Parallel, delayed, parallel_config

from grokking.engines.threads import MOST_THREADS, available_threads
from grokking.errors import UserError
from grokking.sweep.worker import RunJob, RunResult, make_run

BACKENDS = ("processes", "dask", "ray")
SECONDS_TO_CONNECT = 10.0
"""Until a knock is answered, which takes the other machine's system only."""
SECONDS_TO_SHAKE_HANDS = 60.0
"""Until a scheduler that listens has answered; its process may be busy."""
SECONDS_FOR_WORKERS = 30.0

NOT_TCP = ("inproc", "ucx", "ws", "wss")
"""Ways to a Dask scheduler that are no plain connection to a port."""
RAY_START = "start one with ray start --head, and give the address that it prints"

Pool = Callable[[Sequence[RunJob]], Iterator[RunResult]]


class WorkersDied(Exception):
    """Workers ended in the middle of their runs: killed, or out of memory. The runs can go on."""


@dataclass(frozen=True)
class ExecutorConfig:
    """On what a sweep runs.

    jobs: runs at a time, None for one per processor; a Dask cluster's workers decide by themselves.
    threads: of each run, None for an even share of the processors, on a cluster one.
    scheduler: address of the cluster.
    """

    backend: str = "processes"
    jobs: int | None = None
    threads: int | None = None
    scheduler: str | None = None

    def check(self) -> None:
        """Raises UserError for what does not fit together."""
        if self.backend not in BACKENDS:
            raise UserError(f"unknown backend {self.backend!r}; known: {', '.join(BACKENDS)}")
        for name, value in (("jobs", self.jobs), ("threads", self.threads)):
            if value is not None and not 1 <= value <= MOST_THREADS:
                raise UserError(f"{name} is {value}; accepted: 1 to {MOST_THREADS}")
        if self.backend == "dask" and self.jobs is not None:
            raise UserError("--jobs is for processes: on a Dask cluster each worker thread takes a run")
        if self.backend == "dask" and self.scheduler is None:
            raise UserError("--backend dask needs --scheduler ADDRESS, as tcp://127.0.0.1:8786")
        if self.backend == "processes" and self.scheduler is not None:
            raise UserError("--scheduler is for a cluster; give --backend dask or --backend ray with it")

    @property
    def n_jobs(self) -> int:
        """Runs at a time, of processes."""
        return self.jobs or available_threads()

    @property
    def n_threads(self) -> int:
        """Threads of each run."""
        if self.threads is not None or self.backend != "processes":
            return self.threads or 1
        return max(1, available_threads() // self.n_jobs)

    @property
    def local(self) -> bool:
        """Whether the workers are children of this process."""
        return self.backend == "processes"


@contextmanager
def open_pool(where: ExecutorConfig) -> Iterator[Pool]:
    """A function from orders to their outcomes, as they come; it raises WorkersDied.

    Raises UserError if the cluster cannot be reached or its package is missing.
    """
    opened = {"processes": _processes, "dask": _dask, "ray": _ray}[where.backend]
    with opened(where) as pool:
        yield pool


@contextmanager
def _processes(where: ExecutorConfig) -> Iterator[Pool]:
    from joblib.externals.loky.process_executor import TerminatedWorkerError

    with parallel_config("loky", n_jobs=where.n_jobs, inner_max_num_threads=where.n_threads):
        yield _pool((TerminatedWorkerError,), return_as="generator_unordered")


@contextmanager
def _dask(where: ExecutorConfig) -> Iterator[Pool]:
    try:
        from distributed import Client
        from distributed.scheduler import KilledWorker
    except ImportError as error:
        raise UserError("--backend dask needs distributed: pip install 'grokking[dask]'") from error
    start = "start one with dask scheduler, and give the address that it prints"
    knock(where.scheduler, f"no Dask scheduler answers at {where.scheduler!r}", start)
    try:
        client = Client(where.scheduler, timeout=SECONDS_TO_SHAKE_HANDS, set_as_default=True)
    except (OSError, TimeoutError, ValueError) as error:
        raise UserError(f"no Dask scheduler answers at {where.scheduler!r}; {start}") from error
    with client:
        try:
            client.wait_for_workers(1, timeout=SECONDS_FOR_WORKERS)
        except TimeoutError as error:
            raise UserError(
                f"the Dask scheduler at {where.scheduler} has no workers; start some with "
                f"dask worker {where.scheduler} --nthreads 1"
            ) from error
        with parallel_config(_never_here(client)):
            # A lost worker's run waits at the scheduler for another; all are handed over at once.
            yield _pool((KilledWorker,), return_as="generator_unordered", pre_dispatch="all")


@contextmanager
def _ray(where: ExecutorConfig) -> Iterator[Pool]:
    try:
        import ray
        from ray.exceptions import RayError
        from ray.util.joblib import register_ray
    except ImportError as error:
        raise UserError("--backend ray needs the package ray: pip install 'grokking[ray]'") from error
    knock(where.scheduler, f"no Ray cluster answers at {where.scheduler!r}", RAY_START)
    try:
        cores = None if where.scheduler else where.n_jobs
        ray.init(address=where.scheduler, num_cpus=cores, log_to_driver=False)
    except (ConnectionError, RuntimeError, ValueError) as error:
        raise UserError(f"no Ray cluster answers at {where.scheduler!r}: {error}") from error
    try:
        register_ray()
        with parallel_config("ray", n_jobs=where.jobs or -1):
            # Ray's backend hands results over when all are there.
            yield _pool((RayError,), return_as="list")
    finally:
        ray.shutdown()


def knock(address: str | None, silence: str, advice: str) -> None:
    """Raises UserError (``silence``, the reason, ``advice``) if nothing listens at ``host:port``.

    The clusters' own clients keep trying until their timeout, Ray's for minutes.
    """
    if address is None or ":" not in address or address.partition("://")[0] in NOT_TCP:
        return  # a cluster of its own, one that Ray finds, or one that only its client can reach
    where = urlsplit(address if "//" in address else f"//{address}")
    try:
        with socket.create_connection((where.hostname or "", where.port or 0), SECONDS_TO_CONNECT):
            pass
    except (OSError, ValueError) as error:
        raise UserError(f"{silence} ({error}); {advice}") from error


def _never_here(client: Any) -> Any:
    """joblib's Dask backend, which would make the runs in this process if it saw one worker thread only:
    as when the other workers are still on their way.
    """
    from joblib._dask import DaskDistributedBackend

    class Backend(DaskDistributedBackend):  # type: ignore[misc]
        def effective_n_jobs(self, n_jobs: int) -> int:
            return max(2, int(super().effective_n_jobs(n_jobs)))

    return Backend(client=client)


def _pool(deaths: tuple[type[Exception], ...], **options: Any) -> Pool:
    def outcomes(jobs: Sequence[RunJob]) -> Iterator[RunResult]:
        try:
            yield from Parallel(batch_size=1, **options)(delayed(make_run)(job) for job in jobs)
        except deaths as error:
            raise WorkersDied(str(error)) from error

    return outcomes
