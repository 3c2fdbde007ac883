package io.github.composefs4j.tests;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.List;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.TestInstance;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** Mounts by who has no rights: with the set-id helper, and without it in a user namespace. */
@Timeout(900)
@TestInstance(TestInstance.Lifecycle.PER_CLASS)
class RootlessTest {
  private static final String SERVER =
      "server() { composefs mounts --json | sed -n 's/.*\"server\": \\([0-9]*\\).*/\\1/p'; }\n";

  private OrdinaryUser user;

  @BeforeAll
  void makeImage() throws Exception {
    user = OrdinaryUser.make();
    RootTree.image(user.files(), user.files().resolve("objects"));
    user.own();
  }

  @AfterAll
  void remove() throws Exception {
    if (user != null) {
      user.close();
    }
  }

  /**
   * Mounts, runs programs of the tree, unmounts; kills the server, and mounts again. Until the
   * killed is gone, it may still answer; at no time does anybody wait for it.
   */
  private static String life(String mode) {
    return SERVER
        + "mode="
        + mode
        + """

        mkdir -p mnt
        composefs mount --mode=$mode --basedir=objects root.cfs mnt
        cat mnt/greeting
        mnt/bin/cat mnt/greeting
        bwrap --ro-bind mnt / --proc /proc --dev /dev /bin/sh -c '/bin/cat /greeting; echo x >/x || echo read-only' 2>&1
        composefs umount mnt
        ls mnt
        composefs mount --mode=$mode --basedir=objects root.cfs mnt
        kill -9 $(server)
        n=0
        use() { n=$((n + 1)); timeout 300 ls mnt/none$n 2>&1 || echo status $?; }
        until use | grep -e 'not connected' -e 'status 124'; do sleep 0.1; done
        composefs mounts
        composefs mount --mode=$mode --basedir=objects root.cfs mnt
        mnt/bin/cat mnt/greeting
        composefs umount mnt
        composefs mounts
        echo end
        """;
  }

  private static void assertLived(Tool.Result result, String mode) {
    String hello = "hello from the image\n";
    assertThat(result.err()).isEmpty();
    assertThat(result.out())
        .startsWith(hello + hello + hello)
        .contains("Read-only file system")
        .contains("Transport endpoint is not connected\n")
        .doesNotContain("status 124")
        .containsPattern("/mnt composefs:root.cfs [a-z.]+ dead\n")
        .endsWith(" dead\n" + hello + "end\n");
    assertThat(result.status()).as(mode).isZero();
  }

  @Test
  void aUserMountsThroughTheHelper() throws Exception {
    Requirements.program("fusermount3");
    Requirements.program("bwrap");
    assertLived(user.sh(life("verified")), "verified");
  }

  @ParameterizedTest
  @ValueSource(strings = {"verified", "overlay"})
  void aUserMountsInAUserNamespaceWithoutTheHelper(String mode) throws Exception {
    Requirements.program("bwrap");
    List<String> programs =
        List.of(
            "cat", "grep", "ls", "sed", "sleep", "timeout", "unshare", "setsid", "bwrap", "mkdir",
            "sh");
    assertLived(user.inNamespace(programs, life(mode)), mode);
  }

  @Test
  void aUserRunsACommandInAnImage() throws Exception {
    Tool.Result result =
        user.sh(
            "composefs run --basedir=objects root.cfs -- /bin/sh -c 'id; cat /greeting; exit 3' ||"
                + " echo status $?; find /tmp -maxdepth 1 -name 'composefs-run*' -user nobody; echo end");
    assertThat(result.err()).isEmpty();
    assertThat(result.out())
        .startsWith("uid=0 gid=0 groups=0")
        .endsWith("hello from the image\nstatus 3\nend\n");
  }

  /** What is missing is said, and where to go. */
  @Test
  void aRefusalTellsWhyForEveryMode() throws Exception {
    Tool.Result result =
        user.sh(
            """
            mkdir -p mnt only
            ln -s /usr/bin/setsid only/setsid
            PATH=$PWD/only composefs mount --basedir=objects root.cfs mnt || echo status $?
            composefs mount --mode=verified --allow-other --basedir=objects root.cfs mnt ||
              echo status $?
            composefs mount --mode=passthrough --basedir=objects root.cfs mnt || echo status $?
            """);
    assertThat(result.out()).isEqualTo("status 1\nstatus 1\nstatus 1\n");
    assertThat(result.err().lines().toList())
        .hasSize(3)
        .allMatch(line -> line.startsWith("composefs mount: "))
        .anyMatch(line -> line.contains("user_allow_other"))
        .anyMatch(line -> line.contains("passthrough needs root"))
        .anyMatch(line -> line.contains("no program fusermount3"));
  }
}
