"""`dev/bench warm`: the service beside SAM CLI's, and scale-out beside the bare engine calls."""

import os
import re
import shutil
import statistics
import subprocess
import tempfile
import time
import urllib.request
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

TEMPLATE = """
Resources:
  Node:
    Type: AWS::Serverless::Function
    Properties: {CodeUri: node, Handler: app.handler, Runtime: nodejs22.x}
  Rust:
    Type: AWS::Serverless::Function
    Properties: {CodeUri: rust, Handler: bootstrap, Runtime: provided.al2023}
"""


class Server:
    """A service that is ended with its block; SAM CLI's is one, too."""

    def __init__(self, command, directory, port):
        self.address = f"127.0.0.1:{port}"
        self.log = tempfile.TemporaryFile("w+")
        environment = dict(os.environ, SAM_CLI_TELEMETRY="0")
        self.process = subprocess.Popen(
            [*map(str, command), "--port", str(port)], cwd=directory, stderr=self.log, stdout=self.log, env=environment
        )
        for _ in range(1200):
            self.log.seek(0)
            if re.search(r"Running on|Starting the Local Lambda", self.log.read()):
                break
            time.sleep(0.05)
        time.sleep(1)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.process.terminate()
        self.process.wait()
        self.log.close()

    def invoke(self, function):
        url = f"http://{self.address}/2015-03-31/functions/{function}/invocations"
        with urllib.request.urlopen(urllib.request.Request(url, b"{}"), timeout=60) as answer:
            return answer.read()

    def together(self, function, count):
        """Seconds until the last of so many parallel invocations has its answer."""
        return seconds([lambda: self.invoke(function)] * count)

    def memory(self):
        """What the program has in memory, MB."""
        status = Path(f"/proc/{self.process.pid}/status").read_text()
        return int(re.search(r"VmRSS:\s+(\d+)", status)[1]) / 1024


def seconds(works):
    with ThreadPoolExecutor(len(works)) as pool:
        begun = time.perf_counter()
        for one in [pool.submit(work) for work in works]:
            one.result()
        return time.perf_counter() - begun


def client(program, server, function, clients, duration):
    """Requests in a second, 50th and 99th of 100 in milliseconds."""
    path = f"/2015-03-31/functions/{function}/invocations"
    command = [program, server.address, path, clients, duration]
    text = subprocess.run([str(part) for part in command], capture_output=True, text=True, check=True).stdout
    requests, elapsed, half, most = map(float, text.split())
    return requests / elapsed, half, most


def project(directory, bootstrap):
    for name in ("node", "rust"):
        (directory / name).mkdir(parents=True)
    (directory / "node/app.js").write_text("exports.handler = async (event) => event\n")
    shutil.copy(bootstrap, directory / "rust/bootstrap")
    (directory / "template.yaml").write_text(TEMPLATE)
    many = "".join(
        f"  F{number}:\n    Type: AWS::Serverless::Function\n"
        "    Properties: {CodeUri: node, Handler: app.handler, Runtime: nodejs22.x}\n"
        for number in range(20)
    )
    (directory / "many.yaml").write_text("Resources:\n" + many)


def run(ours, theirs, programs, directory, floor):
    """`programs`: the clients' program and the function's. `floor` runs the bare engine calls on a directory of code."""
    clients, bootstrap = programs
    directory = Path(directory)
    project(directory, bootstrap)
    lazy = ["local", "start-lambda", "--warm-containers", "LAZY"]
    rows = []
    with Server([ours, *lazy, "--max-concurrency", "4"], directory, 3901) as server:
        for function in ("Node", "Rust"):
            server.together(function, 4)
            client(clients, server, function, 1, 2)
        _, node, node_most = client(clients, server, "Node", 1, 8)
        _, rust, rust_most = client(clients, server, "Rust", 1, 8)
        eight, eight_half, eight_most = client(clients, server, "Rust", 8, 8)
    with Server([theirs, *lazy, "--skip-pull-image"], directory, 3902) as server:
        for function in ("Node", "Rust"):
            server.invoke(function)
        _, sam, sam_most = client(clients, server, "Node", 1, 8)
        # SAM CLI has one container for a function, and clients that come together start more of them, which it loses.
        four, *_ = client(clients, server, "Node", 4, 8)
        sam_memory = server.memory()
    rows.append(("warm Node.js, 1 client, p50", f"{node:.2f} ms", f"{sam:.2f} ms"))
    rows.append(("warm Node.js, 1 client, p99", f"{node_most:.2f} ms", f"{sam_most:.2f} ms"))
    rows.append(("warm Rust, 1 client, p50 and p99", f"{rust:.2f} and {rust_most:.2f} ms", ""))
    rows.append(("requests/s, Rust, 8 clients, 4 sandboxes", f"{eight:.0f}", f"{four:.0f} (Node.js, 4 clients)"))
    rows.append(("p50 and p99 of these", f"{eight_half:.2f} and {eight_most:.2f} ms", ""))
    cold, base = [], []
    with Server([ours, "local", "start-lambda"], directory, 3903) as server:
        for number in range(6):
            base.append(seconds([lambda: floor(directory / "node")] * 20))
            time.sleep(2)
            cold.append(server.together("Node", 20))
            time.sleep(2)
    cold, base = statistics.median(cold[1:]), statistics.median(base[1:])
    rows.append(("20 parallel cold calls, the last answer",
                 f"{cold:.2f} s; {cold / base:.2f} x the engine alone ({base:.2f} s)", ""))
    with Server([ours, *lazy, "-t", "many.yaml"], directory, 3904) as server:
        idle = server.memory()
        for number in range(20):
            server.invoke(f"F{number}")
        used = server.memory()
    rows.append(("memory, 20 functions, none and all of them warm", f"{idle:.1f} and {used:.1f} MB",
                 f"{sam_memory:.0f} MB (2 functions)"))
    print("| | sam-rs | SAM CLI |\n|---|---|---|")
    for row in rows:
        print("| " + " | ".join(row) + " |")
