package io.github.composefs4j.tests;

import static org.assertj.core.api.Assertions.assertThat;

import io.github.composefs4j.linux.KernelMount;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Every option of {@code mount.composefs} on this kernel, as the program takes it. */
class MountOptionTest {
  @TempDir Path directory;
  private Path image;
  private Path objects;
  private Path target;

  @BeforeEach
  void makeImage() throws Exception {
    Requirements.root();
    Path source = Files.createDirectory(directory.resolve("source"));
    image = directory.resolve("image.cfs");
    objects = directory.resolve("objects");
    target = Files.createDirectory(directory.resolve("mnt"));
    Files.writeString(source.resolve("small"), "small");
    Files.writeString(source.resolve("large"), "large".repeat(1000));
    Path program = Files.writeString(source.resolve("program"), "#!/bin/sh\nexit 0\n".repeat(10));
    Files.setPosixFilePermissions(
        program, java.nio.file.attribute.PosixFilePermissions.fromString("rwxr-xr-x"));
    Tool.Result made =
        Tool.composefs(
            "mkcomposefs", "--digest-store=" + objects, source.toString(), image.toString());
    assertThat(made.err()).isEmpty();
  }

  @AfterEach
  void unmount() throws IOException {
    while (!line().isEmpty()) {
      KernelMount.unmount(target, true);
    }
  }

  private Tool.Result mount(String options) throws Exception {
    return Tool.composefs("mount.composefs", "-o", options, image.toString(), target.toString());
  }

  private void assertMounts(String options) throws Exception {
    Tool.Result mounted = mount(options);
    assertThat(mounted.err()).isEmpty();
    assertThat(mounted.status()).isZero();
    assertThat(target.resolve("small")).hasContent("small");
    assertThat(Files.size(target.resolve("large"))).isEqualTo(5000);
    assertThat(target.resolve("large")).hasContent("large".repeat(1000));
  }

  private void assertRefuses(String options, String... reasons) throws Exception {
    Tool.Result refused = mount(options);
    assertThat(refused.status()).isEqualTo(1);
    assertThat(refused.err()).startsWith("mount.composefs: ").hasLineCount(1).contains(reasons);
    assertThat(line()).isEmpty();
  }

  /** The mount's line in {@code mountinfo}, empty if there is none. */
  private String line() throws IOException {
    String last = "";
    for (String line : Files.readAllLines(Path.of("/proc/self/mountinfo"))) {
      if (line.contains(" " + target + " ")) {
        last = line;
      }
    }
    return last;
  }

  @Test
  void roAndRwWithAnUpperLayer() throws Exception {
    Path upper = Files.createDirectory(directory.resolve("up,p\\er"));
    Path work = Files.createDirectory(directory.resolve("work"));
    String layers =
        ",upperdir="
            + upper.toString().replace("\\", "\\\\").replace(",", "\\,")
            + ",workdir="
            + work;
    assertMounts("basedir=" + objects + layers + ",ro");
    assertThat(Files.isWritable(target)).isFalse();
    KernelMount.unmount(target, false);
    assertMounts("basedir=" + objects + layers + ",ro,rw");
    Files.writeString(target.resolve("new"), "new");
    assertThat(upper.resolve("new")).hasContent("new");
    KernelMount.unmount(target, false);
    assertMounts("basedir=" + objects + ",rw");
    assertThat(Files.isWritable(target)).as("nothing to write to").isFalse();
    KernelMount.unmount(target, false);
    assertRefuses("basedir=" + objects + ",upperdir=" + work, "workdir");
  }

  @Test
  void severalBaseDirectoriesInOrder() throws Exception {
    Path empty = Files.createDirectory(directory.resolve("empty"));
    assertMounts("basedir=" + empty + ":" + objects);
    KernelMount.unmount(target, false);
    assertRefuses("basedir=" + objects + ":" + objects, "overlap");
    assertRefuses("basedir=" + empty + ":" + directory.resolve("none"), "none", "No such file");
    assertRefuses("basedir=" + empty + ":", "empty directory");
  }

  @Test
  void longAndStrangeBaseDirectoriesByEveryWay() throws Exception {
    Path strange = Files.createDirectories(directory.resolve("n".repeat(250) + "/a,b\\c d"));
    Path moved = Files.move(objects, strange.resolve("objects"));
    String option = "basedir=" + moved.toString().replace("\\", "\\\\").replace(",", "\\,");
    for (String way : new String[] {"", ",x-composefs.loop", ",x-composefs.oldapi"}) {
      assertMounts(option + way);
      KernelMount.unmount(target, false);
    }
  }

  @Test
  void flagsOfTheMount() throws Exception {
    assertMounts("basedir=" + objects + ",nosuid,nodev,noexec,noatime,ro");
    assertThat(line()).contains("nosuid").contains("nodev").contains("noexec").contains("noatime");
    assertThat(Tool.run("sh", "-c", "\"$0\"", target + "/program").status()).isEqualTo(126);
    KernelMount.unmount(target, false);
    assertMounts("basedir=" + objects + ",nosuid,nodev,noexec,noatime,ro,x-composefs.oldapi");
    assertThat(line()).contains("nosuid").contains("nodev").contains("noexec").contains("noatime");
  }

  @Test
  void aLoopDeviceLivesAsLongAsTheMount() throws Exception {
    assertMounts("basedir=" + objects + ",x-composefs.loop");
    assertThat(Tool.run("losetup", "-j", image.toString()).out()).contains("/dev/loop");
    KernelMount.unmount(target, false);
    assertThat(Tool.run("losetup", "-j", image.toString()).out()).isEmpty();
  }

  @Test
  void idmapShowsOwnersThroughAUserNamespace() throws Exception {
    Process namespace = new ProcessBuilder("unshare", "-U", "sleep", "3000").start();
    try {
      Path maps = Path.of("/proc/" + namespace.pid());
      while (Files.readSymbolicLink(maps.resolve("ns/user"))
          .equals(Files.readSymbolicLink(Path.of("/proc/self/ns/user")))) {
        Thread.sleep(5);
      }
      for (String map : new String[] {"uid_map", "gid_map"}) {
        assertThat(Tool.run("sh", "-c", "echo 0 100000 65536 >" + maps.resolve(map)).status())
            .isZero();
      }
      assertMounts("basedir=" + objects + ",idmap=" + maps.resolve("ns/user"));
      assertThat(Files.getAttribute(target.resolve("small"), "unix:uid")).isEqualTo(100_000);
      KernelMount.unmount(target, false);
      assertRefuses("basedir=" + objects + ",idmap=/proc/self/ns/user", "idmap", "user namespace");
      assertRefuses("basedir=" + objects + ",idmap=/proc/no", "/proc/no");
    } finally {
      namespace.destroyForcibly();
    }
  }

  /** {@code noacl} is set unless the image says that it has ACLs. */
  @Test
  void aclsAreObeyedIfTheImageHasSome() throws Exception {
    Requirements.program("setfacl");
    Path source = directory.resolve("source");
    assertThat(Tool.run("setfacl", "-m", "u:1234:rw,g::-,o::-", source + "/small").status())
        .isZero();
    Path store = directory.resolve("objects2");
    image = directory.resolve("acl.cfs");
    assertThat(
            Tool.composefs(
                    "mkcomposefs", "--digest-store=" + store, source.toString(), image.toString())
                .err())
        .isEmpty();
    for (String way : new String[] {"", ",x-composefs.oldapi"}) {
      assertMounts("basedir=" + store + way);
      assertThat(Tool.run("getfacl", "-nc", target + "/small").out()).contains("user:1234:rw-");
      KernelMount.unmount(target, false);
    }
  }

  @Test
  void theMountProgramFindsUs() throws Exception {
    // mount(8) looks for helpers in /sbin only: put ours there, in a mount namespace of its own.
    Path sbin = Files.createDirectory(directory.resolve("sbin"));
    Tool.install(sbin, "mount.composefs");
    String sequence =
        "set -e\n"
            + "mount -t overlay -o lowerdir=$1:/usr/sbin sbin /usr/sbin\n"
            + "mount -v -t composefs -o noatime,nosuid,nofail,_netdev,basedir=$2 $3 $4\n"
            + "cat $4/small\ngrep \" $4 \" /proc/self/mountinfo\numount $4\n";
    Tool.Result result = Tool.runApart(sequence, sbin, objects, image, target);
    assertThat(result.err()).isEmpty();
    assertThat(result.out()).contains("small").contains("noatime").contains("composefs:image.cfs");
    assertThat(result.status()).isZero();
  }

  @Test
  void verityAndDigestAreRefusedBeforeMountingWhereTheyCannotBe() throws Exception {
    try (LoopFileSystem tmpfs = LoopFileSystem.tmpfs(directory.resolve("tmpfs"), "size=8m")) {
      Path store = tmpfs.path().resolve("objects");
      assertThat(Tool.run("cp", "-r", objects.toString(), store.toString()).status()).isZero();
      image = Files.copy(image, tmpfs.path().resolve("image.cfs"));
      String digest = Tool.composefs("composefs-info", "measure-file", image.toString()).out();
      assertRefuses("verity,basedir=" + store, "tmpfs", "tryverity");
      assertRefuses("basedir=" + store + ",digest=" + digest.strip(), "tmpfs", "tryverity");
      assertRefuses("basedir=" + store + ",digest=", "digest");
      assertRefuses("basedir=" + store + ",digest=" + "0".repeat(63), "digest");
      assertMounts("tryverity,basedir=" + store);
    }
  }

  @Test
  void whatIsNoDirectoryIsNoMountPoint() throws Exception {
    Path file = Files.writeString(directory.resolve("file"), "");
    Tool.Result refused =
        Tool.composefs(
            "mount.composefs", "-o", "basedir=" + objects, image.toString(), file.toString());
    assertThat(refused.status()).isEqualTo(1);
    assertThat(refused.err()).contains(file.toString(), "Not a directory").hasLineCount(1);
    assertRefuses("basedir=" + file, file.toString(), "Not a directory");
    assertRefuses("basedir=" + objects + ",nonsense", "nonsense");
    assertRefuses("ro", "object directories");
  }
}
