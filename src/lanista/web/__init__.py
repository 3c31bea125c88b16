"""The dashboard: a server that shows the experiments of a store and steers them, and a client to it."""

from lanista.web._client import Connection, RemoteExperiment, RemoteTrial, connect
from lanista.web._start import create_app, serve

__all__ = ["Connection", "RemoteExperiment", "RemoteTrial", "connect", "create_app", "serve"]
