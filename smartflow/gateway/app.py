"""The four ASGI applications of a gateway, one for each service of the contract."""

from __future__ import annotations

from starlette.types import ASGIApp, Receive, Scope, Send

from smartflow.gateway.contract import SERVICES, Contract, load_contract
from smartflow.gateway.core import Gateway
from smartflow.gateway.edge import Exchange, serve
from smartflow.gateway.routes import Routes


def build_apps(gateway: Gateway, contract: Contract | None = None) -> dict[str, ASGIApp]:
    """One ASGI application for each service, all on the same gateway."""
    contract = contract or load_contract()
    return {service: ServiceApp(gateway, contract, service) for service in SERVICES if service in contract.routes}


class ServiceApp:
    """The ASGI application of one service."""

    def __init__(self, gateway: Gateway, contract: Contract, service: str) -> None:
        self._gateway = gateway
        self._contract = contract
        self._routes = Routes(contract.routes[service])

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "websocket":
            await send({"type": "websocket.close", "code": 1008})
        elif scope["type"] == "http":
            request_id = self._gateway.ids.new("req")
            headers = {name.decode("latin-1").lower(): value.decode("latin-1") for name, value in scope["headers"]}
            exchange = Exchange(
                self._gateway,
                self._contract,
                self._routes,
                scope,
                receive,
                request_id,
                headers,
                scope["method"].upper(),
            )
            await serve(exchange, send)
