"""Nothing is sent anywhere: engines run as well without a network as with one, and none opens a connection or resolves a name.

eco compare runs twice on a small model under strace, once in a network namespace of its own that has no interface (unshare -n), once with the
machine's network. Models are converted anew each time: some converters are what would report. The list of what each engine does with sockets is
printed; what may stand there: sockets of the machine itself (AF_UNIX, AF_NETLINK, the loopback). TensorFlow's and Paddle's converters load
urllib3, which binds to ::1 to see whether there is IPv6; the C library asks nscd for the user's name (PyTorch's and Paddle's cache folders).
usage: offline_test.py [--all]   (all installed engines instead of those of the tests' Python)
"""

import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
import tomllib
from collections import Counter
from pathlib import Path

import numpy as np
import onnx

HERE = Path(__file__).parent
sys.path.insert(0, str(HERE.parent / "models"))
from models_test import small_network  # noqa: E402

ENGINES = ["onnxruntime", "openvino", "openvino-f32", "jax", "onnx-reference", "opencv", "reference"]
# What tells that a name is looked up: the resolver's files, and the socket of systemd's.
RESOLVER = ("/etc/resolv.conf", "/etc/hosts", "/run/systemd/resolve/")
COUNTS = {True: 0, False: 0}


def check(name, good, why=""):
    COUNTS[bool(good)] += 1
    print(f"{'ok' if good else 'FAILED'} {name}" + ("" if good else f": {why}"), flush=True)


def permitted(command):
    return shutil.which(command[0]) and subprocess.run([*command, "true"], capture_output=True, check=False).returncode == 0


def namespace():
    """How to run without a network; nothing where that is not permitted."""
    return next((c for c in (["unshare", "-n"], ["unshare", "-r", "-n"]) if permitted(c)), None)


def trace(file):
    command = ["strace", "-f", "--seccomp-bpf", "-q", "-s", "300", "-e", "signal=none", "-o", str(file), "-e",
               "trace=execve,clone,clone3,fork,vfork,openat,socket,connect,bind,sendto,sendmsg,sendmmsg"]
    return command if permitted([*command[:-1], "trace=connect"]) else []


def compare(model, names, prefix, log, cache):
    # Nothing of the user's that would forbid telemetry: that is left to the adapters.
    environment = {k: v for k, v in os.environ.items() if k != "CI" and "TRACK" not in k and "TELEMETRY" not in k}
    # Nothing is left behind: not in the user's caches, nor among the records of what ran here.
    environment |= {"XDG_CACHE_HOME": str(cache), "ECOTONE_RAN": str(cache.parent / "ran")}
    options = ["--engines", ",".join(names), "--threads", "1", "--seconds", "0.1", "--json"]
    command = [*prefix, *trace(log), os.environ["ECO"], "-q", "compare", str(model), *options]
    done = subprocess.run(command, capture_output=True, text=True, env=environment, check=False)
    if not done.stdout:
        sys.exit(f"eco compare ended with {done.returncode}: {done.stderr}")
    return {row["engine"]: row for row in json.loads(done.stdout)["rows"]}


def calls(log):
    """(owner, name of the call, its text): owners are the workers of engines, or eco itself; what a worker starts is the worker's."""
    parents, owners, pending, found = {}, {}, {}, []
    with open(log, encoding="utf-8", errors="replace") as lines:
        for line in lines:
            pid, _, text = line.rstrip("\n").partition(" ")
            text = text.strip()
            if resumed := re.match(r"<\.\.\. (\w+) resumed>(.*)", text):
                text = pending.pop((pid, resumed[1]), resumed[1] + "(") + resumed[2]
            name = re.match(r"\w+", text)
            if name and text.endswith("<unfinished ...>"):
                pending[pid, name[0]] = text.removesuffix("<unfinished ...>")
            elif name and name[0] in ("clone", "clone3", "fork", "vfork"):
                if child := re.search(r"= (\d+)$", text):
                    parents[child[1]] = pid
            elif name and name[0] == "execve":
                if module := re.search(r'"ecotone_workers", "(?:ecotone_workers\.)?(\w+)_adapter"', text):
                    owners[pid] = module[1]
            elif name:
                found.append((pid, name[0], text))
    # Calls that never returned stand there too.
    found += [(pid, name, text) for (pid, name), text in pending.items() if name not in ("execve", "clone", "clone3", "fork", "vfork")]

    def owner(pid):
        while pid not in owners and pid in parents:
            pid = parents[pid]
        return owners.get(pid, "eco")

    return [(owner(pid), name, text) for pid, name, text in found]


def destination(text):
    """The address in a call, as ("127.0.0.1", "53"); nothing for other families."""
    v4 = re.search(r'sa_family=AF_INET, sin_port=htons\((\d+)\), sin_addr=inet_addr\("([^"]+)"\)', text)
    v6 = re.search(r'sa_family=AF_INET6, sin6_port=htons\((\d+)\).*inet_pton\(AF_INET6, "([^"]+)"', text)
    found = v4 or v6
    return (found[2], found[1]) if found else None


def local(address):
    return address == "::1" or address.startswith("127.")


def judge(log, where, engines):
    """Prints what was seen, by owner; checks that nothing leaves the machine."""
    seen, leaving, names = {}, [], []
    for who, call, text in calls(log):
        seen.setdefault(who, Counter())
        if call == "openat":
            names += [f"{who}: {text}" for place in RESOLVER if f'"{place}' in text]
            continue
        if any(place in text for place in RESOLVER):
            names.append(f"{who}: {text}")
        if call in ("connect", "sendto", "sendmsg", "sendmmsg") and (to := destination(text)) and not local(to[0]):
            leaving.append(f"{who}: {text}")
        family = re.search(r"AF_\w+", text)
        if family:
            detail = re.search(r'sun_path=@?"[^"]*"', text) or destination(text) or ""
            if detail and not isinstance(detail, tuple):
                detail = re.sub(r"\d{3,}", "N", detail[0])
            seen[who][f"{call} {family[0]} {detail}".strip()] += 1
    for who, counter in sorted(seen.items()):
        print(f"   {where}: {who}: " + ("; ".join(f"{what} x{n}" for what, n in sorted(counter.items())) or "no socket"))
    check(f"{where}: all were watched", seen.keys() >= engines, engines - seen.keys())
    check(f"{where}: nothing goes to another machine", not leaving, leaving)
    check(f"{where}: no name is resolved", not names, names)


def watch_works(folder):
    """What is looked for is seen when it is there."""
    script = """import contextlib, socket
with contextlib.suppress(OSError):
    socket.create_connection(("192.0.2.1", 9), 0.2)
with contextlib.suppress(OSError):
    socket.getaddrinfo("ecotone.invalid", 80)
"""
    log = folder / "self.txt"
    subprocess.run([*(namespace() or []), *trace(log), sys.executable, "-c", script, "ecotone_workers", "self_adapter"], check=True)
    found = calls(log)
    check("a connection is seen", any((destination(text) or ("",))[0] == "192.0.2.1" for _, call, text in found if call == "connect"), found)
    check("a resolution is seen", any('"/etc/resolv.conf"' in text or '"/etc/hosts"' in text for _, call, text in found if call == "openat"), found)
    check("and whose it is", {who for who, _, _ in found if who != "eco"} == {"self"}, {who for who, _, _ in found})


def main():
    everything = sys.argv[1:] == ["--all"]
    if everything:
        os.environ.pop("ECOTONE_PYTHON", None)
    listed = json.loads(subprocess.run([os.environ["ECO"], "engines", "--json"], stdout=subprocess.PIPE, check=True).stdout)["engines"]
    names = [e["name"] for e in listed if e["installed"]] if everything else ENGINES
    known = tomllib.loads((HERE.parents[1] / "python/ecotone_workers/engines.toml").read_text())["engine"]
    modules = {e.get("adapter", e["name"]) for e in known if e["name"] in names and not e.get("native")}
    print(f"engines: {', '.join(names)}")
    apart = namespace()
    with tempfile.TemporaryDirectory() as place:
        folder = Path(place)
        model = folder / "model.onnx"
        network = small_network(np.random.default_rng(0))
        for node in network.graph.node:
            if node.op_type == "Conv":  # x2paddle wants it
                node.attribute.append(onnx.helper.make_attribute("kernel_shape", [3, 3]))
        onnx.save(network, model)
        traced = bool(trace(folder / "probe.txt"))
        if not traced and not apart:
            sys.exit("neither strace nor unshare is there and permitted: nothing can be checked")
        if traced:
            watch_works(folder)
        else:
            print("strace is not there or not permitted: only whether engines run without a network is checked")
        rows = {}
        for where, prefix in (("without a network", apart), ("with the network", [])):
            if prefix is None:
                print("unshare -n is not permitted: only what is opened is checked")
                continue
            log = folder / "trace.txt"
            rows[where] = compare(model, names, prefix, log, folder / where.replace(" ", "-"))
            for name in names:
                row = rows[where].get(name, {})
                # Not "agrees": OpenVINO's default is bf16 where the processor has it.
                check(f"{where}: {name} runs", row.get("status") in ("timed", "disagrees"), row.get("verdict", "no row"))
            if traced:
                judge(log, where, modules)
        if len(rows) == 2:
            alone, online = rows.values()
            for name in names:
                errors = [r.get(name, {}).get("max_error") for r in (alone, online)]
                check(f"{name}: the same numbers", None not in errors and abs(errors[0] - errors[1]) <= 1e-6, errors)
    print(f"{COUNTS[True]} passed, {COUNTS[False]} failed")
    return 1 if COUNTS[False] else 0


if __name__ == "__main__":
    sys.exit(main())
