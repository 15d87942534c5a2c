"""The strategies of the configuration, against three providers that answer, fail and slow down."""

from __future__ import annotations

import threading
from typing import Any

from smartflow.gateway.routing.settings import RoutingSettings
from smartflow.gateway.routing.strategies import ChainTarget
from smartflow.testing import LocalGateway
from tests.support.answers import finish, sse, text_chunk
from tests.support.hostile import Hold
from tests.support.three import NAMES, answered, ask, environment, failed, said

ASKED: Any = [{"role": "user", "content": "Hello"}]


def strategic(start_gateway, three, strategy, **settings):
    weights = settings.pop("weights", (1.0, 1.0, 1.0))
    models = settings.pop("models", (None, None, None))
    targets = tuple(map(ChainTarget, NAMES, models, weights, (1, 2, 3)))
    routing = RoutingSettings(strategy=strategy, targets=targets, **settings)
    return start_gateway(environment=environment(three), routing=routing)


def test_round_robin_asks_each_in_turn(start_gateway, three):
    gateway = strategic(start_gateway, three, "round_robin")
    assert [said(ask(gateway, number)) for number in range(4)] == [
        "from openai", "from groq", "from mistral", "from openai",
    ]  # fmt: skip
    assert gateway.logs()[0]["routing_reason"] == "strategy:round_robin:openai"


def test_cost_asks_the_cheapest_by_the_price_list(start_gateway, three):
    gateway = strategic(start_gateway, three, "cost", models=("gpt-4o", "unlisted", "gpt-4.1-nano"))
    assert said(ask(gateway)) == "from mistral"


def test_weights_share_the_calls(start_gateway, three):
    gateway = strategic(start_gateway, three, "weighted", weights=(1000.0, 0.001, 0.001))
    assert [said(ask(gateway, number)) for number in range(5)] == ["from openai"] * 5


def test_random_asks_everybody_sooner_or_later(start_gateway, three):
    gateway = strategic(start_gateway, three, "random")
    marks = iter([0.0, 0.0, 0.0, 0.5, 0.0, 0.0, 0.99, 0.0, 0.0])
    gateway.gateway.chains.random = lambda: next(marks)
    assert [said(ask(gateway, number)) for number in range(3)] == [f"from {name}" for name in NAMES]


def test_latency_leaves_what_slows_down_and_finds_it_when_it_has_recovered(start_gateway, three):
    gateway = strategic(start_gateway, three, "latency")
    taking = {"openai": 0.3, "groq": 0.1, "mistral": 0.2}

    def answer_in_time(name):
        def script(request):
            gateway.clock.advance(taking[name])
            return answered(name)

        return script

    for name, server in three.items():
        server.answer(answer_in_time(name))
    assert {said(ask(gateway, number)) for number in range(3)} == {f"from {name}" for name in NAMES}
    assert said(ask(gateway, 3)) == "from groq"
    taking["groq"] = 2.0
    assert said(ask(gateway, 4)) == "from groq"
    assert said(ask(gateway, 5)) == "from mistral"
    taking["groq"] = 0.01
    gateway.clock.advance(60)
    for number in range(6, 9):
        ask(gateway, number)
    assert said(ask(gateway, 9)) == "from groq"


def test_least_connections_asks_the_one_that_is_free_also_while_a_stream_runs(start_gateway, three):
    gateway, go = strategic(start_gateway, three, "least_connections"), threading.Event()
    three["openai"].answer(sse(text_chunk("slow"), Hold(go), finish(), b"data: [DONE]\n\n"), answered("openai"))
    body = {"model": "gpt-4o", "stream": True, "messages": ASKED}
    with gateway.proxy.stream("POST", "/v1/chat/completions", json=body) as running:
        pieces = running.iter_raw()
        assert b"slow" in next(pieces)
        assert said(ask(gateway, 1)) == "from groq"
        go.set()
        assert b"[DONE]" in b"".join(pieces)
    assert said(ask(gateway, 2)) == "from openai"


def test_the_configured_strategy_leaves_a_model_with_a_prefix_alone(start_gateway, three):
    three["groq"].answer(failed(500))
    gateway = strategic(start_gateway, three, "priority")
    assert ask(gateway, model="groq/llama").status_code == 502
    assert len(three["groq"].requests) == 1
    assert not three["openai"].requests


def test_a_chain_of_its_own_goes_before_the_configured_strategy(start_gateway, three):
    gateway = strategic(start_gateway, three, "round_robin")
    body = {"name": "gpt-4o", "targets": [{"provider": "mistral"}]}
    gateway.management.post("/api/routing/fallback-chains", json=body)
    assert [said(ask(gateway, number)) for number in range(3)] == ["from mistral"] * 3


def test_the_status_tells_the_strategy_and_the_order(start_gateway, three):
    gateway = strategic(start_gateway, three, "round_robin")
    ask(gateway)
    status = gateway.management.get("/api/routing/status").json()
    assert (status["strategy"], status["active_provider"]) == ("round_robin", "groq")
    assert status["fallback_chain"] == ["groq", "mistral", "openai"]


def test_the_status_puts_a_provider_that_is_left_out_last(start_gateway, three):
    three["openai"].answer(failed(500))
    gateway = strategic(start_gateway, three, "priority", max_retries=0, circuit_failures=1)
    ask(gateway)
    status = gateway.management.get("/api/routing/status").json()
    assert (status["active_provider"], status["fallback_chain"]) == ("groq", ["groq", "mistral", "openai"])
    assert status["last_failure"]["error"] == "openai answered 500: status 500"


def test_the_command_line_sets_the_strategy_and_clients_see_what_it_does(three):
    options = ["--routing-strategy", "priority", "--routing-targets", "openai,groq/llama", "--routing-max-retries", "0"]
    three["openai"].answer(failed(500))
    served = LocalGateway(env=environment(three), options=[*options, "--circuit-failures", "1"])
    with served as gateway, gateway.sync_client(max_retries=0) as sf:
        answer = sf.chat_completions(ASKED)
        circuits = {each.provider: each.circuit for each in sf.get_provider_health()}
        status = sf.get_routing_status()
    assert (answer.provider, three["groq"].request.json()["model"]) == ("groq", "llama")
    assert circuits == {"openai": "open", "groq": "closed", "mistral": "closed"}
    assert (status["strategy"], status["fallback_chain"]) == ("priority", ["groq", "openai"])
