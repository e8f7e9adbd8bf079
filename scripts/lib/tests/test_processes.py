"""Child processes end with the script, however it ends."""

import os
import shutil
import signal
import subprocess
import sys
import tempfile
import unittest
from pathlib import Path

from .support import SCRIPTS, eventually

from lib import processes
from lib.console import ScriptError

# The child starts one of its own, as shell scripts do, which has to go with it.
# What runs in the background of a shell has SIGINT ignored, under nohup SIGHUP too; at a terminal neither is.
SCRIPT = """
import signal
signal.signal(signal.SIGINT, signal.default_int_handler)
signal.signal(signal.SIGHUP, signal.SIG_DFL)
import os, sys, time
from pathlib import Path
sys.path.insert(0, sys.argv[1])
from lib import processes
child = processes.spawn(
    "child", ["sh", "-c", "sleep 600 & echo $! > pid; wait"], Path(sys.argv[3]) / "log", os.environ, Path(sys.argv[3])
)
if sys.argv[2] == "stubborn":
    stubborn = ["sh", "-c", "trap '' TERM; while :; do sleep 1; done"]
    child = processes.spawn("stubborn", stubborn, Path(sys.argv[3]) / "log", os.environ, Path(sys.argv[3]))
    time.sleep(0.3)
    child.stop(timeout=0.5)
    sys.exit(7 if child.alive() else 0)
while not (Path(sys.argv[3]) / "pid").exists() or not (Path(sys.argv[3]) / "pid").read_text():
    time.sleep(0.02)
print(child.pid, flush=True)
if sys.argv[2] == "detach":
    child.detach()
if sys.argv[2] == "raise":
    raise ValueError("on purpose")
if sys.argv[2] == "wait":
    time.sleep(600)
"""


def exists(pid: int) -> bool:
    return processes._identity(pid) != ""


class ProcessesTest(unittest.TestCase):
    def setUp(self):
        self.folder = tempfile.mkdtemp()
        self.addCleanup(shutil.rmtree, self.folder)

    def run_script(self, mode, number=None):
        command = [sys.executable, "-c", SCRIPT, SCRIPTS, mode, self.folder]
        with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True) as script:
            child = int(script.stdout.readline())
            with open(os.path.join(self.folder, "pid"), encoding="utf-8") as file:
                grandchild = int(file.read())
            if number:
                script.send_signal(number)
            try:
                script.wait(30)
            finally:
                script.kill()
        return child, grandchild

    def assert_gone(self, pids):
        for pid in pids:
            self.assertTrue(eventually(lambda pid=pid: not exists(pid), 10), f"{pid} still runs")

    def test_gone_after_normal_end(self):
        self.assert_gone(self.run_script("end"))

    def test_gone_after_exception(self):
        self.assert_gone(self.run_script("raise"))

    def test_gone_after_signals(self):
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGKILL):
            with self.subTest(number.name):
                self.assert_gone(self.run_script("wait", number))
                os.remove(os.path.join(self.folder, "pid"))

    def test_detached_process_stays(self):
        child, grandchild = self.run_script("detach")
        self.addCleanup(lambda: exists(child) and os.killpg(child, signal.SIGKILL))
        self.assertTrue(exists(child) and exists(grandchild))

    def test_process_that_ignores_sigterm_is_killed(self):
        command = [sys.executable, "-c", SCRIPT, SCRIPTS, "stubborn", self.folder]
        self.assertEqual(subprocess.run(command, timeout=60).returncode, 0)

    def test_waiting_ends_when_the_process_ends(self):
        log = Path(self.folder) / "log"
        process = processes.spawn("short", ["sh", "-c", "echo the reason; exit 3"], log, os.environ, Path(self.folder))
        with self.assertRaisesRegex(ScriptError, "start of it: short ended(.|\n)*the reason"):
            processes.wait_until(lambda: False, 30, "start of it", [process])

    def test_a_reused_pid_is_another_process(self):
        known = processes.Process.from_json({"name": "old", "pid": os.getpid(), "identity": "0", "logs": []})
        self.assertFalse(known.alive())

    def test_free_ports_differ(self):
        ports = processes.free_ports(20)
        self.assertEqual(len(set(ports)), 20)
        self.assertTrue(all(processes.port_is_free(port) for port in ports))


if __name__ == "__main__":
    unittest.main()
