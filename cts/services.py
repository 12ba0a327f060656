# SPDX-License-Identifier: GPL-2.0-or-later
"""Services that users put behind the agents, as a cluster of the lab runs them.

Each node has data of its own in /srv, and the service says which node it runs on.
"""

from dataclasses import dataclass
from pathlib import Path

from lab.handle import Lab
from lab.state import LabError

DATABASE_PORT, WEB_PORT = 5432, 8080

_POSTGRESQL_DATA, _POSTGRESQL_SOCKETS = "/srv/postgresql", "/run/postgresql"
_POSTGRESQL_SETTINGS = """
cluster_name = '{node}'
listen_addresses = '*'
port = {port}
unix_socket_directories = '{sockets}'
"""
_POSTGRESQL_CLIENTS = "host all all all trust"

_NGINX_FILE = "/srv/nginx.conf"
_NGINX_SETTINGS = """
pid /run/nginx.pid;
# The default is standard error, and the agent waits for that to be closed.
error_log /var/log/nginx.log;
events {{ }}
http {{
    access_log off;
    server {{
        listen {port};
        listen [::]:{port};
        location / {{ return 200 $hostname; }}
        location /nginx_status {{ stub_status; }}
    }}
}}
"""


@dataclass(frozen=True)
class Service:
    """A resource of somebody else's agent."""

    name: str
    scheme: str
    port: int
    pcs: list[str]  # what follows `pcs resource create NAME`


def _write(lab: Lab, node: str, file: str, text: str) -> None:
    lab.exec(node, "sh", "-c", 'printf %s "$1" >>"$2"', "sh", text, file)


def postgresql(lab: Lab) -> Service:
    """Make an empty database on each node. Raises LabError when PostgreSQL is not installed."""
    programs = sorted(Path("/usr/lib/postgresql").glob("*/bin"))
    if not programs:
        raise LabError("PostgreSQL is not installed; run 'make deps'")
    directory = programs[-1]
    for node in lab.topology.nodes:
        data = _POSTGRESQL_DATA
        lab.exec(node, "install", "-d", "-o", "postgres", "-m", "700", data)
        initdb = [str(directory / "initdb"), "-D", data, "-A", "trust", "-E", "UTF8", "-N"]
        lab.exec(node, "runuser", "-u", "postgres", "--", *initdb, "--locale=C")
        settings = _POSTGRESQL_SETTINGS.format(
            node=node, port=DATABASE_PORT, sockets=_POSTGRESQL_SOCKETS
        )
        _write(lab, node, f"{data}/postgresql.conf", settings)
        _write(lab, node, f"{data}/pg_hba.conf", _POSTGRESQL_CLIENTS)
    agent = ["ocf:heartbeat:pgsql", f"pgctl={directory}/pg_ctl", f"psql={directory}/psql"]
    agent += [f"pgdata={_POSTGRESQL_DATA}", f"socketdir={_POSTGRESQL_SOCKETS}"]
    return Service("database", "postgresql", DATABASE_PORT, agent)


def nginx(lab: Lab) -> Service:
    """Write a configuration on each node."""
    for node in lab.topology.nodes:
        _write(lab, node, _NGINX_FILE, _NGINX_SETTINGS.format(port=WEB_PORT))
    url = f"http://localhost:{WEB_PORT}/nginx_status"
    agent = ["ocf:heartbeat:nginx", f"configfile={_NGINX_FILE}", f"status10url={url}"]
    return Service("web", "http", WEB_PORT, agent)
