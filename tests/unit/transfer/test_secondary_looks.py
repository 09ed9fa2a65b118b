"""transfer/secondary_looks.py: tenants and their masters take turns."""

from nsblast.transfer.secondary_looks import CEILING, LOOKS, LOOKS_EACH, LOOKS_TENANT, SURE, Looks


def taken(looks: Looks) -> list[tuple[str, str, bytes]]:
    """All that may begin now."""
    found = []
    while (one := looks.take()) is not None:
        found.append(one)
    return found


def test_turns() -> None:
    looks = Looks()
    for number in range(3):
        looks.add("a", "x", b"ax%d" % number)
        looks.add("a", "y", b"ay%d" % number)
    looks.add("b", "x", b"bx")
    assert [apex for _, _, apex in taken(looks)] == [b"ax0", b"bx", b"ay0", b"ax1", b"ay1", b"ax2", b"ay2"]
    assert looks.total == 7
    for tenant, host in [("a", "x"), ("a", "y")] * 3 + [("b", "x")]:
        looks.ended(tenant, host)
    assert (looks.total, looks._of_tenant, looks._of_master, looks._queues) == (0, {}, {}, {})


def test_a_master_that_does_not_answer_holds_up_its_own_zones() -> None:
    looks = Looks()
    for number in range(100):
        looks.add("a", "dead", b"%d" % number)
    assert len(taken(looks)) == LOOKS_EACH
    looks.add("a", "alive", b"one")
    assert taken(looks) == [("a", "alive", b"one")]
    looks.ended("a", "dead")
    assert taken(looks) == [("a", "dead", b"%d" % LOOKS_EACH)]


def test_a_tenant_of_many_dead_masters_holds_up_its_own_zones() -> None:
    looks = Looks()
    for number in range(2000):
        looks.add("evil", f"dead{number % 20}", b"%d" % number)
    assert len(taken(looks)) == LOOKS_TENANT
    for number in range(200):
        looks.add("good", f"m{number % 10}", b"g%d" % number)
    assert len(taken(looks)) == LOOKS - LOOKS_TENANT


def test_few_are_sure_although_all_are_taken() -> None:
    looks = Looks()
    for tenant in ("evil", "worse"):
        for number in range(2000):
            looks.add(tenant, f"dead{number % 20}", b"%d" % number)
    assert len(taken(looks)) == LOOKS
    for number in range(10):
        looks.add("good", "m", b"%d" % number)
    assert taken(looks) == [("good", "m", b"%d" % number) for number in range(SURE)]
    looks.ended("good", "m")
    assert taken(looks) == [("good", "m", b"4")]
    for number in range(1000):
        looks.add(f"t{number}", "m", b"x")
    assert len(taken(looks)) == CEILING - LOOKS - SURE
    assert looks.total == CEILING


def test_one_that_had_many_and_has_few_again_is_sure_of_them() -> None:
    looks = Looks()
    for number in range(SURE + 2):
        looks.add("good", "m", b"%d" % number)
    for number in range(SURE + 1):
        assert looks.take() == ("good", "m", b"%d" % number)
    for tenant in ("evil", "worse"):
        for number in range(2000):
            looks.add(tenant, f"dead{number % 20}", b"%d" % number)
    waiting = taken(looks)
    assert ("good", "m", b"%d" % (SURE + 1)) in waiting
    looks.add("good", "m", b"last")
    assert taken(looks) == []
    for _ in range(3):
        looks.ended("good", "m")
    assert taken(looks)[0] == ("good", "m", b"last")
