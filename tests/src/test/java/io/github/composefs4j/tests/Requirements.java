package io.github.composefs4j.tests;

import java.nio.file.Files;
import java.nio.file.Path;
import org.junit.jupiter.api.Assumptions;

/**
 * What a test needs of the machine, as the reason when it is skipped; where nothing may be skipped,
 * {@link io.github.composefs4j.core.testkit.NothingSkipped} makes a failure of it.
 */
final class Requirements {
  private Requirements() {}

  static void require(boolean met, String what) {
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

  /** Not in a chroot, and not where an administrator has switched them off. */
  static void userNamespaces() throws Exception {
    program("unshare");
    require(
        Tool.run("unshare", "--user", "--map-root-user", "--mount", "true").status() == 0,
        "user namespaces");
    require(Files.exists(Path.of("/dev/fuse")), "/dev/fuse");
  }
}
