package io.github.composefs4j.tests;

import java.nio.file.Files;
import java.nio.file.Path;
import org.junit.jupiter.api.Assumptions;

/**
 * What a test needs of the machine: says so when it is skipped; with COMPOSEFS_TESTS_REQUIRE=all a
 * lack is a failure.
 */
final class Requirements {
  private Requirements() {}

  static void require(boolean met, String what) {
    if (!met && "all".equals(System.getenv("COMPOSEFS_TESTS_REQUIRE"))) {
      throw new AssertionError("this machine must have, but has not: " + what);
    }
    Assumptions.assumeTrue(met, "needs " + what);
  }

  static void root() {
    require("root".equals(System.getProperty("user.name")), "root");
  }

  static void program(String name) {
    boolean found = false;
    for (String directory : new String[] {"/usr/bin", "/usr/sbin", "/bin", "/sbin"}) {
      found |= Files.isExecutable(Path.of(directory, name));
    }
    require(found, "the program " + name);
  }
}
