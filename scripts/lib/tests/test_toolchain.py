"""The checks of tools and of FLINK_HOME, on programs and folders made for the test."""

import contextlib
import io
import os
import shutil
import tempfile
import unittest
from pathlib import Path
from unittest import mock

from . import support  # noqa: F401

from lib import toolchain
from lib.console import ScriptError
from lib.flink_distribution import flink_home

GOOD = {
    "java": 'openjdk version "17.0.1" 2021-10-19',
    "javac": "javac 17.0.1",
    "mvn": "\x1b[1mApache Maven 3.8.7\x1b[m",
    "rustc": "rustc 1.95.0 (abc 2026-01-01)",
    "cargo": "cargo 1.95.0 (abc 2026-01-01)",
    "cc": "cc (Debian) 12",
}


class ToolchainTest(unittest.TestCase):
    def setUp(self):
        self.folder = Path(tempfile.mkdtemp())
        self.addCleanup(shutil.rmtree, self.folder)
        environment = {"PATH": str(self.folder), "HOME": str(self.folder)}
        patch = mock.patch.dict(os.environ, environment, clear=True)
        patch.start()
        self.addCleanup(patch.stop)

    def programs(self, **changes):
        for name, output in {**GOOD, **changes}.items():
            if output is not None:
                self.program(self.folder / name, f"printf '%s\\n' '{output}'")

    def program(self, path, body):
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(f"#!/bin/sh\n{body}\n", encoding="utf-8")
        path.chmod(0o755)

    def complaint(self, **arguments):
        with self.assertRaises(ScriptError) as raised:
            toolchain.require(**arguments)
        return str(raised.exception)

    def test_complete_machine_passes(self):
        self.programs()
        toolchain.require()

    def test_everything_missing_is_named_at_once(self):
        complaint = self.complaint()
        for program in ("java", "mvn", "rustc", "cc"):
            self.assertIn(f"no {program} on the PATH", complaint)

    def test_old_versions_are_named(self):
        self.programs(java='openjdk version "11.0.2"', mvn="Apache Maven 3.6.3", rustc="rustc 1.90.0")
        complaint = self.complaint()
        self.assertIn("is version 11.0.2; 17 or later is needed", complaint)
        self.assertIn("is version 3.6.3; 3.8 or later is needed", complaint)
        self.assertIn("is version 1.90.0; 1.91 or later is needed", complaint)

    def test_java_8_is_not_version_1(self):
        self.programs(java='openjdk version "1.8.0_292"')
        self.assertIn("is version 8.0; 17", self.complaint())

    def test_jre_without_compiler_is_not_enough(self):
        self.programs(javac=None)
        self.assertIn("JDK: no javac on the PATH", self.complaint())

    def test_java_home_decides(self):
        self.programs()
        self.program(self.folder / "jdk" / "bin" / "java", "echo openjdk version 11.0.2")
        os.environ["JAVA_HOME"] = str(self.folder / "jdk")
        complaint = self.complaint()
        self.assertIn(f"{self.folder}/jdk/bin/java is version 11.0.2", complaint)
        self.assertIn("set JAVA_HOME", complaint)

    def test_only_the_tools_asked_for_are_checked(self):
        self.programs(rustc=None, cargo=None)
        toolchain.require(tools=["java", "maven"])

    def test_commands_come_from_what_apt_offers(self):
        self.programs(mvn=None, rustc=None, cargo=None)
        self.program(self.folder / "apt-get", "exit 0")
        self.program(self.folder / "apt-cache", self.offers(maven="3.8.7", rustup="1.27"))
        complaint = self.complaint()
        self.assertIn("apt-get install -y maven", complaint)
        self.assertIn("apt-get install -y rustup && rustup toolchain install stable", complaint)
        self.assertIn("--install", complaint)

    def test_an_old_compiler_from_apt_is_not_offered(self):
        self.programs(rustc=None, cargo=None)
        self.program(self.folder / "apt-get", "exit 0")
        self.program(self.folder / "apt-cache", self.offers(rustc="1.63.0", cargo="0.66"))
        self.assertIn("https://rustup.rs", self.complaint())

    def test_a_compiler_kept_for_browsers_is_offered(self):
        self.programs(rustc=None, cargo=None)
        self.program(self.folder / "apt-get", "exit 0")
        self.program(self.folder / "apt-cache", self.offers(**{"rustc-web": "1.96.0", "cargo-web": "1.96.0"}))
        self.assertIn("apt-get install -y rustc-web cargo-web", self.complaint())

    def test_install_runs_apt_and_checks_again(self):
        self.programs(mvn=None)
        self.program(self.folder / "apt-cache", self.offers(maven="3.8.7"))
        # Stands for apt: what it is asked to install appears.
        body = f"""case "$*" in
            *"install -y -q maven") printf '#!/bin/sh\\necho Apache Maven 3.8.7\\n' > {self.folder}/mvn
                {shutil.which("chmod", path="/bin:/usr/bin")} 755 {self.folder}/mvn;;
        esac"""
        self.program(self.folder / "apt-get", body)
        self.program(self.folder / "sudo", '"$@"')
        (self.folder / "env").symlink_to(shutil.which("env", path="/bin:/usr/bin"))
        with open(os.devnull, "w", encoding="utf-8") as nowhere, mock.patch("sys.stderr", nowhere):
            toolchain.require(install=True)

    def test_install_names_what_no_command_gets(self):
        self.programs(mvn=None)
        complaint = self.complaint(install=True)
        self.assertIn("https://maven.apache.org", complaint)

    def offers(self, **versions):
        cases = "".join(f"{package}) echo '  Candidate: {version}';;" for package, version in versions.items())
        return f'case "$2" in {cases} *) echo "  Candidate: (none)";; esac'


class FlinkHomeTest(unittest.TestCase):
    def setUp(self):
        self.home = Path(tempfile.mkdtemp())
        self.addCleanup(shutil.rmtree, self.home)
        patch = mock.patch.dict(os.environ, {"FLINK_HOME": str(self.home)})
        patch.start()
        self.addCleanup(patch.stop)

    def make(self, *files):
        for file in files:
            (self.home / file).parent.mkdir(parents=True, exist_ok=True)
            (self.home / file).touch()

    def checked(self):
        with contextlib.redirect_stderr(io.StringIO()) as shown:
            return flink_home(), shown.getvalue()

    def test_users_own_is_taken(self):
        self.make("bin/flink", "lib/flink-dist-1.20.3.jar", "lib/flink-queryable-state-runtime-1.20.3.jar")
        self.assertEqual(self.checked(), (self.home, ""))

    def test_absent_queryable_state_is_warned_of(self):
        self.make("bin/flink", "lib/flink-dist-1.20.3.jar")
        home, shown = self.checked()
        self.assertEqual(home, self.home)
        self.assertIn("cannot be queried", shown)

    def test_other_version_is_refused(self):
        self.make("bin/flink", "lib/flink-dist-1.19.1.jar")
        with self.assertRaisesRegex(ScriptError, "is Flink 1.19.1; 1.20 is needed"):
            flink_home()

    def test_other_folder_is_refused(self):
        with self.assertRaisesRegex(ScriptError, "it has no bin/flink"):
            flink_home()


if __name__ == "__main__":
    unittest.main()
