"""Connections that are cut at a chosen statement: by the server's administrator, before it is run or after."""

import psycopg


class Cut:
    """Counts the statements of a session's connection and ends it at one of them. `hit` tells whether it came to it."""

    def __init__(self, postgres, session, at, when):
        self.postgres, self.session, self.at, self.when = postgres, session, at, when
        self.count, self.hit = 0, False

    def __enter__(self):
        self.real = self.session.get()
        self.session._connection = _Watched(self.real, self._execute)
        return self

    def __exit__(self, *_error):
        if isinstance(self.session._connection, _Watched):
            self.session._connection = self.real

    def _execute(self, statement, *given, **named):
        self.count += 1
        if self.count == self.at and self.when == "before":
            self._end()
        result = self.real.execute(statement, *given, **named)
        if self.count == self.at and self.when == "after":
            self._end()
            self.real.close()
            raise psycopg.OperationalError("the connection was lost before the answer came")
        return result

    def _end(self):
        self.hit = True
        self.postgres.run("SELECT pg_terminate_backend(%s, 5000)", self.real.info.backend_pid)


class _Watched:
    def __init__(self, real, execute):
        self._real = real
        self.execute = execute

    def __getattr__(self, name):
        return getattr(self._real, name)
