"""Processes that evaluate chunks of moves, each at the end of a pipe of its own.

Nothing is shared: a process that is ended in the middle of a message leaves no lock behind for which others would wait,
and what one sends waits for no other. A process ends when it is told to, when its pipe closes, or when the process that
started it is gone.
"""

import os
import pickle
from collections import deque
from collections.abc import Callable, Generator, Sequence
from contextlib import contextmanager
from threading import Lock
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from multiprocessing.connection import Connection
    from multiprocessing.process import BaseProcess

# A process that is told to end has this many seconds, and again after SIGTERM, before it is killed.
SECONDS_TO_END = 1.0

ENDED_AT_ONCE = (
    "workers must be processes that can start; one ended before its first chunk. Where processes import the main "
    'program anew it must be a file, and call gradfast under `if __name__ == "__main__":`'
)
NOT_FOUND = (
    "workers must find f where it is defined; a process did not: {}. Define f in a module, or in a program that is a "
    "file, or give as workers a map that sends functions by value, such as joblib's or dask's"
)
DAEMONIC = (
    "workers must be None or a map in a process that may not start others, such as one of multiprocessing.Pool; got {}"
)
DIED = (
    "workers must stay alive; a process died before it returned its chunk: "
    "f crashed it, or the system killed it, as for want of memory"
)


class WorkerTracebackError(Exception):
    """The cause of an exception that was raised in another process: its traceback there, as text."""

    def __str__(self) -> str:
        return "\n" + str(self.args[0])


class Processes:
    """As many processes as are asked for, started when they are needed.

    Two threads may ask at once: the second gets processes of its own for the time.
    """

    def __init__(self, count: int) -> None:
        self.count = count
        self.members: list[Member] = []
        self.lock = Lock()
        self.last_resort: object = None

    def results(self, job: bytes, chunks: Sequence[object]) -> Generator[object, None, None]:
        """Yield what the job, which is pickled, returned for each chunk, as they are done."""
        if not self.lock.acquire(blocking=False):
            others = Processes(self.count)
            try:
                yield from others.results(job, chunks)
            finally:
                others.end()
            return
        try:
            yield from self._results(job, chunks)
        except BaseException:  # an f of hours is not waited for
            end(self.members, at_once=True)
            raise
        finally:
            self.lock.release()

    def _results(self, job: bytes, chunks: Sequence[object]) -> Generator[object, None, None]:
        from multiprocessing.connection import wait

        left = deque(chunks)
        self._start(min(self.count, len(chunks)))
        for member in self.members[: len(chunks)]:
            member.send(b"j" + job)
            member.take(left.popleft())
        while busy := [member for member in self.members if member.is_busy]:
            ready = set(wait([end for member in busy for end in (member.connection, member.process.sentinel)]))
            for member in busy:
                if member.connection not in ready and member.process.sentinel not in ready:
                    continue
                message, result = member.receive()
                if message == "started":  # its result is not waited for here: another process may have raised
                    continue
                member.is_busy = False
                if left:
                    member.take(left.popleft())
                yield result

    def _start(self, wanted: int) -> None:
        from multiprocessing import current_process, get_context, util

        context = get_context()
        if current_process().daemon:
            raise RuntimeError(DAEMONIC.format(self.count))
        if self.last_resort is None:  # processes that nobody ended would be waited for when the program exits
            self.last_resort = util.Finalize(
                self, end, args=(self.members,), kwargs={"at_once": True}, exitpriority=100
            )
        self.members[:] = [member for member in self.members if member.process.is_alive()]
        while len(self.members) < wanted:
            ours, theirs = context.Pipe()
            inherited = [member.connection for member in self.members] + [ours]
            if context.get_start_method() != "fork":
                inherited = []
            process = context.Process(target=serve, args=(theirs, inherited))
            with interrupts_later():  # else a process might have been forked that nobody waits for
                try:
                    process.start()
                finally:
                    theirs.close()
                self.members.append(Member(process, ours))

    def leave(self) -> None:
        """End the processes; those of a call under way, as one is whose progress is shown, end with this object."""
        if self.lock.acquire(blocking=False):
            try:
                end(self.members)
            finally:
                self.lock.release()

    def end(self, at_once: bool = False) -> None:
        """End all processes; they are started anew when they are asked for again."""
        end(self.members, at_once)


@contextmanager
def interrupts_later() -> Generator[None, None, None]:
    """Let Ctrl-C wait until the block has ended."""
    import signal
    from threading import current_thread, main_thread

    handler = signal.getsignal(signal.SIGINT)
    if not callable(handler) or current_thread() is not main_thread():
        yield
        return
    came: list[int] = []
    signal.signal(signal.SIGINT, lambda number, frame: came.append(number))
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, handler)
        if came:
            signal.raise_signal(signal.SIGINT)


class Member:
    """One of the processes, and whether it has a chunk."""

    def __init__(self, process: "BaseProcess", connection: "Connection") -> None:
        self.process, self.connection = process, connection
        self.is_busy = self.has_started = False

    def take(self, chunk: object) -> None:
        self.is_busy = True
        self.send(b"c" + pickle.dumps(chunk))

    def send(self, message: bytes) -> None:
        try:
            self.connection.send_bytes(message)
        except OSError as error:
            raise self._death() from error

    def receive(self) -> tuple[str, object]:
        """Return a message, "started" or "done", with the result of the chunk; raise the exception of the job."""
        try:
            message, content = pickle.loads(self.connection.recv_bytes())
        except (EOFError, OSError) as error:
            raise self._death() from error
        if message == "missing":
            raise RuntimeError(NOT_FOUND.format(content))
        if message == "raised":
            raise raised_elsewhere(*content)
        self.has_started = True
        return message, content

    def _death(self) -> RuntimeError:
        """Return the error for a process that is gone; it may have told before that it had started."""
        try:
            while not self.has_started and self.connection.poll():
                self.has_started = pickle.loads(self.connection.recv_bytes())[0] == "started"
        except (EOFError, OSError):
            pass
        return RuntimeError(DIED if self.has_started else ENDED_AT_ONCE)


def end(members: list[Member], at_once: bool = False) -> None:
    """End processes: by a word, by SIGTERM, at last by force, and at once by force if Ctrl-C comes meanwhile."""
    ended, members[:] = list(members), []
    try:
        ask_to_end(ended, at_once)
    finally:
        for member in ended:
            member.process.kill()
        for member in ended:
            member.process.join()
            member.connection.close()


def ask_to_end(members: list[Member], at_once: bool) -> None:
    """Give processes time to end: after a word, unless at once, and after SIGTERM."""
    ways: list[Callable[[Member], None]] = [lambda member: member.send(b""), lambda member: member.process.terminate()]
    for way in ways[1:] if at_once else ways:
        for member in members:
            if member.process.is_alive():
                try:
                    way(member)
                except (OSError, RuntimeError):
                    continue  # it has just ended
        for member in members:
            member.process.join(SECONDS_TO_END / max(1, len(members)))


def raised_elsewhere(pickled: bytes, told: str, trace: str) -> BaseException:
    """Return the exception that was raised in another process, or one that tells of it."""
    try:
        found = pickle.loads(pickled)
    except Exception:
        found = None
    error: BaseException = found if isinstance(found, BaseException) else RuntimeError(told)
    error.__cause__ = WorkerTracebackError(trace)
    return error


# --- in the process ---------------------------------------------------------------------------------------------------


def serve(connection: "Connection", inherited: Sequence["Connection"]) -> None:
    """Run the jobs that come through a pipe, until it closes or says so."""
    import signal
    from threading import Thread

    for other in inherited:  # else the pipe of another process stayed open while this one lives
        other.close()
    signal.signal(signal.SIGINT, lambda number, frame: None)  # Ctrl-C is for who started this, and ends this
    Thread(target=end_with_parent, daemon=True).start()
    reply(connection, "started", None)
    job: Any = None
    while True:
        try:
            message = connection.recv_bytes()
        except (EOFError, OSError):
            return
        if not message:
            return
        if message[:1] == b"j":
            job = message[1:]
            continue
        if isinstance(job, bytes):
            try:
                job = pickle.loads(job)
            except Exception as error:
                reply(connection, "missing", f"{type(error).__name__}: {text_of(error)}")
                continue
        try:
            found = job(pickle.loads(message[1:]))
        except BaseException as error:
            from traceback import format_tb

            trace = "".join(format_tb(error.__traceback__)) + text_of(error)
            reply(connection, "raised", (pickle.dumps(portable(error)), told(error), trace))
        else:
            reply(connection, "done", found)


def reply(connection: "Connection", found: str, content: object) -> None:
    try:
        connection.send_bytes(pickle.dumps((found, content), pickle.HIGHEST_PROTOCOL))
    except OSError:  # nobody listens any more
        os._exit(1)


def end_with_parent() -> None:
    """End this process when that which started it is gone, however that came."""
    from multiprocessing import parent_process
    from multiprocessing.connection import wait

    parent = parent_process()
    if parent is not None:
        wait([parent.sentinel])
        os._exit(1)


def text_of(error: BaseException) -> str:
    """Return the message of an exception, which may fail to tell it."""
    try:
        return str(error)
    except Exception as other:
        return f"<whose message raised {type(other).__name__}>"


def told(error: BaseException) -> str:
    return f"f raised {type(error).__name__}: {text_of(error)}"


def portable(error: BaseException) -> BaseException:
    """Return the exception, or one that tells of it if it would not survive the way to another process."""
    try:
        if type(pickle.loads(pickle.dumps(error))) is type(error):
            return error
    except Exception:
        pass
    other = RuntimeError(told(error))
    notes = getattr(error, "__notes__", ())
    for note in notes if isinstance(notes, list) else ():
        other.add_note(str(note))
    return other.with_traceback(error.__traceback__)
