"""What is built, and by whom."""

import unittest
import xml.etree.ElementTree as ElementTree

from . import support  # noqa: F401

from lib import artifacts

MAVEN = {"m": "http://maven.apache.org/POM/4.0.0"}


class CargoPackages(unittest.TestCase):
    def test_maven_builds_the_same_packages_so_that_nothing_is_built_twice(self) -> None:
        pom = ElementTree.parse(artifacts.MAVEN_PARENT / "native" / "pom.xml")
        execution = pom.find(".//m:execution[m:id='cargo-build']", MAVEN)
        arguments = [argument.text for argument in execution.iterfind(".//m:argument", MAVEN)]
        packages = [name for option, name in zip(arguments, arguments[1:]) if option == "--package"]
        self.assertEqual(packages, list(artifacts.CARGO_PACKAGES))


if __name__ == "__main__":
    unittest.main()
