"""What the workers of test_jobs.py run: they import it by its name."""


def add(*numbers):
    return sum(numbers)


def fail(reason):
    raise ValueError(reason)
