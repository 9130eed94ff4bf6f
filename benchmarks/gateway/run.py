"""Measure the gateway and its peers side by side, one interleaved run, ratios at the end.

    python benchmarks/gateway/run.py [--rounds 3] [--seconds 2] [--only gateway,litellm] [--out table.md]
    python benchmarks/gateway/run.py --shapes        # only bodies of 400 kB, each shape of shapes.py

Core 0 has provider and load generator, core 1 the gateway alone. Every round visits
every target once, so that noise from elsewhere falls on all of them; the table gives
medians. The load generator and the provider written in C are those of the team's
shared folder where it is beside the checkout; they need a C compiler. Peers are run
where their environments are named: --litellm BIN, --portkey FOLDER.
Everything goes to 127.0.0.1, is bounded in time, and stops by itself.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import math
import os
import shlex
import signal
import statistics
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from shapes import shapes

HERE = Path(__file__).parent
TOOLS = HERE.parents[2] / "shared" / "tools" / "gateway"
PATH = "/v1/chat/completions"
RULES = 300
ELSEWHERE = ("AE", "AR", "AT", "AU", "BD", "BE", "BR", "CH", "CL", "CO", "CZ", "DE", "DK", "EG", "ES", "FI")


@dataclass
class Target:
    """Something to measure; without a command it is already there."""

    name: str
    port: int
    command: str = ""
    env: dict[str, str] = field(default_factory=dict)
    headers: dict[str, str] = field(default_factory=dict)
    folder: Path | None = None
    rows: dict[str, list[float]] = field(default_factory=dict)

    def add(self, name: str, value: float) -> None:
        self.rows.setdefault(name, []).append(value)

    def median(self, name: str) -> float:
        found = self.rows.get(name)
        return statistics.median(found) if found else float("nan")


def config(port: int, upstream: str, audit: Path, *, more: str = "", top: str = "") -> str:
    """Return a configuration with everything on: 300 rules, signals, keys, audit, metrics."""
    rules = "".join(
        f'[[rule]]\nid = "bench.{n}"\nsummary = "Rule {n}."\n'
        f'when = {{ provider = "openai", "user.region" = ["{ELSEWHERE[n % 16]}"], model = ["m{n}*"] }}\n'
        for n in range(RULES)
    )
    countries = audit.parent / "countries.csv"
    countries.write_text("1.0.1.0,1.0.3.255,CN\n8.8.8.0,8.8.8.255,US\n")
    return f"""
[listen]
port = {port}
{top}
[place]
country = "US"
[audit]
path = "{audit}"
{more}
[signals]
country_csv = ["{countries}"]
[[upstream]]
name = "provider"
provider = "openai"
base_url = "{upstream}"
api_key = "sk-upstream"
CA
[[key]]
name = "bench"
secret = "sk-test"
quota = {{ requests_per_day = 1000000000 }}
[[route]]
model = "*"
upstreams = ["provider"]
retries = 0
{rules}"""


def processes(pid: int) -> list[int]:
    """Return a process and all below it."""
    children: dict[int, list[int]] = {}
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            with contextlib.suppress(OSError):
                parent = int((entry / "stat").read_text().rsplit(")", 1)[1].split()[1])
                children.setdefault(parent, []).append(int(entry.name))
    found, todo = [], [pid]
    while todo:
        one = todo.pop()
        found.append(one)
        todo += children.get(one, [])
    return found


def cpu_s(pid: int) -> float:
    ticks = 0
    for one in processes(pid):
        with contextlib.suppress(OSError):
            fields = Path(f"/proc/{one}/stat").read_text().rsplit(")", 1)[1].split()
            ticks += int(fields[11]) + int(fields[12])
    return ticks / os.sysconf("SC_CLK_TCK")


def memory_mb(pid: int) -> float:
    total = 0
    for one in processes(pid):
        with contextlib.suppress(OSError):
            for line in Path(f"/proc/{one}/smaps_rollup").read_text().splitlines():
                if line.startswith("Pss:"):
                    total += int(line.split()[1])
    return total / 1_024


class Bench:
    """Builds the tools, and runs them."""

    def __init__(self, given: argparse.Namespace, scratch: Path) -> None:
        self.given, self.scratch = given, scratch
        for name in ("mock", "load"):
            subprocess.run(["cc", "-O2", "-o", scratch / name, TOOLS / f"{name}.c"], check=True)
        body = json.loads((TOOLS / "body.json").read_text())
        self.bodies = {"json": scratch / "json", "sse": scratch / "sse", "large": scratch / "large"}
        self.bodies["json"].write_text(json.dumps(body))
        self.bodies["sse"].write_text(json.dumps({**body, "stream": True}))
        large = [{"role": "user", "content": "word " * 80_000}]
        self.bodies["large"].write_text(json.dumps({**body, "messages": large}))
        for name, shape in shapes().items() if given.shapes else ():
            self.bodies[name] = scratch / name.replace(" ", "-")
            self.bodies[name].write_bytes(shape)

    def load(self, target: Target, body: str, *options: str) -> dict[str, Any]:
        path = "/v1/embeddings" if body.endswith("to embed") else PATH
        command = ["taskset", "-c", "0", str(self.scratch / "load"), str(target.port), path]
        command += [str(self.bodies[body]), *options]
        for name, value in target.headers.items():
            command += ["-H", f"{name}: {value}"]
        done = subprocess.run(command, capture_output=True, text=True, check=True, timeout=120)
        return json.loads(done.stdout)

    @contextlib.contextmanager
    def running(self, target: Target) -> Iterator[subprocess.Popen[bytes] | None]:
        if not target.command:
            yield None
            return
        command = [
            "taskset",
            "-c",
            "0,1" if "2 workers" in target.name else "1",
            *shlex.split(target.command),
        ]
        env = {**os.environ, **target.env}
        quiet = subprocess.DEVNULL
        began = time.monotonic()
        process = subprocess.Popen(
            command, env=env, cwd=target.folder, stdout=quiet, stderr=quiet, start_new_session=True
        )
        try:
            if not self.ready(target, 60):
                raise RuntimeError(f"{target.name} did not start")
            target.add("start s", time.monotonic() - began)
            yield process
        finally:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGTERM)
            with contextlib.suppress(subprocess.TimeoutExpired):
                process.wait(5)
            with contextlib.suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
            process.wait()

    def ready(self, target: Target, limit_s: float) -> bool:
        headers = {"content-type": "application/json", "authorization": "Bearer sk-test", **target.headers}
        url = f"http://127.0.0.1:{target.port}{PATH}"
        end = time.monotonic() + limit_s
        while time.monotonic() < end:
            with contextlib.suppress(OSError):
                asked = urllib.request.Request(url, self.bodies["json"].read_bytes(), headers)
                with urllib.request.urlopen(asked, timeout=10) as answer:
                    if answer.status == 200:
                        return True
            time.sleep(0.01)
        return False

    def large(self, target: Target, body: str, name: str, pid: int | None) -> dict[str, Any]:
        """Ask with a large body on four connections."""
        before = cpu_s(pid) if pid is not None else 0.0
        run = self.load(target, body, "-c", "4", "-d", str(self.given.seconds), "-w", "0")
        target.add(f"req/s, {name}", run["rps"])
        if pid is not None and run["ok"]:
            target.add(f"CPU us, {name}", (cpu_s(pid) - before) / run["ok"] * 1e6)
        return run

    def measure_shapes(self, target: Target) -> None:
        with self.running(target) as process:
            pid = process.pid if process is not None else None
            self.load(target, "json", "-c", "4", "-d", "0.7", "-w", "0")
            for name in shapes():
                self.large(target, name, name, pid)

    def measure(self, target: Target) -> None:
        seconds = str(self.given.seconds)
        with self.running(target) as process:
            pid = process.pid if process is not None else None
            if pid is not None:
                time.sleep(0.2)
                target.add("idle MB", memory_mb(pid))
            self.load(target, "json", "-c", "32", "-d", "0.7", "-w", "0")
            one = self.load(target, "json", "-c", "1", "-d", seconds)
            target.add("p50 us, 1 conn", one["p50_us"])
            before = cpu_s(pid) if pid is not None else 0.0
            many = self.load(target, "json", "-c", "64", "-d", seconds, "-w", "0")
            target.add("req/s", many["rps"])
            if pid is not None and many["ok"]:
                target.add("CPU us/req", (cpu_s(pid) - before) / many["ok"] * 1e6)
            rate = self.load(target, "json", "-c", "64", "-r", "100", "-d", seconds)
            target.add("p99 ms at 100/s", rate["p99_us"] / 1_000)
            stream = self.load(target, "sse", "-c", "16", "-s", "-d", seconds)
            target.add("events/s", stream["events"] / self.given.seconds)
            runs = [one, many, rate, stream, self.large(target, "large", "400 kB", pid)]
            if pid is not None:
                target.add("loaded MB", memory_mb(pid))
            errors = sum(run[kind] for run in runs for kind in ("bad_status", "bad_body", "conn_err"))
            target.add("errors", errors)


COLUMNS = (
    ("req/s", "{:.0f}"),
    ("CPU us/req", "{:.0f}"),
    ("p50 us, 1 conn", "{:.0f}"),
    ("p99 ms at 100/s", "{:.2f}"),
    ("events/s", "{:.0f}"),
    ("req/s, 400 kB", "{:.0f}"),
    ("CPU us, 400 kB", "{:.0f}"),
    ("start s", "{:.2f}"),
    ("idle MB", "{:.0f}"),
    ("loaded MB", "{:.0f}"),
    ("errors", "{:.0f}"),
)


def table(targets: list[Target]) -> str:
    lines = [
        "| target | " + " | ".join(name for name, _ in COLUMNS) + " |",
        "|---" * (len(COLUMNS) + 1) + "|",
    ]
    for target in targets:
        cells = []
        for name, form in COLUMNS:
            value = target.median(name)
            cells.append("-" if math.isnan(value) else form.format(value))
        lines.append(f"| {target.name} | " + " | ".join(cells) + " |")
    return "\n".join([*lines, "", *ratios({target.name: target for target in targets}), ""])


def ratios(by_name: dict[str, Target]) -> list[str]:
    ours, direct = by_name.get("gateway"), by_name["direct"]
    if ours is None:
        return []
    added = ours.median("p50 us, 1 conn") - direct.median("p50 us, 1 conn")
    lines = [f"Added p50 at one connection: {added:.0f} us."]
    lines.append(f"Share of direct: {ours.median('req/s') / direct.median('req/s'):.1%}.")
    bare = by_name.get("bare proxy")
    if bare is not None and bare.rows:
        share = bare.median("CPU us/req") / ours.median("CPU us/req")
        lines.append(
            f"The same connection and client with nothing between them: "
            f"{bare.median('req/s') / direct.median('req/s'):.1%} of direct; the gateway makes "
            f"{share:.0%} of that per CPU."
        )
    for peer in ("litellm", "portkey"):
        other = by_name.get(peer)
        if other is None or not other.rows:
            continue
        rate = ours.median("req/s") / other.median("req/s")
        cpu = other.median("CPU us/req") / ours.median("CPU us/req")
        events = ours.median("events/s") / max(1.0, other.median("events/s"))
        lines.append(
            f"Against {peer}: {rate:.0f} times the requests per second, 1/{cpu:.0f} of the CPU per request, "
            f"{events:.0f} times the events per second."
        )
        rate = ours.median("req/s, 400 kB") / other.median("req/s, 400 kB")
        cpu = other.median("CPU us, 400 kB") / ours.median("CPU us, 400 kB")
        lines.append(
            f"Against {peer} with bodies of 400 kB: {rate:.1f} times the requests per second, "
            f"1/{cpu:.1f} of the CPU per request."
        )
    return lines


def shapes_table(targets: list[Target]) -> str:
    """Return requests a second for each shape, and of those with a process how many us of CPU each takes."""
    lines = ["| 400 kB of | " + " | ".join(target.name for target in targets) + " |"]
    lines.append("|---" * (len(targets) + 1) + "|")
    for name in shapes():
        cells = []
        for target in targets:
            rate, cpu = target.median(f"req/s, {name}"), target.median(f"CPU us, {name}")
            took = "" if math.isnan(cpu) else f" ({cpu:.0f} us)"
            cells.append("-" if math.isnan(rate) or not rate else f"{rate:.0f}{took}")
        lines.append(f"| {name} | " + " | ".join(cells) + " |")
    return "\n".join([*lines, ""])


def targets_of(given: argparse.Namespace, scratch: Path) -> list[Target]:
    serve = f"{sys.executable} -m reliant gateway serve --config "
    quiet = {"PYTHONDONTWRITEBYTECODE": ""}

    def ours(name: str, port: int, **more: str) -> Target:
        folder = scratch / f"gateway-{port}"
        folder.mkdir()
        tls = more.pop("tls", "")
        upstream = "https://localhost:9010/v1" if tls else "http://127.0.0.1:9009/v1"
        text = config(port, upstream, folder / "audit", **more)
        (folder / "gateway.toml").write_text(text.replace("CA\n", f'ca_file = "{tls}"\n' if tls else ""))
        env = {**quiet, "XDG_STATE_HOME": str(folder)}
        return Target(name, port, serve + str(folder / "gateway.toml"), env, folder=folder)

    found = [
        Target("direct", 9009),
        ours("gateway", 8101),
        ours("gateway, disk", 8102, more='durability = "disk"'),
    ]
    found.append(Target("bare proxy", 8105, f"{sys.executable} {HERE / 'bare.py'} 8105 9009", quiet))
    found.append(ours("gateway, 2 workers", 8103, top="workers = 2"))
    found.append(ours("gateway, TLS upstream", 8104, tls=str(scratch / "cert.pem")))
    if given.portkey:
        headers = {"x-portkey-provider": "openai", "x-portkey-custom-host": "http://127.0.0.1:9009/v1"}
        command = (
            f"node -r {TOOLS}/portkey_loopback.cjs node_modules/@portkey-ai/gateway/build/start-server.js"
        )
        command += " --port=8787 --headless"
        found.append(Target("portkey", 8787, command, {"NODE_ENV": "production"}, headers, given.portkey))
    if given.litellm:
        text = (TOOLS / "litellm.yaml").read_text().replace(":9000/", ":9009/")
        (scratch / "litellm.yaml").write_text(text)
        command = f"{given.litellm} --config {scratch / 'litellm.yaml'} --host 127.0.0.1 --port 4000"
        env = {"LITELLM_LOG": "ERROR", "LITELLM_LOCAL_MODEL_COST_MAP": "True", "LITELLM_MODE": "PRODUCTION"}
        found.append(Target("litellm", 4000, command, {**env, **quiet}))
    wanted = given.only.split(",") if given.only else [target.name for target in found]
    return [target for target in found if target.name in wanted or target.name == "direct"]


def certificate(folder: Path) -> None:
    """Make a certificate for localhost that signs itself."""
    command = "openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 2"
    command += " -subj /CN=localhost"
    names = [
        "-addext",
        "subjectAltName=DNS:localhost",
        "-keyout",
        folder / "key.pem",
        "-out",
        folder / "cert.pem",
    ]
    subprocess.run([*shlex.split(command), *names], check=True, capture_output=True)


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--seconds", type=float, default=2.0)
    parser.add_argument("--only", default="")
    parser.add_argument("--shapes", action="store_true")
    parser.add_argument("--litellm", default="")
    parser.add_argument("--portkey", type=Path)
    parser.add_argument("--out", type=Path)
    given = parser.parse_args()
    if not TOOLS.is_dir():
        sys.exit(f"the tools are not at {TOOLS}")
    with tempfile.TemporaryDirectory() as folder:
        scratch = Path(folder)
        certificate(scratch)
        bench = Bench(given, scratch)
        targets = targets_of(given, scratch)
        tls = ["--tls", str(scratch / "cert.pem"), str(scratch / "key.pem")]
        providers = [
            subprocess.Popen(["taskset", "-c", "0", scratch / "mock", "9009"]),
            subprocess.Popen(["taskset", "-c", "0", sys.executable, HERE / "provider.py", "9010", *tls]),
        ]
        time.sleep(1.0)
        try:
            for number in range(given.rounds):
                for target in targets:
                    try:
                        (bench.measure_shapes if given.shapes else bench.measure)(target)
                    except (RuntimeError, subprocess.SubprocessError) as error:
                        print(f"{target.name}: {error}", file=sys.stderr)
                print(f"round {number + 1} of {given.rounds}", file=sys.stderr)
        finally:
            for one in providers:
                one.terminate()
                one.wait()
        text = (shapes_table if given.shapes else table)(targets)
    print(text)
    if given.out:
        given.out.write_text(text)


if __name__ == "__main__":
    main()
