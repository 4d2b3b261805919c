"""A client of the API: typed answers, all faults of a refusal, and patience with a server that asks for it.

    with Client("https://gatehouse.example.org", key) as gatehouse:
        answer = gatehouse.decide(Event(id="p1", text="...", actor=Entity("account", "42")))
        if answer.enforce != "none": ...

Nearly every request may be sent again without harm, for the server knows events, reports and appeals by their ids; so
what was cut off, or answered 429 or 503, is sent again after the time that the server names. Keys alone are made once.
"""

from gatehouse.client.clients import ApiError, AsyncClient, Client

__all__ = ["ApiError", "AsyncClient", "Client"]
