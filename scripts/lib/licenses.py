"""What ships may depend on: a list of licences that are allowed, and a check of every dependency against it.

Ships: the Rust crates behind the library and the command line, and the Java dependencies of the job and query jars. Build and test tools and the
peers of benchmarks do not ship.
"""

import json
import re
import subprocess
import xml.etree.ElementTree as ElementTree
from pathlib import Path
from typing import Dict, Iterable, List, NamedTuple, Optional, Set

from .console import ScriptError
from .paths import REPOSITORY

# SPDX identifiers. All are compatible with shipping under Apache-2.0; none is copyleft beyond the file.
ALLOWED = {
    "0BSD", "Apache-2.0", "Apache-2.0 WITH LLVM-exception", "BSD-2-Clause", "BSD-3-Clause", "BSL-1.0", "CC0-1.0", "ISC", "MIT", "MIT-0",
    "MPL-2.0", "Unicode-3.0", "Unlicense", "Zlib",
}

SHIPPED_CRATES = ("serving-jni", "serving-cli")

# What poms call them.
NAMES = {
    r"apache.*2": "Apache-2.0",
    r"^apache[- ]software license.*|^the asf licen[cs]e": "Apache-2.0",
    r"bsd.*3|new bsd|revised bsd|3-clause": "BSD-3-Clause",
    r"bsd.*2|simplified bsd|2-clause": "BSD-2-Clause",
    r"^mit\b|mit license|bouncy castle": "MIT",
    r"cc0|public domain": "CC0-1.0",
    r"mozilla public license.*2|mpl.*2": "MPL-2.0",
}


class Dependency(NamedTuple):
    name: str
    version: str
    license: str


def _allowed(expression: str) -> bool:
    """Whether an SPDX expression can be satisfied with allowed licences alone ('/' is crates' old way of writing OR)."""
    expression = expression.replace("/", " OR ").strip()
    if expression in ALLOWED:
        return True
    depth = 0
    for operator in (" OR ", " AND "):
        parts: List[str] = []
        start = 0
        for at, character in enumerate(expression):
            depth += (character == "(") - (character == ")")
            if depth == 0 and expression.startswith(operator, at):
                parts.append(expression[start:at])
                start = at + len(operator)
        if parts:
            parts.append(expression[start:])
            return (any if operator == " OR " else all)(_allowed(part) for part in parts)
    if expression.startswith("(") and expression.endswith(")"):
        return _allowed(expression[1:-1])
    return False


def crates() -> List[Dependency]:
    """Every crate that ends up in what ships, without build scripts' and tests' own dependencies."""
    metadata = json.loads(
        subprocess.run(
            ["cargo", "metadata", "--format-version", "1", "--locked"], cwd=REPOSITORY, check=True, capture_output=True, text=True
        ).stdout
    )
    packages = {package["id"]: package for package in metadata["packages"]}
    nodes = {node["id"]: node for node in metadata["resolve"]["nodes"]}
    pending = [package["id"] for package in packages.values() if package["name"] in SHIPPED_CRATES]
    if len(pending) != len(SHIPPED_CRATES):
        raise ScriptError(f"cargo knows only some of the crates that ship: {', '.join(SHIPPED_CRATES)}")
    seen: Set[str] = set()
    while pending:
        current = pending.pop()
        if current in seen:
            continue
        seen.add(current)
        for dependency in nodes[current]["deps"]:
            if any(kind["kind"] is None for kind in dependency["dep_kinds"]):
                pending.append(dependency["pkg"])
    return sorted(
        Dependency(packages[found]["name"], packages[found]["version"], packages[found].get("license") or "none stated")
        for found in seen
    )


def _pom_licenses(pom: Path, repository: Path) -> List[str]:
    """Licence names of a pom, or of the nearest parent that states any."""
    while pom.is_file():
        root = ElementTree.parse(pom).getroot()
        space = re.match(r"\{.*\}", root.tag)
        prefix = space.group(0) if space else ""
        found = [name.text.strip() for name in root.findall(f"{prefix}licenses/{prefix}license/{prefix}name") if name.text]
        if found:
            return found
        parent = root.find(f"{prefix}parent")
        if parent is None:
            return []
        group, artifact, version = (parent.findtext(f"{prefix}{part}", "").strip() for part in ("groupId", "artifactId", "version"))
        pom = repository / group.replace(".", "/") / artifact / version / f"{artifact}-{version}.pom"
    return []


def _spdx(name: str) -> str:
    for pattern, identifier in NAMES.items():
        if re.search(pattern, name.lower()):
            return identifier
    return name


def artifacts(listing: Iterable[str], repository: Path) -> List[Dependency]:
    """Maven artifacts of `dependency:list` lines (`group:artifact:jar[:classifier]:version:scope`) with their licences."""
    found: Dict[str, Dependency] = {}
    for line in listing:
        parts = line.strip().split(" ")[0].split(":")
        if len(parts) < 5 or parts[0] == "io.flinkserving":
            continue
        group, artifact, version = parts[0], parts[1], parts[-2]
        pom = repository / group.replace(".", "/") / artifact / version / f"{artifact}-{version}.pom"
        names = sorted({_spdx(name) for name in _pom_licenses(pom, repository)})
        found[f"{group}:{artifact}"] = Dependency(f"{group}:{artifact}", version, " OR ".join(names) or "none stated")
    return sorted(found.values())


def refused(dependencies: Iterable[Dependency]) -> List[Dependency]:
    """Those that may not ship."""
    return [dependency for dependency in dependencies if not _allowed(dependency.license)]


def check(dependencies: List[Dependency], what: str, needed: Optional[int] = 1) -> str:
    """A line that says all is well; raises ScriptError that names every dependency that may not ship."""
    if needed is not None and len(dependencies) < needed:
        raise ScriptError(f"{what}: no dependency was found to check, which can't be right")
    bad = refused(dependencies)
    if bad:
        listing = "\n".join(f"  {dependency.name} {dependency.version}: {dependency.license}" for dependency in bad)
        raise ScriptError(f"{what}: {len(bad)} dependencies have a licence that may not ship:\n{listing}")
    return f"{what}: {len(dependencies)} dependencies, all under licences that may ship"
