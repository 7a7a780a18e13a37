"""The outbox: each message once, claimed by one at a time, in order, and its attempts remembered."""

from __future__ import annotations

import threading

import pytest
from sqlalchemy import Connection

from incidents.domain.incident import Message
from incidents.store import Store, outbox
from incidents.store.outbox import Delivery, Notification, claim, enqueue, mark, next_sequence

ONSET, ESCALATION, SUMMARY = Message.ONSET, Message.ESCALATION, Message.SUMMARY
LEASE = 60.0


def due(tx: Connection, now: float, limit: int) -> list[str]:
    """What is due on any channel."""
    return [key for channel in outbox.due_channels(tx, now) for key in outbox.due(tx, now, channel, limit)]


def message(kind: Message = ONSET, sequence: int = 0, channel: str = "ops", incident: str = "i1") -> Notification:
    key = f"{incident}/{kind}/{sequence}/{channel}"
    return Notification(key, incident, kind, sequence, channel, "{}", 0)


def state(tx: Connection, key: str) -> str:
    return next(row.state for row in outbox.rows(tx, limit=100) if row.id == key)


def send(tx: Connection, key: str, now: float) -> None:
    claimed = claim(tx, key, now, LEASE)
    assert claimed is not None
    assert mark(tx, claimed, Delivery.SENT, Delivery.SENT, "250 OK", now)


def test_a_message_that_is_queued_twice_is_there_once(store: Store) -> None:
    with store.write() as tx:
        enqueue(tx, [message(), message()], 10.0)
        enqueue(tx, [message()], 99.0)
        (row,) = outbox.rows(tx)
    assert (row.state, row.created_at, row.attempts) == ("pending", 10.0, 0)


def test_a_second_key_for_the_same_message_is_refused(store: Store) -> None:
    with store.write() as tx:
        enqueue(tx, [message()], 10.0)
        enqueue(tx, [Notification("another key", "i1", ONSET, 0, "ops", "{}", 0)], 10.0)
        assert [row.id for row in outbox.rows(tx)] == ["i1/onset/0/ops"]


def test_only_one_can_claim_a_message(store: Store) -> None:
    with store.write() as tx:
        enqueue(tx, [message()], 10.0)
        first = claim(tx, message().id, 10.0, LEASE)
        second = claim(tx, message().id, 10.0 + LEASE - 0.1, LEASE)
    assert first is not None
    assert (first.token, first.attempts, first.ambiguous) == (1, 1, 0)
    assert second is None


def test_many_senders_at_once_get_each_message_once(file_store: Store) -> None:
    keys = [message(incident=f"i{i}").id for i in range(20)]
    with file_store.write() as tx:
        enqueue(tx, [message(incident=f"i{i}") for i in range(20)], 10.0)
    url = file_store.url.render_as_string()
    got: list[str] = []
    failed: list[BaseException] = []

    def send_all() -> None:
        own = Store(url)
        try:
            for key in keys:
                with own.write() as tx:
                    if claim(tx, key, 10.0, LEASE):
                        got.append(key)
        except BaseException as error:  # noqa: BLE001  (handed to the test's own thread)
            failed.append(error)
        finally:
            own.close()

    threads = [threading.Thread(target=send_all) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failed == []
    assert sorted(got) == sorted(keys)


def test_a_message_is_not_due_before_its_time(store: Store) -> None:
    with store.write() as tx:
        enqueue(tx, [message()], 10.0)
        assert due(tx, 9.9, 10) == []
        assert claim(tx, message().id, 9.9, LEASE) is None
        assert due(tx, 10.0, 10) == [message().id]


def test_a_lease_that_ran_out_is_an_ambiguous_attempt_and_another_may_claim(store: Store) -> None:
    with store.write() as tx:
        enqueue(tx, [message()], 10.0)
        died = claim(tx, message().id, 10.0, LEASE)
        assert died is not None
        assert due(tx, 10.0 + LEASE - 0.1, 10) == []
        assert due(tx, 10.0 + LEASE, 10) == [message().id]
        again = claim(tx, message().id, 10.0 + LEASE, LEASE)
        assert again is not None
        assert (again.token, again.attempts, again.ambiguous) == (2, 2, 1)
        attempts = [(row.token, row.outcome) for row in outbox.deliveries(tx, message().id)]
    assert attempts == [(1, "ambiguous"), (2, "sending")]
    assert (died.id, again.id) == (message().id, message().id)  # the key that the receiver sees is the same


def test_a_stale_token_writes_nothing(store: Store) -> None:
    with store.write() as tx:
        enqueue(tx, [message()], 10.0)
        slow = claim(tx, message().id, 10.0, LEASE)
        again = claim(tx, message().id, 10.0 + LEASE, LEASE)
        assert slow is not None
        assert again is not None
        assert not mark(tx, slow, Delivery.DEAD, Delivery.FAILED, "too late", 80.0)
        assert state(tx, message().id) == "sending"
        assert mark(tx, again, Delivery.SENT, Delivery.SENT, "250 OK", 81.0)
        assert not mark(tx, slow, Delivery.PENDING, Delivery.FAILED, "too late", 82.0)
        (row,) = outbox.rows(tx)
        attempts = [(row.token, row.outcome, row.answer) for row in outbox.deliveries(tx, message().id)]
    assert (row.state, row.sent_at, row.answer) == ("sent", 81.0, "250 OK")
    assert attempts == [(1, "ambiguous", "the sender died before it knew"), (2, "sent", "250 OK")]


@pytest.mark.parametrize("ended", [Delivery.SENT, Delivery.DEAD])
def test_what_was_sent_or_given_up_is_never_claimed_again(store: Store, ended: Delivery) -> None:
    with store.write() as tx:
        enqueue(tx, [message()], 10.0)
        claimed = claim(tx, message().id, 10.0, LEASE)
        assert claimed is not None
        mark(tx, claimed, ended, Delivery.SENT if ended is Delivery.SENT else Delivery.FAILED, "", 11.0)
        assert due(tx, 1e12, 10) == []
        assert claim(tx, message().id, 1e12, LEASE) is None


def test_a_failed_attempt_waits_for_its_next_time(store: Store) -> None:
    with store.write() as tx:
        enqueue(tx, [message()], 10.0)
        claimed = claim(tx, message().id, 10.0, LEASE)
        assert claimed is not None
        assert mark(tx, claimed, Delivery.PENDING, Delivery.FAILED, "451 later", 11.0, due_at=41.0)
        assert due(tx, 40.9, 10) == []
        assert due(tx, 41.0, 10) == [message().id]
        assert outbox.oldest_due(tx) == 41.0
        again = claim(tx, message().id, 41.0, LEASE)
        assert again is not None
        assert (again.token, again.attempts, again.ambiguous) == (2, 2, 0)


def test_an_ambiguous_answer_is_counted(store: Store) -> None:
    with store.write() as tx:
        enqueue(tx, [message()], 10.0)
        for number in (1, 2):
            claimed = claim(tx, message().id, 10.0, LEASE)
            assert claimed is not None
            mark(tx, claimed, Delivery.PENDING, Delivery.AMBIGUOUS, "connection lost after DATA", 10.0)
            (row,) = outbox.rows(tx)
            assert row.ambiguous == number


def test_a_summary_waits_until_the_onset_has_left(store: Store) -> None:
    onset, summary = message(), message(SUMMARY)
    with store.write() as tx:
        enqueue(tx, [summary, onset], 10.0)
        assert due(tx, 20.0, 10) == [onset.id]
        claimed = claim(tx, onset.id, 20.0, LEASE)
        assert due(tx, 20.0, 10) == []
        assert claimed is not None
        mark(tx, claimed, Delivery.SENT, Delivery.SENT, "", 20.0)
        assert due(tx, 20.0, 10) == [summary.id]


def test_a_summary_goes_out_when_the_onset_was_given_up(store: Store) -> None:
    onset, summary = message(), message(SUMMARY)
    with store.write() as tx:
        enqueue(tx, [onset, summary], 10.0)
        claimed = claim(tx, onset.id, 20.0, LEASE)
        assert claimed is not None
        mark(tx, claimed, Delivery.DEAD, Delivery.FAILED, "550 no such user", 20.0)
        assert due(tx, 20.0, 10) == [summary.id]


def test_messages_of_one_incident_leave_in_order_even_when_caused_in_one_instant(store: Store) -> None:
    messages = [message(SUMMARY), message(ESCALATION, 1), message(ESCALATION, 0), message(ONSET)]
    sent = []
    with store.write() as tx:
        enqueue(tx, messages, 10.0)
        while found := due(tx, 20.0, 10):
            assert len(found) == 1
            send(tx, found[0], 20.0)
            sent += found
    assert sent == [one.id for one in reversed(messages)]


def test_a_clock_that_steps_back_between_messages_locks_nothing_up(store: Store) -> None:
    with store.write() as tx:
        enqueue(tx, [message(ONSET)], 100.0)
        enqueue(tx, [message(ESCALATION)], 50.0)
        enqueue(tx, [message(SUMMARY)], 20.0)
        sent = []
        while found := due(tx, 200.0, 10):
            send(tx, found[0], 200.0)
            sent += found
    assert sent == [message(kind).id for kind in (ONSET, ESCALATION, SUMMARY)]


def test_one_channel_or_incident_does_not_wait_for_another(store: Store) -> None:
    with store.write() as tx:
        enqueue(tx, [message(), message(channel="chat"), message(incident="i2")], 10.0)
        claim(tx, message().id, 10.0, LEASE)
        enqueue(tx, [message(SUMMARY), message(SUMMARY, channel="chat")], 11.0)
        assert sorted(due(tx, 20.0, 10)) == ["i1/onset/0/chat", "i2/onset/0/ops"]


def test_only_escalations_are_numbered(store: Store) -> None:
    with store.write() as tx:
        assert [next_sequence(tx, "i1", kind) for kind in (ONSET, SUMMARY, ESCALATION)] == [0, 0, 0]
        enqueue(tx, [message(ESCALATION, 0), message(ESCALATION, 0, channel="chat"), message(SUMMARY)], 10.0)
        assert [next_sequence(tx, "i1", kind) for kind in (ONSET, SUMMARY, ESCALATION)] == [0, 0, 1]
        assert next_sequence(tx, "i2", ESCALATION) == 0


def test_who_was_told_of_an_onset_is_known(store: Store) -> None:
    with store.write() as tx:
        enqueue(tx, [message(), message(channel="chat"), message(SUMMARY, channel="night")], 10.0)
        assert outbox.channels_told(tx, "i1") == ["chat", "ops"]


def test_rows_are_paged_newest_first_without_gap_or_repeat(store: Store) -> None:
    with store.write() as tx:
        for number in range(7):
            enqueue(tx, [message(incident=f"i{number}")], float(number // 2))
        seen: list[str] = []
        after = None
        while page := outbox.rows(tx, after=after, limit=3):
            seen += [row.incident_id for row in page]
            after = (page[-1].created_at, page[-1].id)
        assert seen == ["i6", "i5", "i4", "i3", "i2", "i1", "i0"]
        assert outbox.counts(tx) == {("ops", "pending"): 7}


def test_what_waits_for_one_channel_never_stands_before_another(store: Store) -> None:
    with store.write() as tx:
        many = [Notification(f"n{i}", f"i{i}", Message.ONSET, 0, "dead", "{}", 0) for i in range(60)]
        enqueue(tx, [*many, Notification("one", "i", Message.ONSET, 0, "good", "{}", 0)], 10.0)
        assert outbox.due_channels(tx, 20.0) == ["dead", "good"]
        assert outbox.due(tx, 20.0, "good", 50) == ["one"]
        assert len(outbox.due(tx, 20.0, "dead", 50)) == 50
