"""The servers: an upstream, the peers in front of it, and trackgate. Each is set up for one row, on loopback."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import os
import resource
import shutil
import sqlite3
import subprocess
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from processes import Failed, Program, answers, free_port, own_environment, running

NAME, PASSWORD = "rider", "correct horse"
SMALL, SIZES = b"hello world\n", {"12 B": "small", "10 KiB": "middle", "1 MiB": "large"}
NJS = "/usr/lib/nginx/modules/ngx_http_js_module.so"


@dataclass(frozen=True)
class Ground:
    """What all rows share: keys, a token, files, and the port of the upstream."""

    folder: Path
    binary: Path
    upstream: int
    secret: str
    cores: int = 1

    @property
    def jwt(self) -> str:
        """A token by HS256 of the secret."""
        now = int(time.time())
        return signed({"exp": now + 86400, "iat": now, "sub": "1"}, self.secret)


@dataclass(frozen=True)
class Server:
    """A running peer; what it costs is the CPU time of these processes."""

    name: str
    url: str
    processes: list[int]
    headers: dict[str, str] = field(default_factory=dict)


def signed(claims: dict[str, object], secret: str) -> str:
    def part(value: object) -> str:
        return plain(json.dumps(value, separators=(",", ":")).encode())

    text = f"{part({'alg': 'HS256', 'typ': 'JWT'})}.{part(claims)}"
    return f"{text}.{plain(hmac.digest(secret.encode(), text.encode(), hashlib.sha256))}"


def plain(value: bytes) -> str:
    return base64.urlsafe_b64encode(value).rstrip(b"=").decode()


def basic() -> dict[str, str]:
    return {"Authorization": "Basic " + base64.b64encode(f"{NAME}:{PASSWORD}".encode()).decode()}


def bearer(token: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {token}"}


@contextmanager
def upstream(folder: Path) -> Iterator[int]:
    """nginx with three files in memory; one worker."""
    files = folder / "files"
    files.mkdir()
    for name, size in (("small", 0), ("middle", 10 << 10), ("large", 1 << 20)):
        (files / name).write_bytes(os.urandom(size) if size else SMALL)
    port = free_port()
    config = f"""
        location / {{ root {files}; default_type text/plain; }}
        location = /small {{ default_type text/plain; return 200 "hello world\\n"; }}"""
    with nginx_process(folder / "upstream", port, config, 1):
        yield port


@contextmanager
def nginx_process(folder: Path, port: int, locations: str, cores: int, http: str = "", listen: str = "",
                  load: str = "") -> Iterator[int]:
    folder.mkdir(parents=True)
    config = folder / "nginx.conf"
    # As another user its workers could not read what is in this folder.
    user = "user root;" if os.geteuid() == 0 else ""
    config.write_text(f"""{load}
{user} daemon off; worker_processes {cores}; worker_rlimit_nofile 65536; pid {folder}/pid; error_log {folder}/error.log;
events {{ worker_connections 16384; }}
http {{
    access_log off; keepalive_requests 100000000; sendfile on; tcp_nodelay on; open_file_cache max=16;
    client_body_temp_path {folder}/body; proxy_temp_path {folder}/proxy; fastcgi_temp_path {folder}/fastcgi;
    uwsgi_temp_path {folder}/uwsgi; scgi_temp_path {folder}/scgi;
    {http}
    server {{ listen 127.0.0.1:{port} {listen}; {locations} }}
}}
""")
    program = Program(["setpriv", "--pdeathsig", "TERM", "nginx", "-c", str(config), "-p", str(folder)], folder / "log",
                      own_environment())
    with running(program):
        program.wait_until(lambda: answers(port), 20)
        yield program.child.pid


def certificate(folder: Path) -> None:
    """A certificate for loopback, as all of them read it."""
    if (folder / "both.pem").exists():
        return
    subprocess.run(
        ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-days", "2",
         "-subj", "/CN=localhost", "-addext", "subjectAltName=IP:127.0.0.1,DNS:localhost", "-keyout", folder / "key.pem",
         "-out", folder / "cert.pem"], check=True, capture_output=True)
    (folder / "both.pem").write_text((folder / "cert.pem").read_text() + (folder / "key.pem").read_text())
    (folder / "key.pem").chmod(0o600)


@contextmanager
def nginx(ground: Ground, scheme: str, target: str, protocol: str) -> Iterator[Server]:
    port, folder = free_port(), ground.folder / f"nginx-{time.monotonic_ns()}"
    folder.mkdir()
    http = f"upstream up {{ server 127.0.0.1:{ground.upstream}; keepalive 1024; keepalive_requests 100000000; }}"
    to_upstream = 'proxy_pass http://up; proxy_http_version 1.1; proxy_set_header Connection "";'
    guard, load, headers, listen = "", "", {}, ""
    if scheme in ("basic", "bcrypt"):
        # The cheapest that it has, and what imported passwords are.
        words = ["-s"] if scheme == "basic" else ["-B", "-C", "10"]
        made = subprocess.run(["htpasswd", "-nb", *words, NAME, PASSWORD], capture_output=True, text=True, check=True)
        (folder / "htpasswd").write_text(made.stdout)
        guard, headers = f'auth_basic "peers"; auth_basic_user_file {folder}/htpasswd;', basic()
    if scheme == "jwt-hs256":
        load = f"load_module {NJS};"
        (folder / "jwt.js").write_text(NJS_JWT % json.dumps(ground.secret))
        http += f" js_path {folder}; js_import jwt from jwt.js; js_set $rider jwt.rider;"
        guard, headers = 'if ($rider = "") { return 401; } proxy_set_header X-Rider $rider;', bearer(ground.jwt)
    if protocol != "h1":
        certificate(ground.folder)
        listen = "ssl http2" if protocol == "h2" else "ssl"
        http += f" ssl_certificate {ground.folder}/cert.pem; ssl_certificate_key {ground.folder}/key.pem;"
    locations = f"location / {{ {guard} {to_upstream} }}"
    if target == "in-process":
        locations = 'location / { default_type application/json; return 200 "{}"; }'
    with nginx_process(folder / "run", port, locations, ground.cores, http, listen, load) as process:
        yield Server("nginx", url_of(port, protocol), [process], headers)


# What an operator would write with njs: algorithm, signature, expiry.
NJS_JWT = """
const key = %s;
function rider(r) {
    const line = r.headersIn.Authorization || '';
    if (!line.startsWith('Bearer ')) { return ''; }
    const parts = line.slice(7).split('.');
    if (parts.length != 3) { return ''; }
    const head = JSON.parse(Buffer.from(parts[0], 'base64url'));
    if (head.alg != 'HS256') { return ''; }
    const crypto = require('crypto');
    const mac = crypto.createHmac('sha256', key).update(parts[0] + '.' + parts[1]).digest('base64url');
    if (mac != parts[2]) { return ''; }
    const claims = JSON.parse(Buffer.from(parts[1], 'base64url'));
    return claims.exp * 1000 > Date.now() ? String(claims.sub) : '';
}
export default { rider };
"""


@contextmanager
def nginx_asking(ground: Ground, gate: Server, ask: str) -> Iterator[Server]:
    """nginx that asks trackgate's forward-auth listener about each request."""
    port, folder = free_port(), ground.folder / f"asking-{time.monotonic_ns()}"
    http = f"""upstream up {{ server 127.0.0.1:{ground.upstream}; keepalive 1024; keepalive_requests 100000000; }}
        upstream gate {{ server {ask.split("/")[2]}; keepalive 1024; keepalive_requests 100000000; }}"""
    keep = 'proxy_http_version 1.1; proxy_set_header Connection "";'
    locations = f"""
        location / {{ auth_request /_gate; proxy_pass http://up; {keep} }}
        location = /_gate {{ internal; proxy_pass http://gate/{ask.split("/", 3)[3]}; {keep} proxy_pass_request_body off;
            proxy_set_header Content-Length ""; proxy_set_header X-Original-URI $request_uri;
            proxy_set_header X-Original-Method $request_method; proxy_set_header X-Original-Host $host;
            proxy_set_header X-Forwarded-For $remote_addr; }}"""
    with nginx_process(folder, port, locations, ground.cores, http) as process:
        yield Server("nginx + trackgate", url_of(port, "h1"), [process, *gate.processes], gate.headers)


@contextmanager
def haproxy(ground: Ground, scheme: str, _target: str, protocol: str) -> Iterator[Server]:
    port, folder = free_port(), ground.folder / f"haproxy-{time.monotonic_ns()}"
    folder.mkdir()
    lists, rules, headers, bind = "", "", {}, ""
    if scheme in ("basic", "bcrypt"):
        kept = f"insecure-password '{PASSWORD}'"
        if scheme == "bcrypt":
            made = subprocess.run(["htpasswd", "-nbB", "-C", "10", NAME, PASSWORD], capture_output=True, text=True, check=True)
            kept = "password '" + made.stdout.strip().split(":", 1)[1].replace("$2y$", "$2b$") + "'"
        lists = f"userlist riders\n    user {NAME} {kept}\n"
        rules, headers = "http-request auth realm peers unless { http_auth(riders) }", basic()
    if scheme.startswith("jwt"):
        key, headers = f'"{ground.secret}"', bearer(ground.jwt)
        rules = f"""http-request set-var(txn.bearer) http_auth_bearer
    http-request deny status 401 unless {{ var(txn.bearer),jwt_header_query('$.alg') -m str HS256 }}
    http-request deny status 401 unless {{ var(txn.bearer),jwt_verify('HS256',{key}) -m int 1 }}
    http-request set-var(txn.now) date()
    http-request deny status 401 if {{ var(txn.bearer),jwt_payload_query('$.exp','int'),sub(txn.now) -m int lt 0 }}"""
    if protocol != "h1":
        certificate(ground.folder)
        bind = f"ssl crt {ground.folder}/both.pem alpn " + ("h2" if protocol == "h2" else "http/1.1")
    (folder / "haproxy.cfg").write_text(f"""
global
    nbthread {ground.cores}
    maxconn {resource.getrlimit(resource.RLIMIT_NOFILE)[0] // 2 - 100}
defaults
    mode http
    timeout client 60s
    timeout server 60s
    timeout connect 5s
    http-reuse always
{lists}
frontend front
    bind 127.0.0.1:{port} {bind}
    {rules}
    default_backend up
backend up
    server one 127.0.0.1:{ground.upstream} pool-max-conn 1024
""")
    program = Program(["setpriv", "--pdeathsig", "TERM", "haproxy", "-db", "-f", str(folder / "haproxy.cfg")],
                      folder / "log", own_environment())
    with running(program):
        program.wait_until(lambda: answers(port), 20)
        yield Server("HAProxy", url_of(port, protocol), [program.child.pid], headers)


@contextmanager
def caddy(ground: Ground, scheme: str, _target: str, _protocol: str) -> Iterator[Server]:
    port, folder = free_port(), ground.folder / f"caddy-{time.monotonic_ns()}"
    folder.mkdir()
    guard, headers = "", {}
    if scheme == "bcrypt":
        made = subprocess.run(["htpasswd", "-nbB", "-C", "10", NAME, PASSWORD], capture_output=True, text=True, check=True)
        guard = f"basic_auth {{\n {NAME} {made.stdout.strip().split(':', 1)[1].replace('$2y$', '$2a$')}\n }}"
        headers = basic()
    (folder / "Caddyfile").write_text(f"""
{{
    admin off
    auto_https off
}}
http://127.0.0.1:{port} {{
    bind 127.0.0.1
    {guard}
    reverse_proxy 127.0.0.1:{ground.upstream}
}}
""")
    command = ["setpriv", "--pdeathsig", "TERM", "caddy", "run", "--config", str(folder / "Caddyfile"), "--adapter",
               "caddyfile"]
    program = Program(command, folder / "log", own_environment(GOMAXPROCS=str(ground.cores), XDG_DATA_HOME=str(folder),
                                                               XDG_CONFIG_HOME=str(folder)))
    with running(program):
        program.wait_until(lambda: answers(port), 20)
        yield Server("Caddy", url_of(port, "h1"), [program.child.pid], headers)


@contextmanager
def traefik(ground: Ground, scheme: str, _target: str, _protocol: str) -> Iterator[Server]:
    port, folder = free_port(), ground.folder / f"traefik-{time.monotonic_ns()}"
    folder.mkdir()
    guard, headers, middlewares = "", {}, ""
    if scheme == "bcrypt":
        made = subprocess.run(["htpasswd", "-nbB", "-C", "10", NAME, PASSWORD], capture_output=True, text=True, check=True)
        middlewares = f"  middlewares:\n    riders:\n      basicAuth:\n        users: ['{made.stdout.strip()}']\n"
        guard, headers = "      middlewares: [riders]\n", basic()
    (folder / "dynamic.yml").write_text(f"""
http:
  routers:
    all:
      rule: PathPrefix(`/`)
      service: up
{guard}  services:
    up:
      loadBalancer:
        servers: [{{url: "http://127.0.0.1:{ground.upstream}"}}]
{middlewares}""")
    (folder / "traefik.yml").write_text(f"""
global: {{checkNewVersion: false, sendAnonymousUsage: false}}
entryPoints: {{web: {{address: "127.0.0.1:{port}"}}}}
providers: {{file: {{filename: {folder}/dynamic.yml}}}}
log: {{level: ERROR}}
""")
    command = ["setpriv", "--pdeathsig", "TERM", "traefik", f"--configFile={folder}/traefik.yml"]
    program = Program(command, folder / "log", own_environment(GOMAXPROCS=str(ground.cores)))
    with running(program):
        program.wait_until(lambda: answers(port), 30)
        time.sleep(0.5)
        yield Server("Traefik", url_of(port, "h1"), [program.child.pid], headers)


AUTH = {"none": 'auth = "none"\npublic = "measured"', "basic": 'auth = ["basic"]', "bcrypt": 'auth = ["basic"]',
        "api": 'auth = ["api"]', "sliding": 'auth = ["lp"]', "jwt-hs256": 'auth = ["fit"]', "jwt-es256": 'auth = ["fit"]'}


@contextmanager
def trackgate(ground: Ground, scheme: str, target: str, protocol: str, more: str = "") -> Iterator[Server]:
    folder = ground.folder / f"trackgate-{time.monotonic_ns()}"
    folder.mkdir()
    algorithm = 'algorithm = "ES256"\nkey = "file:es256.pem"' if scheme == "jwt-es256" else ""
    if scheme == "jwt-es256":
        made = subprocess.run(["openssl", "genpkey", "-algorithm", "EC", "-pkeyopt", "ec_paramgen_curve:P-256"],
                              capture_output=True, check=True)
        (folder / "es256.pem").write_bytes(made.stdout)
        (folder / "es256.pem").chmod(0o600)
    tls = ""
    if protocol != "h1":
        certificate(ground.folder)
        tls = f'tls = {{ cert = "{ground.folder}/cert.pem", key = "{ground.folder}/key.pem" }}'
    front = f'match = "/{{*rest}}"\nupstream = "up"\n{AUTH[scheme]}'
    (folder / "trackgate.toml").write_text(f"""
[listen]
address = "127.0.0.1:0"
threads = {ground.cores}
{tls}
[limits]
connections = 20000
[log]
access = false
[schemes.fit]
kind = "jwt"
{algorithm}
[upstreams.up]
urls = ["http://127.0.0.1:{ground.upstream}"]
pool = {{ connections = 1024 }}
[[routes]]
name = "lptracker"
match = "POST /login"
tracker = "lptracker"
[[routes]]
name = "fittrackee"
match = "POST /api/auth/login"
tracker = "fittrackee"
[[routes]]
name = "user"
match = "GET /user"
tracker = "livetracking"
[[routes]]
name = "front"
{front}
{more}
""")
    places = ["--config", str(folder / "trackgate.toml"), "--data-dir", str(folder / "data")]
    tell(ground, places, ["user", "add", NAME, "--email", f"{NAME}@example.org", "--password-stdin"], PASSWORD)
    if scheme == "bcrypt":
        made = subprocess.run(["htpasswd", "-nbB", "-C", "10", NAME, PASSWORD], capture_output=True, text=True, check=True)
        with sqlite3.connect(folder / "data" / "trackgate.db") as database:
            database.execute("UPDATE accounts SET password = ?", (made.stdout.strip().split(":", 1)[1],))
    program = Program(["setpriv", "--pdeathsig", "TERM", str(ground.binary), "serve", *places], folder / "log",
                      own_environment())
    with running(program):
        program.wait_until(lambda: "listening on" in program.log.read_text(), 30)
        url = program.log.read_text().split("listening on ")[1].split()[0]
        yield Server("trackgate", url, [program.child.pid], credential(ground, places, scheme, url))


def credential(ground: Ground, places: list[str], scheme: str, url: str) -> dict[str, str]:
    if scheme == "none":
        return {}
    if scheme in ("basic", "bcrypt"):
        return basic()
    if scheme == "api":
        made = json.loads(tell(ground, places, ["token", "new", "--user", NAME, "--grant", "*", "--json"], ""))
        return bearer(made["token"])
    if scheme == "sliding":
        body = {"login": NAME, "password": PASSWORD, "service": "peers", "version": "1.0"}
        return {"token": post(f"{url}/login", body)["result"]["token"]}
    return bearer(post(f"{url}/api/auth/login", {"email": f"{NAME}@example.org", "password": PASSWORD})["auth_token"])


def post(url: str, body: dict[str, str]) -> dict[str, object]:
    request = urllib.request.Request(url, json.dumps(body).encode(), {"Content-Type": "application/json"})
    with urllib.request.urlopen(request, timeout=30) as answer:
        return json.load(answer)


def tell(ground: Ground, places: list[str], words: list[str], given: str) -> str:
    done = subprocess.run([ground.binary, *words, *places], input=given, capture_output=True, text=True, check=False)
    if done.returncode:
        raise Failed(f"trackgate {' '.join(words)}: {done.stderr}")
    return done.stdout


def url_of(port: int, protocol: str) -> str:
    return f"{'http' if protocol == 'h1' else 'https'}://127.0.0.1:{port}"


def is_there(name: str) -> bool:
    return shutil.which(name) is not None
