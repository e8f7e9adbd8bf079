"""What a JVM that runs holds: seen from outside, by jcmd and /proc, and for native handles by an agent that asks each copy of the library."""

import re
import subprocess
from functools import cached_property
from pathlib import Path
from typing import Dict, List, NamedTuple

from lib import processes
from lib.console import ScriptError

HERE = Path(__file__).resolve().parent
LIBRARY = "libflink_serving"


class Handles(NamedTuple):
    """Of all copies of the library that classes in the JVM have loaded, and of how many."""

    libraries: int
    models: int
    scorers: int
    bytes: int


class Jvm:
    """`scratch` is for the agent's jar and answers."""

    def __init__(self, pid: int, scratch: Path):
        self.pid = pid
        self._scratch = scratch
        self._agent = scratch / "live-handles.jar"

    def collect(self) -> None:
        """A full garbage collection, which also unloads classes."""
        self._jcmd("GC.run")

    def metaspace(self) -> int:
        """Bytes in use."""
        found = re.search(r"Metaspace\s+used (\d+)K", self._jcmd("GC.heap_info"))
        if not found:
            raise ScriptError("jcmd GC.heap_info tells no metaspace")
        return int(found.group(1)) * 1024

    def job_classloaders(self) -> int:
        """Classloaders of jobs that have not been collected."""
        return self._jcmd("VM.classloader_stats").count("ChildFirstClassLoader")

    def threads(self) -> List[str]:
        """Names of all Java threads."""
        return re.findall(r'^"([^"]*)"', self._jcmd("Thread.print"), re.MULTILINE)

    def mapped_libraries(self) -> int:
        """Copies of the native library in the address space, unlinked files included."""
        maps = Path(f"/proc/{self.pid}/maps").read_text(encoding="utf-8")
        return len({line.split()[4] for line in maps.splitlines() if LIBRARY in line})

    def handles(self) -> Handles:
        """Native handles that are not closed, in all classloaders that have not been collected."""
        if not self._agent.is_file():
            self._build_agent()
        answer = self._scratch / "live-handles.txt"
        answer.unlink(missing_ok=True)
        self._jcmd("JVMTI.agent_load", str(self._home / "lib" / "libinstrument.so"), f'"{self._agent}={answer}"')
        values: Dict[str, str] = dict(line.split("=", 1) for line in answer.read_text(encoding="utf-8").splitlines())
        if "failure" in values:
            raise ScriptError(f"the agent failed: {values['failure']}")
        return Handles(*(int(values[field]) for field in Handles._fields))

    @cached_property
    def _home(self) -> Path:
        return Path(self._jcmd("VM.system_properties").split("java.home=")[1].split("\n")[0].strip())

    def _build_agent(self) -> None:
        classes = self._scratch / "agent"
        java = Path(processes.java_executable())
        javac, jar = ((str(java.with_name(tool)) if java.parent.name else tool) for tool in ("javac", "jar"))
        manifest = self._scratch / "agent.mf"
        manifest.write_text("Agent-Class: LiveHandles\n", encoding="utf-8")
        subprocess.run([javac, "--release", "11", "-d", str(classes), str(HERE / "LiveHandles.java")], check=True)
        subprocess.run([jar, "--create", "--file", str(self._agent), "--manifest", str(manifest), "-C", str(classes), "."], check=True)

    def _jcmd(self, *command: str) -> str:
        done = subprocess.run(["jcmd", str(self.pid), *command], capture_output=True, text=True, timeout=60)
        if done.returncode != 0:
            raise ScriptError(f"jcmd {' '.join(command)}: {done.stdout}{done.stderr}")
        return done.stdout
