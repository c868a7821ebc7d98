"""The few errors a job may end with. Each says what is wrong and what to do, in one line, and has its own exit code."""


class NightjarError(Exception):
    """Base: `exit_code` is what Airflow sees."""

    exit_code = 1


class MissingInputError(NightjarError):
    """A file, table, model or option that the job needs is not there."""

    exit_code = 2


class ContractError(NightjarError):
    """Rows or columns break a table's contract."""

    exit_code = 3


class GateRefusedError(NightjarError):
    """A quality gate stands against publication."""

    exit_code = 4


class TemporaryError(NightjarError):
    """Try again: another writer won, a disk is full, a server does not answer."""

    exit_code = 75
