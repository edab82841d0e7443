"""The servers that are measured side by side: how each starts on loopback, on the same image, with its
own defaults (a cache where it has a choice, as most of them have no other)."""

import os
import shutil
import signal
import socket
import subprocess
import time

IQN = "iqn.2026-11.example.holdfast:bench"
PATIENCE_S = 20


class Missing(Exception):
    """This server cannot be had here: why."""


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def accepts(port):
    try:
        socket.create_connection(("127.0.0.1", port), timeout=1).close()
        return True
    except OSError:
        return False


def until(holds, what):
    end = time.monotonic() + PATIENCE_S
    while not holds():
        if time.monotonic() > end:
            raise Missing(f"{what} did not come up in {PATIENCE_S} s")
        time.sleep(0.05)


def program(name):
    found = shutil.which(name, path=os.environ.get("PATH", "") + ":/usr/sbin:/sbin")
    if not found:
        raise Missing(f"no {name} here")
    return found


class Server:
    """A process of somebody's that serves `url`; bound to one processor if `cpu` is given."""

    def __init__(self, name, folder, cpu):
        self.name, self.folder, self.cpu = name, folder, cpu
        self.process, self.pid, self.url = None, None, None

    def spawn(self, *command, **options):
        bind = (lambda: os.sched_setaffinity(0, {self.cpu})) if self.cpu is not None else None
        log = open(os.path.join(self.folder, f"{self.name}.log"), "ab")
        self.process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=log,
                                        stderr=subprocess.STDOUT, preexec_fn=bind, **options)
        self.pid = self.process.pid

    def stop(self):
        if self.process is None:
            return
        self.process.terminate()
        try:
            self.process.wait(timeout=5)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()


class Local(Server):
    """No server: the file itself, by io_uring."""

    def start(self, image):
        self.url = f"file://{image}"


class Holdfastd(Server):
    """`lun`: what it serves as LUN 0, in words of ietd.conf, if not the image with a write-back cache."""

    def __init__(self, name, folder, cpu, binary, lun=None, options=(), directives="",
                 environment=None):
        super().__init__(name, folder, cpu)
        self.binary, self.lun, self.options = binary, lun, options
        self.directives, self.environment = directives, environment

    def start(self, image):
        config = os.path.join(self.folder, f"{self.name}.conf")
        with open(config, "w", encoding="ascii") as file:
            lun = self.lun or f"Path={image},Type=fileio,IOMode=wb"
            file.write(f"Target {IQN}\n    Lun 0 {lun}\n{self.directives}")
        told, tells = os.pipe()
        self.spawn(self.binary, "-f", "-c", config, "-a", "127.0.0.1", "-p", "0", "--control",
                   os.path.join(self.folder, f"{self.name}.control"), "--ready-fd", str(tells),
                   *self.options, pass_fds=[tells], env=self.environment)
        os.close(tells)
        with open(told, encoding="ascii") as ready:
            words = ready.readline().split()
        if len(words) != 2:
            raise Missing("holdfastd did not get ready")
        self.url = f"iscsi://{words[1]}/{IQN}/0"


class Tgt(Server):
    def start(self, image):
        port = free_port()
        channel = str(port % 30000 + 100)
        daemon, admin = program("tgtd"), [program("tgtadm"), "-C", channel, "--lld", "iscsi"]
        self.spawn(daemon, "-f", "-C", channel, "--iscsi", f"portal=127.0.0.1:{port}")

        def ask(*words):
            return subprocess.run([*admin, *words], capture_output=True, check=False).returncode == 0

        until(lambda: ask("--op", "show", "--mode", "target"), "tgtd")
        for words in (("--op", "new", "--mode", "target", "--tid", "1", "-T", IQN),
                      ("--op", "new", "--mode", "logicalunit", "--tid", "1", "--lun", "1", "-b", image),
                      ("--op", "bind", "--mode", "target", "--tid", "1", "-I", "ALL")):
            if not ask(*words):
                raise Missing(f"tgtadm {' '.join(words)} failed")
        self.url = f"iscsi://127.0.0.1:{port}/{IQN}/1"

    def stop(self):
        if self.process is not None:
            self.process.send_signal(signal.SIGKILL)  # it ignores SIGTERM while it has targets
        super().stop()


class Istgt(Server):
    CONFIG = """[Global]
  NodeBase "{node}"
  PidFile {folder}/istgt.pid
  AuthFile {folder}/istgt-auth.conf
  LogFacility "local7"
  Timeout 30
  NopInInterval 20
  DiscoveryAuthMethod Auto
  MaxSessions 16
  MaxConnections 4
  FirstBurstLength 262144
  MaxBurstLength 1048576
  MaxRecvDataSegmentLength 262144
  InitialR2T Yes
  ImmediateData Yes
[UnitControl]
  AuthMethod Auto
  AuthGroup AuthGroup1
  Portal UC1 127.0.0.1:{control}
  Netmask 127.0.0.1
[PortalGroup1]
  Portal DA1 127.0.0.1:{port}
[InitiatorGroup1]
  InitiatorName "ALL"
  Netmask 127.0.0.1
[LogicalUnit1]
  TargetName bench
  Mapping PortalGroup1 InitiatorGroup1
  AuthMethod Auto
  AuthGroup AuthGroup1
  UseDigest Auto
  UnitType Disk
  QueueDepth 128
  LUN0 Storage {image} Auto
"""

    def start(self, image):
        port = free_port()
        daemon = program("istgt")
        secrets = os.path.join(self.folder, "istgt-auth.conf")
        os.close(os.open(secrets, os.O_CREAT | os.O_WRONLY, 0o600))
        config = os.path.join(self.folder, "istgt.conf")
        with open(config, "w", encoding="ascii") as file:
            file.write(self.CONFIG.format(node=IQN.split(":")[0], folder=self.folder, port=port,
                                          control=free_port(), image=image))
        self.spawn(daemon, "-c", config, "-D")
        until(lambda: accepts(port), "istgt")
        self.url = f"iscsi://127.0.0.1:{port}/{IQN}/0"


class Nbdkit(Server):
    def start(self, image):
        port = free_port()
        self.spawn(program("nbdkit"), "-f", "-i", "127.0.0.1", "-p", str(port), "file", image)
        until(lambda: accepts(port), "nbdkit")
        self.url = f"nbd://127.0.0.1:{port}/?connections=1"


class QemuNbd(Server):
    def start(self, image):
        port = free_port()
        self.spawn(program("qemu-nbd"), "-f", "raw", "--cache=writeback", "--aio=io_uring", "-t",
                   "-e", "8", "-b", "127.0.0.1", "-p", str(port), image)
        until(lambda: accepts(port), "qemu-nbd")
        self.url = f"nbd://127.0.0.1:{port}/?connections=1"


class NbdServer(Server):
    def start(self, image):
        port = free_port()
        config = os.path.join(self.folder, "nbd-server.conf")
        with open(config, "w", encoding="ascii") as file:
            file.write(f"[generic]\nlistenaddr = 127.0.0.1\nport = {port}\nallowlist = true\n"
                       f"[disk]\nexportname = {image}\nflush = true\nfua = true\n")
        pids = os.path.join(self.folder, "nbd-server.pid")
        self.spawn(program("nbd-server"), "-C", config, "-p", pids)
        self.process.wait()  # it goes on in the background
        until(lambda: os.path.exists(pids) and os.path.getsize(pids) > 0 and accepts(port), "nbd-server")
        with open(pids, encoding="ascii") as file:
            self.pid = int(file.read())
        self.url = f"nbd://127.0.0.1:{port}/disk?connections=1"

    def stop(self):
        if self.pid is not None and self.process is not None:
            os.kill(self.pid, signal.SIGTERM)
