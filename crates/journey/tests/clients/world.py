"""What the python clients' journeys share: the task they were given, the people they ask, and a record of what they called.

A client can't cable a router or approve itself: it asks the test that started it, one line of JSON on standard
output for each wish, one line on standard input for each answer. It changes nothing about the clients: a
`Recorder` stands around their methods and sees what comes out.
"""

import functools
import inspect
import json
import sys
import time
from types import SimpleNamespace

POLL_S = 0.2
LIMIT_S = 90


def task():
    """What this journey is about, as the test wrote it."""
    return SimpleNamespace(**json.loads(sys.argv[1]))


def ask(wish, **details):
    """Asks the test for something that only people can do; returns when it is done."""
    print(json.dumps({"ask": wish, **details}), flush=True)
    line = sys.stdin.readline()
    if not line:
        raise RuntimeError(f"nobody answers the wish '{wish}'")
    answer = json.loads(line)
    if "error" in answer:
        raise RuntimeError(f"{wish}: {answer['error']}")
    return answer.get("answer")


def until(what, look, is_so):
    """Looks again and again until what is seen is as wished; gives it."""
    end = time.monotonic() + LIMIT_S
    while True:
        seen = look()
        if is_so(seen):
            return seen
        if time.monotonic() > end:
            raise AssertionError(f"{what}: not within {LIMIT_S} s; last seen: {seen}")
        time.sleep(POLL_S)


def refused(error, status, code, call):
    """Makes a call that must be refused, by an exception of just this type; gives it."""
    try:
        given = call()
    except error as e:
        assert type(e) is error, f"{type(e).__name__} came in place of {error.__name__}: {e}"
        assert e.status_code == status, f"status {e.status_code}, not {status}: {e}"
        told = e.error.code if e.error else None
        assert told == code, f"code {told}, not {code}: {e}"
        assert code is None or e.error.message, f"the refusal says nothing: {e}"
        return e
    raise AssertionError(f"{status} {code} was awaited, and it was done: {given}")


class Recorder:
    """Stands around every operation of a client. Gives plain values: of a list all its elements."""

    def __init__(self, client, run):
        self.run = run
        self.missing = set()
        self.pages = {}
        for name, group in list(vars(client).items()):
            if not name.startswith("_"):
                self._around(group, type(group), f"{name}.")
        for part in type(client).__mro__:
            if part.__name__.endswith("OperationsMixin"):
                self._around(client, part, "")
        self.all = len(self.missing)

    def _around(self, target, kind, prefix):
        for name, method in vars(kind).items():
            if not name.startswith("_") and inspect.isfunction(method):
                self.missing.add(prefix + name)
                setattr(target, name, self._recorded(prefix + name, getattr(target, name)))

    def _recorded(self, name, method):
        @functools.wraps(method)  # the older client looks at its own methods' attributes
        def call(*args, **kwargs):
            given = method(*args, **kwargs)
            if hasattr(given, "by_page"):
                pages = self.run(given)
                self.pages[name] = max(self.pages.get(name, 0), len(pages))
                given = [element for page in pages for element in page]
            else:
                given = self.run(given)
            self.missing.discard(name)  # a refused call doesn't count
            return given

        return call

    def every_operation_was_called(self):
        assert self.all > 20, f"only {self.all} operations were found"
        assert not self.missing, f"never called with success: {sorted(self.missing)}"
        most = max(self.pages.values())
        assert most > 1, f"no list had a second page: {self.pages}"
        print(json.dumps({"say": f"{self.all} operations, lists in up to {most} pages"}))


def run_plain(given):
    """What a synchronous client gives, as values."""
    return [list(page) for page in given.by_page()] if hasattr(given, "by_page") else given


def run_on(loop):
    """The same for an asynchronous client, whose calls are run on `loop`."""

    async def pages_of(pager):
        return [[element async for element in page] async for page in pager.by_page()]

    def run(given):
        if hasattr(given, "by_page"):
            return loop.run_until_complete(pages_of(given))
        return loop.run_until_complete(given) if inspect.isawaitable(given) else given

    return run
