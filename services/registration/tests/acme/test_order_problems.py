"""An order whose identifiers were not proved says so, with a subproblem for each."""

from fixtures.acme_harness import ACMEHarness


async def test_each_identifier_that_failed_is_a_subproblem_of_its_order(
    either: ACMEHarness,
) -> None:
    client = await either.register_client()
    names = ("a.example", "b.example", "c.example")
    order = await client.order(*names)
    location = order.header("location")
    for authorization, name in zip(order["authorizations"], names, strict=True):
        challenge = await client.challenge(authorization, "http-01")
        if name == "b.example":
            either.web.present(client, challenge["token"])
        await client.post(challenge["url"], {})
        await client.poll(authorization)
    shown = await client.post(location)
    assert shown["status"] == "invalid"
    error = shown["error"]
    assert error["type"].endswith(":unauthorized")
    assert "a.example was not proved: http-01: http://a.example/" in error["detail"]
    assert f"127.0.0.1:{either.web.port} answers with the status 404" in error["detail"]
    assert "and 1 other" in error["detail"]
    parts = error["subproblems"]
    assert [each["identifier"]["value"] for each in parts] == ["a.example", "c.example"]
    assert all("status 404" in each["detail"] for each in parts)


async def test_an_order_that_was_cancelled_has_no_problem(harness: ACMEHarness) -> None:
    client = await harness.register_client()
    order = await client.order("a.example")
    await client.post(order["authorizations"][0], {"status": "deactivated"})
    shown = await client.post(order.header("location"))
    assert shown["status"] == "invalid"
    assert "error" not in shown.json
