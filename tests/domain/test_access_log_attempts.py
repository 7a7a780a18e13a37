"""nginx's three upstream lists as attempts."""

from __future__ import annotations

import pytest

from incidents.domain.access_log import NO_LIVE_UPSTREAM, Attempt, attempts, node_name

A, B, C = "10.0.0.1:80", "10.0.0.2:80", "10.0.0.3:80"


def test_a_request_without_upstream_has_no_attempts() -> None:
    assert attempts("", "", "", 200) == ()
    assert attempts("-", "-", "-", 502) == ()
    assert attempts("-", "-", "-", 499) == ()


def test_a_plain_request_has_one_attempt() -> None:
    assert attempts(A, "200", "0.013", 200) == (Attempt(A, "200", 0.013, False),)


def test_a_retry_that_the_client_never_saw_is_a_bad_attempt_of_the_first_node() -> None:
    assert attempts(f"{A}, {B}", "502, 200", "0.001, 0.018", 200) == (
        Attempt(A, "502", 0.001, True),
        Attempt(B, "200", 0.018, False),
    )


def test_both_sides_of_an_internal_redirect_count() -> None:
    got = attempts(f"{A}, {B} : {C}", "504, 200 : 403", "3.000, 0.100 : 0.002", 403)
    assert [(a.node, a.status, a.time, a.bad) for a in got] == [
        (A, "504", 3.0, True),
        (B, "200", 0.1, False),
        (C, "403", 0.002, False),
    ]


def test_a_node_may_be_tried_twice() -> None:
    assert [a.node for a in attempts(f"{A}, {A}", "502, 502", "0.0, 0.0", 502)] == [A, A]


def test_a_client_who_left_is_counted_on_the_last_node_only() -> None:
    assert attempts(f"{A}, {B}", "504, -", "3.0, 1.2", 499) == (
        Attempt(A, "504", 3.0, True),
        Attempt(B, "499", 1.2, True),
    )
    assert attempts(f"{A}, {B}", "-, -", "3.0, 1.2", 499)[0] == Attempt(A, "-", 3.0, False)


def test_an_upstream_that_had_answered_is_not_blamed_for_a_client_who_left() -> None:
    assert attempts(A, "200", "0.1", 499) == (Attempt(A, "200", 0.1, False),)


def test_no_answer_is_not_bad_by_itself() -> None:
    assert attempts(A, "-", "-", 200) == (Attempt(A, "-", -1.0, False),)


def test_the_name_of_a_group_is_no_node() -> None:
    assert attempts("login_pool", "502", "0.000", 502) == (Attempt(NO_LIVE_UPSTREAM, "502", 0.0, True),)
    got = attempts(f"{A}, login_pool", "502, 502", "0.000, 0.000", 502)
    assert [a.node for a in got] == [A, NO_LIVE_UPSTREAM]


@pytest.mark.parametrize(
    "address",
    [
        A,
        "[::1]:80",
        "[2001:db8::2]:8443",
        "unix:/run/app.sock",
        "unix:/run/a b.sock",
        "10.0.0.1",
        "::1",
        "[::1]",
        "a.b:81",
    ],
)
def test_addresses_are_nodes(address: str) -> None:
    assert node_name(address) == address


@pytest.mark.parametrize("name", ["login_pool", "backend", "api.example", "1.2.3", "pool-1", "x:", "x:y"])
def test_names_are_not(name: str) -> None:
    assert node_name(name) == NO_LIVE_UPSTREAM


def test_a_socket_path_is_not_taken_apart() -> None:
    got = attempts("unix:/tmp/a.sock : unix:/tmp/b.sock", "200 : 200", "0.1 : 0.2", 200)
    assert [a.node for a in got] == ["unix:/tmp/a.sock", "unix:/tmp/b.sock"]


def test_a_redirect_to_an_upstream_never_reached_leaves_no_empty_attempt() -> None:
    assert attempts(f"{A} : ", "502 : ", "0.1 : ", 502) == (Attempt(A, "502", 0.1, True),)
    assert attempts(" : ", " : ", " : ", 502) == ()


@pytest.mark.parametrize(
    ("status", "times"),
    [("502", "0.1"), ("", ""), ("-", "-"), ("502, 200, 200, 200", "0.1, 0.2, 0.3, 0.4"), ("502, , ", ", , 0.1")],
)
def test_lists_of_uneven_length_do_not_matter(status: str, times: str) -> None:
    got = attempts(f"{A}, {B}, {C}", status, times, 200)
    assert [a.node for a in got] == [A, B, C]
    assert [a.bad for a in got[1:]] == [False, False]


@pytest.mark.parametrize("times", ["nan", "inf", "-1", "1_0", "1e400", "9" * 400, "x", "٣"])
def test_a_time_that_is_no_number_of_seconds_is_unknown(times: str) -> None:
    assert attempts(A, "200", times, 200)[0].time == -1.0


def test_only_three_digits_from_5_are_a_server_error() -> None:
    for status, bad in (("500", True), ("599", True), ("499", False), ("50", False), ("5xx!", False), ("", False)):
        assert attempts(A, status, "0.1", 200)[0].bad is bad, status


def test_without_an_upstream_status_the_request_s_own_is_the_last_attempt_s() -> None:
    """A format that names $upstream_addr and not $upstream_status must not be blind."""
    assert attempts("10.0.0.1:80", "", "0.1", 502) == (Attempt("10.0.0.1:80", "502", 0.1, True),)
    assert attempts("10.0.0.1:80", "", "0.1", 200) == (Attempt("10.0.0.1:80", "200", 0.1, False),)
    assert attempts("10.0.0.1:80", "", "0.1", 499) == (Attempt("10.0.0.1:80", "499", 0.1, True),)
    first, last = attempts("10.0.0.1:80, 10.0.0.2:80", "", "0.1, 0.2", 504)
    assert (first.status, first.bad) == ("-", False)
    assert (last.node, last.status, last.bad) == ("10.0.0.2:80", "504", True)
