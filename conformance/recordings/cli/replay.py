#!/usr/bin/env python3
"""Plays recorded command-line transcripts against a `micro` and compares.

replay.py [--micro PATH] [--peer PATH] [--micro-go PATH] [--dir DIR]... [--only REGEX] [--setup NAME] [--self]
          [--strict] [--verbose] [--list] [--gate FILE]

--micro     the program under test (default: `micro` in PATH)
--peer      the Go peer, built from ../../peers/go (default: $GO_BIN/peer)
--micro-go  the Go micro v2.9.3 that plays the services of the set-ups (default: $GO_BIN/micro)
--self      let the program under test play the services of the set-ups too
--strict    also compare what is marked as a deliberate difference ("fix")
--gate      play what FILE says is built, and fail unless exactly the differences it names are found
Last line: `cli: P of N` (and how many were skipped or differ by design).

Every set-up runs in its own network and mount namespace (unshare -rnm), so that ports, multicast and the state file
of the user's home stay private. README.md describes the fields of a transcript.
"""
import argparse, base64, json, os, re, shutil, signal, socket, subprocess, sys, tempfile, threading, time, urllib.request

HERE = os.path.dirname(os.path.abspath(__file__))
NS = "MICRO_GOLDEN_NS"
os.environ["PATH"] = os.environ.get("PATH", "") + ":/usr/sbin:/sbin"   # Debian keeps daemons there

# ---------------------------------------------------------------- text

COMMON_MASKS = [
    [r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}", "<uuid>"],
    [r"(?m)^\d{4}-\d\d-\d\d \d\d:\d\d:\d\d *", "<time> "],
    [r"file=\S+:\d+", "file=<src>"],
    ["proto:\u00a0", "proto: "],   # protobuf-go picks either blank by a hash of its binary
]

def normalise(text, how):
    if "metadata" in how:                                    # k=v,k=v in any order
        def fix(m):
            return m.group(1) + ",".join(sorted(m.group(2).split(",")))
        text = re.sub(r"(?m)^((?:Metadata: )|(?:\S+\t\S+\t))(\S+=\S*(?:,\S+=\S*)+)$", fix, text)
    if "json" in how:
        try: text = json.dumps(json.loads(text), sort_keys=True, indent=1)
        except ValueError: pass
    if "jsonset" in how:                                     # JSON with lists in any order
        def srt(v):
            if isinstance(v, dict): return {k: srt(x) for k, x in v.items()}
            return sorted((srt(x) for x in v), key=lambda x: json.dumps(x, sort_keys=True)) if isinstance(v, list) else v
        try: text = json.dumps(srt(json.loads(text)), sort_keys=True, indent=1)
        except ValueError: pass
    if "jsonstream" in how:                                  # concatenated JSON values
        out, i, d = [], 0, json.JSONDecoder()
        try:
            while i < len(text):
                while i < len(text) and text[i].isspace(): i += 1
                if i == len(text): break
                if text[i] not in "{[": out.append(text[i:]); break
                v, i = d.raw_decode(text, i); out.append(json.dumps(v, sort_keys=True))
            text = "\n".join(out)
        except ValueError: pass
    if "blocks" in how:                                      # version blocks in any order: the lines as a set
        text = "\n".join(sorted(l for l in text.split("\n") if l.strip()))
    if "unique" in how: text = "\n".join(sorted(set(text.split("\n"))))   # lines as a set
    if "sort" in how: text = "\n".join(sorted(text.split("\n")))
    if "space" in how: text = "\n".join(re.sub(r"[ \t]+", " ", l).rstrip() for l in text.split("\n"))
    return text

def mask(text, masks, tmp):
    text = text.replace(tmp, "${TMP}")
    for rx, to in list(masks) + COMMON_MASKS: text = re.sub(rx, to, text)
    return text

def parse_help(text):
    """The machine-readable part of a help page: subcommands and flags with environment variables and defaults."""
    cmds, flags, part = [], [], ""
    for line in text.split("\n"):
        m = re.match(r"^([A-Z ]+):$", line)
        if m: part = m.group(1); continue
        if part == "COMMANDS" and line.startswith("   ") and line.strip():
            names = re.match(r"^   ((?:\S+, )*\S+)", line).group(1).split(", ")
            cmds.append(names[0])
        if part in ("OPTIONS", "GLOBAL OPTIONS") and line.lstrip().startswith("--"):
            f = {"names": [], "value": False, "env": re.findall(r"\$(MICRO_\w+|\w+)", (re.findall(r"\[([^\]]*)\]$", line.rstrip()) or [""])[0])}
            spec = re.split(r"  +", line.strip())[0]
            for p in spec.split(", "):
                n = re.match(r"^--?([\w-]+)( value)?$", p)
                if n:
                    f["names"].append(n.group(1)); f["value"] |= bool(n.group(2))
            d = re.findall(r"\(default: (.*?)\)(?: \[|$)", line.rstrip())
            if d: f["default"] = d[-1].strip('"')
            if f["names"]: flags.append(f)
    return {"commands": sorted(c for c in cmds if c != "help"), "flags": sorted(flags, key=lambda f: f["names"][0])}

# ---------------------------------------------------------------- world

class Skip(Exception): pass

class World:
    """One set-up: its processes, its scratch folder, its environment."""
    def __init__(self, name, setups, progs, log=lambda s: None):
        self.name, self.setups, self.progs, self.log = name, setups, progs, log
        self.tmp = os.environ["MICRO_GOLDEN_TMP"]
        self.procs, self.env = {}, {}
    def sub(self, s):
        for k, v in {"TMP": self.tmp, "HOME": self.tmp + "/home", **self.progs}.items():
            s = s.replace("${" + k + "}", v)
        return s
    def base_env(self):
        e = {k: os.environ[k] for k in ("PATH", "LANG", "SSL_CERT_FILE", "GOCACHE", "GOMODCACHE", "GOPATH", "GOFLAGS", "GOPROXY", "GONOSUMDB", "GOSUMDB") if k in os.environ}
        e.update(HOME=self.tmp + "/home", TMPDIR=self.tmp, MICRO_REPORT_USAGE="false", TERM="dumb", NO_COLOR="1", TZ="UTC", GOGC="200")
        return e
    def chain(self, name):
        s = self.setups[name]
        return (self.chain(s["extends"]) if "extends" in s else []) + [s]
    def start(self):
        for s in self.chain(self.name):
            self.env.update(s.get("env", {}))
            for p in s.get("procs", []): self.spawn(p)
            time.sleep(s.get("settle", 0))
        if "etcd" in self.procs: self.at_start = self.etcd("/micro/registry/")
    def clean(self):
        """Removes the records that the last group left in etcd."""
        if "etcd" not in self.procs: return
        for k in self.etcd("/micro/registry/"):
            if k not in self.at_start and not k.startswith("/micro/registry/micro.http.broker/"):
                r = urllib.request.Request("http://127.0.0.1:32379/v3/kv/deleterange", json.dumps({"key": base64.b64encode(k.encode()).decode()}).encode())
                urllib.request.urlopen(r, timeout=5).read()
    def spawn(self, p):
        argv = [self.sub(a) for a in p["argv"]]
        if not shutil.which(argv[0]): raise Skip("no program %s" % argv[0])
        for path, text in p.get("files", {}).items():
            path = self.sub(path); os.makedirs(os.path.dirname(path), exist_ok=True)
            open(path, "w").write(text)
            if text.startswith("#!"): os.chmod(path, 0o755)
        env = self.base_env(); env.update({k: self.sub(v) for k, v in p.get("env", {}).items()})
        log = "%s/%s.log" % (self.tmp, p["name"]); f = open(log, "ab")
        self.log("start %s: %s" % (p["name"], " ".join(argv)))
        os.makedirs(self.tmp + "/run-" + p["name"], exist_ok=True)
        proc = subprocess.Popen(argv, env=env, stdout=f, stderr=f, stdin=subprocess.DEVNULL, start_new_session=True, cwd=self.tmp + "/run-" + p["name"])
        self.procs[p["name"]] = (proc, log)
        end = time.time() + p.get("patience", 20)
        ready = p.get("ready", {})
        while ready:
            if proc.poll() is not None: raise Skip("%s ended: %s" % (p["name"], open(log).read()[-300:]))
            if time.time() > end: raise Skip("%s not ready: %s" % (p["name"], open(log).read()[-300:]))
            if "tcp" in ready:
                h, port = ready["tcp"].rsplit(":", 1)
                try: socket.create_connection((h, int(port)), 1).close(); break
                except OSError: pass
            if "etcd" in ready:
                try:
                    if len(self.etcd(ready["etcd"])) >= ready.get("count", 1): break
                except OSError: pass
            if "log" in ready and re.search(ready["log"], open(log, errors="replace").read()): break
            if "cli" in ready:
                env2 = self.base_env(); env2.update({k: self.sub(v) for k, v in {**self.env, **ready.get("env", {})}.items()})
                out = subprocess.run([self.progs["MICRO_GO"]] + ready["cli"], env=env2, capture_output=True, stdin=subprocess.DEVNULL).stdout.decode()
                if all(re.search(x, out) for x in ready["all"]): break
                time.sleep(.5)
            time.sleep(.05)
        time.sleep(p.get("settle", 0))
    def stop(self):
        for name, (p, log) in reversed(list(self.procs.items())):
            if p.poll() is None:
                try: os.killpg(p.pid, signal.SIGTERM)
                except ProcessLookupError: pass
        for name, (p, log) in self.procs.items():
            try: p.wait(3)
            except subprocess.TimeoutExpired:
                try: os.killpg(p.pid, signal.SIGKILL)
                except ProcessLookupError: pass
                p.wait()
    def reset_home(self):
        for d in ("home", "work"):
            shutil.rmtree("%s/%s" % (self.tmp, d), ignore_errors=True); os.makedirs("%s/%s" % (self.tmp, d))
    def size(self, name): return os.path.getsize(self.procs[name][1])
    def etcd(self, prefix):
        k = base64.b64encode(prefix.encode()).decode()
        e = base64.b64encode(prefix.encode()[:-1] + bytes([prefix.encode()[-1] + 1])).decode()
        r = urllib.request.Request("http://127.0.0.1:32379/v3/kv/range", json.dumps({"key": k, "range_end": e}).encode())
        kvs = json.load(urllib.request.urlopen(r, timeout=5)).get("kvs", [])
        return {base64.b64decode(x["key"]).decode(): base64.b64decode(x.get("value", "")).decode() for x in kvs}

    def run(self, case):
        """Runs one case and returns what was observed, masked."""
        env = self.base_env()
        env.update({k: self.sub(v) for k, v in {**self.env, **case.get("env", {})}.items()})
        for path, text in case.get("files", {}).items():
            path = self.sub(path)
            if not path.startswith("/"): path = self.tmp + "/work/" + path
            os.makedirs(os.path.dirname(path), exist_ok=True); open(path, "w").write(text)
            if text.startswith("#!"): os.chmod(path, 0o755)
        watch = case.get("watch", {})                         # process name -> regex of log lines to record
        at = {n: self.size(n) for n in watch}
        argv = [self.progs["MICRO"]] + [self.sub(a) for a in case["argv"]]
        time.sleep(case.get("delay", 0))
        p = subprocess.Popen(argv, env=env, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, cwd=self.tmp + "/work", start_new_session=True)
        timer = None
        if "interrupt" in case:
            timer = threading.Timer(case["interrupt"], lambda: p.poll() is None and p.send_signal(signal.SIGINT)); timer.start()
        stdin = self.sub(case.get("stdin") or "").encode()
        try: out, err = p.communicate(stdin, timeout=case.get("timeout", 40)); code = p.returncode
        except subprocess.TimeoutExpired:
            os.killpg(p.pid, signal.SIGKILL); out, err = p.communicate(); code = "timeout"
        if timer: timer.cancel()
        masks = case.get("mask", [])
        got = {"exit": code, "stdout": mask(out.decode("utf-8", "replace"), masks, self.tmp), "stderr": mask(err.decode("utf-8", "replace"), masks, self.tmp)}
        if watch:
            got["logs"] = {}
            for n, rx in watch.items():
                want = len(case.get("logs", {}).get(n, [])) or 1
                end = time.time() + case.get("log_wait", 3)
                while True:
                    f = open(self.procs[n][1], "rb"); f.seek(at[n])
                    lines = [l for l in f.read().decode("utf-8", "replace").split("\n") if re.search(rx, l)]
                    if len(lines) >= want or time.time() > end: break
                    time.sleep(.05)
                if not case.get("logs"): time.sleep(.5); f.seek(at[n]); lines = [l for l in f.read().decode("utf-8", "replace").split("\n") if re.search(rx, l)]
                got["logs"][n] = sorted(mask(l, masks, self.tmp) for l in lines)
        if "etcd_prefix" in case: got["etcd"] = {mask(k, masks, self.tmp): mask(v, masks, self.tmp) for k, v in self.etcd(case["etcd_prefix"]).items()}
        if "look" in case:                                    # files to look at afterwards
            got["files_after"] = {}
            for path in case["look"]:
                try: got["files_after"][path] = mask(open(self.sub(path)).read(), masks, self.tmp)
                except OSError: got["files_after"][path] = None
        if case.get("help"): got["help"] = parse_help(got.pop("stdout")); got.pop("stderr")
        return got

def compare(case, got):
    """The list of differences between a recorded case and what was observed."""
    how, bad = case.get("norm", []), []
    if case["exit"] != got["exit"]: bad.append("exit %s, recorded %s" % (got["exit"], case["exit"]))
    if case.get("help"):
        want, have = case["expect_help"], got["help"]
        miss = [c for c in want["commands"] if c not in have["commands"]]
        if miss: bad.append("commands missing: " + " ".join(miss))
        byname = {n: f for f in have["flags"] for n in f["names"]}
        for f in want["flags"]:
            g = next((byname[n] for n in f["names"] if n in byname), None)
            if g is None: bad.append("flag missing: " + f["names"][0]); continue
            lost = [n for n in f["names"] if n not in g["names"]]
            if lost: bad.append("flag %s lost names %s" % (f["names"][0], lost))
            if [e for e in f["env"] if e not in g["env"]]: bad.append("flag %s: env %s, recorded %s" % (f["names"][0], g["env"], f["env"]))
            if f["value"] != g["value"]: bad.append("flag %s: takes value %s, recorded %s" % (f["names"][0], g["value"], f["value"]))
        return bad
    # the text of an error, and whatever the interactive prompt answers, may be on either stream
    one = "one_stream" in how or (case["exit"] not in (0, None) and got["exit"] == case["exit"]) or ("error_stream" in how and got["exit"] not in (0, None))
    if "stdout_has" in case:
        for x in case["stdout_has"]:
            if not re.search(x, got["stdout"]): bad.append("stdout lacks /%s/: %r" % (x, got["stdout"][:300]))
    elif one and not case.get("ignore_stdout"):
        def both(c): return normalise(c["stdout"] + ("" if case.get("ignore_stderr") else c["stderr"]), how + ["space"]).strip()
        if both(case) != both(got): bad.append("output differs:\n  recorded %r\n  got      %r" % (both(case)[:600], both(got)[:600]))
    else:
        for k in ("stdout", "stderr"):
            if case.get("ignore_" + k) or (one and k == "stderr"): continue
            x, y = normalise(case[k], how), normalise(got[k], how)
            if x != y: bad.append("%s differs:\n  recorded %r\n  got      %r" % (k, x[:600], y[:600]))
    for k in ("logs", "files_after"):
        if k in case and case[k] != got.get(k): bad.append("%s differs:\n  recorded %s\n  got      %s" % (k, json.dumps(case[k])[:900], json.dumps(got.get(k))[:900]))
    if "etcd" in case:
        def load(d): return {k: (json.loads(v) if v.startswith("{") else v) for k, v in d.items()}
        if load(case["etcd"]) != load(got["etcd"]): bad.append("etcd differs:\n  recorded %s\n  got      %s" % (json.dumps(case["etcd"])[:900], json.dumps(got["etcd"])[:900]))
    return bad

# ---------------------------------------------------------------- namespaces

def enter_namespace():
    """Re-executes this program in fresh user, network and mount namespaces; in there, prepares the loopback."""
    if os.environ.get(NS) == "1":
        tmp = os.environ["MICRO_GOLDEN_TMP"]
        os.makedirs(tmp + "/home", exist_ok=True)
        open(tmp + "/passwd", "w").write("root:x:0:0:root:%s/home:/bin/sh\n" % tmp)
        for c in (["mount", "--bind", tmp + "/passwd", "/etc/passwd"], ["ip", "link", "set", "lo", "up"], ["ip", "link", "set", "lo", "multicast", "on"],
                  ["ip", "addr", "add", "10.9.0.1/24", "dev", "lo"], ["ip", "route", "add", "224.0.0.0/4", "dev", "lo"]):
            r = subprocess.run(c, capture_output=True)
            if r.returncode: print("warning: %s: %s" % (" ".join(c), r.stderr.decode().strip()))
        try: open("/proc/sys/net/ipv4/ip_local_port_range", "w").write("40000 60000")   # keeps random ports away from the fixed ones
        except OSError as e: print("warning: ip_local_port_range: %s" % e)
        return
    tmp = tempfile.mkdtemp(prefix="mg", dir="/tmp")
    os.environ.update({NS: "1", "MICRO_GOLDEN_TMP": tmp})
    try: r = subprocess.run(["unshare", "-rnm", sys.executable] + sys.argv)
    except FileNotFoundError: sys.exit("unshare is needed")
    shutil.rmtree(tmp, ignore_errors=True)
    sys.exit(r.returncode)

def load(dirs, only="", setup=""):
    setups, cases = {}, []
    for d in dirs:
        if os.path.exists(d + "/setups.json"): setups.update(json.load(open(d + "/setups.json"))["setups"])
        for f in sorted(os.listdir(d)):
            if f.endswith(".jsonl"):
                cases += [dict(json.loads(l), file=f) for l in open(os.path.join(d, f)) if l.strip()]
    return setups, [c for c in cases if re.search(only, c["id"]) and (not setup or c["setup"] == setup)]

def each(setups, cases, progs, verbose=False):
    """Yields (case, observed or None, reason) for every case, one set-up after the other, groups in order."""
    names = []
    for c in cases:
        if c["setup"] not in names: names.append(c["setup"])
    for name in names:
        w = World(name, setups, progs, (lambda s: print("  " + s, flush=True)) if verbose else (lambda s: None))
        reason = ""
        try:
            try: w.reset_home(); w.start()
            except Skip as e: reason = str(e)
            group = None
            for c in [c for c in cases if c["setup"] == name]:
                if reason: yield c, None, reason; continue
                g = c.get("group", c["id"])
                if g != group: w.reset_home(); w.clean(); group = g
                yield c, w.run(c), ""
        finally:
            w.stop()
            for d in os.listdir(w.tmp):
                if d not in ("home", "work", "passwd"):
                    q = os.path.join(w.tmp, d)
                    shutil.rmtree(q, ignore_errors=True) if os.path.isdir(q) else os.unlink(q)

def main(dirs=None):
    a = argparse.ArgumentParser(); go = os.environ.get("GO_BIN") or os.path.expanduser("~/.cache/micro-peers/bin")
    a.add_argument("--micro", default=shutil.which("micro") or "micro"); a.add_argument("--peer", default=go + "/peer"); a.add_argument("--micro-go", default=go + "/micro")
    a.add_argument("--dir", action="append"); a.add_argument("--only", default=""); a.add_argument("--setup", default="")
    a.add_argument("--self", action="store_true"); a.add_argument("--strict", action="store_true"); a.add_argument("--verbose", action="store_true"); a.add_argument("--list", action="store_true"); a.add_argument("--gate")
    o = a.parse_args()
    gate = json.load(open(o.gate)) if o.gate else None
    if gate: o.only = o.only or gate["only"]
    setups, cases = load((dirs or []) + (o.dir or [] if dirs else o.dir or [HERE]), o.only, o.setup)
    if not setups: setups = json.load(open(HERE + "/setups.json"))["setups"]
    if o.list:
        for c in cases: print(c["id"], c["setup"], " ".join(c["argv"]))
        return
    enter_namespace()
    micro = os.path.abspath(shutil.which(o.micro) or o.micro)
    progs = {"MICRO": micro, "MICRO_GO": micro if o.self else os.path.abspath(o.micro_go), "PEER": os.path.abspath(o.peer), "GO_BIN": os.path.abspath(go or ".")}
    good = total = design = skipped = 0
    failed, played = set(), set()
    for c, got, why in each(setups, cases, progs, o.verbose):
        played.add(c["id"])
        if got is None: print("skip %s: %s" % (c["id"], why)); skipped += 1; continue
        bad = compare(c, got)
        if bad and c.get("fix") and not o.strict:
            design += 1; print("differs by design %s: %s" % (c["id"], c["fix"])); continue
        if bad and c.get("flaky") and os.path.realpath(micro) == os.path.realpath(o.micro_go) and not o.strict:
            design += 1; print("flaky in the Go program %s: %s" % (c["id"], c["flaky"])); continue
        total += 1; good += not bad
        if bad: failed.add(c["id"])
        print(("ok   " if not bad else "FAIL ") + c["id"] + "".join("\n  " + b for b in bad), flush=True)
    print("cli: %d of %d (%d skipped, %d differ by design)" % (good, total, skipped, design))
    sys.exit(judge(gate, played, failed, good, total, design, skipped) if gate else 0 if good == total and not skipped else 1)

def judge(gate, played, failed, good, total, design, skipped):
    """Compares what was found with what is accepted, and returns the exit status."""
    named = {i: why for group in gate["accepted"] for i, why in group["cases"].items()}
    wrong = ["%s differs, and is not named" % i for i in sorted(failed - set(named))]
    wrong += ["%s is named as different, and is equal" % i for i in sorted((set(named) & played) - failed)]
    wrong += ["%s is named without a reason" % i for i, why in sorted(named.items()) if not why.strip()]
    if skipped: wrong.append("%d skipped" % skipped)
    share = 100.0 * good / total if total else 0
    if share < gate["least"]: wrong.append("%.1f %% equal, at least %s %% must be" % (share, gate["least"]))
    for line in wrong: print("gate: " + line)
    print("gate: %.1f %% of %d equal; %d differences named, %d differ by design: %s" % (share, total, len(failed), design, "failed" if wrong else "passed"))
    return 1 if wrong else 0

if __name__ == "__main__":
    # Started in the background it may ignore SIGINT, and so would the programs that are to be interrupted.
    signal.signal(signal.SIGINT, signal.default_int_handler)
    main()
