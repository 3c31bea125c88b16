"""`lanista` as on a machine of its own: with another name, a clock that is wrong, and a lease that can be shorter."""

import socket
import sys
import time


def main(host, skew, lease, *words):
    right = time.time
    time.time = lambda: right() + float(skew)
    socket.gethostname = lambda: host
    from lanista.cli import main
    from lanista.experiment import _lease

    _lease.LEASE_S, _lease.BEAT_S = float(lease), float(lease) / 8
    return main(words)


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
