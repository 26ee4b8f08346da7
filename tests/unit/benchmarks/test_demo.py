"""The demo's processor time is told apart by process, and what is in both runs does not count."""

from benchmarks._demo_parts import AWS, DATABASE, SERVICE, part_of
from benchmarks.demo import Run, report


def test_each_process_has_its_part() -> None:
    assert part_of(["python", "-m", "infra.local", "demo", "--exit"]) == SERVICE
    assert part_of(["python", "-m", "granian", "--interface", "wsgi"]) == AWS
    assert part_of(["postgres: postgres postgres 127.0.0.1(1) idle"]) == DATABASE
    assert "`select.handler`" in part_of(["python", "-m", "awslambdaric", "functions.select.handler.handler"])
    assert "`select.handler`" in part_of(["python", "-m", "awslambdaric", "benchmarks._demo_handlers.select"])


def test_a_visit_costs_the_difference_of_the_runs() -> None:
    table = report(
        Run(100, 50, 60, {SERVICE: 5.0, AWS: 1.0}),
        Run(200, 55, 65, {SERVICE: 6.0, AWS: 2.0, DATABASE: 1.0}),
        {SERVICE: 0.5},
    )
    assert f"| {DATABASE} | 10.00 | 33% | 0.00 |" in table
    assert "| all | 30.00 | 100% | 5.00 |" in table
    assert "made 55 in all and 65 in its second half" in table
