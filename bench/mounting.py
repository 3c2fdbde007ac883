"""Mounts for measurements: whatever happens, they are gone afterwards, and nothing waits for a mount for ever."""
import contextlib
import glob
import os
import re
import subprocess
import sys
import tempfile
import time

TOP = os.path.dirname(os.path.dirname(os.path.realpath(__file__)))
PATIENCE = 900
URING = "/sys/module/fuse/parameters/enable_uring"


def limited(command, seconds=PATIENCE):
    """Whatever hangs in a mount is killed: requests of the dead end."""
    return ["timeout", "-k", "5", str(seconds), *command]


def run(command, seconds=PATIENCE, **more):
    """Seconds that it took."""
    more = {"stdout": subprocess.DEVNULL, "stdin": subprocess.DEVNULL} | more
    start = time.monotonic()
    status = subprocess.run(limited(command, seconds), check=False, **more).returncode
    if status != 0:
        raise RuntimeError(f"exit status {status}: {' '.join(command)[:200]}")
    return time.monotonic() - start


def output(command):
    return subprocess.run(limited(command), check=True, capture_output=True).stdout


def java(program):
    return output([f"{TOP}/tools/find-java"]).decode().strip() + "/bin/" + program


def distribution():
    """The bin directory of COMPOSEFS_BIN, or of ./dev dist."""
    made = [os.environ.get("COMPOSEFS_BIN"), *glob.glob(f"{TOP}/dist/target/composefs4j-*/bin")]
    found = next((path for path in made if path and os.path.isdir(path)), None)
    if not found:
        sys.exit("there is no distribution: run ./dev dist, or set COMPOSEFS_BIN")
    if os.geteuid() != 0:
        sys.exit("mounting needs root")
    return found


def turn(how):
    """FUSE over io_uring, "Y" or "N", for what is mounted from now on."""
    with open(URING, "w", encoding="ascii") as switch:
        switch.write(how)


@contextlib.contextmanager
def slow_disk(path, megabytes):
    """The disk of a path reads so many MB a second for this process and its children, by the block I/O controller (v1)."""
    device = f"/sys/dev/block/{os.major(os.stat(path).st_dev)}:{os.minor(os.stat(path).st_dev)}"
    if os.path.exists(f"{device}/partition"):
        device = f"{device}/.."
    with open(f"{device}/dev", encoding="ascii") as file:
        number = file.read().strip()
    with tempfile.TemporaryDirectory() as root:
        run(["mount", "-t", "cgroup", "-o", "blkio", "none", root])
        own = f"{root}/composefs-bench"
        try:
            os.makedirs(own, exist_ok=True)
            for file, text in (("blkio.throttle.read_bps_device", f"{number} {megabytes * 1000000}"),
                               ("cgroup.procs", str(os.getpid()))):
                with open(f"{own}/{file}", "w", encoding="ascii") as setting:
                    setting.write(text)
            yield
        finally:
            with open(f"{root}/cgroup.procs", "w", encoding="ascii") as setting:
                setting.write(str(os.getpid()))
            os.rmdir(own)
            run(["umount", root])


def is_mounted(point):
    with open("/proc/self/mountinfo", encoding="utf-8", errors="surrogateescape") as table:
        return any(line.split()[4] == point for line in table)


class Served:
    """A server whose mounts answer."""

    def __init__(self, seconds, process):
        self.seconds, self.process = seconds, process

    def megabytes(self, kind):
        """Pss or Rss."""
        try:
            text = open(f"/proc/{self.process.pid}/smaps_rollup", encoding="ascii").read()
        except OSError:  # the kernel serves
            return 0.0
        return int(re.search(rf"^{kind}:\s+(\d+)", text, re.M).group(1)) * 1024 / 1e6

    def descriptors(self):
        return len(os.listdir(f"/proc/{self.process.pid}/fd"))


@contextlib.contextmanager
def served(command, points):
    """Starts a server and waits until its mounts answer; no inode of other mounts is known to the kernel."""
    with open("/proc/sys/vm/drop_caches", "w", encoding="ascii") as caches:
        caches.write("2")
    log = tempfile.TemporaryFile()
    start = time.monotonic()
    process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=log)
    try:
        while not all(map(is_mounted, points)):
            if process.poll() not in (None, 0) or time.monotonic() - start > 60:
                log.seek(0)
                raise RuntimeError("did not mount: " + " ".join(command) + "\n" + log.read().decode())
            time.sleep(0.001)
        for point in points:
            run(["stat", point + "/."], 20)
        yield Served(time.monotonic() - start, process)
    finally:
        for point in points:
            if is_mounted(point):
                subprocess.run(limited(["umount", "-l", point], 20), check=False)
        try:
            process.wait(10)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
        log.close()
